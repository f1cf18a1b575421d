// Components from the registry, unmodified, on a server that is killed while they work: workpool, rate-limiter, workflow, aggregate.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ConvexClient } from "convex/browser";
import { type DefaultFunctionArgs, type FunctionType, makeFunctionReference } from "convex/server";
import { reservePort } from "./http/servers.ts";
import {
  COMPONENTS_APP_DIR,
  eventually,
  pushApp,
  type ServerProcess,
  spawnServer,
  tempDir,
} from "./testing/fixture-deployment.ts";

const data = tempDir();
let server: ServerProcess;
let port = 0;
let client: ConvexClient;

/** The port after the server's own, which it would take for HTTP actions, may be somebody else's by the time it starts again. */
const ports = () => ["--site-port", String(reservePort("127.0.0.1"))];

beforeAll(async () => {
  server = await spawnServer(data.dir, 0, ports());
  port = Number(new URL(server.url).port);
  await pushApp(server.url, COMPONENTS_APP_DIR);
  client = new ConvexClient(server.url, { logger: false });
}, 60_000);
afterAll(async () => {
  await client.close();
  await server.kill9();
  data.remove();
});

const reference = <Type extends FunctionType>(name: string) => makeFunctionReference<Type, DefaultFunctionArgs, unknown>(name);
const query = (name: string, args = {}) => client.query(reference<"query">(name), args);
const mutation = (name: string, args = {}) => client.mutation(reference<"mutation">(name), args);
const killAndRestart = async (preload: string[] = []) => {
  await server.kill9();
  server = await spawnServer(data.dir, port, ports(), preload);
};

describe("aggregate", () => {
  test("counts and ranks what a mutation inserts, in that mutation's transaction", async () => {
    for (const text of ["m", "c", "x"]) await mutation("scores:add", { text });
    expect(await query("scores:rank", { text: "m" })).toEqual({ count: 3, rank: 1 });
  });
});

describe("workflow", () => {
  test("runs its steps through the workpool inside it, three components deep, and ends with their result", async () => {
    const id = await mutation("flows:start", { n: 3 });
    await eventually(
      async () => ((await query("flows:status", { id })) as { type: string }).type === "completed",
      "the workflow completed",
    );
    expect(await query("flows:status", { id })).toMatchObject({ type: "completed", result: 12 });
  }, 20_000);
});

describe("workpool and rate-limiter, killed in the middle", () => {
  const MUTATIONS = 120;
  /** Fewer than run at once: those a kill interrupts keep their places until the pool gives them up, minutes later. */
  const ACTIONS = 5;
  const report = async (): Promise<Map<string, string[]>> =>
    new Map(Object.entries((await query("work:report")) as Record<string, string[]>));
  const count = (traces: Map<string, string[]>, what: string): number =>
    [...traces.values()].flat().filter((trace) => trace === what).length;
  const taken: unknown[] = [];
  const take = async (name: string): Promise<void> => void taken.push(await mutation("limits:take", { name, key: "a" }));

  test("every mutation ran once, every action at most once, and each item was reported complete once", async () => {
    await mutation("work:enqueue", { mutations: MUTATIONS, actions: ACTIONS, actionMs: 300 });
    for (const name of ["send", "send", "send", "bucket", "bucket"]) await take(name);
    await expect(mutation("limits:takeAndThrow", { key: "a" })).rejects.toThrow("not after all");

    await eventually(async () => {
      const traces = await report();
      return count(traces, "ran") >= 8 && [...traces.values()].some((of) => of.join() === "began");
    }, "some of the work is done, and an action is running");
    await killAndRestart();
    const doneAtSecondKill = await eventually(async () => {
      const done = count(await report(), "ran");
      return done >= 40 && done;
    }, "more of it is done");
    expect(doneAtSecondKill).toBeLessThan(MUTATIONS);
    await killAndRestart([join(import.meta.dir, "testing/six-minutes-later.ts")]);

    const ended = await eventually(
      async () => {
        const traces = await report();
        const completions = ["success", "failed", "canceled"].map((what) => count(traces, what));
        return completions.reduce((sum, n) => sum + n) >= MUTATIONS + ACTIONS ? traces : null;
      },
      "every item was reported complete",
      30_000,
    );
    expect(ended.size).toBe(MUTATIONS + ACTIONS);
    const lost: string[] = [];
    for (const [key, traces] of ended) {
      if (key.startsWith("m")) {
        expect({ key, traces }).toEqual({ key, traces: ["ran", "success"] });
        continue;
      }
      const end = traces.at(-1);
      if (end === "failed") lost.push(key);
      // An action whose last step was stored just before the kill has run, but nobody lived to hear how it ended.
      const allowed = end === "success" ? ["began,ran,success"] : ["began,failed", "began,ran,failed", "failed"];
      expect(allowed).toContain(traces.join());
    }
    expect(lost.length).toBeGreaterThan(0); // a kill did hit running actions
  }, 90_000);

  test("limits taken before the kills still count, and what a failed mutation took does not", async () => {
    for (const name of ["send", "send", "send", "bucket", "bucket"]) await take(name);
    expect(taken).toEqual([true, true, true, true, true, true, true, false, true, false]);
  });
});
