// Reads of the two job tables through their indexes.
import { isObject, type JsonObject, type JsonValue, type SystemTable, type Transaction } from "../engine/index.ts";
import { canonicalPath } from "../runner/function-path.ts";
import type { FunctionAddress } from "../runner/functions.ts";
import type { JobState } from "../runner/scheduling.ts";

/** `_cron_runs` has the shape of `_scheduled_functions`, but functions never see it. */
export const JOB_TABLES = ["_scheduled_functions", "_cron_runs"] as const;
export type JobTable = (typeof JOB_TABLES)[number];

export const CRON_RUNS: SystemTable = {
  name: "_cron_runs",
  isHidden: true,
  indexes: [
    { name: "by_due", fields: ["state.kind", "scheduledTime"] },
    { name: "by_completed", fields: ["completedTime"] },
  ],
};

export interface StoredJob extends FunctionAddress {
  readonly id: string;
  /** The component whose row it is; the function may be another one's. */
  readonly owner: string;
  readonly args: JsonObject;
  /** ms since the epoch */
  readonly dueMs: number;
}

/** Jobs in a state, earliest due first. */
export function* jobsInState(tx: Transaction, table: JobTable, state: JobState, limit: number): Generator<StoredJob> {
  yield* jobs(tx, `${table}.by_due`, [{ type: "Eq", fieldPath: "state.kind", value: state }], limit);
}

/** Jobs that ended before a moment (ms since the epoch), oldest first. */
export function* jobsCompletedBefore(tx: Transaction, table: JobTable, beforeMs: number, limit: number): Generator<StoredJob> {
  const range = [
    { type: "Gte", fieldPath: "completedTime", value: 0 },
    { type: "Lt", fieldPath: "completedTime", value: beforeMs },
  ];
  yield* jobs(tx, `${table}.by_completed`, range, limit);
}

function* jobs(tx: Transaction, indexName: string, range: JsonValue[], limit: number): Generator<StoredJob> {
  const queryId = tx.system.queryStream({ source: { type: "IndexRange", indexName, range, order: "asc" }, operators: [] });
  for (let taken = 0; taken < limit; taken++) {
    const { value } = tx.queryStreamNext(queryId);
    if (value === null) break;
    yield parseJob(JSON.parse(value), tx.component);
  }
  tx.queryCleanup(queryId);
}

function parseJob(row: JsonValue, owner: string): StoredJob {
  if (!isObject(row) || typeof row._id !== "string" || typeof row.name !== "string" || typeof row.scheduledTime !== "number") {
    throw new Error(`A scheduled function is stored in a shape this server does not know: ${JSON.stringify(row).slice(0, 200)}`);
  }
  const args = Array.isArray(row.args) ? row.args[0] : undefined;
  return {
    id: row._id,
    owner,
    component: typeof row.component === "string" ? row.component : owner,
    path: canonicalPath(row.name),
    args: isObject(args) ? args : {},
    dueMs: row.scheduledTime,
  };
}
