// Events on their way to an actor. A mailbox row is stored once per (actor, key) and removed by the step that consumes it, whose
// transition is the receipt; a key is "seen" while either exists (P6).
//
//   M1. Whoever may be repeated looks for the key in both places before storing.
//   M2. Keys the owner derives (`<actor>:<sequence>:<index>`, `effect:<id>`) are new by construction; nobody else can use that form.
//   M3. Mail for a parked actor is held: it neither reaches the owner nor fills the window of 256 that the owner watches.

import type { Infer } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { MAX_EVENT_CHARS, type Posted } from "./steps.ts";
import type { vCause } from "./validators.ts";

export type Cause = Infer<typeof vCause>;

export interface Letter {
  readonly key: string;
  /** JSON. */
  readonly event: string;
  readonly cause: Cause;
}

/** Stores a letter from outside for an actor, unless its key has been seen. Safe to repeat. */
export async function deliver(db: DatabaseWriter, actor: Doc<"actors">, letter: Letter): Promise<"stored" | "duplicate"> {
  if (await isSeen(db, actor.address, letter.key)) return "duplicate";
  const origin = actor.status === "parked" ? "held" : "outside";
  await db.insert("mailbox", { shard: actor.shard, origin, actor: actor.address, ...letter });
  return "stored";
}

/** Stores a letter whose key is new by construction (M2), for the owner that is committing. */
export async function post(db: DatabaseWriter, shard: number, actor: string, letter: Letter): Promise<Posted> {
  const id = await db.insert("mailbox", { shard, origin: "own", actor, ...letter });
  return { id, actor, key: letter.key };
}

/** Whether an event with this key was stored for the actor, consumed or not (M1). */
export async function isSeen(db: DatabaseReader, actor: string, key: string): Promise<boolean> {
  return (await findMail(db, actor, key)) !== null || (await findReceipt(db, actor, key)) !== null;
}

export const findMail = (db: DatabaseReader, actor: string, key: string) =>
  db
    .query("mailbox")
    .withIndex("by_key", (q) => q.eq("actor", actor).eq("key", key))
    .unique();

/** The transition that consumed an event. */
export const findReceipt = (db: DatabaseReader, actor: string, key: string) =>
  db
    .query("transitions")
    .withIndex("by_event", (q) => q.eq("actor", actor).eq("eventId", key))
    .unique();

export const findActor = (db: DatabaseReader, address: string) =>
  db
    .query("actors")
    .withIndex("by_address", (q) => q.eq("address", address))
    .unique();

/** Where a letter of the owner's that was stored before lies now: empty once it has been consumed. */
export async function stillPosted(db: DatabaseReader, actor: string, key: string): Promise<Posted[]> {
  const row = await findMail(db, actor, key);
  return row === null ? [] : [{ id: row._id, actor, key }];
}

/** Rows moved in one transaction: well below Convex's 16,000 writes. */
const MOVED_AT_ONCE = 1000;

/**
 * Moves an actor's mail out of the owner's way, or back. Safe to repeat.
 * @param after key to go on after; "" for the first call
 * @returns the key to go on after, or null when all is moved
 */
export async function moveMail(
  db: DatabaseWriter,
  actor: string,
  origin: "held" | "outside",
  after: string,
): Promise<string | null> {
  const rows = await db
    .query("mailbox")
    .withIndex("by_key", (q) => q.eq("actor", actor).gt("key", after))
    .take(MOVED_AT_ONCE);
  await Promise.all(rows.filter((row) => row.origin !== origin).map((row) => db.patch(row._id, { origin })));
  return rows.length < MOVED_AT_ONCE ? null : (rows.at(-1)?.key ?? null);
}

/** Why a letter cannot be stored, in words; null when it can. */
export function letterFault({ key, event }: { key: string; event: string }): string | null {
  if (key === "" || key.length > 300) return "its key must have 1 to 300 characters";
  if (/^[^:]*\//.test(key) || key.startsWith("effect:") || key.startsWith("timer:"))
    return `the key "${key}" has the form of an owner's (M2)`;
  if (event.length > MAX_EVENT_CHARS) return `its event is longer than ${MAX_EVENT_CHARS} characters`;
  return null;
}
