// What blocks what. Edges lie between Linear issues of one project; the answers speak of features.
//
//   D1. The edges into a ticket are replaced in the transaction that answers for it: whoever reads them reads one state.
//   D2. A feature that changes its standing tells every dependent whose edge is stored; one whose edge is stored later reads the
//       new standing itself. So nobody waits for news that has been (transactions are serialisable).

import type { FeatureEvent } from "@omakase/machines/feature/feature-events";
import { v } from "convex/values";
import type { Id } from "./_generated/dataModel";
import type { DatabaseWriter } from "./_generated/server";
import { serviceMutation } from "./access.ts";
import { describe, findFeature, findTicket, MAX_BLOCKERS } from "./blockers.ts";
import { findCycle } from "./cycles.ts";
import { refuse } from "./errors.ts";
import { requireEpochs } from "./fence.ts";
import { unblocksRank } from "./ranks.ts";
import { projectOfEffect, settleWith } from "./settling.ts";
import { vEpoch, vSettled } from "./steps.ts";
import { vStateType } from "./validators.ts";

const vBlocker = v.object({ issueId: v.string(), key: v.string(), stateType: vStateType });

/**
 * Stores what blocks a ticket and answers `dependencies.resolved` with each blocker's standing and the shortest cycle. Safe to repeat.
 * `isComplete` is false when the search for a cycle stopped at its bound.
 * @throws {ConvexError} `fenced`, `badArgument`, `tooLarge` with more than 256 blockers
 */
export const resolve = serviceMutation({
  args: { epochs: v.array(vEpoch), effectId: v.string(), project: v.string(), issueId: v.string(), blockers: v.array(vBlocker) },
  returns: v.object({ settled: vSettled, isComplete: v.boolean() }),
  handler: async (ctx, { epochs, effectId, project: address, issueId, blockers }) => {
    if (blockers.length > MAX_BLOCKERS) {
      refuse({
        code: "tooLarge",
        message: `A ticket may have at most ${MAX_BLOCKERS} blockers; this one has ${blockers.length}.`,
      });
    }
    const owned = await requireEpochs(ctx.db, epochs);
    let isComplete = true;
    const settled = await settleWith(ctx.db, owned, effectId, async (effect) => {
      const project = await projectOfEffect(ctx.db, effect, address);
      const distinct = [...new Map(blockers.map((blocker) => [blocker.issueId, blocker])).values()];
      await replaceEdges(ctx.db, project._id, issueId, distinct);
      const search = await findCycle(ctx.db, project._id, issueId);
      isComplete = search.isComplete;
      const resolved = {
        type: "dependencies.resolved",
        at: Date.now(),
        blockers: await Promise.all(distinct.map((blocker) => describe(ctx.db, project, blocker))),
        cycle: search.cycle,
      } satisfies FeatureEvent;
      return JSON.stringify(resolved);
    });
    return { settled, isComplete };
  },
});

/** D1. Writes only what differs, and the ranks of those who gain or lose a dependent. */
async function replaceEdges(
  db: DatabaseWriter,
  project: Id<"projects">,
  issueId: string,
  blockers: readonly { issueId: string; key: string }[],
): Promise<void> {
  const stored = await db
    .query("dependencies")
    .withIndex("by_blocked", (q) => q.eq("project", project).eq("blocked", issueId))
    .take(MAX_BLOCKERS);
  const wanted = new Map(blockers.map((blocker) => [blocker.issueId, blocker.key]));
  const blockedKey = (await findTicket(db, issueId))?.key ?? issueId;
  const changed = new Set<string>();
  for (const edge of stored) {
    const key = wanted.get(edge.blocker);
    if (key === undefined) {
      await db.delete(edge._id);
      changed.add(edge.blocker);
    } else if (key !== edge.blockerKey || blockedKey !== edge.blockedKey) {
      await db.patch(edge._id, { blockerKey: key, blockedKey });
    }
    wanted.delete(edge.blocker);
  }
  for (const [blocker, blockerKey] of wanted) {
    await db.insert("dependencies", { project, blocker, blockerKey, blocked: issueId, blockedKey });
    changed.add(blocker);
  }
  for (const blocker of changed) {
    const feature = await findFeature(db, project, blocker);
    if (feature !== null) await db.patch(feature._id, { unblocksRank: await unblocksRank(db, project, blocker) });
  }
}
