// The HTTP API and HTTP actions, with plain fetch where the stock client cannot show what is meant.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConvexHttpClient } from "convex/browser";
import { app } from "../testing/fixture-api.ts";
import { startFixture } from "../testing/fixture-deployment.ts";

let server: Awaited<ReturnType<typeof startFixture>>;
let client: ConvexHttpClient;
beforeAll(async () => {
  server = await startFixture();
  client = new ConvexHttpClient(server.url, { logger: false });
});
afterAll(() => server.stop());

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), headers });

describe("function API", () => {
  test("query, mutation and action answer the stock client", async () => {
    const id = await client.mutation(app.messages.send, { channel: "http-api", body: "hello" });
    expect(await client.query(app.messages.list, { channel: "http-api" })).toMatchObject([{ _id: id, body: "hello" }]);
    expect(await client.action(app.jobs.sum, { a: 1, b: 1 })).toBe(2);
  });

  test("the function gets the arguments that were checked, however the body is written", async () => {
    const usual = '{"path":"counters:increment","format":"convex_encoded_json","args":[{"name":"as sent"}]}';
    const bodies = [
      usual,
      usual.replaceAll(":", " : "),
      `${usual}\n`,
      '{"args":[{"name":"as sent"}],"format":"convex_encoded_json","path":"counters:increment"}',
      usual.replace(/}$/, ',"componentPath":""}'),
      usual.replace(/}$/, ',"args":[{"name":"as sent"}]}').replace("as sent", "not checked"),
      usual.replace("[{", "{").replace("}]", "}"),
    ].map((body) => body.replaceAll("counters : increment", "counters:increment"));
    for (const [index, body] of bodies.entries())
      expect(await (await post("/api/mutation", body)).json()).toMatchObject({ status: "success", value: index + 1 });
    expect(await client.query(app.counters.get, { name: "not checked" })).toBe(0);
  });

  test("log lines travel with the answer", async () => {
    const answer = await (
      await post("/api/action", { path: "jobs:sum", args: [{ a: 4, b: 5 }], format: "convex_encoded_json" })
    ).json();
    expect(answer).toEqual({ status: "success", value: 9, logLines: ["[LOG] 'adding' { a: 4, b: 5 }"] });
  });

  test("GET query, run/<path> and function reach the same functions", async () => {
    const viaGet = await fetch(
      `${server.url}/api/query?path=counters:get&args=${encodeURIComponent('{"name":"nobody"}')}&format=json`,
    );
    expect(await viaGet.json()).toMatchObject({ status: "success", value: 0 });
    expect(await (await post("/api/run/counters/increment", { args: { name: "via run" } })).json()).toMatchObject({ value: 1 });
    expect(
      await (await post("/api/function", { path: "counters.js:get", args: { name: "via run" }, format: "json" })).json(),
    ).toMatchObject({ value: 1 });
  });

  test("a batch of queries is answered at one moment, failures in their places", async () => {
    const queries = [
      { path: "counters:get", args: { name: "via run" } },
      { path: "counters:missing", args: {} },
    ];
    const { results } = (await (await post("/api/query_batch", { queries })).json()) as { results: { status: string }[] };
    expect(results.map(({ status }) => status)).toEqual(["success", "error"]);
  });

  test("consistent queries read at one timestamp, whatever is written meanwhile; a timestamp from the future is refused", async () => {
    const consistent = new ConvexHttpClient(server.url, { logger: false });
    const before = await consistent.consistentQuery(app.counters.get, { name: "consistent" });
    await client.mutation(app.counters.increment, { name: "consistent" });
    expect(await client.query(app.counters.get, { name: "consistent" })).toBe(before + 1);
    expect(await consistent.consistentQuery(app.counters.get, { name: "consistent" })).toBe(before);
    const future = Buffer.alloc(8, 0x7f).toString("base64");
    expect((await post("/api/query_at_ts", { path: "counters:get", args: { name: "a" }, ts: future })).status).toBe(400);
  });

  const bad: [string, () => Promise<Response>, number, string][] = [
    ["a body that is not JSON", () => post("/api/query", "{"), 400, "BadRequest"],
    ["a body without a path", () => post("/api/query", { args: {} }), 400, "BadRequest"],
    ["arguments that are a list", () => post("/api/mutation", { path: "a:b", args: [1] }), 400, "BadRequest"],
    ["an unknown format", () => post("/api/query", { path: "a:b", args: {}, format: "xml" }), 400, "BadRequest"],
    ["a body above 20 MiB", () => post("/api/query", "x".repeat(21 * 1024 * 1024)), 413, "PayloadTooLarge"],
    [
      "an Authorization header of another kind",
      () => post("/api/query", { path: "a:b", args: {} }, { authorization: "Basic eDp5" }),
      401,
      "InvalidAuthHeader",
    ],
    [
      "a token that is none",
      () => post("/api/query", { path: "a:b", args: {} }, { authorization: "Bearer nonsense" }),
      401,
      "InvalidAuthHeader",
    ],
    [
      "system functions without the admin key",
      () => post("/api/query", { path: "_system/cli/tables", args: {} }),
      401,
      "BadAdminKey",
    ],
    ["a route that does not exist", () => post("/api/nothing", {}), 404, "NotFound"],
  ];
  for (const [what, ask, status, code] of bad) {
    test(`${what}: ${status} ${code}`, async () => {
      const response = await ask();
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ code });
    });
  }

  test("browsers of any origin may call it", async () => {
    const preflight = await fetch(`${server.url}/api/query`, {
      method: "OPTIONS",
      headers: {
        origin: "https://app.test",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,convex-client",
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization,convex-client");
    expect((await post("/api/query_ts", {})).headers.get("access-control-allow-origin")).toBe("*");
  });

  test("/metrics speaks Prometheus", async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toMatch(/^convex_commits_total [1-9]\d*$/m);
    expect(text).toMatch(/^convex_function_seconds_count\{kind="mutation"\} [1-9]\d*$/m);
  });
});

describe("HTTP actions", () => {
  test("answer on the site port and under /http, and see the site's URL both times", async () => {
    for (const base of [server.siteUrl, `${server.url}/http`]) {
      const response = await fetch(`${base}/echo?q=1`, { method: "POST", body: "hi" });
      expect(response.status).toBe(201);
      expect(await response.text()).toBe("hi");
      expect(response.headers.get("x-url")).toBe(`${server.siteUrl}/echo?q=1`);
    }
  });

  test("stream their answer, each part able to query the database", async () => {
    const text = await (await fetch(`${server.siteUrl}/stream/anything`)).text();
    expect(text).toBe("part 1 of 3, 2 messages\npart 2 of 3, 2 messages\npart 3 of 3, 2 messages\n");
  });

  test("no route is 404, a throw is 500 with its reason, a foreign Authorization header is nobody's business", async () => {
    const missing = await fetch(`${server.siteUrl}/nowhere`);
    expect([missing.status, await missing.text()]).toEqual([404, "No HttpAction routed for /nowhere"]);
    const broken = await fetch(`${server.siteUrl}/broken`);
    expect(broken.status).toBe(500);
    expect(await broken.json()).toMatchObject({ code: expect.stringContaining("broken on purpose") });
    const foreign = await fetch(`${server.siteUrl}/echo`, {
      method: "POST",
      body: "x",
      headers: { authorization: "Basic eDp5" },
    });
    expect(foreign.status).toBe(201);
  });
});
