// Sync protocol, with the stock ConvexClient and with sockets that misbehave.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { ConvexReactClient } from "convex/react";
import { ConvexError } from "convex/values";
import { app } from "../testing/fixture-api.ts";
import { eventually, metric, startFixture } from "../testing/fixture-deployment.ts";

let server: Awaited<ReturnType<typeof startFixture>>;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.stop());

/** A stock client that is closed at the end of the test. */
function setup() {
  const client = new ConvexClient(server.url, { logger: false });
  return { client, [Symbol.asyncDispose]: () => client.close() };
}

describe("subscriptions", () => {
  test("a subscriber sees another client's mutation, and the mutation resolves only once its own subscription shows it", async () => {
    await using reader = setup();
    await using writer = setup();
    const seen: string[][] = [];
    reader.client.onUpdate(app.messages.list, { channel: "seen" }, (rows) => void seen.push(rows.map((row) => row.body)));
    let own: string[] = [];
    writer.client.onUpdate(app.messages.list, { channel: "seen" }, (rows) => {
      own = rows.map((row) => row.body);
    });
    await writer.client.mutation(app.messages.send, { channel: "seen", body: "one" });
    expect(own).toEqual(["one"]);
    await eventually(() => seen.at(-1)?.length === 1, "the reader sees the message");
    expect(seen.at(-1)).toEqual(["one"]);
  });

  test("a mutation on a session without queries resolves (Y2)", async () => {
    await using only = setup();
    expect(await only.client.mutation(app.counters.increment, { name: "no queries" })).toBe(1);
    expect(await only.client.mutation(app.counters.increment, { name: "no queries" })).toBe(2);
  });

  test("only subscriptions that read what was written run again (Q1)", async () => {
    await using reader = setup();
    const updates = new Map<string, number>();
    for (let at = 0; at < 100; at++) {
      reader.client.onUpdate(app.messages.list, { channel: `many-${at}` }, () =>
        updates.set(`many-${at}`, (updates.get(`many-${at}`) ?? 0) + 1),
      );
    }
    await eventually(() => updates.size === 100, "all hundred answered");
    const runsBefore = await metric(server.url, "convex_query_invalidations_total");
    const http = new ConvexHttpClient(server.url, { logger: false });
    for (let at = 0; at < 5; at++) await http.mutation(app.messages.send, { channel: "many-7", body: String(at) });
    await eventually(() => (updates.get("many-7") ?? 0) > 1, "the one subscription is told");
    await eventually(async () => (await http.query(app.messages.list, { channel: "many-7" })).length === 5, "five stored");
    const ran = (await metric(server.url, "convex_query_invalidations_total")) - runsBefore;
    expect(ran).toBeGreaterThanOrEqual(1);
    expect(ran).toBeLessThanOrEqual(5);
    expect([...updates].filter(([, count]) => count > 1).map(([channel]) => channel)).toEqual(["many-7"]);
  });

  test("`take(n)` of the newest is not disturbed by a change below it", async () => {
    await using reader = setup();
    const http = new ConvexHttpClient(server.url, { logger: false });
    const oldest = await http.mutation(app.messages.send, { channel: "latest", body: "oldest" });
    for (const body of ["b", "c"]) await http.mutation(app.messages.send, { channel: "latest", body });
    let updates = 0;
    reader.client.onUpdate(app.messages.latest, { channel: "latest", count: 2 }, () => void updates++);
    await eventually(() => updates === 1, "first answer");
    const before = await metric(server.url, "convex_query_invalidations_total");
    await http.mutation(app.messages.remove, { id: oldest });
    expect((await metric(server.url, "convex_query_invalidations_total")) - before).toBe(0);
  });

  test("one run serves every subscriber of the same query (Q2)", async () => {
    const clients = Array.from({ length: 20 }, () => setup());
    const seen = clients.map(() => 0);
    clients.forEach(({ client }, at) => {
      client.onUpdate(app.messages.list, { channel: "broadcast" }, (rows) => {
        seen[at] = rows.length;
      });
    });
    await eventually(() => metric(server.url, "convex_subscriptions").then((count) => count >= 20), "all subscribed");
    await using writer = setup();
    await writer.client.mutation(app.messages.send, { channel: "broadcast", body: "0" });
    await eventually(() => seen.every((count) => count === 1), "everybody saw the first");
    const before = await metric(server.url, "convex_query_runs_total");
    await writer.client.mutation(app.messages.send, { channel: "broadcast", body: "1" });
    await eventually(() => seen.every((count) => count === 2), "everybody saw the second");
    expect((await metric(server.url, "convex_query_runs_total")) - before).toBe(1);
    await Promise.all(clients.map((one) => one[Symbol.asyncDispose]()));
  });

  test("ConvexReactClient watches a query through optimistic updates", async () => {
    const client = new ConvexReactClient(server.url, { logger: false });
    const watch = client.watchQuery(app.messages.list, { channel: "react" });
    const lengths: number[] = [];
    watch.onUpdate(() => void lengths.push(watch.localQueryResult()?.length ?? -1));
    await eventually(() => lengths.length > 0, "first answer");
    const sent = client.mutation(
      app.messages.send,
      { channel: "react", body: "hello" },
      {
        optimisticUpdate: (store, { channel, body }) => {
          const rows = store.getQuery(app.messages.list, { channel }) ?? [];
          store.setQuery(app.messages.list, { channel }, [...rows, { _id: "draft", _creationTime: 0, channel, body }]);
        },
      },
    );
    expect(watch.localQueryResult()?.map((row) => row._id)).toEqual(["draft"]);
    await sent;
    expect(watch.localQueryResult()?.map((row) => row.body)).toEqual(["hello"]);
    expect(watch.localQueryResult()?.[0]?._id).not.toBe("draft");
    await client.close();
  });

  test("an answer above 5 MB arrives in parts", async () => {
    await using reader = setup();
    let length = 0;
    reader.client.onUpdate(app.surroundings.big, { chars: 12_000_000 }, (text) => {
      length = text.length;
    });
    await eventually(() => length === 12_000_000, "the whole text arrives");
  });

  test("a failed query recovers by itself when what it read changes (Q4)", async () => {
    await using reader = setup();
    const http = new ConvexHttpClient(server.url, { logger: false });
    const seen: unknown[] = [];
    reader.client.onUpdate(
      app.messages.first,
      { channel: "recovers" },
      (body) => void seen.push(body),
      (error) => void seen.push(error instanceof ConvexError ? error.data : String(error)),
    );
    await eventually(() => seen.length === 1, "the query fails");
    expect(seen[0]).toEqual({ code: "empty", channel: "recovers" });
    await http.mutation(app.messages.send, { channel: "recovers", body: "there" });
    await eventually(() => seen.length === 2, "the query is answered");
    expect(seen[1]).toBe("there");
  });
});

