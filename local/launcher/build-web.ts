// Builds the dashboard. One build serves every environment: settings reach it at run time.

import { join } from "node:path";
import { LaunchError } from "./options.ts";

/** @throws {LaunchError} with the end of the build's output. */
export async function buildWeb(root: string, path: string): Promise<void> {
  const web = join(root, "web");
  const child = Bun.spawn([process.execPath, "--bun", join(web, "node_modules/next/dist/bin/next"), "build"], {
    cwd: web,
    env: { PATH: path, HOME: process.env.HOME ?? root, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new LaunchError(`building the dashboard failed:\n${(out + err).trim().slice(-4_000)}`);
}
