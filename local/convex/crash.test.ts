// What survives `kill -9`, case by case: a real server process, the same port again after each kill. Many kills under load:
// proofs/crashes.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { ConvexHttpClient } from "convex/browser";
import { reservePort } from "./http/servers.ts";
import { app } from "./testing/fixture-api.ts";
import { eventually, pushFixture, type ServerProcess, spawnServer, tempDir } from "./testing/fixture-deployment.ts";

const { dir, remove } = tempDir();
const port = reservePort("127.0.0.1");
const sitePort = reservePort("127.0.0.1");
let server: ServerProcess;
const start = async () => {
  server = await spawnServer(dir, port, ["--site-port", String(sitePort)]);
};

beforeAll(async () => {
  await start();
  await pushFixture(server.url);
});
afterAll(async () => {
  await server.kill9();
  remove();
});

const killAndRestart = async () => {
  await server.kill9();
  await start();
};

describe("kill -9", () => {
  test("a restarted server serves the pushed code without a new push", async () => {
    const client = new ConvexHttpClient(server.url, { logger: false });
    await client.mutation(app.messages.send, { channel: "kept", body: "kept" });
    await killAndRestart();
    expect((await client.query(app.messages.list, { channel: "kept" })).map((row) => row.body)).toEqual(["kept"]);
  });

  test("a mutation sent again after the crash, by session and request, is answered from the first time (F1)", async () => {
    const sessionId = crypto.randomUUID();
    const ask = async () => {
      const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/1.48.0/sync`);
      const answer = new Promise<{ result: unknown; ts: string }>((resolve) => {
        socket.onmessage = (event) => {
          const message = JSON.parse(String(event.data));
          if (message.type === "MutationResponse") resolve({ result: message.result, ts: message.ts });
        };
      });
      await new Promise((resolve) => {
        socket.onopen = resolve;
      });
      socket.send(
        JSON.stringify({ type: "Connect", sessionId, connectionCount: 0, lastCloseReason: null, clientTs: Date.now() }),
      );
      socket.send(
        JSON.stringify({ type: "Mutation", requestId: 7, udfPath: "counters:increment", args: [{ name: "replayed" }] }),
      );
      const first = await answer;
      socket.close();
      return first;
    };
    const before = await ask();
    await killAndRestart();
    expect(await ask()).toEqual(before);
    expect(before.result).toBe(1);
    expect(await new ConvexHttpClient(server.url, { logger: false }).query(app.counters.get, { name: "replayed" })).toBe(1);
  });

  test("a scheduled mutation that was due during the outage runs, and runs once (J1)", async () => {
    const client = new ConvexHttpClient(server.url, { logger: false });
    for (let at = 0; at < 20; at++) await client.mutation(app.counters.incrementLater, { name: "due", delayMs: at * 20 });
    await killAndRestart();
    await eventually(async () => (await client.query(app.counters.countLedger, { key: "due" })) === 20, "all twenty ran");
    await killAndRestart();
    expect(await client.query(app.counters.countLedger, { key: "due" })).toBe(20);
  });

  test("an action that was running has failed after the restart, and is not run again (J2)", async () => {
    const client = new ConvexHttpClient(server.url, { logger: false });
    const id = await client.mutation(app.jobs.waitLater, { channel: "told" });
    await eventually(
      async () => (await client.query(app.messages.list, { channel: "told-started" })).length === 1,
      "the action runs",
    );
    await killAndRestart();
    const job = await client.query(app.jobs.status, { id });
    expect(job?.state).toEqual({ kind: "failed", error: "Transient error while executing action" });
    expect(await client.query(app.messages.list, { channel: "told-started" })).toHaveLength(1);
  });
});

describe("the process", () => {
  test("survives errors functions throw where nobody waits", async () => {
    const client = new ConvexHttpClient(server.url, { logger: false });
    await client.action(app.surroundings.throwLater, {});
    await eventually(() => server.stderr().includes("thrown from a timer nobody waits for"), "the error is logged");
    expect(await client.mutation(app.counters.increment, { name: "still here" })).toBeGreaterThan(0);
  });

  test("says in one sentence that its port is taken, that its file is in use, foreign, newer or damaged, and exits with 1", async () => {
    const other = tempDir();
    await expect(spawnServer(other.dir, port)).rejects.toThrow(`Port ${port} on 127.0.0.1 is taken`);
    await expect(spawnServer(dir, 0)).rejects.toThrow(/did not start: [^\n]*use[^\n]*\n$/);
    rmSync(`${other.dir}/convex.sqlite`);
    const foreign = new Database(`${other.dir}/convex.sqlite`);
    foreign.run("CREATE TABLE somebody_elses(a)");
    foreign.close();
    await expect(spawnServer(other.dir, 0)).rejects.toThrow(/did not start: [^\n]*not one of ours[^\n]*\n$/);
    rmSync(`${other.dir}/convex.sqlite`);
    await (await spawnServer(other.dir, 0)).terminate();
    const newer = new Database(`${other.dir}/convex.sqlite`);
    newer.run("PRAGMA user_version = 99");
    newer.close();
    await expect(spawnServer(other.dir, 0)).rejects.toThrow(/did not start: [^\n]*newer version[^\n]*\n$/);
    await Bun.write(`${other.dir}/convex.sqlite`, "this is not a database, whatever its name says ".repeat(100));
    await expect(spawnServer(other.dir, 0)).rejects.toThrow(/did not start: [^\n]+\n$/);
    other.remove();
  });

  test("SIGTERM ends it with 0 after its work", async () => {
    const client = new ConvexHttpClient(server.url, { logger: false });
    await client.mutation(app.messages.send, { channel: "last", body: "word" });
    expect(await server.terminate()).toBe(0);
    await start();
    expect(await client.query(app.messages.list, { channel: "last" })).toHaveLength(1);
  });
});
