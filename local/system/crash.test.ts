// P2 at the level of the whole system: the orchestrator is killed outright again and again while the five tickets are worked on.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { formatReport, runDemo } from "./demo.ts";
import { type Headless, startHeadless } from "./headless.ts";
import { findDoubles } from "./journals.ts";

/** Apart far enough for the pipeline to move between two kills, near enough to hit every stage. */
const KILL_EVERY_MS = 2_500;
const KILLS = 5;

let stack: Headless;
beforeAll(async () => {
  stack = await startHeadless();
}, 60_000);
afterAll(() => stack?.end(), 30_000);

test("kill -9 of the orchestrator in the middle: the tickets end the same, and nothing happened twice", async () => {
  let kills = 0;
  const killer = setInterval(() => {
    const pid = stack.launch.pidOf("orchestrator");
    if (pid === null || kills >= KILLS) return;
    kills++;
    process.kill(pid, "SIGKILL");
  }, KILL_EVERY_MS);
  try {
    const report = await runDemo(stack.launch, 240_000);
    const faults = report.tickets.flatMap(({ key, faults }) => faults.map((fault) => `${key}: ${fault}`));
    if (faults.length > 0) console.error(formatReport(report));
    expect(faults).toEqual([]);
    expect(kills).toBeGreaterThan(1);
    expect(await findDoubles(stack.launch)).toEqual([]);
  } finally {
    clearInterval(killer);
  }
}, 280_000);
