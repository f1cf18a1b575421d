// Actors that wait for a person, and what a person may do about them: try the event again, or give it up. Parking itself is the owner's.
//
//   Q3. A decision is an act with a reason, audited, and a letter in the actor's own log: nobody is put back unseen.
//   Q4. An event that is dropped keeps its key and its place: what is taken instead says who dropped what and why, so a redelivery
//       stays a duplicate and the log shows where it was.

import { cut } from "@omakase/machines/text";
import { type Infer, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter, MutationCtx } from "./_generated/server";
import { memberMutation, memberQuery, serviceMutation, serviceQuery } from "./access.ts";
import { requireKey } from "./budgets.ts";
import { refuse } from "./errors.ts";
import { deliver, findActor, findMail, isSeen } from "./mail.ts";
import { ownedActor, parkActor, unparkActor } from "./parking.ts";
import { isPoison, parkedBecause, type Trouble, troubleAfter, vFailure } from "./poison.ts";
import { projectOf, SHARDS, shardOf } from "./shardOf.ts";
import { vEpoch } from "./steps.ts";
import { vActorKind, vCause } from "./validators.ts";

const MOST_PARKED = 200;
const MOST_OF_A_SHARD = 50;
const MAX_SHOWN_EVENT = 4_000;
/** Escaped twice it still fits an event (MAX_EVENT_CHARS). */
const MAX_KEPT_EVENT = 8_000;

/** A try of an event has failed: the third parks its actor. Safe to repeat. @throws {ConvexError} `fenced`, `unknownActor` */
export const failed = serviceMutation({
  args: { epochs: v.array(vEpoch), actor: v.string(), failure: vFailure },
  returns: v.object({ tries: v.number(), isParked: v.boolean() }),
  handler: async (ctx, { epochs, actor, failure }) => {
    const row = await ownedActor(ctx, epochs, actor);
    // What it is parked for stands until a person has decided.
    if (row.status === "parked") return { tries: row.trouble?.tries ?? 0, isParked: true };
    const trouble = troubleAfter(row.trouble ?? null, failure, Date.now());
    await ctx.db.patch(row._id, { trouble });
    if (isPoison(trouble)) await parkActor(ctx, row, parkedBecause(trouble));
    return { tries: trouble.tries, isParked: isPoison(trouble) };
  },
});

const vParked = v.object({
  address: v.string(),
  kind: vActorKind,
  reason: v.string(),
  /** The event that failed; null when the actor itself cannot be used. */
  event: v.union(
    v.object({
      id: v.string(),
      /** JSON, cut; null when it is a timer's. A stranger may have written it. */
      json: v.union(v.string(), v.null()),
      sender: vCause,
      error: v.string(),
      tries: v.number(),
      at: v.number(),
    }),
    v.null(),
  ),
});
export type Parked = Infer<typeof vParked>;

/** What is parked in a project, at most 50. */
export const ofProject = memberQuery({
  needs: "viewer",
  args: { project: v.string() },
  returns: v.array(vParked),
  about: ({ project }) => project,
  handler: async ({ db, project }) => {
    const rows = await parkedIn(db, shardOf(project.address), project.address);
    return Promise.all(rows.map((row) => shown(db, row)));
  },
});

/** What is parked anywhere, or in one project, for the operator: at most 50 a shard, 200 in all. */
export const find = serviceQuery({
  args: { project: v.union(v.string(), v.null()) },
  returns: v.array(vParked),
  handler: async ({ db }, { project }) => {
    const shards = project === null ? Array.from({ length: SHARDS }, (_, shard) => shard) : [shardOf(project)];
    const rows = await Promise.all(shards.map((shard) => parkedIn(db, shard, project)));
    return Promise.all(
      rows
        .flat()
        .slice(0, MOST_PARKED)
        .map((row) => shown(db, row)),
    );
  },
});

const vDecision = v.union(v.literal("retry"), v.literal("drop"));
const decision = {
  address: v.string(),
  decision: vDecision,
  /** What was looked at: another event may stand there by now. Null when the actor itself cannot be used. */
  eventId: v.union(v.string(), v.null()),
  /** Dropping needs one. */
  reason: v.string(),
  /** The client's UUID: repeating it changes nothing. */
  key: v.string(),
};

/**
 * Puts a parked actor back into service: `retry` tries its event again, `drop` (admins) gives it up for good.
 * @throws {ConvexError} `forbidden`, `notFound`, `refused`, `badArgument`
 */
