// Which orchestrator owns which shard. A claim raises the epoch: whoever held an older one is refused from then on.
// Renewals write `leases` only, never `shards`, which every commit reads.

import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { serviceMutation, serviceQuery } from "./access.ts";
import { refuse } from "./errors.ts";
import { SHARDS } from "./shardOf.ts";
import { vEpoch } from "./steps.ts";

/** A lease longer than this would keep a dead owner's shards from everybody for too long. */
const MAX_TTL_MS = 60_000;

/** Takes the shards whose lease has run out or that this owner holds already: a new epoch and a new lease each. `ttlMs` up to 60,000. */
export const claim = serviceMutation({
  args: { shards: v.array(v.number()), owner: v.string(), ttlMs: v.number() },
  returns: v.array(vEpoch),
  handler: async (ctx, { shards, owner, ttlMs }) => {
    const expiresAt = expiry(ttlMs);
    const taken: { shard: number; epoch: number }[] = [];
    for (const shard of new Set(shards)) {
      if (!Number.isInteger(shard) || shard < 0 || shard >= SHARDS) {
        refuse({ code: "badArgument", message: `${shard} is not a shard: they are numbered 0 to ${SHARDS - 1}.` });
      }
      const { held, lease } = await ownership(ctx.db, shard);
      const isFree = held === null || held.owner === owner || lease === null || lease.expiresAt <= Date.now();
      if (!isFree) continue;
      const epoch = (held?.epoch ?? 0) + 1;
      if (held === null) await ctx.db.insert("shards", { shard, epoch, owner });
      else await ctx.db.patch(held._id, { epoch, owner });
      if (lease === null) await ctx.db.insert("leases", { shard, epoch, expiresAt });
      else await ctx.db.patch(lease._id, { epoch, expiresAt });
      taken.push({ shard, epoch });
    }
    return taken;
  },
});

/** Prolongs leases. Those in `lost` have another owner by now: forget them and do not write. Safe to repeat. */
export const renew = serviceMutation({
  args: { owner: v.string(), leases: v.array(vEpoch), ttlMs: v.number() },
  returns: v.object({ lost: v.array(v.number()) }),
  handler: async (ctx, { owner, leases, ttlMs }) => {
    const expiresAt = expiry(ttlMs);
    const lost: number[] = [];
    for (const { shard, epoch } of leases) {
      const { held, lease } = await ownership(ctx.db, shard);
      if (lease === null || !isHeldBy(held, owner, epoch)) lost.push(shard);
      else await ctx.db.patch(lease._id, { expiresAt });
    }
    return { lost };
  },
});

/** Ends leases now, so that another may take over at once. Safe to repeat; what is not the owner's is left alone. */
export const release = serviceMutation({
  args: { owner: v.string(), leases: v.array(vEpoch) },
  returns: v.null(),
  handler: async (ctx, { owner, leases }) => {
    for (const { shard, epoch } of leases) {
      const { held, lease } = await ownership(ctx.db, shard);
      if (lease !== null && isHeldBy(held, owner, epoch)) await ctx.db.patch(lease._id, { expiresAt: 0 });
    }
    return null;
  },
});

/** Every shard that was ever claimed. */
export const table = serviceQuery({
  args: {},
  returns: v.array(v.object({ shard: v.number(), epoch: v.number(), owner: v.string(), expiresAt: v.number() })),
  handler: async (ctx) => {
    const held = await ctx.db.query("shards").withIndex("by_shard").take(SHARDS);
    const leases = await ctx.db.query("leases").withIndex("by_shard").take(SHARDS);
    const expiresAt = new Map(leases.map((lease) => [lease.shard, lease.expiresAt]));
    return held.map(({ shard, epoch, owner }) => ({ shard, epoch, owner, expiresAt: expiresAt.get(shard) ?? 0 }));
  },
});

function expiry(ttlMs: number): number {
  if (!(ttlMs > 0 && ttlMs <= MAX_TTL_MS))
    refuse({ code: "badArgument", message: `ttlMs must be between 1 and ${MAX_TTL_MS}, not ${ttlMs}.` });
  return Date.now() + ttlMs;
}

async function ownership(db: DatabaseReader, shard: number) {
  const held = await db
    .query("shards")
    .withIndex("by_shard", (q) => q.eq("shard", shard))
    .unique();
  const lease = await db
    .query("leases")
    .withIndex("by_shard", (q) => q.eq("shard", shard))
    .unique();
  return { held, lease };
}

const isHeldBy = (held: Doc<"shards"> | null, owner: string, epoch: number): boolean =>
  held?.owner === owner && held.epoch === epoch;
