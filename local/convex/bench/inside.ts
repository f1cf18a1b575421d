// A deployment measured from inside its own process, without a network: commits a second, and latency while the data grows.
// main.ts starts it on a folder the fixture app was pushed to, `bun bench/inside.ts <dir>`, and reads one JSON object.
import { join } from "node:path";
import { ownCall } from "../calls.ts";
import { Store } from "../engine/index.ts";
import { CRON_RUNS } from "../scheduler/job-rows.ts";
import { type RunningConvex, startConvex } from "../start.ts";
import { BODY, channelOf, mean, quantile, rounded } from "./messages.ts";
import { rawCommits, spins } from "./raw-commits.ts";

const COMMIT_WINDOW_MS = 1200;
/** Ours and the yardstick take turns, so that a machine that changes its mind changes it for both. */
const ROUNDS = 3;
const LATENCY_SAMPLES = 1000;
const GROUP_ROWS = 10_000;
const TRANSACTION_ROWS = 1_000;

async function main(dir: string): Promise<void> {
  const metrics: Record<string, number> = {};
  const raw: number[] = [];
  await served(dir, async (convex) => {
    await commitsPerSecond(convex, 1, 500); // warm
    await commitsPerSecond(convex, 128, 1500);
    const rates = new Map<number, number[]>([1, 16, 128].map((inFlight) => [inFlight, []]));
    for (let round = 0; round < ROUNDS; round++) {
      raw.push(rawCommits(dir, COMMIT_WINDOW_MS));
      for (const [inFlight, measured] of rates) measured.push(await commitsPerSecond(convex, inFlight, COMMIT_WINDOW_MS));
    }
    for (const [inFlight, measured] of rates) metrics[`commits${inFlight}`] = Math.round(mean(measured));
  });
  let rows = 0;
  for (const [size, upTo] of [
    ["1k", 1_000],
    ["100k", 100_000],
    ["1m", 1_000_000],
  ] as const) {
    grow(dir, rows, upTo);
    rows = upTo;
    await served(dir, async (convex) => {
      await latencies(convex, LATENCY_SAMPLES); // warm
      const cpu = process.cpuUsage();
      const measured = await latencies(convex, LATENCY_SAMPLES);
      const { user, system } = process.cpuUsage(cpu);
      metrics[`latency${size}Ms`] = rounded(quantile(measured, 0.5));
      metrics[`latencyCpuUs${size}`] = Math.round((user + system) / LATENCY_SAMPLES);
    });
  }
  console.log(JSON.stringify({ metrics, calibration: { rawCommits: Math.round(mean(raw)), spins: spins() } }));
}

async function served(dir: string, work: (convex: RunningConvex) => Promise<void>): Promise<void> {
  const convex = await startConvex({ dir, port: 0, log: () => {} });
  try {
    await work(convex);
  } finally {
    await convex.stop();
  }
}

async function send(convex: RunningConvex, at: number): Promise<void> {
  const result = await convex.calls.mutation(
    ownCall({ component: "", path: "messages:send", args: { channel: channelOf(at), body: BODY } }, null),
  );
  if (!result.ok) throw new Error(result.failure.description);
}

async function commitsPerSecond(convex: RunningConvex, inFlight: number, windowMs: number): Promise<number> {
  const startedAt = performance.now();
  let commits = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() - startedAt < windowMs) await send(convex, commits++);
    }),
  );
  return (commits * 1000) / (performance.now() - startedAt);
}

/** ms of one message sent and the five latest of another channel read, one after the other, again and again. */
async function latencies(convex: RunningConvex, samples: number): Promise<number[]> {
  const measured: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const [to, from] = [Math.floor(Math.random() * 1_000_000), Math.floor(Math.random() * 1_000_000)];
    const startedAt = performance.now();
    await send(convex, to);
    const read = await convex.calls.query(
      ownCall({ component: "", path: "messages:latest", args: { channel: channelOf(from), count: 5 } }, null),
    );
    if (!read.ok) throw new Error(read.failure.description);
    measured.push(performance.now() - startedAt);
  }
  return measured;
}

/** Writes messages past the functions, which would take minutes; the rows are the same. */
function grow(dir: string, from: number, upTo: number): void {
  const store = Store.open(join(dir, "convex.sqlite"), { synchronous: "NORMAL", systemTables: [CRON_RUNS] });
  for (let row = from; row < upTo; ) {
    const group = store.beginGroup();
    for (const groupEnd = Math.min(row + GROUP_ROWS, upTo); row < groupEnd; ) {
      const tx = store.begin({ kind: "mutation", nowMs: Date.now() });
      for (const end = Math.min(row + TRANSACTION_ROWS, groupEnd); row < end; row++)
        tx.insert("messages", { channel: channelOf(row), body: BODY });
      group.commitTransaction(tx);
    }
    group.commit();
  }
  store.close();
}

const [, , dir] = process.argv;
if (dir === undefined) throw new Error("Usage: bun bench/inside.ts <dir of a deployment>");
await main(dir);
process.exit(0);
