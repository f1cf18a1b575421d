// What the architect hands on: the plan the coder works from.
import { z } from "zod";

export const architectResult = z.strictObject({
  summary: z.string().describe("The plan in one or two sentences, for a person who reads nothing else."),
  plan: z
    .string()
    .describe("The plan in Markdown: what to change where, in what order, what to watch out for, and what was ruled out."),
  steps: z.array(z.string()).describe("The plan as steps, each small enough to check."),
  acceptance: z
    .array(z.string())
    .describe("What must be true when the ticket is done, each one checkable by running or reading something."),
  files: z.array(z.string()).describe("Paths of the files the work will touch or create, relative to the repository."),
});

export type ArchitectResult = z.infer<typeof architectResult>;
