// Eight stock clients at work on a server process that is killed with SIGKILL again and again and started on the same file.
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { reservePort } from "../../http/servers.ts";
import { eventually, pushApp, type ServerProcess, spawnServer, tempDir } from "../../testing/fixture-deployment.ts";
import { PROOF_APP_DIR } from "../proof-app.ts";
import { randomFrom } from "../random.ts";
import type { Evidence } from "./judge.ts";

const note = makeFunctionReference<"mutation", { key: string; by: string; delayMs: number; withAction: boolean }, number>(
  "ledger:note",
);
const noteOnce = makeFunctionReference<"mutation", { key: string; by: string }, boolean>("ledger:noteOnce");
const actForClient = makeFunctionReference<"action", { key: string }, string>("ledger:actForClient");
const counter = makeFunctionReference<"query", { name: string }, number>("ledger:counter");
const keysBy = makeFunctionReference<"query", { by: string }, string[]>("ledger:keysBy");
const openJobs = makeFunctionReference<"query", Record<string, never>, number>("ledger:openJobs");

const SOCKET_CLIENTS = 5;
const HTTP_CLIENTS = 3;
/** Mutations one WebSocket client has under way at a time. */
const LANES = 2;
/** Clients go slowly enough that lists stay short over a whole run. */
const PAUSE_MS = 8;
/** Most kills come once some clients are at work again: after this many answers to WebSocket clients, at a random moment. */
const ANSWERS_BETWEEN_KILLS = 15;
const MAX_KILL_DELAY_MS = 120;
/** Every so many, a kill waits until every WebSocket client is at work, and falls on an action that was just sent: clients that wait longer
 * each time before they connect again would else see nothing of a run, and a run would now and then cut no action off. */
const ACTION_KILL_EVERY = 4;

export interface CrashRun {
  readonly evidence: Evidence;
  readonly kills: number;
}

