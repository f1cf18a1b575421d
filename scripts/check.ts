// `bun run check`: format and lint, unused code, types, tests. Stops at the first that fails.

import { join } from "node:path";

const root = join(import.meta.dir, "..");
const steps: [string, string[]][] = [
  ["format and lint", ["bunx", "biome", "ci", "."]],
  ["unused files, exports and packages", ["bunx", "knip"]],
  ["types", ["bun", "scripts/typecheck.ts"]],
  ["tests", ["bun", "scripts/test.ts"]],
];
for (const [name, command] of steps) {
  console.log(`\n== ${name}`);
  const code = await Bun.spawn(command, { cwd: root, stdio: ["ignore", "inherit", "inherit"] }).exited;
  if (code !== 0) {
    console.error(`\n${name}: failed`);
    process.exit(code);
  }
}
