// Moves of tickets that were given up: what the feature came to is not what its ticket says. Kept when such an effect fails for good,
// until the sweep of Linear has made the move after all. For the orchestrator alone.
//
//   L1. Of a feature only the last move that was asked for matters: one that was followed by another is moot.
//   L2. Whoever has moved the ticket since it was given up has the last word.

import type { MoveIssue } from "@omakase/machines";
import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { serviceMutation, serviceQuery } from "./access.ts";
import { projectOf } from "./shardOf.ts";

const PAGE_MOVES = 50;
/** Effects of one feature that are looked at: more than any has. */
const MOST_EFFECTS = 500;

/** Within the settlement of a move that failed for good: keeps it for the sweep. A payload that names no issue is nothing to keep. */
export async function keepGivenUp(db: DatabaseWriter, { effectId, actor, payload }: Doc<"outbox">): Promise<void> {
  const { issueId } = JSON.parse(payload) as Partial<MoveIssue>; // frozen by the owner
  if (issueId === undefined) return;
  const ticket = await ticketOf(db, issueId);
  await db.insert("givenUpMoves", { effectId, feature: actor, issueId, payload, stateName: ticket?.stateName ?? null });
}

/** Moves that were given up, by effect id, a page at a time: call with `next` until it is null. `isMoot` says that nothing is to be done about it. */
export const givenUp = serviceQuery({
  args: { after: v.union(v.string(), v.null()) },
  returns: v.object({
    moves: v.array(
      v.object({
        effectId: v.string(),
        feature: v.string(),
        project: v.string(),
        key: v.string(),
        /** JSON of the effect, as it was frozen. */
        payload: v.string(),
        isMoot: v.boolean(),
      }),
    ),
    next: v.union(v.string(), v.null()),
  }),
  handler: async ({ db }, { after }) => {
    const rows = await db
      .query("givenUpMoves")
      .withIndex("by_effect", (q) => q.gt("effectId", after ?? ""))
      .take(PAGE_MOVES);
    const moves = await Promise.all(
      rows.map(async (row) => {
        const { effectId, feature, issueId, payload } = row;
        const ticket = await ticketOf(db, issueId);
        const isMoot = ticket === null || ticket.stateName !== row.stateName || (await isFollowed(db, row));
        return { effectId, feature, project: projectOf(feature), key: ticket?.key ?? issueId, payload, isMoot };
      }),
    );
    return { moves, next: rows.length < PAGE_MOVES ? null : (rows.at(-1)?.effectId ?? null) };
  },
});

/** It was made after all, or nothing is to be done about it. Safe to repeat. */
export const forget = serviceMutation({
  args: { effectId: v.string() },
  returns: v.null(),
  handler: async ({ db }, { effectId }) => {
    const row = await db
      .query("givenUpMoves")
      .withIndex("by_effect", (q) => q.eq("effectId", effectId))
      .unique();
    if (row !== null) await db.delete(row._id);
    return null;
  },
});

/** L1. */
async function isFollowed(db: DatabaseReader, { feature, effectId }: Doc<"givenUpMoves">): Promise<boolean> {
  const effects = await db
    .query("outbox")
    .withIndex("by_effect", (q) => q.gte("effectId", `${feature}:`).lt("effectId", `${feature};`))
    .take(MOST_EFFECTS);
  const own = effects.find((row) => row.effectId === effectId);
  return (
    own !== undefined && effects.some(({ kind, _creationTime }) => kind === "moveIssue" && _creationTime > own._creationTime)
  );
}

/** L2 rests on it: what Linear said last. */
const ticketOf = (db: DatabaseReader, issueId: string) =>
  db
    .query("tickets")
    .withIndex("by_issue", (q) => q.eq("issueId", issueId))
    .unique();
