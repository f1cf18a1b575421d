// The fence in front of every write of an owner: its epoch is the current one, or nothing is written (H3).
// Reads the `shards` rows, which only a take-over writes: renewals live in `heartbeats` and do not conflict with commits.

import type { DatabaseReader } from "./_generated/server";
import { refuse } from "./errors.ts";
import { SHARDS } from "./shardOf.ts";
import type { Epoch } from "./steps.ts";

/** The shards a caller has proved to own, each with its epoch. */
export type Owned = ReadonlyMap<number, number>;

/** @throws {ConvexError} `fenced` naming the first shard whose epoch is not current */
export async function requireEpochs(db: DatabaseReader, epochs: readonly Epoch[]): Promise<Owned> {
  if (epochs.length > SHARDS)
    refuse({ code: "badArgument", message: `There are only ${SHARDS} shards; ${epochs.length} epochs were given.` });
  await Promise.all(
    epochs.map(async ({ shard, epoch, row: id }) => {
      const row = id === undefined ? await findShard(db, shard) : await db.get(id);
      const current = row?.shard === shard ? row.epoch : "none";
      if (current !== epoch) {
        refuse({
          code: "fenced",
          shard,
          message: `Shard ${shard} is at epoch ${current}, not ${epoch}: it has another owner. Forget it and do not write.`,
        });
      }
    }),
  );
  return new Map(epochs.map(({ shard, epoch }) => [shard, epoch]));
}

const findShard = (db: DatabaseReader, shard: number) =>
  db
    .query("shards")
    .withIndex("by_shard", (q) => q.eq("shard", shard))
    .unique();

/** @throws {ConvexError} `fenced` when the caller gave no epoch for the shard */
export function requireOwned(owned: Owned, shard: number, actor: string): void {
  if (!owned.has(shard)) {
    refuse({
      code: "fenced",
      shard,
      actor,
      message: `No epoch was given for shard ${shard}, where ${actor} lives: nothing was written.`,
    });
  }
}
