// The host's store: steps, ends of effects, parking, and what a new owner loads. For the orchestrator alone.
// The rules are in commit.ts and settling.ts; this file is the door.

import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import { internalMutation } from "./_generated/server";
import { serviceMutation, serviceQuery } from "./access.ts";
import { commitSteps } from "./commit.ts";
import { refuse } from "./errors.ts";
import { requireEpochs } from "./fence.ts";
import { findActor } from "./mail.ts";
import { moveAllMail, ownedActor, parkActor } from "./parking.ts";
import { loadPage } from "./recovery.ts";
import { settle as settleOne } from "./settling.ts";
import {
  ACTORS_AT_ONCE,
  type Actor,
  MAX_ACTORS,
  MAX_SNAPSHOT_CHARS,
  MAX_STEPS,
  vActor,
  vEpoch,
  vLoadCursor,
  vLoadPage,
  vSettled,
  vSettlement,
  vStep,
  vStepResult,
} from "./steps.ts";

/**
 * Stores a batch of steps, in order, or nothing. Safe to repeat: steps stored before are answered as duplicates.
 * @throws {ConvexError} `fenced`, `conflict`, `parked`, `unknownActor`, `unknownEvent`, `badStep`, naming shard or actor
 */
export const commit = serviceMutation({
  args: { epochs: v.array(vEpoch), steps: v.array(vStep) },
  returns: v.object({ results: v.array(vStepResult) }),
  handler: async (ctx, { epochs, steps }) => {
    if (steps.length > MAX_STEPS)
      refuse({ code: "tooLarge", message: `At most ${MAX_STEPS} steps fit one commit; ${steps.length} were given.` });
    const owned = await requireEpochs(ctx.db, epochs);
    return { results: await commitSteps(ctx.db, owned, steps) };
  },
});

/** Ends effects and posts their answers. Safe to repeat. @throws {ConvexError} `fenced`, `tooLarge` */
export const settle = serviceMutation({
  args: { epochs: v.array(vEpoch), settlements: v.array(vSettlement) },
  returns: v.object({ results: v.array(vSettled) }),
  handler: async (ctx, { epochs, settlements }) => {
    const owned = await requireEpochs(ctx.db, epochs);
    const results = [];
    for (const settlement of settlements) results.push(await settleOne(ctx.db, owned, settlement));
    return { results };
  },
});

/** Takes an actor that cannot be used out of service as it is; its mail is held. A person puts it back (`quarantine.*`). Safe to repeat. @throws {ConvexError} `fenced`, `unknownActor` */
export const park = serviceMutation({
  args: { epochs: v.array(vEpoch), actor: v.string(), reason: v.string() },
  returns: v.null(),
  handler: async (ctx, { epochs, actor, reason }) => {
    const row = await ownedActor(ctx, epochs, actor);
    // No event is to blame: what one that failed before left there says nothing about this.
    await ctx.db.patch(row._id, { trouble: undefined });
    await parkActor(ctx, row, reason);
    return null;
  },
});

/** Goes on with an actor's mail where a bounded move stopped. Which way it goes follows the actor's status now. */
export const moveMore = internalMutation({
  args: { actor: v.string(), after: v.string() },
  returns: v.null(),
  handler: async (ctx, { actor, after }) => {
    await moveAllMail(ctx, actor, after);
    return null;
  },
});

/**
 * Those of these actors that exist, in their order. As many as fit: when their snapshots are long, the answer is about the first of the
 * addresses only, at least {@link ACTORS_AT_ONCE}, and the rest is to be asked for again. @throws {ConvexError} `tooLarge` above {@link MAX_ACTORS}
 */
export const actors = serviceQuery({
  args: { addresses: v.array(v.string()) },
  returns: v.array(vActor),
  handler: async (ctx, { addresses }) => {
    if (addresses.length > MAX_ACTORS)
      refuse({ code: "tooLarge", message: `At most ${MAX_ACTORS} actors fit one answer; ${addresses.length} were asked for.` });
    const found: Actor[] = [];
    for (let [from, chars] = [0, 0]; from < addresses.length && chars < MAX_SNAPSHOT_CHARS; from += ACTORS_AT_ONCE) {
      const group = addresses.slice(from, from + ACTORS_AT_ONCE);
      const rows = await Promise.all(group.map((address) => findActor(ctx.db, address)));
      for (const row of rows) {
        if (row === null) continue;
        chars += row.snapshot.length;
        found.push(actorOf(row));
      }
    }
    return found;
  },
});

/** What a new owner of a shard needs: pending mail, pending effects, timers by due time. Call with `next` until it is null. */
export const load = serviceQuery({
  args: { shard: v.number(), cursor: v.union(vLoadCursor, v.null()) },
  returns: vLoadPage,
  handler: (ctx, { shard, cursor }) => loadPage(ctx.db, shard, cursor),
});

function actorOf({ _id, address, kind, shard, machineVersion, sequence, snapshot, status, parkedReason }: Doc<"actors">): Actor {
  return { id: _id, address, kind, shard, machineVersion, sequence, snapshot, status, parkedReason };
}
