// The rows of armed timers, as steps consume, arm and cancel them. `commit.ts` is the only caller.

import type { Doc, Id } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { refuse } from "./errors.ts";
import { MAX_TIMERS, type Source, type TimerChange } from "./steps.ts";

type Armed = Map<string, Pick<Doc<"timers">, "_id" | "armedSequence">>;

/** A timer whose step is being stored, and the others of its actor, read with it. */
export interface FiredTimer {
  readonly kind: "timer";
  readonly id: Id<"timers">;
  readonly others: Armed;
}

/** The row of a timer that has fired; null when it was cancelled or armed again since. */
export async function firedTimer(
  db: DatabaseReader,
  actor: string,
  { timerId, armedSequence }: Extract<Source, { kind: "timer" }>,
): Promise<FiredTimer | null> {
  const others = await armedBy(db, actor);
  const row = others.get(timerId);
  if (row?.armedSequence !== armedSequence) return null;
  others.delete(timerId);
  return { kind: "timer", id: row._id, others };
}

/**
 * Consumes the timer that has `fired`; arms, arms again or cancels others; the read is skipped by the many steps that touch none. A row
 * that is not needed any more, fired or cancelled, becomes the next that is: one write instead of two.
 * @param asker the sequence is the one of its step, by which what is set is armed
 * @throws {ConvexError} `badStep` when that would make more than {@link MAX_TIMERS}
 */
export async function setTimers(
  db: DatabaseWriter,
  { address, shard, sequence }: { readonly address: string; readonly shard: number; readonly sequence: number },
  changes: readonly TimerChange[],
  fired: FiredTimer | null,
): Promise<void> {
  if (changes.length === 0 && fired === null) return;
  const armed = fired?.others ?? (await armedBy(db, address));
  const unneeded = fired === null ? [] : [fired.id];
  for (const { timerId, dueAt } of changes) {
    const id = armed.get(timerId)?._id;
    if (dueAt !== null || id === undefined) continue;
    unneeded.push(id);
    armed.delete(timerId);
  }
  for (const { timerId, dueAt } of changes) {
    if (dueAt === null) continue;
    const timer = { timerId, armedSequence: sequence, dueAt };
    let id = armed.get(timerId)?._id ?? unneeded.pop();
    if (id !== undefined) await db.patch(id, timer);
    else if (armed.size < MAX_TIMERS) id = await db.insert("timers", { shard, actor: address, ...timer });
    else refuse({ code: "badStep", actor: address, message: `${address} may arm at most ${MAX_TIMERS} timers.` });
    armed.set(timerId, { _id: id, armedSequence: sequence });
  }
  for (const id of unneeded) await db.delete(id);
}

async function armedBy(db: DatabaseReader, actor: string): Promise<Armed> {
  const rows = await db
    .query("timers")
    .withIndex("by_actor", (q) => q.eq("actor", actor))
    .take(MAX_TIMERS);
  return new Map(rows.map((row) => [row.timerId, row]));
}
