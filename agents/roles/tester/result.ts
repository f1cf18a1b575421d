// What the tester hands on: whether the ticket is met, and what was seen.
import { z } from "zod";

export const testerResult = z.strictObject({
  verdict: z.enum(["pass", "fail"]),
  summary: z.string().describe("What was checked and how it ended, in one to three sentences."),
  command: z.string().describe("The command that shows it best."),
  evidence: z.array(
    z.strictObject({
      check: z.string().describe("What was checked: a command, or a demand of the ticket."),
      passed: z.boolean(),
      output: z.string().describe("What was seen: the telling lines of the output, not all of it."),
    }),
  ),
});

export type TesterResult = z.infer<typeof testerResult>;
