// The one loop of a deployment. It goes through write phases and read phases; nothing else touches the store.
//   L1. In a write phase the queued jobs run one after another, each to its end, inside one WriteGroup: each sees what the
//       earlier ones wrote. This order is the order of the world: strict serialisability by construction.
//   L2. Output gate: nothing a job learned leaves before the group's one commit (one fsync). If that fails, every job of the group fails.
//   L3. No commit happens during a read phase, so everything read in it is one snapshot at `store.latestTs`.
//   L4. Queues are bounded: a full one refuses with Convex's own overload errors.
//   L5. The loop never runs inside a function call's context, whoever woke it.
//   L6. Writes that came during a write phase go before the reads, once: a subscription then runs once for both.
//   L7. Between two phases answers leave. What is better done while nobody waits (`store.tidy`) is done after that, when the queues are empty.
import { type Committed, Conflict, type Store, type Transaction, type WriteGroup } from "../engine/index.ts";
import { runOutsideCalls } from "../runner/call.ts";
import { elapsedMs, realSetImmediate } from "../runner/real-globals.ts";
import { Overloaded } from "./overloaded.ts";

/** Work of a write phase. The returned value is delivered after the group's commit. */
export type WriteJob<T> = (group: OpenGroup) => Promise<T>;

export interface OpenGroup {
  readonly group: WriteGroup;
  /** Applies a transaction now (visible to later jobs), durable with the group. */
  commit(tx: Transaction): Committed;
  /** `work` runs right after the commit, before anybody hears of it: for what memory must know first. */
  afterCommit(work: () => void): void;
}

export interface LoopStats {
  groups: number;
  commits: number;
  /** Commits of the largest group so far. */
  largestGroup: number;
  commitSeconds: number;
}

interface Queued {
  readonly run: (group: OpenGroup) => Promise<unknown>;
  readonly done: (value: never) => void;
  readonly failed: (error: unknown) => void;
}

interface LoopOptions {
  readonly store: Store;
  /** Called after each commit with the index keys it wrote, before the jobs of the group hear of it. */
  readonly onCommitted: (keys: Committed["keys"]) => void;
  /** Called for errors of jobs that belong to nobody (bugs). */
  readonly onBug: (error: unknown) => void;
  /** Called once for each group that could not be committed; its jobs have heard of it already. */
  readonly onGroupFailed?: (error: unknown) => void;
  /** Default 2000 of each kind. */
  readonly maxQueued?: number;
  /** Most jobs that share one commit. Default 256. */
  readonly maxGroup?: number;
}

/** Write phases before those who read have their turn (L6). */
const WRITES_IN_A_ROW = 2;

export class Loop {
  readonly stats: LoopStats = { groups: 0, commits: 0, largestGroup: 0, commitSeconds: 0 };
  readonly #store: Store;
  readonly #options: Required<LoopOptions>;
  #writes: Queued[] = [];
  #exclusive: Queued[] = [];
  #reads: (() => Promise<void>)[] = [];
  #running = false;
  #stopped = false;

  constructor(options: LoopOptions) {
    this.#options = { maxQueued: 2000, maxGroup: 256, onGroupFailed: () => {}, ...options };
    this.#store = options.store;
  }

  /**
   * Runs `job` in a write phase; `done` or `failed` is called once, synchronously, right after the commit (L2), so that what
   * it sends stands before anything the following read phase sends. A full queue calls `failed` with {@link Overloaded} (L4).
   */
  submit<T>(job: WriteJob<T>, done: (value: T) => void, failed: (error: unknown) => void): void {
    if (this.#stopped) {
      failed(shuttingDown());
      return;
    }
    if (this.#writes.length >= this.#options.maxQueued) {
      failed(new Overloaded("CommitterFullError", "Too many writes are waiting to be committed. Please try again shortly."));
      return;
    }
    this.#writes.push({ run: job, done, failed });
    this.#wake();
  }

