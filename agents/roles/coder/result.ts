// What the coder hands on: what was changed and why. The change itself is in the commit.
import { z } from "zod";

export const coderResult = z.strictObject({
  summary: z.string().describe("What was done, in one to three sentences; the first is the subject of the commit."),
  changes: z.array(
    z.strictObject({
      path: z.string().describe("Relative to the repository."),
      why: z.string().describe("Why this file had to change."),
    }),
  ),
  testsRun: z.string().describe("The commands that were run and how they ended, failures included."),
});

export type CoderResult = z.infer<typeof coderResult>;
