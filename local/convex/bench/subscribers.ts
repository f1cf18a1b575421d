// What subscribers wait for: a mutation's way to one callback among many subscriptions, and to three hundred clients at once.
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { app } from "../testing/fixture-api.ts";
import { eventually, metric, type ServerProcess } from "../testing/fixture-deployment.ts";
import { BODY } from "./messages.ts";

const CALLBACK_SAMPLES = 400;
const WARM_SAMPLES = 60;
const BROADCAST_SAMPLES = 100;
const BROADCAST_CLIENTS = 300;
const BYSTANDER_CLIENTS = 20;
/** For the collector to give back what subscribing itself took. */
const SETTLE_MS = 2000;

export interface Callbacks {
  /** ms from the call of the mutation to the callback. */
  readonly waitsMs: readonly number[];
  /** Query functions run, and callbacks made, that no write asked for. */
  readonly spurious: number;
  /** Resident memory of the server for each thousand subscriptions, kB. */
  readonly kbPer1k: number;
}

/** One stock client waits for one query while `subscriptions - 1` others, of stock clients in another process, concern nobody. */
export async function measureCallbacks(server: ServerProcess, subscriptions: number): Promise<Callbacks> {
  const http = new ConvexHttpClient(server.url, { logger: false, skipConvexDeploymentUrlCheck: true });
  const client = new ConvexClient(server.url, { logger: false, skipConvexDeploymentUrlCheck: true });
  const channel = `watched-${subscriptions}`;
  let seen: (bodies: string[]) => void = () => {};
  client.onUpdate(app.messages.latest, { channel, count: 1 }, (rows) => seen(rows.map(({ body }) => body)));
  const rssBefore = await metric(server.url, "convex_resident_memory_bytes");
  const crowd = await Bystanders.gather(server.url, subscriptions - 1);
  await Bun.sleep(SETTLE_MS);
  const rssAfter = await metric(server.url, "convex_resident_memory_bytes");
  await eventually(() => metric(server.url, "convex_subscriptions").then((count) => count === subscriptions), "all subscribed");
  const one = async (at: number): Promise<number> => {
    const body = `${BODY} ${at}`;
    const arrived = new Promise<void>((resolve) => {
      seen = (bodies) => bodies.includes(body) && resolve();
    });
    const startedAt = performance.now();
    await http.mutation(app.messages.send, { channel, body }, { skipQueue: true });
    await arrived;
    return performance.now() - startedAt;
  };
  for (let at = 0; at < WARM_SAMPLES; at++) await one(at);
  const runs = await metric(server.url, "convex_query_runs_total");
  const waitsMs: number[] = [];
  for (let at = 0; at < CALLBACK_SAMPLES; at++) waitsMs.push(await one(WARM_SAMPLES + at));
  const extraRuns = (await metric(server.url, "convex_query_runs_total")) - runs - CALLBACK_SAMPLES;
  const spurious = extraRuns + (await crowd.disperse());
  await client.close();
  await eventually(() => metric(server.url, "convex_subscriptions").then((count) => count === 0), "all gone");
  return { waitsMs, spurious, kbPer1k: (rssAfter - rssBefore) / 1024 / (subscriptions / 1000) };
}

/** ms from the call of a mutation until every client has the transition. Raw sockets: 300 stock clients would measure themselves. */
export async function measureBroadcast(server: ServerProcess): Promise<number[]> {
  const http = new ConvexHttpClient(server.url, { logger: false, skipConvexDeploymentUrlCheck: true });
  const listeners = await Promise.all(Array.from({ length: BROADCAST_CLIENTS }, () => Listener.open(server.url, "broadcast")));
  const waitsMs: number[] = [];
  for (let at = 0; at < WARM_SAMPLES + BROADCAST_SAMPLES; at++) {
    const all = Promise.all(listeners.map((listener) => listener.next()));
    const startedAt = performance.now();
    await http.mutation(app.messages.send, { channel: "broadcast", body: `${BODY} ${at}` }, { skipQueue: true });
    await all;
    if (at >= WARM_SAMPLES) waitsMs.push(performance.now() - startedAt);
  }
  for (const listener of listeners) listener.close();
  return waitsMs;
}

class Bystanders {
  private constructor(private readonly child: Bun.Subprocess<"pipe", "pipe", "inherit">) {}

  static async gather(url: string, subscriptions: number): Promise<Bystanders> {
    const script = resolve(import.meta.dir, "bystanders.ts");
    const clients = Math.min(BYSTANDER_CLIENTS, Math.max(1, subscriptions));
    const child = Bun.spawn([process.execPath, script, url, String(subscriptions), String(clients)], {
      env: { PATH: process.env.PATH ?? "", HOME: tmpdir() },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const crowd = new Bystanders(child);
    await crowd.#line();
    return crowd;
  }

  /** @returns the callbacks none of them should have had */
  async disperse(): Promise<number> {
    this.child.stdin.end();
    const { spurious } = JSON.parse(await this.#line()) as { spurious: number };
    await this.child.exited;
    return spurious;
  }

  #unread = "";
  readonly #decoder = new TextDecoder();

  async #line(): Promise<string> {
    const reader = this.child.stdout.getReader();
    try {
      for (;;) {
        const end = this.#unread.indexOf("\n");
        if (end !== -1) {
          const line = this.#unread.slice(0, end);
          this.#unread = this.#unread.slice(end + 1);
          return line;
        }
        const { value, done } = await reader.read();
        if (done) throw new Error("the bystanders' process ended early");
        this.#unread += this.#decoder.decode(value);
      }
    } finally {
      reader.releaseLock();
    }
  }
}

/** One raw sync connection with one subscription. */
class Listener {
  #heard: () => void = () => {};

  private constructor(private readonly socket: WebSocket) {
    socket.onmessage = ({ data }) => {
      if (String(data).includes('"QueryUpdated"')) this.#heard();
    };
  }

  static async open(url: string, channel: string): Promise<Listener> {
    const socket = new WebSocket(`${url.replace("http", "ws")}/api/1.48.0/sync`);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    const listener = new Listener(socket);
    const subscribed = listener.next();
    const connect = { sessionId: crypto.randomUUID(), connectionCount: 0, lastCloseReason: null, clientTs: Date.now() };
    const add = { type: "Add", queryId: 0, udfPath: "messages:latest", args: [{ channel, count: 5 }] };
    socket.send(JSON.stringify({ type: "Connect", ...connect }));
    socket.send(JSON.stringify({ type: "ModifyQuerySet", baseVersion: 0, newVersion: 1, modifications: [add] }));
    await subscribed;
    return listener;
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#heard = resolve;
    });
  }

  close(): void {
    this.socket.close();
  }
}
