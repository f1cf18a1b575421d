// What blocks what, and telling those who wait. Edges lie between Linear issues of one project; the answers speak of features.
//
//   D1. The edges into a ticket are replaced in the transaction that answers for it: whoever reads them reads one state.
//   D2. A feature that changes its standing tells every dependent whose edge is stored; one whose edge is stored later reads the
//       new standing itself. So nobody waits for news that has been (transactions are serialisable).

import type { FeatureEvent } from "@omakase/machines/feature/feature-events";
import type { FeatureAddress } from "@omakase/machines/ids";
import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { serviceMutation } from "./access.ts";
import { describe, findFeature, findTicket, MAX_BLOCKERS } from "./blockers.ts";
import { findCycle } from "./cycles.ts";
import { refuse } from "./errors.ts";
import { requireEpochs } from "./fence.ts";
import { findActor, post } from "./mail.ts";
import { unblocksRank } from "./ranks.ts";
import { projectOfEffect, settleWith } from "./settling.ts";
import { type Answer, vEpoch, vSettled } from "./steps.ts";
import { vStateType } from "./validators.ts";

const vBlocker = v.object({ issueId: v.string(), key: v.string(), stateType: vStateType });

/** Beyond this many dependents, telling them would not fit one transaction. */
const MAX_DEPENDENTS = 2000;

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
      return { answer: JSON.stringify(resolved), mail: [] };
    });
    return { settled, isComplete };
  },
});

/** Tells each feature that the asking feature blocks how that one stands now, then settles. Safe to repeat. @throws {ConvexError} `fenced`, `badArgument`, `tooLarge` */
export const announce = serviceMutation({
  args: {
    epochs: v.array(vEpoch),
    effectId: v.string(),
    project: v.string(),
    state: v.union(v.literal("met"), v.literal("unmet")),
    branch: v.union(v.string(), v.null()),
  },
  returns: vSettled,
  handler: async (ctx, { epochs, effectId, project: address, state, branch }) => {
    const owned = await requireEpochs(ctx.db, epochs);
    return settleWith(ctx.db, owned, effectId, async (effect) => {
      const project = await projectOfEffect(ctx.db, effect, address);
      const changed = {
        type: "dependency.changed",
        at: Date.now(),
        feature: effect.actor as FeatureAddress,
        state,
        branch,
      } satisfies FeatureEvent;
      const event = JSON.stringify(changed);
      const mail: Answer[] = [];
      const announcer = await findAnnouncer(ctx.db, effect.actor);
      for (const dependent of announcer === null ? [] : await dependents(ctx.db, project, announcer.issueId)) {
        const letter = { key: `${effectId}:${dependent}`, event, cause: { kind: "actor", name: effect.actor } as const };
        mail.push({ ...(await post(ctx.db, effect.shard, dependent, letter)), event });
      }
      return { answer: null, mail };
    });
  },
});

const findAnnouncer = (db: DatabaseReader, address: string) =>
  db
    .query("features")
    .withIndex("by_address", (q) => q.eq("address", address))
    .unique();

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

/** Addresses of the features that wait for a ticket; one that is not born yet will look for itself (D2). */
async function dependents(db: DatabaseReader, project: Doc<"projects">, issueId: string): Promise<string[]> {
  const edges = await db
    .query("dependencies")
    .withIndex("by_blocker", (q) => q.eq("project", project._id).eq("blocker", issueId))
    .take(MAX_DEPENDENTS + 1);
  if (edges.length > MAX_DEPENDENTS) {
    refuse({
      code: "tooLarge",
      message: `More than ${MAX_DEPENDENTS} tickets wait for ${issueId}: they cannot all be told at once.`,
    });
  }
  const features = await Promise.all(edges.map(({ blocked }) => findFeature(db, project._id, blocked)));
  const addresses = features.flatMap((feature) => (feature === null ? [] : [feature.address]));
  const actors = await Promise.all(addresses.map((address) => findActor(db, address)));
  return actors.flatMap((actor) => (actor === null ? [] : [actor.address]));
}
