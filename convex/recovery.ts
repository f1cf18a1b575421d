// What a shard has pending, page by page, for its new owner: mail in order of arrival, effects, timers by due time.
// Mail of parked actors is held and not loaded; of mail from outside the first window is, however much has come while nobody was
// there: the rest comes into view as that is consumed (`mailbox.outside`).

import type { PaginationResult } from "convex/server";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { type LoadCursor, type LoadPage, type Mail, OUTSIDE_WINDOW, type PendingEffect, type Timer } from "./steps.ts";

/** Rows a page: full of the longest events (64 Ki characters, three bytes each at worst) it stays within what one query may read. */
const PAGE_ROWS = 64;
/** Rows of each list on the first page: together they must fit where one page does. What comes from outside waits while nobody is there. */
const GLANCE_ROWS = { own: 12, outside: 40, effects: 12 };
/** Timers are small. */
const PAGE_TIMERS = 1_000;

type Part = LoadCursor["part"];
const PARTS: readonly Part[] = ["own", "outside", "effects", "timers"];

/**
 * One page. The first (`cursor` null) looks into all lists and holds those that are short, in order, up to the first that is not: most
 * shards are loaded by it alone. A later page is of one list: Convex allows one `paginate` a query.
 */
export async function loadPage(db: DatabaseReader, shard: number, cursor: LoadCursor | null): Promise<LoadPage> {
  if (cursor === null) return glance(db, shard);
  const { part, position, seen = 0 } = cursor;
  const bound = part === "outside" ? OUTSIDE_WINDOW : Number.POSITIVE_INFINITY;
  const numItems = Math.max(1, Math.min(part === "timers" ? PAGE_TIMERS : PAGE_ROWS, bound - seen));
  const options = { numItems, cursor: position };
  const next = ({ isDone, continueCursor, page }: PaginationResult<unknown>): LoadCursor | null => {
    const read = seen + page.length;
    if (!isDone && read < bound) return { part, position: continueCursor, seen: read };
    const then = PARTS[PARTS.indexOf(part) + 1];
    return then === undefined ? null : { part: then, position: null };
  };
  switch (part) {
    case "own":
    case "outside": {
      const rows = await mailIn(db, shard, part).paginate(options);
      return { ...NOTHING, mail: rows.page.map(mailOf), next: next(rows) };
    }
    case "effects": {
      const rows = await effectsIn(db, shard).paginate(options);
      return { ...NOTHING, effects: rows.page.map(effectOf), next: next(rows) };
    }
    case "timers": {
      const rows = await timersIn(db, shard).paginate(options);
      return { ...NOTHING, timers: rows.page.map(timerOf), next: next(rows) };
    }
    default:
      return part satisfies never;
  }
}

const NOTHING: LoadPage = { mail: [], effects: [], timers: [], next: null };

async function glance(db: DatabaseReader, shard: number): Promise<LoadPage> {
  const [own, outside, effects, timers] = await Promise.all([
    mailIn(db, shard, "own").take(GLANCE_ROWS.own + 1),
    mailIn(db, shard, "outside").take(GLANCE_ROWS.outside + 1),
    effectsIn(db, shard).take(GLANCE_ROWS.effects + 1),
    timersIn(db, shard).take(PAGE_TIMERS + 1),
  ]);
  const isLong = [
    own.length > GLANCE_ROWS.own,
    outside.length > GLANCE_ROWS.outside,
    effects.length > GLANCE_ROWS.effects,
    timers.length > PAGE_TIMERS,
  ];
  const whole = isLong.includes(true) ? isLong.indexOf(true) : PARTS.length;
  const part = PARTS[whole];
  return {
    mail: [own, outside].slice(0, whole).flat().map(mailOf),
    effects: whole > 2 ? effects.map(effectOf) : [],
    timers: whole > 3 ? timers.map(timerOf) : [],
    next: part === undefined ? null : { part, position: null },
  };
}

const mailIn = (db: DatabaseReader, shard: number, origin: "own" | "outside") =>
  db.query("mailbox").withIndex("by_inbox", (q) => q.eq("shard", shard).eq("origin", origin));

const effectsIn = (db: DatabaseReader, shard: number) =>
  db.query("outbox").withIndex("by_state", (q) => q.eq("shard", shard).eq("state", "pending"));

const timersIn = (db: DatabaseReader, shard: number) => db.query("timers").withIndex("by_due", (q) => q.eq("shard", shard));

const effectOf = ({ effectId, actor, kind, payload, createdAt }: Doc<"outbox">): PendingEffect => ({
  effectId,
  actor,
  kind,
  payload,
  createdAt,
});

const timerOf = ({ actor, timerId, armedSequence, dueAt }: Doc<"timers">): Timer => ({ actor, timerId, armedSequence, dueAt });

/** A mailbox row as the host takes it. */
export function mailOf({ _id, origin, actor, key, event, cause, _creationTime }: Doc<"mailbox">): Mail {
  return { id: _id, origin, actor, key, event, cause, arrivedAt: _creationTime };
}
