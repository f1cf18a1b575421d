// The model as agents reach it, over real sockets: an upstream that shows what reached it, and local/model for the real wire.

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startModel } from "@omakase/local-model/model";
import { Elysia } from "elysia";
import { signRunToken } from "../agents/run-code.ts";
import { aConvex, aLog, eventually } from "../testing/edge.ts";
import { modelGateway } from "./gateway.ts";
import { Meter } from "./meter.ts";

const SECRET = "a secret of this test, long enough";
const KEY = "sk-ant-the-real-key-of-this-test";
const RUN = "omakase/sample/oma-1/coder-1:4:0";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const folder = mkdtempSync(join(tmpdir(), "omakase-gateway-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Upstream {
  readonly url: string;
  readonly requests: { url: URL; headers: Headers; body: string }[];
}

function anUpstream(answer: (request: Request) => Response | Promise<Response>): Upstream {
  const requests: Upstream["requests"] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: async (request) => {
      requests.push({ url: new URL(request.url), headers: request.headers, body: await request.clone().text() });
      return answer(request);
    },
  });
  ends.push(() => server.stop(true));
  return { url: `http://127.0.0.1:${server.port}`, requests };
}

async function setup(upstreamUrl: string, over: { standing?: () => unknown; now?: () => number } = {}) {
  const { caller, calls } = aConvex({
    "runs:standing": over.standing ?? (() => ({ live: true, repository: "omakase/sample", budget: null })),
  });
  const { log, lines } = aLog();
  const app = new Elysia()
    .use(
      modelGateway({
        secret: SECRET,
        baseUrl: upstreamUrl,
        apiKey: KEY,
        modelByRole: { coder: "claude-sonnet-5-5" },
        convex: caller,
        meter: new Meter({ convex: caller, log, name: "gateway" }),
        log,
        now: over.now,
      }),
    )
    .listen({ port: 0, hostname: "127.0.0.1" });
  ends.push(() => app.stop(true));
  const token = await signRunToken(SECRET, { run: RUN, agent: "a", role: "coder" }, 60_000);
  const url = `http://127.0.0.1:${app.server!.port}/model`;
  const ask = (path = "/v1/messages?beta=true", body: object = { model: "claude-sonnet-5-5" }, init: RequestInit = {}) =>
    fetch(`${url}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      ...init,
      headers: { "x-api-key": token, "anthropic-version": "2023-06-01", "content-type": "application/json", ...init.headers },
    });
  return { ask, url, token, calls, lines };
}

describe("a live run", () => {
  test("reaches the model with the real key, its own token going no further, and only the headers that are listed", async () => {
    const upstream = anUpstream(() =>
      Response.json({ ok: true }, { headers: { "request-id": "req_1", "set-cookie": "a=b", "x-internal": "1" } }),
    );
    const { ask, token } = await setup(upstream.url);
    const response = await ask(undefined, undefined, {
      headers: { cookie: "c=d", "anthropic-beta": "x", "x-forwarded-for": "1" },
    });
    expect(await response.json()).toEqual({ ok: true });
    expect(response.headers.get("request-id")).toBe("req_1");
    expect([response.headers.get("set-cookie"), response.headers.get("x-internal")]).toEqual([null, null]);
    const [seen] = upstream.requests;
    expect(seen!.url.pathname + seen!.url.search).toBe("/v1/messages?beta=true");
    expect(Object.fromEntries(seen!.headers)).toMatchObject({
      "x-api-key": KEY,
      "anthropic-version": "2023-06-01",
      "anthropic-beta": "x",
    });
    for (const name of ["cookie", "authorization", "x-forwarded-for"]) expect(seen!.headers.has(name)).toBe(false);
    expect(JSON.stringify([...seen!.headers])).not.toContain(token);
  });

  test("may use its token as a bearer's, and count tokens", async () => {
    const upstream = anUpstream(() => Response.json({ input_tokens: 3 }));
    const { ask, token } = await setup(upstream.url);
    const headers = { "x-api-key": "", authorization: `Bearer ${token}` };
    expect(await (await ask("/v1/messages/count_tokens", undefined, { headers })).json()).toEqual({ input_tokens: 3 });
  });

  test("G3: reads the answer while it is still being written", async () => {
    const gate = Promise.withResolvers<void>();
    const upstream = anUpstream(
      () =>
        new Response(
          (async function* () {
            yield new TextEncoder().encode("event: one\n\n");
            await gate.promise;
            yield new TextEncoder().encode("event: two\n\n");
          })() as unknown as ReadableStream,
          { headers: { "content-type": "text/event-stream" } },
        ),
    );
    const { ask } = await setup(upstream.url);
    const response = await ask();
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = response.body!.getReader();
    const first = await reader.read();
    expect(new TextDecoder().decode(first.value)).toBe("event: one\n\n");
    gate.resolve();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("event: two\n\n");
    expect((await reader.read()).done).toBe(true);
  });

  test.each(["before it begins", "in the middle of it"])("G3: takes its request back when it goes away %s", async (when) => {
    let hasLeft = false;
    const upstream = anUpstream((request) => {
      request.signal.addEventListener("abort", () => {
        hasLeft = true;
      });
      if (when === "before it begins") return new Promise<Response>(() => {});
      return new Response(
        new ReadableStream({
          start: (stream) => stream.enqueue(new TextEncoder().encode("event: one\n\n")),
          cancel: () => {
            hasLeft = true;
          },
        }),
      );
    });
    const { ask } = await setup(upstream.url);
    const controller = new AbortController();
    const answer = ask(undefined, undefined, { signal: controller.signal }).then((response) => response.body!.getReader().read());
    if (when === "before it begins") await eventually(() => upstream.requests.length === 1, "the request to reach the model");
    else await answer;
    controller.abort();
    await answer.catch(() => {});
    await eventually(() => hasLeft, "the model to see it go");
  });

  test("hears the model's own refusals, and 529 when it cannot be reached", async () => {
    const upstream = anUpstream(() => Response.json({ type: "error" }, { status: 429, headers: { "retry-after": "7" } }));
    const refused = await (await setup(upstream.url)).ask();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "7"]);
    const { ask, lines } = await setup("http://127.0.0.1:1");
    expect((await ask()).status).toBe(529);
    expect(lines.join()).not.toContain(KEY);
  });

  test("is never sent elsewhere by a redirect: the key would go along", async () => {
    const elsewhere = anUpstream(() => Response.json({}));
    const upstream = anUpstream(() => Response.redirect(elsewhere.url, 307));
    expect((await (await setup(upstream.url)).ask()).status).toBe(529);
    expect(elsewhere.requests).toEqual([]);
  });
});

describe("nobody else", () => {
  test("G1: without a live run's token: 401, and nothing reaches the model or Convex", async () => {
    const upstream = anUpstream(() => Response.json({}));
    const { ask, calls } = await setup(upstream.url);
    const expired = await signRunToken(SECRET, { run: RUN, agent: "a", role: "coder" }, -5_000);
    for (const key of ["", "x", KEY, expired]) {
      const response = await ask(undefined, undefined, { headers: { "x-api-key": key } });
      expect([response.status, await response.json()]).toEqual([
        401,
        { type: "error", error: { type: "authentication_error", message: expect.any(String) } },
      ]);
    }
    expect([upstream.requests, calls]).toEqual([[], []]);
  });

  test("G1: a run that is over is refused at the latest five seconds after", async () => {
    const upstream = anUpstream(() => Response.json({}));
    let live = true;
    let at = Date.now();
    const { ask, calls } = await setup(upstream.url, { standing: () => ({ live, repository: "" }), now: () => at });
    expect((await ask()).status).toBe(200);
    live = false;
    expect((await ask()).status).toBe(200);
    at += 5_001;
    expect((await ask()).status).toBe(403);
    expect([upstream.requests.length, calls.length]).toEqual([2, 2]);
  });

  test("G2: another model than the role's, or none, is refused", async () => {
    const upstream = anUpstream(() => Response.json({}));
    const { ask } = await setup(upstream.url);
    for (const body of [{ model: "claude-opus-5-5" }, {}, { model: ["claude-sonnet-5-5"] }])
      expect((await ask(undefined, body)).status).toBe(403);
    expect((await ask(undefined, undefined, { body: "not json" })).status).toBe(403);
    expect(upstream.requests).toEqual([]);
  });

  test("no other path is forwarded", async () => {
    const upstream = anUpstream(() => Response.json({}));
    const { ask, url, token } = await setup(upstream.url);
    for (const path of ["/v1/models", "/v1/messages/batches", "/v1/messages/../files", "/"])
      expect((await ask(path)).status).toBe(404);
    expect((await fetch(`${url}/v1/messages`, { headers: { "x-api-key": token } })).status).toBe(404);
    expect(upstream.requests).toEqual([]);
  });
});

test("local/model, which knows one key, streams its answer through", async () => {
  const model = startModel({ dir: join(folder, "model"), port: 0, scripts: [], apiKey: KEY, pace: 0 });
  ends.push(model.stop);
  const { ask } = await setup(model.url);
  const body = {
    model: "claude-sonnet-5-5",
    max_tokens: 100,
    stream: true,
    messages: [{ role: "user", content: "Omakase run | role: coder | ticket: OMA-77 | round: 1" }],
  };
  const response = await ask(undefined, body);
  expect(response.status).toBe(200);
  const text = await response.text();
  expect(text).toContain("event: message_start");
  expect(text).toContain("event: message_stop");
});
