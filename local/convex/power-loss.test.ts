// What an answer of the server is worth when the power goes: at FULL everything, at NORMAL not. Both are needed: a test that NORMAL
// passes would prove nothing about fsync.
import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConvexHttpClient } from "convex/browser";
import { Store } from "./engine/index.ts";
import { ask, collect, scanOf } from "./engine/testing.ts";
import { app } from "./testing/fixture-api.ts";
import { ADMIN_KEY, pushFixture, setVariables, spawnServer, tempDir } from "./testing/fixture-deployment.ts";
import { cutPower, readTrace, traced } from "./testing/power-loss.ts";

const { dir: world, remove } = tempDir();
afterAll(remove);

const MESSAGES = 120;
const IN_FLIGHT = 4;
const FOLD_EVERY = 30;
const CUTS = 25;
const PADDING = " ".repeat(10_000);

/** Answered, and when: s since the epoch, as the client saw it. */
interface Answered {
  readonly body: string;
  readonly at: number;
}

/** A deployed folder whose server has stopped in order. */
async function deployedFolder(): Promise<string> {
  const dir = join(world, "base");
  mkdirSync(dir);
  const server = await spawnServer(dir, 0);
  await pushFixture(server.url);
  await server.terminate();
  return dir;
}
/** Messages sent to a server under strace, with the answers' times. It is killed at the end: nothing is tidied up. */
async function recorded(base: string, synchronous: "FULL" | "NORMAL") {
  const dir = join(world, synchronous);
  cpSync(base, dir, { recursive: true });
  const traceFile = join(world, `${synchronous}.trace`);
  const child = Bun.spawn(
    [
      ...traced(dir, traceFile),
      ...[process.execPath, resolve(import.meta.dir, "main.ts"), "--dir", dir, "--port", "0", "--synchronous", synchronous],
    ],
    { env: { PATH: process.env.PATH ?? "", HOME: dir, CONVEX_ADMIN_KEY: ADMIN_KEY }, stdout: "pipe", stderr: "pipe" },
  );
  const reader = child.stdout.getReader();
  const first = await reader.read();
  if (first.value === undefined)
    throw new Error(`the server did not start under strace: ${await new Response(child.stderr).text()}`);
  const { url } = JSON.parse(new TextDecoder().decode(first.value)) as { url: string };
  const client = new ConvexHttpClient(url, { logger: false });
  const answered: Answered[] = [];
  const startedAt = Date.now() / 1_000;
  let next = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let n = next++; n < MESSAGES; n = next++) {
        const body = `message ${n}`;
        await client.mutation(app.messages.send, { channel: "power", body: body + PADDING }, { skipQueue: true });
        answered.push({ body, at: (performance.timeOrigin + performance.now()) / 1_000 });
        // No journal record holds a variable: with it everything so far goes from the journal into the database file.
        if (n % FOLD_EVERY === 0) await setVariables(url, { SENT: String(n) });
      }
    }),
  );
  child.kill("SIGKILL");
  await child.exited;
  return { dir, answered, startedAt, endedAt: Date.now() / 1_000, calls: readTrace(traceFile) };
}

/** Answers that are not there after power loss at each of many moments; a file that does not open counts as all of them. */
function losses(base: string, { answered, calls, startedAt, endedAt }: Awaited<ReturnType<typeof recorded>>) {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const lost: string[] = [];
  let [unsynced, acknowledged] = [0, 0];
  for (let cut = 0; cut < CUTS; cut++) {
    const atS = startedAt + random() * (endedAt - startedAt);
    const into = join(world, "cut");
    rmSync(into, { recursive: true, force: true });
    unsynced += cutPower(base, calls, atS, into, random).unsynced;
    const wanted = answered.filter(({ at }) => at <= atS);
    acknowledged += wanted.length;
    try {
      const store = Store.open(join(into, "convex.sqlite"));
      const there = new Set(ask(store, (tx) => collect(tx, scanOf("messages"))).map(({ body }) => String(body).trimEnd()));
      store.close();
      lost.push(...wanted.filter(({ body }) => !there.has(body)).map(({ body }) => `cut ${cut}: ${body}`));
    } catch (error) {
      lost.push(`cut ${cut}: ${String(error)}`);
    }
  }
  const folds = calls.filter((call) => call.kind === "sync" && call.file === "convex.sqlite-wal" && call.at > startedAt).length;
  return { lost, unsynced, acknowledged, folds };
}

test("FULL keeps every acknowledged mutation when the power goes at any of 25 moments; NORMAL loses some", async () => {
  const base = await deployedFolder();
  const full = losses(base, await recorded(base, "FULL"));
  expect(full.lost).toEqual([]);
  expect(full.folds).toBeGreaterThanOrEqual(MESSAGES / FOLD_EVERY);
  // The cuts were where they hurt: answers had been given, and writes were under way.
  expect(full.acknowledged).toBeGreaterThan(CUTS * 20);
  expect(full.unsynced).toBeGreaterThan(0);
  const normal = losses(base, await recorded(base, "NORMAL"));
  expect(normal.lost.length).toBeGreaterThan(CUTS);
}, 60_000);
