// What runs spend, measured at the gateway: real answers of local/model and the real Claude Code on one side, the real functions of
// convex/ on the other.

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startModel } from "@omakase/local-model/model";
import { bash, ticket } from "@omakase/local-model/script";
import { hasClaude, playRole, workingCopy } from "@omakase/local-model/testing/claude";
import { Elysia } from "elysia";
import { api } from "../../convex/_generated/api.js";
import { AGENT, anAgent, anIssue, aWorld, type World } from "../../convex/world.testing.ts";
import { signRunToken } from "../agents/run-code.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import { aLog, callerOf, eventually } from "../testing/edge.ts";
import { modelGateway } from "./gateway.ts";
import { Meter } from "./meter.ts";
import { microUsdOf } from "./prices.ts";
import { UsageReader } from "./usage-reader.ts";

const SECRET = "a secret of this test, long enough";
const KEY = "the-real-key-of-this-test";
const MODELS = { architect: "claude-sonnet-5-5", coder: "claude-sonnet-5-5" };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const folder = mkdtempSync(join(tmpdir(), "omakase-metering-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A claimed run of a world, and a gateway before an upstream. */
async function setup(upstream: string, maxBudgetUsd = 5) {
  const world = await aWorld();
  await world.service.mutation(api.linear.sync, { issues: [anIssue()] });
  const run = await anAgent(world);
  await world.t.run(async ({ db }) => {
    const reservation = await db.query("reservations").first();
    if (reservation) await db.patch(reservation._id, { reserved: { microUsd: maxBudgetUsd * 1e6, tokens: 1e9 } });
  });
  await world.service.mutation(api.runs.claim, { effectId: run, claimId: "container", model: MODELS.architect });
  return { world, run, ...(await aGateway(world, upstream, run)) };
}

async function aGateway(world: World, upstream: string, run: string) {
  const convex = callerOf(world);
  const { log } = aLog();
  const meter = new Meter({ convex, log });
  const gateway = modelGateway({ secret: SECRET, baseUrl: upstream, apiKey: KEY, modelByRole: MODELS, convex, meter, log });
  const app = new Elysia().use(gateway).listen({ port: 0, hostname: "127.0.0.1" });
  ends.push(() => app.stop(true));
  const token = await signRunToken(SECRET, { run, agent: AGENT, role: "architect" }, 60_000);
  const url = `http://127.0.0.1:${app.server?.port}/model`;
  const ask = (more: object = {}) =>
    fetch(`${url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": token, "anthropic-version": "2023-06-01", "content-type": "application/json" },
      body: JSON.stringify({
        model: MODELS.architect,
        max_tokens: 100,
        messages: [{ role: "user", content: "Omakase run | role: coder | ticket: OMA-77 | round: 1" }],
        ...more,
      }),
    });
  return { url, token, ask, meter };
}

const meteredOf = async ({ t }: World) => (await t.run(({ db }) => db.query("reservations").first()))?.metered;

function anUpstream(answer: (count: number) => Response): string {
  let count = 0;
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => answer(++count) });
  ends.push(() => server.stop(true));
  return `http://127.0.0.1:${server.port}`;
}

const USAGE = { input_tokens: 100, output_tokens: 1, cache_read_input_tokens: 1_000, cache_creation_input_tokens: 10 };
const event = (type: string, more: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
const START = event("message_start", { message: { id: "msg_1", usage: USAGE } });
const TEXT = event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "x".repeat(400) } });
const END = event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 250 } });

