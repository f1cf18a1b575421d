// Writes to `_scheduled_functions` inside somebody's transaction. Running the jobs is the scheduler's.
//   S1. A job exists if and only if the transaction that scheduled it committed.
import type { JsonObject, JsonValue, Transaction } from "../engine/index.ts";
import { storedPath } from "./function-path.ts";
import type { FunctionAddress } from "./functions.ts";

const FIVE_YEARS_MS = 5 * 366 * 86_400_000;
const MAX_ARGS_BYTES = 4 * 1024 * 1024;

export type JobState = "pending" | "inProgress" | "success" | "failed" | "canceled";

export interface NewJob extends FunctionAddress {
  readonly args: JsonObject;
  /** When it is due, ms since the epoch. */
  readonly dueMs: number;
  readonly nowMs: number;
  /** Jobs scheduled by a cancelled action are born cancelled. */
  readonly state?: "pending" | "canceled";
}

/**
 * The row belongs to the component of the transaction, whose `db.system` sees it and whose `cancel` ends it. The function
 * may be another component's (scheduled by its handle): then the row says whose.
 * @returns the job's id. @throws {Error} on a time more than five years away or on arguments above 4 MiB
 */
export function insertJob(tx: Transaction, table: "_scheduled_functions" | "_cron_runs", job: NewJob): string {
  if (!Number.isFinite(job.dueMs) || Math.abs(job.dueMs - job.nowMs) > FIVE_YEARS_MS) {
    throw new Error("The scheduled time must be within five years from now.");
  }
  if (JSON.stringify(job.args).length > MAX_ARGS_BYTES) {
    throw new Error("The arguments of a scheduled function may take at most 4 MiB.");
  }
  return tx.system.insert(table, {
    name: storedPath(job.path),
    ...(job.component === tx.component ? {} : { component: job.component }),
    args: [job.args],
    scheduledTime: job.dueMs,
    state: { kind: job.state ?? "pending" },
  });
}

/** A running action finishes although it is cancelled; a finished job stays as it is. Safe to repeat. */
export function cancelJob(tx: Transaction, id: string, nowMs: number): void {
  const text = tx.system.get(id, "_scheduled_functions");
  if (text === null) return;
  const state = jobState(JSON.parse(text));
  if (state === "pending" || state === "inProgress") {
    tx.system.shallowMerge(id, { state: { kind: "canceled" }, completedTime: nowMs });
  }
}

export function jobState(job: JsonValue): JobState {
  const state = typeof job === "object" && job !== null && !Array.isArray(job) ? job.state : null;
  const kind = typeof state === "object" && state !== null && !Array.isArray(state) ? state.kind : null;
  switch (kind) {
    case "pending":
    case "inProgress":
    case "success":
    case "failed":
    case "canceled":
      return kind;
    default:
      throw new Error(`A scheduled function has the unknown state ${JSON.stringify(kind)}.`);
  }
}