  /** {@link submit} as a promise. @throws {Overloaded} */
  write<T>(job: WriteJob<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => this.submit(job, resolve, reject));
  }

  /** Like `write`, in a group of its own: for changes other jobs must see whole or not at all (a push, new settings). */
  alone<T>(job: WriteJob<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#stopped) return reject(shuttingDown());
      this.#exclusive.push({ run: job, done: resolve, failed: reject });
      this.#wake();
    });
  }

  /** Runs `job` in a read phase (L3). @throws {Overloaded} when the queue is full (L4) */
  read<T>(job: () => Promise<T>): Promise<T> {
    if (this.#stopped) return Promise.reject(shuttingDown());
    if (this.#reads.length >= this.#options.maxQueued) {
      return Promise.reject(
        new Overloaded("TooManyConcurrentRequests", "Too many queries are waiting to run. Please try again shortly."),
      );
    }
    return new Promise<T>((resolve, reject) => {
      this.#reads.push(() => job().then(resolve, reject));
      this.#wake();
    });
  }

  /** Like `read`, for the server's own duties (a session's transition): never refused, the caller keeps one at a time. */
  readDuty(job: () => Promise<void>): void {
    this.#reads.push(() => job().catch(this.#options.onBug));
    this.#wake();
  }

  /** Takes nothing more and finishes what is queued. Resolves when the loop is idle for good. */
  async stop(): Promise<void> {
    this.#stopped = true;
    while (this.#running || this.#hasWork()) await breathe();
  }

  #hasWork(): boolean {
    return this.#writes.length + this.#exclusive.length + this.#reads.length > 0;
  }

  // A round starts after the sockets that are readable now have been read, so that concurrent requests share one commit.
  #wake(): void {
    if (this.#running) return;
    this.#running = true;
    runOutsideCalls(() => realSetImmediate(() => void this.#run().catch(this.#options.onBug)));
  }

  async #run(): Promise<void> {
    try {
      do {
        await this.#phases();
        this.#tidy();
      } while (this.#hasWork());
    } finally {
      this.#running = false;
      if (this.#hasWork()) this.#wake();
    }
  }

  async #phases(): Promise<void> {
    let writesInARow = 0;
    while (this.#hasWork()) {
      for (const job of this.#exclusive.splice(0)) await this.#writePhase([job]);
      if (this.#writes.length > 0 && (this.#reads.length === 0 || writesInARow < WRITES_IN_A_ROW)) {
        writesInARow += 1;
        await this.#writePhase(this.#writes.splice(0, this.#options.maxGroup));
      } else {
        writesInARow = 0;
        await Promise.all(this.#reads.splice(0).map((job) => job()));
      }
      await breathe();
    }
  }

  #tidy(): void {
    try {
      this.#store.tidy();
    } catch (error) {
      this.#options.onGroupFailed(error);
    }
  }

  async #writePhase(jobs: Queued[]): Promise<void> {
    const group = this.#store.beginGroup();
    const keys: Committed["keys"] = [];
    const firsts: (() => void)[] = [];
    const answers: (() => void)[] = [];
    let commits = 0;
    let broken: { readonly error: unknown } | null = null;
    const open: OpenGroup = {
      group,
      commit: (tx) => {
        try {
          const committed = group.commitTransaction(tx);
          for (const key of committed.keys) keys.push(key);
          commits += 1;
          return committed;
        } catch (error) {
          // A conflict has applied nothing. After anything else the group's state is unknown: all of it goes.
          if (!(error instanceof Conflict)) broken = { error };
          throw error;
        }
      },
      afterCommit: (work) => void firsts.push(work),
    };
    try {
      for (const job of jobs) {
        await job.run(open).then(
          (value) => answers.push(() => job.done(value as never)),
          (error: unknown) => answers.push(() => job.failed(error)),
        );
        if (broken !== null) throw (broken as { readonly error: unknown }).error;
      }
      const startedAt = elapsedMs();
      group.commit();
      this.stats.commitSeconds += (elapsedMs() - startedAt) / 1000;
    } catch (error) {
      group.rollback();
      for (const job of jobs) job.failed(error); // L2
      this.#options.onGroupFailed(error);
      return;
    }
    this.stats.groups += 1;
    this.stats.commits += commits;
    this.stats.largestGroup = Math.max(this.stats.largestGroup, commits);
    for (const work of firsts) work();
    this.#options.onCommitted(keys);
    for (const answer of answers) answer();
  }
}

/** Answers leave, and what has come meanwhile is seen (L7). */
const breathe = (): Promise<void> => new Promise((resolve) => realSetImmediate(resolve));

const shuttingDown = (): Overloaded => new Overloaded("InternalServerError", "The deployment is shutting down.");