describe("an answer's usage", () => {
  const read = (text: string, type = "text/event-stream", chunk = text.length) => {
    const reader = new UsageReader(type);
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += chunk) reader.push(bytes.slice(at, at + chunk));
    return reader.end();
  };
  const known = { inputTokens: 100, cacheReadTokens: 1_000, cacheCreationTokens: 10, cacheCreation1hTokens: 0 };

  test("is read from a stream, however it is cut into pieces, and the last count of the output is the one", () => {
    for (const chunk of [1, 7, 10_000])
      expect(read(START + TEXT + END, undefined, chunk)).toEqual({ ...known, outputTokens: 250 });
  });

  test("U1: of a stream that was cut off: the whole input, and a guess of the output that went by", () => {
    expect(read(START + TEXT)).toEqual({ ...known, outputTokens: 101 });
    expect(read(START)).toEqual({ ...known, outputTokens: 1 });
  });

  test("is read from an answer that is no stream; an error used nothing", () => {
    const cached = { ...USAGE, output_tokens: 5, cache_creation: { ephemeral_1h_input_tokens: 4 } };
    expect(read(JSON.stringify({ type: "message", usage: cached }), "application/json")).toEqual({
      ...known,
      outputTokens: 5,
      cacheCreation1hTokens: 4,
    });
    expect(read('{"type":"error"}', "application/json")).toBeNull();
  });

  test("U2: nonsense is passed over", () => {
    const strange = [
      "data: {\n\n",
      "data: null\n\n",
      event("message_start", {}),
      event("message_delta", { usage: { output_tokens: -5 } }),
    ];
    expect(read(strange.join("") + START + END)).toEqual({ ...known, outputTokens: 250 });
    expect(read("\0\xff{", "application/json")).toBeNull();
    expect(read(`data: ${"x".repeat(9_000_000)}\n\n${START}${END}`, undefined, 1_000_000)).toEqual({
      ...known,
      outputTokens: 250,
    });
  });

  test("has a price by the model, and an unknown model the dearest one", () => {
    const usage = {
      inputTokens: 1_000,
      outputTokens: 100,
      cacheReadTokens: 1_000,
      cacheCreationTokens: 200,
      cacheCreation1hTokens: 100,
    };
    expect(microUsdOf("claude-sonnet-5-5", usage)).toBe(2 * (1_000 + 125 + 200) + 0.1 * 1_000 + 10 * 100);
    expect(microUsdOf("claude-opus-5-5-20260901", usage)).toBe(4 * 1_325 + 0.2 * 1_000 + 20 * 100);
    expect(microUsdOf("claude-opus-4-1-20250805", usage)).toBe(microUsdOf("who-knows", usage));
  });
});

describe("a run's meter", () => {
  test("G4: an answer is stored once, with its price; what failed and is asked again costs nothing", async () => {
    const upstream = anUpstream((count) =>
      count === 1
        ? Response.json({ type: "error", error: { type: "overloaded_error", message: "busy" } }, { status: 529 })
        : new Response(START + TEXT + END, { headers: { "content-type": "text/event-stream" } }),
    );
    const { world, ask, meter } = await setup(upstream);
    expect((await ask()).status).toBe(529);
    await (await ask({ stream: true })).text();
    await meter.flush();
    await meter.flush();
    const usage = { inputTokens: 100, outputTokens: 250, cacheReadTokens: 1_000, cacheCreationTokens: 10 };
    const microUsd = microUsdOf(MODELS.architect, { ...usage, cacheCreation1hTokens: 0 });
    expect(await meteredOf(world)).toEqual({ requests: 1, ...usage, microUsd });
  });

  test("G4: an answer its agent did not wait for is metered as far as it went", async () => {
    const upstream = anUpstream(
      () =>
        new Response(new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode(START + TEXT)) }), {
          headers: { "content-type": "text/event-stream" },
        }),
    );
    const { world, ask, meter } = await setup(upstream);
    const reader = (await ask({ stream: true })).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await eventually(async () => {
      await meter.flush();
      return (await meteredOf(world))?.requests === 1;
    }, "the torn answer to be metered");
    expect((await meteredOf(world))?.outputTokens).toBe(101);
  });

  test("B1, B4: over its budget it is refused in Anthropic's shape, not to be asked again; also by a gateway that has just started (B3)", async () => {
    const upstream = anUpstream(() => Response.json({ type: "message", usage: { input_tokens: 600_000, output_tokens: 1 } }));
    const { world, run, ask, meter } = await setup(upstream, 2);
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(200);
    const refused = await ask(); // before anything was stored
    expect([refused.status, refused.headers.get("x-should-retry"), await refused.json()]).toEqual([
      402,
      "false",
      { type: "error", error: { type: "billing_error", message: "over budget: The run has spent $2.40 of the $2.00 it may" } },
    ]);
    expect((await meteredOf(world))?.requests).toBe(2); // B4
    await meter.flush();
    const second = await aGateway(world, upstream, run);
    expect((await second.ask()).status).toBe(402);
    await second.meter.flush();
    expect((await meteredOf(world))?.requests).toBe(2);
  });

  test("B1: of one run at most sixteen answers are under way at once", async () => {
    const gate = Promise.withResolvers<void>();
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async () => {
        await gate.promise;
        return Response.json({ type: "message", usage: { input_tokens: 1, output_tokens: 1 } });
      },
    });
    ends.push(() => server.stop(true));
    const { ask } = await setup(`http://127.0.0.1:${server.port}`);
    const asked = Array.from({ length: 20 }, () => ask());
    const first = await Promise.race(asked);
    expect([first.status, first.headers.get("retry-after")]).toEqual([429, "1"]);
    gate.resolve();
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(16);
    expect((await ask()).status).toBe(200);
  });

  test("B2: a store that does not answer loses nothing", async () => {
    const upstream = anUpstream(() => Response.json({ type: "message", usage: { input_tokens: 1_000, output_tokens: 1 } }));
    const { world, run } = await setup(upstream);
    let isDown = true;
    const working = callerOf(world);
    const convex: ConvexCaller = {
      query: working.query,
      mutation: async (name, args) => {
        const answer = await working.mutation(name, args);
        if (isDown) throw new Error("stored, and the answer is lost");
        return answer;
      },
    };
    const meter = new Meter({ convex, log: aLog().log });
    meter.open(run, { reserved: { microUsd: 5e6, tokens: 1e9 }, spent: { microUsd: 0, tokens: 0 }, over: null });
    const usage = { inputTokens: 10, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0, cacheCreation1hTokens: 0 };
    for (let count = 0; count < 3; count++) {
      meter.begin(run);
      meter.end(run, MODELS.coder, usage);
      await meter.flush();
    }
    isDown = false;
    await meter.flush();
    expect(await meteredOf(world)).toMatchObject({ requests: 3, inputTokens: 30, microUsd: 90 });
  });
});

