// A whole Omakase without a dashboard, on ports and in a folder of its own, for the demo, the benchmarks and the tests.

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Launch, prepareLaunch } from "@omakase/local-launcher/launch";
import { type LaunchOptions, PORT_NAMES, readOptions } from "@omakase/local-launcher/options";

export const ROOT = join(import.meta.dir, "../..");

/**
 * Starts one and gives it back with an `end` that stops it and removes its folder.
 * @param args more of `npm start`'s options
 * @param extra more options of stand-ins: a benchmark lifts quotas, a test plays other scripts
 * @param parts whether it has an orchestrator, or the caller brings its own
 */
export async function startHeadless(
  args: readonly string[] = ["--no-web"],
  tell: (line: string) => void = () => {},
  extra: LaunchOptions["extra"] = {},
  parts = { orchestrator: true },
) {
  const stateDir = mkdtempSync(join(tmpdir(), "omakase-"));
  const options = readOptions(ROOT, ["--state", stateDir, "--port-base", String(await freePorts()), ...args], {});
  const launch = await prepareLaunch(ROOT, { ...options, extra }, tell);
  await launch.start(parts);
  return {
    launch,
    stateDir,
    end: async () => {
      await launch.stop();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

export type Headless = Awaited<ReturnType<typeof startHeadless>> & { readonly launch: Launch };

/** The first of a run of ports nobody listens on. */
export async function freePorts(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = 20_000 + Math.floor(Math.random() * 30_000);
    const free = await Promise.all(PORT_NAMES.map((_, index) => isFree(base + index)));
    if (free.every(Boolean)) return base;
  }
  throw new Error("no free ports between 20000 and 50000");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