describe("pagination", () => {
  test("a reactive page neither gaps nor overlaps its successor when rows are inserted into it", async () => {
    await using reader = setup();
    const http = new ConvexHttpClient(server.url, { logger: false });
    const channel = "pages";
    for (let at = 0; at < 6; at++) await http.mutation(app.messages.send, { channel, body: `m${at}` });
    const pages = new Map<string, string[]>();
    let end = "";
    reader.client.onUpdate(app.messages.page, { channel, paginationOpts: { numItems: 3, cursor: null } }, (page) => {
      pages.set(
        "first",
        page.page.map((row) => row.body),
      );
      end = page.continueCursor;
    });
    await eventually(() => end !== "", "first page");
    const firstEnd = end;
    reader.client.onUpdate(app.messages.page, { channel, paginationOpts: { numItems: 3, cursor: firstEnd } }, (page) => {
      pages.set(
        "second",
        page.page.map((row) => row.body),
      );
    });
    await eventually(() => pages.get("second"), "second page");
    expect([...(pages.get("first") ?? []), ...(pages.get("second") ?? [])]).toEqual(["m0", "m1", "m2", "m3", "m4", "m5"]);
    const rows = await http.query(app.messages.list, { channel });
    await http.mutation(app.messages.remove, { id: rows[1]?._id ?? "" });
    await eventually(() => pages.get("first")?.length === 2, "the first page shrinks");
    expect([...(pages.get("first") ?? []), ...(pages.get("second") ?? [])]).toEqual(["m0", "m2", "m3", "m4", "m5"]);
    expect(end).toBe(firstEnd);
  });
});

