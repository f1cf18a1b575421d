// Types of every workspace, of convex/ and of these scripts.

import { join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "..");
const projects = ["*/tsconfig.json", "local/*/tsconfig.json"].flatMap((pattern) => [...new Glob(pattern).scanSync(root)]).sort();
if (projects.length === 0) throw new Error("no project was found: this script has lost its way");
let failed = 0;
for (const project of projects) {
  const child = Bun.spawn(["bunx", "tsc", "--noEmit", "-p", project], { cwd: root, stdout: "pipe", stderr: "inherit" });
  const out = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) {
    failed++;
    console.error(`${project}\n${out}`);
  }
}
console.log(`${projects.length - failed} of ${projects.length} projects type-check`);
process.exit(failed === 0 ? 0 : 1);
