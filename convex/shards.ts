// Which orchestrators there are, and which of them owns which shard. Taking a shard raises its epoch: whoever held an older one is
// refused from then on.
//
//   N1. Renewing writes one row of `heartbeats`, never `shards`, which every commit reads, nor `orchestrators`, which every roster reads.
//   N2. A shard is free when it was released or its owner's heartbeat has stopped; nobody is given more than its fair share of them.
//   N3. Whoever has more than its share is told which to give up; nobody takes a shard from a living owner.
//   N4. Of two processes under one name the one that began later has it; the other is told so, once, and goes on under another.
//   N5. A clock that jumps kills nobody: who seems dead only because of it is given a whole lease from now.

import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { serviceMutation, serviceQuery } from "./access.ts";
import { refuse } from "./errors.ts";
import { SHARDS } from "./shardOf.ts";
import { fairShares } from "./shares.ts";
import { type Epoch, vAttendance, vEpoch } from "./steps.ts";

/** A lease longer than this would keep a dead owner's shards from everybody for too long. */
const MAX_TTL_MS = 60_000;
const MAX_ORCHESTRATORS = 64;

/**
 * "I am here": renews the lease of `owner` for `ttlMs` (up to 60,000) and says what changes for it. Safe to repeat: shards that are
 * the owner's and not in `held` (an answer that was lost, an earlier process of that name) are given to it again, under a new epoch.
 * @param instance names the process
 * @param sinceMs what has passed for it since it was last here, by a clock that cannot jump; null when it never was
 */
export const attend = serviceMutation({
  args: {
    owner: v.string(),
    instance: v.string(),
    held: v.array(vEpoch),
    ttlMs: v.number(),
    sinceMs: v.union(v.number(), v.null()),
  },
  returns: vAttendance,
  handler: async ({ db }, { owner, instance, held, ttlMs, sinceMs }) => {
    if (!(ttlMs > 0 && ttlMs <= MAX_TTL_MS))
      refuse({ code: "badArgument", message: `ttlMs must be between 1 and ${MAX_TTL_MS}, not ${ttlMs}.` });
    if (owner === "") refuse({ code: "badArgument", message: "An orchestrator needs a name." });
    const now = Date.now();
    const beats = await db.query("heartbeats").take(MAX_ORCHESTRATORS + 1);
    const before = beats.find(({ name }) => name === owner);
    if (before && before.instance !== instance && sinceMs !== null)
      return { isReplaced: true, lost: held.map(({ shard }) => shard), taken: [], surplus: [], nextEndMs: null }; // N4
    const others = await aliveOthers(db, beats, owner, now, jumpedBy(before, now, sinceMs));
    if (others.length >= MAX_ORCHESTRATORS)
      refuse({ code: "badArgument", message: `At most ${MAX_ORCHESTRATORS} orchestrators can share the shards.` });
    await beat(db, before, { name: owner, instance, heardAt: now, ttlMs });

    const rows = await allShards(db);
    const isAlive = new Set([owner, ...others.map(({ name }) => name)]);
    const lost = held.filter(({ shard, epoch }) => !rows.some((row) => isHeld(row, owner, { shard, epoch })));
    const mine = rows.filter((row) => row.owner === owner);
    const again = mine.filter(({ shard, epoch }) => !held.some((one) => one.shard === shard && one.epoch === epoch));
    const share = shareOf(owner, rows, isAlive);
    const free = rows.filter((row) => !isAlive.has(row.owner)).slice(0, Math.max(0, share - mine.length));
    const taken = [];
    for (const row of again) taken.push(await take(db, row, owner, before ? now - before.heardAt : null));
    for (const row of free) taken.push(await take(db, row, owner, unattendedMs(row, beats, now)));
    const surplus = mine
      .map(({ shard }) => shard)
      .sort((a, b) => b - a)
      .slice(0, Math.max(0, mine.length - share));
    const ends = others.map(({ heardAt, ttlMs: lasts }) => heardAt + lasts - now);
    const nextEndMs = ends.length === 0 ? null : Math.min(...ends);
    return { isReplaced: false, lost: lost.map(({ shard }) => shard), taken, surplus, nextEndMs };
  },
});

/**
 * Gives shards back, so that another may take them at once; `isLeaving` ends the owner's lease too. Safe to repeat; what is not the
 * owner's under that epoch is left alone.
 */
export const release = serviceMutation({
  args: { owner: v.string(), leases: v.array(vEpoch), isLeaving: v.boolean() },
  returns: v.null(),
  handler: async ({ db }, { owner, leases, isLeaving }) => {
    const rows = await allShards(db);
    const given = rows.filter((row) => leases.some((lease) => isHeld(row, owner, lease)));
    for (const { _id } of given) if (_id !== null) await db.patch(_id, { owner: "", freeSince: Date.now() });
    // A namesake that has started meanwhile goes on.
    if (isLeaving && rows.every((row) => row.owner !== owner || given.includes(row))) await remove(db, owner);
    return null;
  },
});

