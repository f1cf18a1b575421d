// The tester: runs things and says what happened. Whatever it writes is thrown away.
import { instructionsOf, type RoleDefinition } from "../definition.ts";
import { BUILD, HISTORY, LOOK } from "../rules.ts";
import { testerResult } from "./result.ts";

export const tester: RoleDefinition = {
  role: "tester",
  instructionsFile: instructionsOf("tester"),
  tools: ["Read", "Write", "Glob", "Grep", "Bash"],
  allow: ["Read", "Write", "Glob", "Grep", ...LOOK, ...HISTORY, ...BUILD],
  result: testerResult,
  pushes: false,
  task: ({ testCommand, base }) =>
    [
      "Find out by running it whether this branch meets the ticket below.",
      testCommand === null
        ? "Find out how the project is tested, and begin with that."
        : `Begin with \`${testCommand}\`. It will be run once more after you, on the branch as it was committed; if it fails then, the verdict is fail.`,
      `\`git diff ${base}...HEAD\` shows what was changed.`,
    ].join("\n"),
};
