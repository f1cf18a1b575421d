// Runs scheduled functions: rows of `_scheduled_functions` (the app's and each component's own) and `_cron_runs` (made by crons).
//   J1. A mutation runs exactly once: its writes and the job's end are one commit.
//   J2. An action runs at most once: `inProgress` is stored before it starts, and one found so after a restart has failed.
//   J3. A job is never lost: until its end is stored it stays pending, and a failure of the deployment itself only delays it.
//   J4. Jobs of a component that is not mounted wait until it is mounted again.

import { type FunctionCalls, ownCall } from "../calls.ts";
import type { Store, Transaction } from "../engine/index.ts";
import type { Loop } from "../loop/loop.ts";
import { errorText, type Log } from "../ops/log.ts";
import { clientMessage, type Failure } from "../runner/failure.ts";
import { canonicalPath } from "../runner/function-path.ts";
import { nowMs, realSetTimeout } from "../runner/real-globals.ts";
import { jobState } from "../runner/scheduling.ts";
import { JOB_TABLES, type JobTable, jobsInState, type StoredJob } from "./job-rows.ts";

/** Jobs running at the same time. */
const MAX_PARALLEL = 64;
const MAX_TIMER_MS = 2 ** 31 - 1;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;
const STALLED = "The function let nothing else happen for too long and was ended with the process";

interface JobsDeps {
  readonly store: Store;
  readonly loop: Loop;
  readonly calls: FunctionCalls;
  readonly log: Log;
}

export class Jobs {
  readonly stats = { succeeded: 0, failed: 0 };
  readonly #running = new Set<string>();
  #isLookQueued = false;
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(private readonly deps: JobsDeps) {}

  get runningCount(): number {
    return this.#running.size;
  }

  /**
   * J2: fails the actions a crash interrupted, then starts looking. Call once, before anything else schedules.
   * @param stalledJobId the job that kept the last process from doing anything else, or null: it is failed, not tried again
   */
  async start(stalledJobId: string | null = null): Promise<void> {
    const { loop, store, log } = this.deps;
    await loop.write(async (group) => {
      const tx = store.begin({ kind: "mutation", nowMs: nowMs() });
      for (const table of JOB_TABLES) {
        for (const component of store.components(table)) {
          const own = tx.child({ component });
          for (const job of jobsInState(own, table, "inProgress", Number.POSITIVE_INFINITY)) {
            log.warn("job.interrupted", { id: job.id, component: job.component, path: job.path });
            end(own, job.id, { kind: "failed", error: "Transient error while executing action" });
          }
          tx.adopt(own);
        }
      }
      const stalledIn = stalledJobId === null ? null : store.componentOf(stalledJobId);
      if (stalledJobId !== null && stalledIn !== null) {
        const own = tx.child({ component: stalledIn });
        if (JOB_TABLES.some((table) => own.tableOf(stalledJobId) === table && stateOf(own, table, stalledJobId) === "pending")) {
          end(own, stalledJobId, { kind: "failed", error: STALLED });
        }
        tx.adopt(own);
      }
      group.commit(tx);
    });
    this.look();
  }

  /** Something may be due: look, in the next read phase. */
  look(): void {
    if (this.#isLookQueued || this.#isStopped) return;
    this.#isLookQueued = true;
    this.deps.loop.readDuty(async () => {
      this.#isLookQueued = false;
      this.#startDue();
    });
  }

  /** Starts nothing more. Running mutations finish with the loop; running actions are interrupted as by a crash (J2). */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #startDue(): void {
    if (this.#isStopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { due, nextMs } = this.#pending();
    due.sort((a, b) => a.job.dueMs - b.job.dueMs); // no component's backlog keeps the others waiting
    for (const { table, job } of due) {
      if (this.#running.size >= MAX_PARALLEL) break; // the end of a running one looks again
      this.#running.add(job.id);
      void this.#run(table, job).finally(() => {
        this.#running.delete(job.id);
        this.look();
      });
    }
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#timer = realSetTimeout(() => this.look(), Math.min(Math.max(0, nextMs - nowMs()), MAX_TIMER_MS));
  }

