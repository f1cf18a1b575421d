// The permission rules roles are made of. They keep an agent to its trade; they are no wall: a test suite runs any code it likes, which
// is why the container is the sandbox and holds nothing worth taking (docs/design/agents.md).

const bash = (...commands: readonly string[]): string[] =>
  commands.flatMap((command) => [`Bash(${command})`, `Bash(${command} *)`]);

/** Looking at files. */
export const LOOK = bash(
  "ls",
  "cat",
  "head",
  "tail",
  "wc",
  "find",
  "grep",
  "rg",
  "sort",
  "uniq",
  "cut",
  "tree",
  "pwd",
  "stat",
  "diff",
  "true",
  "echo",
);

/** Looking at history. Commits, branches and pushes are the runner's. */
export const HISTORY = bash(
  "git status",
  "git diff",
  "git log",
  "git show",
  "git ls-files",
  "git ls-tree",
  "git grep",
  "git blame",
  "git rev-parse",
  "git merge-base",
  "git shortlog",
);

/** Building, testing, formatting and installing what a project says it needs. */
export const BUILD = bash(
  ...["bun", "bunx", "node", "npm", "npx", "pnpm", "yarn", "deno", "tsc", "biome", "eslint", "prettier", "vitest", "jest"],
  ...[
    "make",
    "cmake",
    "just",
    "cargo",
    "rustc",
    "go",
    "gofmt",
    "python",
    "python3",
    "pip",
    "pytest",
    "ruff",
    "uv",
    "poetry",
    "tox",
  ],
  ...[
    "ruby",
    "bundle",
    "rake",
    "rspec",
    "php",
    "composer",
    "java",
    "javac",
    "mvn",
    "gradle",
    "./gradlew",
    "./mvnw",
    "dotnet",
    "swift",
    "mix",
  ],
);

/** Moving files about in the working copy. */
export const ARRANGE = bash("mkdir", "mv", "cp", "rm", "touch", "chmod", "sed", "git mv", "git rm", "git restore");
