import { afterAll, beforeAll, expect, test } from "bun:test";
import { type RunningConvex, startConvex } from "../start.ts";
import { ADMIN_KEY, eventually, tempDir } from "../testing/fixture-deployment.ts";

const PING_AFTER_MS = 150;
const { dir, remove } = tempDir();
let server: RunningConvex;
beforeAll(async () => {
  server = await startConvex({ dir, port: 0, adminKey: ADMIN_KEY, pingAfterMs: PING_AFTER_MS, log: () => {} });
});
afterAll(async () => {
  await server.stop();
  remove();
});

test("a silent connection hears a ping again and again; one that hears something else does not", async () => {
  const silent = await connected();
  const busy = await connected();
  const talk = setInterval(() => busy.say(), PING_AFTER_MS / 10);
  await eventually(() => silent.heard.filter((type) => type === "Ping").length >= 5, "five pings");
  clearInterval(talk);
  expect(busy.heard.filter((type) => type === "Transition").length).toBeGreaterThan(5);
  expect(busy.heard.slice(1).filter((type) => type === "Ping").length).toBeLessThan(3); // a busy machine may be late now and then
  silent.close();
  busy.close();
});

/** A raw connection; `say` changes its empty query set, which is answered by a transition. */
async function connected() {
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/sync`);
  const heard: string[] = [];
  socket.onmessage = ({ data }) => void heard.push(String(JSON.parse(String(data)).type));
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  const session = { sessionId: crypto.randomUUID(), connectionCount: 0, lastCloseReason: null, clientTs: Date.now() };
  socket.send(JSON.stringify({ type: "Connect", ...session }));
  let version = 0;
  const say = () => {
    const [baseVersion, newVersion] = [version, ++version];
    socket.send(JSON.stringify({ type: "ModifyQuerySet", baseVersion, newVersion, modifications: [] }));
  };
  say();
  return { heard, say, close: () => socket.close() };
}
