// The architect: reads, plans, changes nothing.
import { instructionsOf, type RoleDefinition } from "../definition.ts";
import { HISTORY, LOOK } from "../rules.ts";
import { architectResult } from "./result.ts";

export const architect: RoleDefinition = {
  role: "architect",
  instructionsFile: instructionsOf("architect"),
  tools: ["Read", "Glob", "Grep", "Bash"],
  allow: ["Read", "Glob", "Grep", ...LOOK, ...HISTORY],
  result: architectResult,
  pushes: false,
  task: ({ testCommand, hasCommits, base }) =>
    [
      "Plan how to meet the ticket below in this repository. Change no file: the coder works from your plan.",
      ...(hasCommits
        ? [`The branch has commits of its own already (\`git log ${base}..HEAD\`): plan from where it stands.`]
        : []),
      ...(testCommand === null
        ? []
        : [`The project is tested with \`${testCommand}\`; you cannot run it, the coder and the tester will.`]),
    ].join("\n"),
};
