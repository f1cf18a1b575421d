// Results of queries, kept for as long as they are true. Decides what must run again after a commit, and runs it once for everybody.
//   Q1. A result stays valid until a key inside one of the intervals it really read is written; then its subscribers are told, once.
//   Q2. Callers share a result when path, arguments, journal and, if the function asked for it, identity are the same.
//   Q3. `read` and `subscribe` are called in the same read phase; no commit can come between them.
//   Q4. A failed query keeps its read set: it recovers by itself when what it read changes.

import { type Identity, identityKey } from "../auth/identity.ts";
import {
  type Committed,
  type IntervalHandle,
  IntervalIndex,
  type JsonObject,
  type ReadInterval,
  type Store,
} from "../engine/index.ts";
import { type Failure, failureOf } from "../runner/failure.ts";
import { addressIn, type CodeVersion, findFunction, type Reach, type RegisteredFunction, reachOf } from "../runner/functions.ts";
import type { RequestOrigin } from "../runner/origin.ts";
import { nowMs } from "../runner/real-globals.ts";
import { functionHandle } from "../runner/syscall-args.ts";
import type { TransactionRunner } from "../runner/transaction-runner.ts";

export interface QueryRequest {
  /** Path of the component to look in; "" (default) is the app itself. */
  readonly component?: string;
  readonly path: string;
  readonly args: JsonObject;
  readonly argsJson: string;
  readonly journal: string | null;
  readonly identity: Identity;
  readonly origin: RequestOrigin;
  /** Set for calls by the app or a component itself. */
  readonly reach?: Reach;
}

export type QueryAnswer =
  | { readonly ok: true; readonly valueJson: string; readonly lines: readonly string[]; readonly journal: string | null }
  | {
      readonly ok: false;
      readonly failure: Failure;
      readonly requestId: string;
      readonly lines: readonly string[];
      readonly journal: string | null;
    };

/** One answer and what it depends on. Opaque to callers, apart from the answer. */
export interface LiveResult {
  readonly answer: QueryAnswer;
  readonly key: string | null;
  readonly reads: readonly ReadInterval[];
  readonly identityObserved: boolean;
  readonly identityKey: string;
  readonly subscribers: Set<() => void>;
  handles: IntervalHandle<LiveResult>[];
  isStale: boolean;
}

interface LiveQueriesOptions {
  readonly store: Store;
  readonly runner: TransactionRunner;
  readonly code: () => CodeVersion;
  readonly onRun: (fn: RegisteredFunction, answer: QueryAnswer, tookMs: number, request: QueryRequest) => void;
}

/** Results nobody subscribed to are kept until the next commit, and no more than this of them. */
const MAX_IDLE_RESULTS = 1000;
const MAX_IDLE_CHARS = 16 * 1024 * 1024;

export class LiveQueries {
  readonly stats = { runs: 0, shared: 0, invalidated: 0 };
  readonly #fresh = new Map<string, LiveResult>();
  readonly #running = new Map<string, Promise<LiveResult>>();
  readonly #subscribed = new Set<LiveResult>();
  readonly #idle = new Set<LiveResult>();
  /** Size of what went into `#idle` since it was emptied. */
  #idleChars = 0;
  readonly #index = new IntervalIndex<LiveResult>();
  /** Functions that have ever asked who is calling: their results are not shared between identities while they run. */
  readonly #personal = new Set<string>();

  constructor(private readonly options: LiveQueriesOptions) {}

  get subscriptionCount(): number {
    return this.#subscribed.size;
  }

  /** The current answer, from memory when it is still true. Only in a read phase (Q3). @throws when the deployment failed */
  async read(request: QueryRequest): Promise<LiveResult> {
    let fn: RegisteredFunction;
    try {
      fn = findFunction(this.options.code(), addressIn(request), "query", reachOf(request));
    } catch (error) {
      return this.#refused(request, error);
    }
    const who = identityKey(request.identity);
    const name = functionHandle(fn.home.path, fn.path);
    const sharedKey = `${name}\n${request.journal ?? ""}\n${request.argsJson}`;
    const personalKey = `${sharedKey}\n${who}`;
    for (;;) {
      const known = this.#fresh.get(sharedKey) ?? this.#fresh.get(personalKey);
      if (known !== undefined) {
        this.stats.shared += 1;
        return known;
      }
      const runKey = this.#personal.has(name) ? personalKey : sharedKey;
      const running = this.#running.get(runKey);
      if (running === undefined) {
        const run = this.#run(fn, name, request, who, sharedKey, personalKey).finally(() => this.#running.delete(runKey));
        this.#running.set(runKey, run);
        return run;
      }
      const result = await running;
      if (!result.identityObserved || result.identityKey === who) {
        this.stats.shared += 1;
        return result;
      }
    }
  }

