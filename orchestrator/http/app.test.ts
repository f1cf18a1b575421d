// The face of the application: what a load balancer, a person with a browser, and somebody lost see.

import { describe, expect, test } from "bun:test";
import { Elysia } from "elysia";
import type { Host, HostStats } from "../actors/host.ts";
import { createMetrics } from "../metrics.ts";
import { aLog } from "../testing/edge.ts";
import { createApp } from "./app.ts";
import { createCallRate } from "./call-rate.ts";

async function setup(over: { ready?: boolean; draining?: boolean } = {}) {
  const stats: HostStats = {
    shards: 16,
    loading: 0,
    inbox: 2,
    cachedActors: 0,
    timers: 0,
    parked: [],
    effects: { waiting: 1, inFlight: 0, open: [] },
  };
  const host: Host = {
    start: async () => {},
    ready: () => over.ready ?? true,
    owns: () => true,
    drain: async () => {},
    stats: () => stats,
    ownsProject: () => true,
    waits: () => [{ farSide: "ecs", budget: "ecs/launches", reason: "no room", until: 1, effects: 3, since: 0 }],
    waitsOf: () => [],
    heldBack: () => [],
    reopen: () => {},
    onTaken: () => () => {},
    onStored: () => () => {},
  };
  const { log, of } = aLog();
  const plugin = new Elysia()
    .get("/broken", () => {
      throw new Error("a secret of the database");
    })
    .get("/taken", () => "stored");
  const app = await createApp({
    host,
    metrics: createMetrics(host),
    log,
    isDraining: () => over.draining ?? false,
    plugins: [plugin],
  });
  const get = (path: string, headers: Record<string, string> = {}) =>
    app.handle(new Request(`http://localhost${path}`, { headers }));
  return { get, of };
}

describe("health", () => {
  test("is 200 while the process lives, ready while it owns its shards and does not drain", async () => {
    const statuses = async (over: Parameters<typeof setup>[0]) => {
      const { get } = await setup(over);
      return [(await get("/health")).status, (await get("/ready")).status];
    };
    expect(await statuses({})).toEqual([200, 200]);
    expect(await statuses({ ready: false })).toEqual([200, 503]);
    expect(await statuses({ draining: true })).toEqual([200, 503]);
  });

  test("while draining every answer is given as ever and closes its connection: the next call goes elsewhere", async () => {
    const { get } = await setup({ draining: true });
    const response = await get("/taken");
    expect([response.status, response.headers.get("connection"), await response.text()]).toEqual([200, "close", "stored"]);
    expect((await (await setup()).get("/taken")).headers.get("connection")).toBeNull();
  });

  test("metrics are Prometheus'", async () => {
    const { get } = await setup();
    const text = await (await get("/metrics")).text();
    expect(text).toContain("omakase_shards 16");
    expect(text).toContain("omakase_inbox 2");
  });
});

describe("errors", () => {
  test("are JSON with a code, and tell a stranger nothing of ours", async () => {
    const { get, of } = await setup();
    const response = await get("/broken", { "x-request-id": "mine-1" });
    expect([response.status, response.headers.get("x-request-id")]).toEqual([500, "mine-1"]);
    expect(await response.text()).not.toContain("secret");
    expect(of("http.failed")[0]).toMatchObject({ path: "/broken", requestId: "mine-1", reason: "a secret of the database" });
    const lost = await get("/nowhere");
    expect([lost.status, await lost.json()]).toEqual([404, { code: "not_found", message: "nothing answers GET /nowhere" }]);
  });

  test("carry an id of ours when the caller's is none", async () => {
    const { get } = await setup();
    for (const given of ["", "x".repeat(101), "a b"]) {
      expect((await get("/nowhere", { "x-request-id": given })).headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
});

test("the page of the API asks nobody else for anything", async () => {
  const { get } = await setup();
  const page = await (await get("/openapi")).text();
  const asked = [...page.matchAll(/(?:src|href|url)["']?\s*[=:]\s*["']([^"']+)/g)].map(([, address]) => address!);
  expect(asked).toEqual(["/docs-assets/swagger-ui.css", "/docs-assets/swagger-ui-bundle.js", "openapi/json"]);
  for (const path of [...asked.slice(0, 2), "/openapi/json"]) expect((await get(path)).status).toBe(200);
});

describe("a call rate", () => {
  test("lets a burst through, then as many a second as it says, each caller by itself", () => {
    let at = 0;
    const rate = createCallRate(2, 3, () => at);
    const taken = (caller: string, times: number) => Array.from({ length: times }, () => rate.take(caller));
    expect(taken("a", 4)).toEqual([true, true, true, false]);
    expect(taken("b", 1)).toEqual([true]);
    at = 1_000;
    expect(taken("a", 3)).toEqual([true, true, false]);
  });

  test("forgets rested callers before busy ones", () => {
    const rate = createCallRate(1, 2, () => 0);
    rate.take("busy");
    rate.take("busy");
    for (let caller = 0; caller < 5_000; caller++) rate.take(`caller-${caller}`);
    expect(rate.take("busy")).toBe(false);
  });
});
