// Whether something built earlier still fits its sources: a hash over the files it was made from.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

const SKIPPED = new Set(["node_modules", ".next", "test-results", "playwright-report"]);

/** SHA-256 over the names and contents of all files below the given files and folders. */
export function fingerprint(root: string, paths: readonly string[]): string {
  const hash = createHash("sha256");
  const add = (path: string) => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) if (!SKIPPED.has(name)) add(join(path, name));
    } else if (!path.endsWith(".tsbuildinfo") && !path.endsWith("next-env.d.ts")) {
      hash.update(relative(root, path)).update("\0").update(readFileSync(path)).update("\0");
    }
  };
  for (const path of paths) add(join(root, path));
  return hash.digest("hex");
}

/** Runs `make` unless `stampFile` says it was done for this very fingerprint; stamps it afterwards. */
export async function onceFor(stampFile: string, print: string, make: () => Promise<void>): Promise<boolean> {
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === print) return false;
  await make();
  writeFileSync(stampFile, print);
  return true;
}