describe("clients that misbehave", () => {
  /** Sends raw frames and collects what comes back until the server closes. */
  async function raw(
    frames: (string | Uint8Array<ArrayBuffer>)[],
  ): Promise<{ messages: { type: string; error?: string }[]; code: number; reason: string }> {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/1.48.0/sync`);
    const messages: { type: string; error?: string }[] = [];
    socket.onmessage = (event) => void messages.push(JSON.parse(String(event.data)));
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      socket.onclose = ({ code, reason }) => resolve({ code, reason });
    });
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    for (const frame of frames) socket.send(frame);
    return { messages, ...(await closed) };
  }
  const connect = JSON.stringify({
    type: "Connect",
    sessionId: crypto.randomUUID(),
    connectionCount: 0,
    lastCloseReason: null,
    clientTs: 0,
  });
  const add = { type: "Add", queryId: 0, udfPath: "messages:list", args: [{ channel: "x" }] };

  const cases: [string, (string | Uint8Array<ArrayBuffer>)[], string][] = [
    ["text that is not JSON", ["{nope"], "not JSON"],
    ["an unknown message type", [connect, '{"type":"Dance"}'], "Unknown message type"],
    ["anything before Connect", ['{"type":"Event"}'], "first message must be Connect"],
    ["a second Connect", [connect, connect], "twice"],
    [
      "a query set that starts at another version",
      [connect, JSON.stringify({ type: "ModifyQuerySet", baseVersion: 5, newVersion: 6, modifications: [] })],
      "version 5",
    ],
    [
      "an identity that starts at another version",
      [connect, JSON.stringify({ type: "Authenticate", baseVersion: 3, tokenType: "None" })],
      "version 3",
    ],
    [
      "arguments that are no object",
      [connect, JSON.stringify({ type: "Mutation", requestId: 0, udfPath: "a:b", args: [1] })],
      "args",
    ],
    [
      "a component whose path is no text",
      [
        connect,
        JSON.stringify({
          type: "ModifyQuerySet",
          baseVersion: 0,
          newVersion: 1,
          modifications: [{ ...add, componentPath: 5 }],
        }),
      ],
      "componentPath",
    ],
  ];
  for (const [what, frames, expected] of cases) {
    test(`${what} ends that client with a FatalError, and no other (Y5)`, async () => {
      await using bystander = setup();
      let updates = 0;
      bystander.client.onUpdate(app.messages.list, { channel: "bystander" }, () => void updates++);
      await eventually(() => updates > 0, "the bystander is subscribed");
      const { messages, code } = await raw(frames);
      expect(messages.at(-1)?.type).toBe("FatalError");
      expect(messages.at(-1)?.error).toContain(expected);
      expect(code).toBe(1002);
      const before = updates;
      await bystander.client.mutation(app.messages.send, { channel: "bystander", body: what });
      expect(updates).toBe(before + 1);
    });
  }

  test("a binary frame and a frame above 20 MiB are refused", async () => {
    expect((await raw([new Uint8Array([1, 2, 3])])).code).toBe(1003);
    expect((await raw([connect, `{"type":"Event","event":"${"x".repeat(21 * 1024 * 1024)}"}`])).code).toBeGreaterThanOrEqual(
      1006,
    );
  });

  test("a client that has seen the future is sent away instead of being lied to", async () => {
    const future = Buffer.alloc(8);
    future.writeBigUInt64LE(BigInt(Date.now() + 86_400_000) * 1_000_000n);
    const frame = JSON.stringify({
      type: "Connect",
      sessionId: crypto.randomUUID(),
      connectionCount: 1,
      lastCloseReason: null,
      clientTs: 0,
      maxObservedTimestamp: future.toString("base64"),
    });
    const { code, reason } = await raw([frame]);
    expect(code).toBe(1011);
    expect(reason).toStartWith("InternalServerError");
  });

  test("more pending mutations than a client may have close its socket with a code clients back off from", async () => {
    const frames = Array.from({ length: 1500 }, (_, requestId) =>
      JSON.stringify({ type: "Mutation", requestId, udfPath: "counters:increment", args: [{ name: "flood" }] }),
    );
    const { reason } = await raw([connect, ...frames]);
    expect(reason).toBe("TooManyConcurrentRequests");
  });
});