/** Who is there and who owns what. Changes only when somebody comes or goes or a shard moves: what an orchestrator watches. */
export const roster = serviceQuery({
  args: {},
  returns: v.object({
    orchestrators: v.array(v.string()),
    shards: v.array(v.object({ shard: v.number(), epoch: v.number(), owner: v.string() })),
  }),
  handler: async ({ db }) => {
    const orchestrators = await db.query("orchestrators").take(MAX_ORCHESTRATORS);
    const rows = await db.query("shards").withIndex("by_shard").take(SHARDS);
    return {
      orchestrators: orchestrators.map(({ name }) => name),
      shards: rows.map(({ shard, epoch, owner }) => ({ shard, epoch, owner })),
    };
  },
});

/** Every shard that was ever owned; `expiresAt` (ms) is the end of its owner's lease, 0 when it has none. */
export const table = serviceQuery({
  args: {},
  returns: v.array(v.object({ shard: v.number(), epoch: v.number(), owner: v.string(), expiresAt: v.number() })),
  handler: async ({ db }) => {
    const rows = await db.query("shards").withIndex("by_shard").take(SHARDS);
    const beats = await db.query("heartbeats").take(MAX_ORCHESTRATORS);
    const ends = new Map(beats.map(({ name, heardAt, ttlMs }) => [name, heardAt + ttlMs]));
    return rows.map(({ shard, epoch, owner }) => ({ shard, epoch, owner, expiresAt: ends.get(owner) ?? 0 }));
  },
});

type Beat = Doc<"heartbeats">;
type Row = Pick<Doc<"shards">, "shard" | "epoch" | "owner" | "freeSince"> & { readonly _id: Doc<"shards">["_id"] | null };

/** All shards, those that nobody ever owned included. */
async function allShards(db: DatabaseReader): Promise<Row[]> {
  const rows = await db.query("shards").withIndex("by_shard").take(SHARDS);
  const known = new Map(rows.map((row) => [row.shard, row]));
  return Array.from({ length: SHARDS }, (_, shard) => known.get(shard) ?? { _id: null, shard, epoch: 0, owner: "" });
}

/** N5: how far this clock has moved since the owner was last here beyond what has passed, ms; 0 when nobody can tell. */
const jumpedBy = (before: Beat | undefined, now: number, sinceMs: number | null): number =>
  before === undefined || sinceMs === null ? 0 : now - before.heardAt - sinceMs;

/** The others whose lease runs. Those whose lease has run out are removed (N2). */
async function aliveOthers(
  db: DatabaseWriter,
  beats: readonly Beat[],
  owner: string,
  now: number,
  jumpMs: number,
): Promise<Beat[]> {
  const alive: Beat[] = [];
  for (const row of beats) {
    if (row.name === owner) continue;
    const isAhead = row.heardAt > now;
    const isPast = row.heardAt + row.ttlMs <= now;
    if (isAhead || (isPast && jumpMs > row.ttlMs)) {
      await db.patch(row._id, { heardAt: now }); // N5
      alive.push({ ...row, heardAt: now });
    } else if (isPast) await remove(db, row.name);
    else alive.push(row);
  }
  return alive;
}

async function beat(
  db: DatabaseWriter,
  before: Beat | undefined,
  next: Pick<Beat, "name" | "instance" | "heardAt" | "ttlMs">,
): Promise<void> {
  if (before) await db.patch(before._id, next);
  else {
    await db.insert("heartbeats", next);
    await db.insert("orchestrators", { name: next.name });
  }
}

/** Takes an orchestrator off the list; the shards it still has are free, and known to be since it was last heard. */
async function remove(db: DatabaseWriter, name: string): Promise<void> {
  const row = await db
    .query("heartbeats")
    .withIndex("by_name", (q) => q.eq("name", name))
    .unique();
  const listed = await db
    .query("orchestrators")
    .withIndex("by_name", (q) => q.eq("name", name))
    .unique();
  if (listed) await db.delete(listed._id);
  if (row === null) return;
  await db.delete(row._id);
  for (const shard of await db.query("shards").withIndex("by_shard").take(SHARDS))
    if (shard.owner === name) await db.patch(shard._id, { owner: "", freeSince: row.heardAt });
}

function shareOf(owner: string, rows: readonly Row[], isAlive: ReadonlySet<string>): number {
  const owned = new Map([...isAlive].map((name) => [name, rows.filter((row) => row.owner === name).length]));
  return fairShares(owned, SHARDS).get(owner) ?? 0;
}

/** For how long nobody has looked after a free shard, ms; null when nobody knows. */
function unattendedMs({ owner, freeSince }: Row, beats: readonly Beat[], now: number): number | null {
  const since = freeSince ?? beats.find(({ name }) => name === owner)?.heardAt;
  return since === undefined ? null : Math.max(0, now - since);
}

async function take(db: DatabaseWriter, row: Row, owner: string, unattended: number | null) {
  const { shard } = row;
  const epoch = row.epoch + 1;
  const id = row._id ?? (await db.insert("shards", { shard, epoch, owner }));
  if (row._id !== null) await db.patch(id, { epoch, owner, freeSince: undefined });
  return { shard, epoch, row: id, unattendedMs: unattended };
}

const isHeld = (row: Row, owner: string, { shard, epoch }: Epoch): boolean =>
  row.shard === shard && row.owner === owner && row.epoch === epoch;
