// What is removed, and after how long. Steps, actors, runs, tickets and audit are kept: they are the record of what was done, and the
// receipts that keep an event from being applied twice.

import { v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc, TableNames } from "./_generated/dataModel";
import { type DatabaseReader, internalMutation } from "./_generated/server";
import { SHARDS } from "./shardOf.ts";

const DAY_MS = 24 * 3_600_000;
/** Linear and GitHub stop delivering again after a day or two; the events themselves have receipts of their own. */
const DELIVERIES_MS = 30 * DAY_MS;
/** An effect is settled within a day (older ones are reconciled, not repeated); what is left is for whoever looks into a failure. */
const SETTLED_EFFECTS_MS = 30 * DAY_MS;
/** As long as the cloud keeps the containers' own logs. Results and usage stay with their run. */
const RUN_LOGS_MS = 30 * DAY_MS;

/** Rows removed in one transaction: log chunks are up to 256 KiB, and a transaction may read 16 MiB. */
const BATCH = 32;

/** One thing that is removed: its rows past their time, a batch at most. */
type Expired = (db: DatabaseReader, now: number) => Promise<Doc<TableNames>[]>;

const oldest =
  (table: "webhookDeliveries" | "runLogs", keptMs: number): Expired =>
  (db, now) =>
    db
      .query(table)
      .withIndex("by_creation_time", (q) => q.lt("_creationTime", now - keptMs))
      .take(BATCH);

/** Pending effects are never removed, however old. */
const settled =
  (shard: number, state: "done" | "failed"): Expired =>
  (db, now) =>
    db
      .query("outbox")
      .withIndex("by_state", (q) =>
        q
          .eq("shard", shard)
          .eq("state", state)
          .lt("_creationTime", now - SETTLED_EFFECTS_MS),
      )
      .take(BATCH);

const SWEEPS: readonly Expired[] = [
  oldest("webhookDeliveries", DELIVERIES_MS),
  oldest("runLogs", RUN_LOGS_MS),
  ...Array.from({ length: SHARDS }, (_, shard) => [settled(shard, "done"), settled(shard, "failed")]).flat(),
];

/** Removes a batch and schedules the next until nothing is left. Safe to repeat. `from` is the sweep to go on with; 0 begins. */
export const sweep = internalMutation({
  args: { from: v.number() },
  returns: v.object({ removed: v.number() }),
  handler: async (ctx, { from }) => {
    const now = Date.now();
    let at = from;
    let rows: Doc<TableNames>[] = [];
    for (; at < SWEEPS.length && rows.length === 0; at++) rows = (await SWEEPS[at]?.(ctx.db, now)) ?? [];
    await Promise.all(rows.map((row) => ctx.db.delete(row._id)));
    if (rows.length > 0) await ctx.scheduler.runAfter(0, internal.retention.sweep, { from: at - 1 });
    return { removed: rows.length };
  },
});
