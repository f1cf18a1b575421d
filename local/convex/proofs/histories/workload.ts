// Stock clients that hammer a deployment with small transactions over few lists, and write down what they did and saw.
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { ConvexError } from "convex/values";
import { randomFrom } from "../random.ts";
import { History, type Operation } from "./history.ts";

type Asked = { kind: "append"; list: string; value: number } | { kind: "read"; list: string };
const transact = makeFunctionReference<"mutation", { operations: Asked[]; isDoomed: boolean }, (number[] | null)[]>(
  "lists:transact",
);
const readAll = makeFunctionReference<"query", { lists: string[] }, number[][]>("lists:readAll");

/** Lists written at any one time. Few, so that transactions meet; each is left after a while, so that reads stay short. */
const LIVE_LISTS = 6;
const APPENDS_PER_LIST = 24;
const DOOMED_SHARE = 0.05;
/** Lists are left soon, so a client looks for others again and again. */
const ROUNDS_PER_SUBSCRIPTION = 20;

export interface WorkloadOptions {
  readonly url: string;
  /** Half of them speak HTTP, half WebSocket. */
  readonly clients: number;
  /** The clients stop once the history has this many. */
  readonly operations: number;
  readonly seed: number;
}

/** Runs the workload to its end, the last reads of every list included. */
export async function runWorkload({ url, clients, operations, seed }: WorkloadOptions): Promise<History> {
  const run = new Workload(url, operations, seed);
  await Promise.all(Array.from({ length: clients }, (_, at) => (at % 2 === 0 ? run.httpClient(at) : run.socketClient(at))));
  await run.readEverything();
  return run.history;
}

class Workload {
  readonly history = new History();
  readonly #appends = new Map<string, number>();
  readonly #live = Array.from({ length: LIVE_LISTS }, (_, at) => `list ${at}`);
  readonly #all = new Set(this.#live);
  #nextValue = 0;
  #operations = 0;

  constructor(
    private readonly url: string,
    private readonly wanted: number,
    private readonly seed: number,
  ) {}

  async httpClient(at: number): Promise<void> {
    const client = new ConvexHttpClient(this.url, { logger: false });
    const name = `http ${at}`;
    const random = randomFrom(this.seed + at);
    while (this.#operations < this.wanted) {
      if (random() < 0.25) await this.#query(client, name, this.#pick(random, 1 + Math.floor(random() * 3)));
      else await this.#transact(name, random, (args) => client.mutation(transact, args, { skipQueue: true }));
    }
  }

  async socketClient(at: number): Promise<void> {
    const client = new ConvexClient(this.url, { logger: false });
    const name = `socket ${at}`;
    const random = randomFrom(this.seed + at);
    let unsubscribe = this.#subscribe(client, name, this.#pick(random, 2));
    for (let round = 1; this.#operations < this.wanted; round++) {
      if (round % ROUNDS_PER_SUBSCRIPTION === 0) {
        unsubscribe();
        unsubscribe = this.#subscribe(client, name, this.#pick(random, 2));
      }
      await this.#transact(name, random, (args) => client.mutation(transact, args));
    }
    unsubscribe();
    await client.close();
  }

  /** Every list once more, after everybody stopped: an acknowledged append that is gone shows here. */
  async readEverything(): Promise<void> {
    const client = new ConvexHttpClient(this.url, { logger: false });
    for (const list of this.#all) await this.#query(client, "last reader", [list]);
  }

  async #query(client: ConvexHttpClient, name: string, lists: string[]): Promise<void> {
    const invokedAtMs = performance.now();
    const seen = await client.query(readAll, { lists });
    this.#add({ client: name, invokedAtMs, outcome: "committed", operations: readsOf(lists, seen) });
  }

  #subscribe(client: ConvexClient, name: string, lists: string[]): () => void {
    let follows: number | undefined;
    return client.onUpdate(readAll, { lists }, (seen) => {
      const operations = readsOf(lists, seen);
      follows = this.#add({
        client: name,
        invokedAtMs: Number.NEGATIVE_INFINITY,
        outcome: "committed",
        operations,
        ...(follows === undefined ? {} : { follows }),
      });
    });
  }

  async #transact(
    name: string,
    random: () => number,
    send: (args: { operations: Asked[]; isDoomed: boolean }) => Promise<(number[] | null)[]>,
  ): Promise<void> {
    const isDoomed = random() < DOOMED_SHARE;
    const operations = this.#plan(random);
    const invokedAtMs = performance.now();
    try {
      const seen = await send({ operations, isDoomed });
      const done = operations.map((each, at): Operation => (each.kind === "append" ? each : { ...each, seen: seen[at] ?? [] }));
      this.#add({ client: name, invokedAtMs, outcome: "committed", operations: done });
    } catch (error) {
      if (!(isDoomed && error instanceof ConvexError)) throw error;
      const tried = operations.filter((each) => each.kind === "append");
      this.#add({ client: name, invokedAtMs, outcome: "aborted", operations: tried });
    }
  }

  #add(txn: Omit<Parameters<History["add"]>[0], "completedAtMs">): number {
    this.#operations += txn.operations.length;
    return this.history.add({ ...txn, completedAtMs: performance.now() });
  }

  /** A third: what makes write skew (two lists read, one of them written) or a lost update. The rest: anything. */
  #plan(random: () => number): Asked[] {
    if (random() < 0.33) {
      const [a = "", b = a] = this.#pick(random, 1 + Math.floor(random() * 2));
      return [{ kind: "read", list: a }, { kind: "read", list: b }, this.#append(random() < 0.5 ? a : b)];
    }
    return Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
      const [list = ""] = this.#pick(random, 1);
      return random() < 0.5 ? this.#append(list) : { kind: "read", list };
    });
  }

  #append(list: string): Asked {
    const appends = (this.#appends.get(list) ?? 0) + 1;
    this.#appends.set(list, appends);
    const at = this.#live.indexOf(list);
    if (appends >= APPENDS_PER_LIST && at !== -1) {
      const next = `list ${this.#all.size}`;
      this.#live[at] = next;
      this.#all.add(next);
    }
    return { kind: "append", list, value: ++this.#nextValue };
  }

  #pick(random: () => number, count: number): string[] {
    const picked = new Set<string>();
    while (picked.size < count) picked.add(this.#live[Math.floor(random() * LIVE_LISTS)] ?? "");
    return [...picked];
  }
}

const readsOf = (lists: readonly string[], seen: readonly (readonly number[])[]): Operation[] =>
  lists.map((list, at) => ({ kind: "read", list, seen: seen[at] ?? [] }));