describe.if(hasClaude)("the real Claude Code", () => {
  const scripts = [
    ticket("LOOP-1", {
      *coder() {
        while (true) yield bash("git status --short");
      },
    }),
    ticket("LOOK-1", {
      *coder() {
        for (let turn = 0; turn < 4; turn++) yield bash("git log --oneline");
      },
    }),
  ];
  const started = (name: string) => {
    const model = startModel({ dir: join(folder, name), port: 0, scripts, apiKey: KEY, pace: 0 });
    ends.push(model.stop);
    return model;
  };
  const play = async (name: string, key: string, url: string, token: string) =>
    playRole({ url, apiKey: token, repository: await workingCopy(join(folder, name)), role: "coder", ticket: key, round: 1 });

  test("is metered at what it says itself that it cost", async () => {
    const { world, url, token, meter } = await setup(started("look-model").url);
    const { result } = await play("look", "LOOK-1", url, token);
    await meter.flush();
    const metered = await meteredOf(world);
    expect(metered?.requests).toBeGreaterThan(3);
    const ratio = (metered?.microUsd ?? 0) / 1e6 / (result?.total_cost_usd ?? 0);
    expect({ ratio, isClose: Math.abs(ratio - 1) < 0.01 }).toEqual({ ratio, isClose: true });
  }, 60_000);

  test("B1: in an endless loop it ends inside the run, with the refusal, and without asking again", async () => {
    const model = started("loop-model");
    const { world, url, token, meter } = await setup(model.url, 0.02);
    const { exitCode, result } = await play("loop", "LOOP-1", url, token);
    expect([exitCode, result?.is_error, result?.api_error_status]).toEqual([1, true, 402]);
    await meter.flush();
    const metered = await meteredOf(world);
    expect(metered?.microUsd).toBeGreaterThanOrEqual(20_000);
    expect(metered?.microUsd).toBeLessThan(25_000);
    const run = await world.t.run(({ db }) => db.query("reservations").first());
    expect(run?.overBudget).toContain("of the $0.02 it may");
  }, 60_000);
});