export async function runCrashes(options: { readonly kills: number; readonly seed: number }): Promise<CrashRun> {
  const { dir, remove } = tempDir();
  const ports = [reservePort("127.0.0.1"), reservePort("127.0.0.1")] as const;
  const start = () => spawnServer(dir, ports[0], ["--site-port", String(ports[1])]);
  let server: ServerProcess = await start();
  try {
    await pushApp(server.url, PROOF_APP_DIR);
    const startedAtMs = performance.now();
    const clients = new Clients(server.url, options.seed);
    const working = clients.work();
    const random = randomFrom(options.seed);
    const ticksAfterEachStart: number[] = [];
    for (let kill = 0; kill < options.kills; kill++) {
      const before = [...clients.socketAnswers];
      const answers = () => clients.socketAnswers.map((count, at) => count - (before[at] ?? 0));
      if (kill % ACTION_KILL_EVERY === 0) {
        await eventually(() => Math.min(...answers()) > 0, `every client works after ${kill} kills`, 30_000);
        await clients.nextActionSent();
      } else {
        await eventually(() => sum(answers()) >= ANSWERS_BETWEEN_KILLS, `clients work after ${kill} kills`, 30_000);
        await pause(random() * MAX_KILL_DELAY_MS);
      }
      await server.kill9();
      server = await start();
      ticksAfterEachStart.push(await new ConvexHttpClient(server.url, { logger: false }).query(counter, { name: "ticks" }));
    }
    clients.stop();
    await working;
    const evidence = await clients.evidence(ticksAfterEachStart, startedAtMs);
    await clients.close();
    return { evidence, kills: options.kills };
  } finally {
    await server.kill9();
    remove();
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

type Mutable<T> = T extends readonly (infer U)[] ? U[] : never;

class Clients {
  /** Mutations answered so far, by WebSocket client. */
  readonly socketAnswers: number[] = Array.from({ length: SOCKET_CLIENTS }, () => 0);
  #actionSent = Promise.withResolvers<void>();
  #isStopping = false;
  readonly #sockets: ConvexClient[];
  readonly #acknowledged: Mutable<Evidence["acknowledged"]> = [];
  readonly #actions: Mutable<Evidence["actions"]> = [];
  readonly #scheduled: string[] = [];
  readonly #scheduledActions: string[] = [];
  readonly #counters: { what: string; values: number[] }[] = [];
  readonly #lists: { what: string; values: string[][] }[] = [];

  constructor(
    private readonly url: string,
    private readonly seed: number,
  ) {
    this.#sockets = Array.from({ length: SOCKET_CLIENTS }, () => new ConvexClient(url, { logger: false }));
    for (const [at, client] of this.#sockets.entries()) {
      this.#watchCounter(client, at % 2 === 0 ? "notes" : "ticks", at);
      if (at < 2) this.#watchList(client, `socket ${at}`);
    }
  }

  /** Until `stop`, and then until every answer is there. */
  async work(): Promise<void> {
    await Promise.all([
      ...this.#sockets.flatMap((client, at) => Array.from({ length: LANES }, (_, lane) => this.#socketLane(client, at, lane))),
      ...this.#sockets.slice(0, 2).map((client, at) => this.#actionLane(client, at)),
      ...Array.from({ length: HTTP_CLIENTS }, (_, at) => this.#httpLane(at)),
    ]);
  }

  stop(): void {
    this.#isStopping = true;
  }

  /** Resolves at the moment a client sends its next action. */
  nextActionSent(): Promise<void> {
    return this.#actionSent.promise;
  }

  async close(): Promise<void> {
    await Promise.all(this.#sockets.map((client) => client.close()));
  }

  /** Waits for what is still under way on the server, then reads everything. */
  async evidence(ticksAfterEachStart: number[], startedAtMs: number): Promise<Evidence> {
    const client = new ConvexHttpClient(this.url, { logger: false });
    const keys = (by: string) => client.query(keysBy, { by });
    const ticks = () => client.query(counter, { name: "ticks" });
    await eventually(async () => (await client.query(openJobs, {})) === 0, "every scheduled function ends", 30_000);
    await eventually(async () => (await ticks()) > (ticksAfterEachStart.at(-1) ?? 0), "the cron ticks after the last start");
    const writers = [...this.#sockets.keys()]
      .map((at) => `socket ${at}`)
      .concat(Array.from({ length: HTTP_CLIENTS }, (_, at) => `http ${at}`));
    const noteCount = await client.query(counter, { name: "notes" });
    await eventually(
      () => this.#counters.every(({ what, values }) => !what.startsWith("notes") || values.at(-1) === noteCount),
      "every subscriber sees the end",
      30_000,
    );
    return {
      acknowledged: this.#acknowledged,
      actions: this.#actions,
      scheduled: this.#scheduled,
      scheduledActions: this.#scheduledActions,
      stored: {
        notes: (await Promise.all(writers.map(keys))).flat(),
        jobs: await keys("jobs"),
        acts: await keys("actions"),
        noteCount,
        ticks: await ticks(),
      },
      counters: this.#counters,
      lists: this.#lists,
      finalLists: Object.fromEntries(await Promise.all(this.#lists.map(async ({ what }) => [what, await keys(what)] as const))),
      ticksAfterEachStart,
      elapsedMs: performance.now() - startedAtMs,
    };
  }

  #watchCounter(client: ConvexClient, name: string, at: number): void {
    const watched = { what: `${name} as socket ${at} sees it`, values: [] as number[] };
    this.#counters.push(watched);
    client.onUpdate(counter, { name }, (value) => void watched.values.push(value));
  }

  #watchList(client: ConvexClient, by: string): void {
    const watched = { what: by, values: [] as string[][] };
    this.#lists.push(watched);
    client.onUpdate(keysBy, { by }, (value) => void watched.values.push(value));
  }

  /** The client itself sends again what was not answered: the function is not safe to repeat. */
  async #socketLane(client: ConvexClient, at: number, lane: number): Promise<void> {
    const random = randomFrom(this.seed + 10 * at + lane);
    for (let n = 0; !this.#isStopping; n++) {
      const key = `socket ${at}.${lane}.${n}`;
      const withAction = random() < 0.2;
      const count = await client.mutation(note, { key, by: `socket ${at}`, delayMs: Math.floor(random() * 400), withAction });
      this.socketAnswers[at] = (this.socketAnswers[at] ?? 0) + 1;
      this.#acknowledged.push({ key, count });
      this.#scheduled.push(key);
      if (withAction) this.#scheduledActions.push(key);
      await pause(PAUSE_MS);
    }
  }

  /** Actions are not sent again: the client reports a lost connection. */
  async #actionLane(client: ConvexClient, at: number): Promise<void> {
    for (let n = 0; !this.#isStopping; n++) {
      const key = `action ${at}.${n}`;
      const answer = client.action(actForClient, { key });
      this.#actionSent.resolve();
      this.#actionSent = Promise.withResolvers<void>();
      const isDone = await answer.then(
        () => true,
        () => false,
      );
      this.#actions.push({ key, isDone });
      await pause(5 * PAUSE_MS);
    }
  }

  /** An HTTP client cannot know whether a lost call arrived: it repeats a function that is safe to repeat. */
  async #httpLane(at: number): Promise<void> {
    const client = new ConvexHttpClient(this.url, { logger: false });
    for (let n = 0; !this.#isStopping; n++) {
      const key = `http ${at}.${n}`;
      for (;;) {
        const isDone = await client.mutation(noteOnce, { key, by: `http ${at}` }).then(
          () => true,
          () => false,
        );
        if (isDone) break;
        await pause(PAUSE_MS);
      }
      this.#acknowledged.push({ key, count: null });
      await pause(PAUSE_MS);
    }
  }
}
