// What the reviewer hands on: a verdict, and remarks the coder can act upon.
import { z } from "zod";

export const reviewerResult = z.strictObject({
  verdict: z.enum(["approve", "request_changes"]),
  summary: z.string().describe("Why this verdict, in one to three sentences."),
  remarks: z.array(
    z.strictObject({
      path: z.string().describe("A file of the diff, relative to the repository."),
      line: z.number().int().nullable().describe("Line in the new version of the file; null for the file as a whole."),
      severity: z.enum(["blocker", "major", "minor", "nit"]),
      message: z.string().describe("What is wrong, when it shows, and what to do instead."),
    }),
  ),
});

export type ReviewerResult = z.infer<typeof reviewerResult>;
