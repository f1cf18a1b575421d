// The server under a soak: `bun soak/server.ts <dir>`. Prints its address; then answers each line of its input with one:
// "advance <ms>" moves its clock, "measure" says what it holds in memory and on disk.
import { heapStats } from "bun:jsc";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { advanceClock } from "./fast-clock.ts";
import type { Footprint } from "./soak.ts";

// Only now, with the clock in place.
const { startConvex } = await import("../start.ts");
const { ADMIN_KEY, metric } = await import("../testing/fixture-deployment.ts");

/** Retention works in steps a minute apart; minutes go by fast here. */
const RETENTION_EVERY_MS = 50;
const MIB = 1024 * 1024;

const [, , dir = ""] = process.argv;
const convex = await startConvex({ dir, port: 0, adminKey: ADMIN_KEY, retentionEveryMs: RETENTION_EVERY_MS, log: () => {} });
console.log(JSON.stringify({ url: convex.url }));
for await (const line of createInterface({ input: process.stdin })) {
  const [word, ms] = line.split(" ");
  if (word === "advance") advanceClock(Number(ms));
  console.log(JSON.stringify(word === "measure" ? await footprint() : {}));
}
await convex.stop();
process.exit(0);

async function footprint(): Promise<Footprint> {
  Bun.gc(true);
  const file = join(dir, "convex.sqlite");
  const size = (path: string): number => (existsSync(path) ? statSync(path).size / MIB : 0);
  return {
    rssMb: process.memoryUsage.rss() / MIB,
    heapMb: heapStats().heapSize / MIB,
    fileMb: (await metric(convex.url, "convex_database_bytes")) / MIB, // what still lies in the log included
    logMb: size(`${file}-wal`) + size(`${file}-log`),
  };
}
