// A real server whose disk is full: writes are refused in one clear sentence, everything else goes on, and so do writes once there is room.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { reservePort } from "../http/servers.ts";
import { app } from "../testing/fixture-api.ts";
import { eventually, metric, pushFixture, type ServerProcess, spawnServer, tempDir } from "../testing/fixture-deployment.ts";

// No file may pass 6 MB (in blocks of 512 bytes), and the signal that says so is ignored: the server then sees failing writes, as on
// a full disk. Only the soft limit: it can be lifted from outside, which is space coming back.
const LIMITED = ["sh", "-c", `trap '' XFSZ; ulimit -S -f 12000; exec "$@"`, "sh"];
const { dir, remove } = tempDir();
const port = reservePort("127.0.0.1");
const ports = ["--site-port", String(reservePort("127.0.0.1"))];
let server: ServerProcess;

beforeAll(async () => {
  server = await spawnServer(dir, port, ports, [], LIMITED);
  await pushFixture(server.url);
});
afterAll(async () => {
  await server.kill9();
  remove();
});

const send = async (body: string) => {
  const answer = await fetch(`${server.url}/api/mutation`, {
    method: "POST",
    body: JSON.stringify({ path: "messages:send", args: [{ channel: "full", body }], format: "convex_encoded_json" }),
  });
  return { status: answer.status, body: (await answer.json()) as { status?: string; code?: string; message?: string } };
};
const stored = async () =>
  await new ConvexHttpClient(server.url, { logger: false }).query(app.counters.countMessages, { channel: "full" });

test("a full disk refuses writes in one sentence, loses nothing, serves queries, and recovers by itself when space returns", async () => {
  let acknowledged = 0;
  let refusal = await send("first");
  while (refusal.status === 200 && acknowledged < 200) {
    acknowledged += 1;
    refusal = await send("x".repeat(100_000));
  }
  expect(acknowledged).toBeLessThan(200);
  expect(refusal).toMatchObject({ status: 503, body: { code: expect.stringMatching(/^(DiskFull|WriteFailed)$/) } });
  expect(refusal.body.message).toMatch(/disk .* nothing that was acknowledged is lost\.$/);
  expect(await stored()).toBe(acknowledged);

  const client = new ConvexHttpClient(server.url, { logger: false });
  const waiting = new ConvexClient(server.url, { logger: false });
  const seen: number[] = [];
  waiting.onUpdate(app.counters.countMessages, { channel: "full" }, (count) => void seen.push(count));
  const patient = waiting.mutation(app.messages.send, { channel: "full", body: "y".repeat(100_000) });
  await eventually(() => seen.at(-1) === acknowledged, "subscriptions are served");
  await eventually(async () => (await metric(server.url, "convex_writable")) === 0, "the metrics say so");
  expect(server.stderr().split('"store.writesRefused"').length - 1).toBe(1);
  expect(server.stderr()).not.toContain('"server.bug"');

  await Bun.spawn(["prlimit", "--pid", String(server.pid), "--fsize=unlimited:"]).exited;
  await patient;
  await eventually(() => seen.at(-1) === acknowledged + 1, "the patient client's mutation arrived, once");
  await client.mutation(app.messages.send, { channel: "full", body: "after" });
  expect(await metric(server.url, "convex_writable")).toBe(1);
  expect(server.stderr()).toContain('"store.writesTakenAgain"');

  await server.kill9();
  server = await spawnServer(dir, port, ports, [], LIMITED); // as full as before: it starts, and has everything
  expect(await stored()).toBe(acknowledged + 2);
  await server.kill9();
  server = await spawnServer(dir, port, ports);
  expect(await stored()).toBe(acknowledged + 2);
}, 60_000);

test("an upload the disk has no room for is refused like a mutation, and leaves nothing behind", async () => {
  const small = tempDir();
  const limited = await spawnServer(small.dir, 0, [], [], LIMITED);
  await pushFixture(limited.url);
  const client = new ConvexHttpClient(limited.url, { logger: false });
  const url = await client.mutation(app.files.uploadUrl, {});
  const answer = await fetch(url, { method: "POST", body: new Uint8Array(8 * 1024 * 1024) });
  expect([answer.status, await answer.json()]).toMatchObject([503, { message: expect.stringContaining("disk") }]);
  expect(readdirSync(join(small.dir, "files/drafts"))).toEqual([]);
  expect(await client.query(app.files.count, {})).toBe(0);
  await limited.kill9();
  small.remove();
}, 60_000);