  /** What is due and not running, as far as there could be room for it, and when the next job is due (ms since the epoch). */
  #pending(): { due: { table: JobTable; job: StoredJob }[]; nextMs: number } {
    const { store, calls } = this.deps;
    const due: { table: JobTable; job: StoredJob }[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const table of JOB_TABLES) {
      for (const component of store.components(table)) {
        if (!calls.isMounted(component)) continue; // J4
        const tx = store.begin({ kind: "query", nowMs: nowMs(), component });
        for (const job of jobsInState(tx, table, "pending", MAX_PARALLEL + this.#running.size + 1)) {
          if (this.#running.has(job.id)) continue;
          if (job.dueMs > nowMs()) {
            nextMs = Math.min(nextMs, job.dueMs);
            break;
          }
          due.push({ table, job });
        }
      }
    }
    return { due, nextMs };
  }

  async #run(table: JobTable, job: StoredJob): Promise<void> {
    try {
      const call = ownCall(job, job.id);
      const kind = this.#kindOf(job);
      if (kind === null)
        await this.#endWith(table, job, { kind: "failed", error: `Could not find function for '${canonicalPath(job.path)}'` });
      else if (kind === "mutation") await this.#runMutation(table, job);
      else await this.#runAction(table, job, call);
    } catch (error) {
      // J3: nothing is stored about this attempt, so the job is still pending (or will be failed at the next start).
      this.deps.log.error("job.postponed", { id: job.id, path: job.path, error: errorText(error) });
      await new Promise<void>((resolve) => realSetTimeout(resolve, FIRST_RETRY_MS));
    }
  }

  #kindOf(job: StoredJob): "mutation" | "action" | null {
    try {
      const { kind } = this.deps.calls.find(ownCall(job, job.id), null);
      return kind === "query" ? null : kind;
    } catch {
      return null;
    }
  }

  // J1
  #runMutation(table: JobTable, job: StoredJob): Promise<void> {
    const { loop, store, calls } = this.deps;
    return loop.write(async (group) => {
      const tx = store.begin({ kind: "mutation", nowMs: nowMs(), component: job.owner });
      if (stateOf(tx, table, job.id) !== "pending") return;
      const child = tx.child({ kind: "mutation", component: job.component });
      const run = await calls.runOwnMutation(ownCall(job, job.id), child);
      if (run.outcome.ok) tx.adopt(child);
      this.#count(run.outcome.ok);
      end(tx, job.id, run.outcome.ok ? { kind: "success" } : failed(run.outcome.failure, job.id));
      group.commit(tx);
    });
  }

  // J2
  async #runAction(table: JobTable, job: StoredJob, call: ReturnType<typeof ownCall>): Promise<void> {
    const { loop, store, calls } = this.deps;
    const isOurs = await loop.write(async (group) => {
      const tx = store.begin({ kind: "mutation", nowMs: nowMs(), component: job.owner });
      if (stateOf(tx, table, job.id) !== "pending") return false;
      tx.system.shallowMerge(job.id, { state: { kind: "inProgress" } });
      group.commit(tx);
      return true;
    });
    if (!isOurs) return;
    const result = await calls
      .action(call)
      .catch((error: unknown) => ({ ok: false as const, failure: { description: errorText(error), dataJson: null } }));
    this.#count(result.ok);
    const state = result.ok ? ({ kind: "success" } as const) : failed(result.failure, call.origin.requestId);
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, LAST_RETRY_MS)) {
      try {
        return await this.#endWith(table, job, state);
      } catch (error) {
        if (this.#isStopped) return;
        this.deps.log.error("job.resultNotStored", { id: job.id, path: job.path, error: errorText(error) });
        await new Promise<void>((resolve) => realSetTimeout(resolve, waitMs));
      }
    }
  }

  #endWith(table: JobTable, job: StoredJob, state: EndState): Promise<void> {
    const { loop, store } = this.deps;
    return loop.write(async (group) => {
      const tx = store.begin({ kind: "mutation", nowMs: nowMs(), component: job.owner });
      const current = stateOf(tx, table, job.id);
      if (current !== "pending" && current !== "inProgress") return; // cancelled meanwhile: it stays cancelled
      end(tx, job.id, state);
      group.commit(tx);
    });
  }

  #count(isSuccess: boolean): void {
    this.stats[isSuccess ? "succeeded" : "failed"] += 1;
  }
}

type EndState = { readonly kind: "success" } | { readonly kind: "failed"; readonly error: string };

const failed = (failure: Failure, requestId: string): EndState => ({ kind: "failed", error: clientMessage(failure, requestId) });

function end(tx: Transaction, id: string, state: EndState): void {
  tx.system.shallowMerge(id, { state: { ...state }, completedTime: nowMs() });
}

function stateOf(tx: Transaction, table: JobTable, id: string) {
  const text = tx.system.get(id, table);
  return text === null ? null : jobState(JSON.parse(text));
}
