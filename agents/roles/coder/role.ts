// The coder: changes files and runs the tests. Commits and pushes are the runner's.
import { instructionsOf, type RoleDefinition } from "../definition.ts";
import { ARRANGE, BUILD, HISTORY, LOOK } from "../rules.ts";
import { coderResult } from "./result.ts";

export const coder: RoleDefinition = {
  role: "coder",
  instructionsFile: instructionsOf("coder"),
  tools: ["Read", "Edit", "Write", "Glob", "Grep", "Bash"],
  allow: ["Read", "Edit", "Write", "Glob", "Grep", ...LOOK, ...HISTORY, ...BUILD, ...ARRANGE],
  result: coderResult,
  pushes: true,
  task: ({ round, attempt, testCommand, hasCommits, base }) =>
    [
      round > 1
        ? "Your work on the ticket below came back. Do what the hand-over asks for, in the files of this repository."
        : "Meet the ticket below by changing the files of this repository, following the plan in the hand-over where there is one.",
      ...(hasCommits
        ? [
            `The branch has commits already: read them first (\`git log ${base}..HEAD\`, \`git diff ${base}...HEAD\`) and build on them. Do not do again what is there.`,
          ]
        : []),
      ...(attempt > 1
        ? ["An earlier try at this very run was cut off. A commit that begins with `wip:` is what it left: check it, finish it."]
        : []),
      testCommand === null
        ? "Find out how the project is tested and run that before you finish."
        : `Run \`${testCommand}\` before you finish; it is what the work will be judged by.`,
    ].join("\n"),
};
