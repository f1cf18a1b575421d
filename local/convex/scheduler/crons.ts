// Cron jobs: turns each due time into one run, a row the job runner then executes.
//   K1. The run's row and the cron's next time are one commit: a due time makes one run or, if missed, none.
//   K2. One run at a time per cron; while it runs, due times are skipped. Times missed while the server was down are skipped too.
import { isObject, type JsonObject, type JsonValue, type Store, type WriteGroup } from "../engine/index.ts";
import type { Loop } from "../loop/loop.ts";
import { errorText, type Log } from "../ops/log.ts";
import { nowMs, realSetTimeout } from "../runner/real-globals.ts";
import { insertJob, jobState } from "../runner/scheduling.ts";
import { type CronSpec, nextRunMs } from "./cron-schedule.ts";

const META = "crons";
const MAX_TIMER_MS = 2 ** 31 - 1;
const RETRY_MS = 1000;

interface CronState {
  readonly spec: CronSpec;
  readonly nextMs: number;
  /** The latest run's row. */
  readonly runId: string | null;
}

export interface CronDiff {
  readonly added: string[];
  readonly updated: string[];
  readonly deleted: string[];
}

interface CronsDeps {
  readonly store: Store;
  readonly loop: Loop;
  readonly log: Log;
  /** Runs were inserted. */
  readonly onScheduled: () => void;
}

export class Crons {
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(private readonly deps: CronsDeps) {}

  /** Makes the stored crons those of a new push, in that push's commit. A cron that did not change keeps its next time. */
  replace(group: WriteGroup, specs: readonly CronSpec[]): void {
    const known = this.#read();
    const next = specs.map((spec): CronState => {
      const old = known.find((state) => keyOf(state.spec) === keyOf(spec));
      if (old !== undefined && JSON.stringify(old.spec) === JSON.stringify(spec)) return old;
      const firstMs = spec.schedule.kind === "interval" ? nowMs() : nextRunMs(spec.schedule, nowMs());
      return { spec, nextMs: firstMs, runId: old?.runId ?? null };
    });
    group.putMeta(META, JSON.stringify(next));
  }

  /** What {@link replace} would change for one component ("": the app itself). */
  diff(specs: readonly CronSpec[], component: string): CronDiff {
    const own = (all: readonly CronSpec[]) =>
      new Map(all.filter((spec) => componentOf(spec) === component).map((spec) => [spec.identifier, JSON.stringify(spec)]));
    const known = own(this.#read().map(({ spec }) => spec));
    const wanted = own(specs);
    return {
      added: [...wanted.keys()].filter((name) => !known.has(name)),
      updated: [...wanted].filter(([name, spec]) => known.has(name) && known.get(name) !== spec).map(([name]) => name),
      deleted: [...known.keys()].filter((name) => !wanted.has(name)),
    };
  }

  /** Sets the timer for the next due time. Call at start and after every change. */
  arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#isStopped) return;
    const nextMs = Math.min(...this.#read().map((state) => state.nextMs));
    if (!Number.isFinite(nextMs)) return;
    this.#timer = realSetTimeout(() => void this.#tick(), Math.min(Math.max(0, nextMs - nowMs()), MAX_TIMER_MS));
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #tick(): Promise<void> {
    const { loop, store, log, onScheduled } = this.deps;
    try {
      await loop.write(async (group) => {
        const now = nowMs();
        const tx = store.begin({ kind: "mutation", nowMs: now });
        const next = this.#read().map((state): CronState => {
          if (state.nextMs > now) return state;
          const nextMs = followingMs(state, now);
          const running = state.runId === null ? null : tx.system.get(state.runId, "_cron_runs");
          const runState = running === null ? null : jobState(JSON.parse(running));
          if (runState === "pending" || runState === "inProgress") {
            log.warn("cron.skipped", {
              component: componentOf(state.spec),
              cron: state.spec.identifier,
              reason: "the previous run has not ended",
            });
            return { ...state, nextMs };
          }
          const { path, args } = state.spec;
          const job = { component: componentOf(state.spec), path, args, dueMs: state.nextMs, nowMs: now };
          return { ...state, nextMs, runId: insertJob(tx, "_cron_runs", job) };
        });
        group.commit(tx);
        group.group.putMeta(META, JSON.stringify(next)); // K1
        group.afterCommit(onScheduled);
      });
      this.arm();
    } catch (error) {
      log.error("cron.postponed", { error: errorText(error) });
      if (!this.#isStopped) this.#timer = realSetTimeout(() => void this.#tick(), RETRY_MS);
    }
  }

  #read(): CronState[] {
    const parsed: JsonValue = JSON.parse(this.deps.store.getMeta(META) ?? "[]");
    if (!Array.isArray(parsed)) throw new Error("The stored cron jobs are not a list.");
    return parsed.filter(isObject).map(parseState);
  }
}

const componentOf = (spec: CronSpec): string => spec.component ?? "";
const keyOf = (spec: CronSpec): string => `${componentOf(spec)}\n${spec.identifier}`;

// K2: an interval keeps its rhythm, whatever was missed.
function followingMs({ spec, nextMs }: CronState, now: number): number {
  if (spec.schedule.kind === "cron") return nextRunMs(spec.schedule, now);
  const missed = Math.floor((now - nextMs) / spec.schedule.everyMs);
  return nextMs + (missed + 1) * spec.schedule.everyMs;
}

function parseState(state: JsonObject): CronState {
  // Written by this file only, in the same version or an older one of the same shape.
  return state as unknown as CronState;
}
