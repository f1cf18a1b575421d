// A client that does not read what it is sent. Over a bare TCP socket, because a stock client cannot be made to stop reading.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { ConvexHttpClient } from "convex/browser";
import { app } from "../testing/fixture-api.ts";
import { eventually, metric, startFixture } from "../testing/fixture-deployment.ts";

let server: Awaited<ReturnType<typeof startFixture>>;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.stop());

describe("a slow reader", () => {
  test("gets fewer transitions, never a queue of them, and the last one shows the end (Y6)", async () => {
    const http = new ConvexHttpClient(server.url, { logger: false });
    const send = () => http.mutation(app.messages.send, { channel: "slow", body: "x".repeat(300_000) });
    const { hostname, port } = new URL(server.url);
    const reader = new RawReader(connect(Number(port), hostname), hostname);
    await reader.upgraded;
    reader.send({
      type: "Connect",
      sessionId: crypto.randomUUID(),
      connectionCount: 0,
      lastCloseReason: null,
      clientTs: Date.now(),
    });
    const add = { type: "Add", queryId: 0, udfPath: "messages:latest", args: [{ channel: "slow", count: 20 }] };
    reader.send({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [add] });
    await eventually(() => metric(server.url, "convex_subscriptions").then((count) => count === 1), "subscribed");
    reader.socket.pause();
    for (let at = 0; at < 60; at++) await send(); // answers of up to 6 MB each, 60 of them
    reader.socket.resume();
    const rows = await eventually(() => (reader.lastRowCount === 20 ? reader.lastRowCount : undefined), "the last state arrives");
    expect(rows).toBe(20);
    expect(reader.transitions).toBeLessThan(50);
    reader.socket.destroy();
  }, 30_000);
});

/** Just enough WebSocket to subscribe and to count what comes back. */
class RawReader {
  transitions = 0;
  lastRowCount = -1;
  readonly upgraded: Promise<void>;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #chunks: string[] = [];

  constructor(
    readonly socket: Socket,
    host: string,
  ) {
    const upgrade = {
      Host: host,
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
      "Sec-WebSocket-Version": "13",
    };
    const headers = Object.entries(upgrade).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET /api/sync HTTP/1.1\r\n${headers.join("")}\r\n`);
    this.upgraded = new Promise((resolve) => {
      socket.once("data", () => {
        socket.on("data", (bytes: Buffer) => this.#read(bytes));
        resolve();
      });
    });
  }

  send(message: object): void {
    const payload = Buffer.from(JSON.stringify(message));
    // Text, masked with zeros, 16-bit length.
    this.socket.write(Buffer.concat([Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 255, 0, 0, 0, 0]), payload]));
  }

  #read(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    for (let frame = this.#takeFrame(); frame !== null; frame = this.#takeFrame()) if (frame.isText) this.#onText(frame.text);
  }

  #takeFrame(): { isText: boolean; text: string } | null {
    if (this.#pendingBytes < 10) return null;
    if (this.#pending.length > 1 && (this.#pending[0]?.length ?? 0) < 10) this.#pending = [Buffer.concat(this.#pending)];
    const head = this.#pending[0] ?? Buffer.alloc(0);
    const short = (head[1] ?? 0) & 127;
    const [from, length] =
      short < 126 ? [2, short] : short === 126 ? [4, head.readUInt16BE(2)] : [10, Number(head.readBigUInt64BE(2))];
    if (this.#pendingBytes < from + length) return null;
    const all = Buffer.concat(this.#pending);
    this.#pending = [all.subarray(from + length)];
    this.#pendingBytes = all.length - from - length;
    return { isText: ((head[0] ?? 0) & 15) === 1, text: all.toString("utf8", from, from + length) };
  }

  #onText(text: string): void {
    const message = JSON.parse(text);
    if (message.type === "TransitionChunk") {
      this.#chunks.push(message.chunk);
      if (message.partNumber + 1 < message.totalParts) return;
      const joined = this.#chunks.join("");
      this.#chunks = [];
      this.#onText(joined);
      return;
    }
    if (message.type !== "Transition") return;
    this.transitions += 1;
    for (const modification of message.modifications)
      if (modification.type === "QueryUpdated") this.lastRowCount = modification.value.length;
  }
}