  /** `onStale` is called once, when the result stops being true (Q1). Returns the way out. */
  subscribe(result: LiveResult, onStale: () => void): () => void {
    if (result.isStale) throw new Error("Q3: a result was subscribed to after it became stale.");
    if (result.subscribers.size === 0) {
      this.#idle.delete(result);
      this.#subscribed.add(result);
      result.handles = result.reads.map((interval) => this.#index.insert(interval, result));
    }
    result.subscribers.add(onStale);
    return () => {
      result.subscribers.delete(onStale);
      if (result.subscribers.size === 0 && !result.isStale) this.#drop(result);
    };
  }

  /** A commit wrote these index keys. */
  invalidate(keys: Committed["keys"]): void {
    if (keys.length === 0) return;
    this.#forgetIdle();
    const hit = new Set<LiveResult>();
    for (const { indexId, key } of keys) this.#index.stab(indexId, key, (result) => hit.add(result));
    for (const result of hit) this.#expire(result);
  }

  /** The code changed: every answer must be given anew. */
  invalidateAll(): void {
    this.#forgetIdle();
    for (const result of [...this.#subscribed]) this.#expire(result);
  }

  async #run(
    fn: RegisteredFunction,
    name: string,
    request: QueryRequest,
    who: string,
    sharedKey: string,
    personalKey: string,
  ): Promise<LiveResult> {
    const { store, runner, code, onRun } = this.options;
    const version = code();
    const begin = (component: string) => store.begin({ kind: "query", nowMs: nowMs(), component });
    const tx = begin(fn.home.path);
    this.stats.runs += 1;
    const run = await runner.run({
      code: version,
      fn,
      args: request.args,
      argsJson: `[${request.argsJson}]`,
      tx,
      identity: request.identity,
      origin: request.origin,
      snapshotTs: store.latestTs,
      previousJournal: request.journal,
      beginSnapshot: begin,
    });
    const { outcome, lines, identityObserved } = run;
    const answer: QueryAnswer = outcome.ok
      ? { ok: true, valueJson: outcome.valueJson, lines, journal: outcome.journal }
      : { ok: false, failure: outcome.failure, requestId: request.origin.requestId, lines, journal: outcome.journal };
    onRun(fn, answer, run.tookMs, request);
    if (identityObserved) this.#personal.add(name);
    const key = identityObserved ? personalKey : sharedKey;
    const result = newResult(answer, key, tx.reads, identityObserved, who);
    this.#fresh.set(key, result);
    this.#idle.add(result);
    this.#idleChars += answer.ok ? answer.valueJson.length : 0;
    if (this.#idle.size > MAX_IDLE_RESULTS || this.#idleChars > MAX_IDLE_CHARS) this.#dropIdle();
    return result;
  }

  #refused(request: QueryRequest, error: unknown): LiveResult {
    const failure = failureOf(error, this.options.code().dir);
    const answer: QueryAnswer = { ok: false, failure, requestId: request.origin.requestId, lines: [], journal: null };
    return newResult(answer, null, [], false, "");
  }

  #expire(result: LiveResult): void {
    this.stats.invalidated += 1;
    result.isStale = true;
    const subscribers = [...result.subscribers];
    result.subscribers.clear();
    this.#drop(result);
    for (const onStale of subscribers) onStale();
  }

  // Still true, so whoever holds one may yet subscribe to it in this read phase.
  #dropIdle(): void {
    for (const result of [...this.#idle]) this.#drop(result);
    this.#idleChars = 0;
  }

  // Nobody subscribed, so nothing of these is in the index: a commit may have changed any of them.
  #forgetIdle(): void {
    for (const result of [...this.#idle]) {
      result.isStale = true;
      this.#drop(result);
    }
    this.#idleChars = 0;
  }

  #drop(result: LiveResult): void {
    for (const handle of result.handles) this.#index.remove(handle);
    result.handles = [];
    this.#idle.delete(result);
    this.#subscribed.delete(result);
    if (result.key !== null && this.#fresh.get(result.key) === result) this.#fresh.delete(result.key);
  }
}

const newResult = (
  answer: QueryAnswer,
  key: string | null,
  reads: readonly ReadInterval[],
  identityObserved: boolean,
  who: string,
): LiveResult => ({
  answer,
  key,
  reads,
  identityObserved,
  identityKey: who,
  subscribers: new Set(),
  handles: [],
  isStale: false,
});