export const release = memberMutation({
  needs: "developer",
  args: decision,
  returns: v.null(),
  about: ({ address }) => address,
  handler: async (ctx, asked) => {
    const { person } = ctx;
    if (asked.decision === "drop" && person.role !== "admin")
      refuse({ code: "forbidden", message: `You are a ${person.role}; to drop an event needs an admin.` });
    await decide(ctx, asked, { name: person.name, subject: person.subject });
    return null;
  },
});

/** The same by the operator. `by` is shown and audited. @throws {ConvexError} `notFound`, `refused`, `badArgument` */
export const operate = serviceMutation({
  args: { ...decision, by: v.string() },
  returns: v.null(),
  handler: async (ctx, { by, ...asked }) => {
    const name = cut(by, 80);
    await decide(ctx, asked, { name, subject: `operator:${name}` });
    return null;
  },
});

interface Decided {
  readonly address: string;
  readonly decision: Infer<typeof vDecision>;
  readonly eventId: string | null;
  readonly reason: string;
  readonly key: string;
}

interface Who {
  readonly name: string;
  readonly subject: string;
}

/** Q3. */
async function decide(ctx: MutationCtx, { address, decision: what, eventId, reason, key }: Decided, who: Who): Promise<void> {
  requireKey(key);
  const { db } = ctx;
  const row = await findActor(db, address);
  if (row === null) return refuse({ code: "notFound", message: `There is no actor ${address}: look again at what is parked.` });
  const letterKey = `command:${key}`;
  if (await isSeen(db, address, letterKey)) return;
  if (row.status !== "parked") refuse({ code: "refused", message: `${address} is not parked: somebody was faster.` });
  const trouble = row.trouble ?? null;
  if ((trouble?.eventId ?? null) !== eventId)
    refuse({ code: "refused", message: `${address} is parked for something else by now: look at it again.` });
  const why = cut(reason.trim());
  if (what === "drop") {
    if (trouble === null)
      refuse({ code: "refused", message: `No event stands in the way of ${address}: the actor itself cannot be used.` });
    else {
      if (why === "") refuse({ code: "badArgument", message: "Say why it is dropped: it will not happen any more." });
      await drop(db, row, trouble, who, why);
    }
  }
  await unparkActor(ctx, row);
  const at = Date.now();
  const letter = JSON.stringify({ type: "actor.released", at, by: who.name, decision: what, reason: why });
  const back = await findActor(db, address);
  if (back !== null) await deliver(db, back, { key: letterKey, event: letter, cause: { kind: "person", name: who.name } });
  const act = { what: `${what} ${eventId ?? "the actor"}`, why: why === "" ? null : why, actor: address, key: letterKey, at };
  const { organization, project } = row;
  await db.insert("audit", { organization, project, who: who.subject, ...act });
}

/** Q4. */
async function drop(db: DatabaseWriter, { address }: Doc<"actors">, trouble: Trouble, who: Who, reason: string): Promise<void> {
  const { eventId, sender, error, tries } = trouble;
  const mail = await findMail(db, address, eventId);
  if (mail !== null) {
    const dropped = { event: cut(mail.event, MAX_KEPT_EVENT), sender, error, tries };
    const event = JSON.stringify({ type: "event.dropped", at: Date.now(), by: who.name, reason, dropped });
    await db.patch(mail._id, { event, cause: { kind: "person", name: who.name } });
    return;
  }
  const timers = await db
    .query("timers")
    .withIndex("by_actor", (q) => q.eq("actor", address))
    .collect();
  for (const { _id, timerId, armedSequence } of timers) if (`timer:${timerId}:${armedSequence}` === eventId) await db.delete(_id);
}

async function parkedIn(db: DatabaseReader, shard: number, project: string | null): Promise<Doc<"actors">[]> {
  const rows = await db
    .query("actors")
    .withIndex("by_status", (q) => q.eq("shard", shard).eq("status", "parked"))
    .take(MOST_PARKED);
  return rows.filter(({ address }) => project === null || projectOf(address) === project).slice(0, MOST_OF_A_SHARD);
}

async function shown(db: DatabaseReader, { address, kind, parkedReason, trouble }: Doc<"actors">): Promise<Parked> {
  const common = { address, kind, reason: parkedReason ?? "" };
  if (trouble === undefined) return { ...common, event: null };
  const { eventId: id, sender, error, tries, at } = trouble;
  const mail = await findMail(db, address, id);
  const json = mail === null ? null : cut(mail.event, MAX_SHOWN_EVENT);
  return { ...common, event: { id, json, sender, error, tries, at } };
}
