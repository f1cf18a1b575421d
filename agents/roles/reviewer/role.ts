// The reviewer: reads the diff against the ticket and gives a verdict. Changes nothing.
import { instructionsOf, type RoleDefinition } from "../definition.ts";
import { HISTORY, LOOK } from "../rules.ts";
import { reviewerResult } from "./result.ts";

export const reviewer: RoleDefinition = {
  role: "reviewer",
  instructionsFile: instructionsOf("reviewer"),
  tools: ["Read", "Glob", "Grep", "Bash"],
  allow: ["Read", "Glob", "Grep", ...LOOK, ...HISTORY],
  result: reviewerResult,
  pushes: false,
  task: ({ round, base }) =>
    [
      `Review what this branch changes for the ticket below: \`git diff ${base}...HEAD\` is the whole change, \`git log ${base}..HEAD\` its commits.`,
      ...(round > 1
        ? ["You have reviewed this branch before; your last review is in the hand-over. Check first whether it was answered."]
        : []),
    ].join("\n"),
};
