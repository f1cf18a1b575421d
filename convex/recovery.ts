// What a shard has pending, page by page, for its new owner: mail in order of arrival, effects, timers by due time.
// Mail of parked actors is held and not loaded.

import type { PaginationResult } from "convex/server";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import type { LoadCursor, LoadPage, Mail } from "./steps.ts";

/** Rows a page: full of the longest events (64 Ki characters, three bytes each at worst) it stays within what one query may read. */
const PAGE_ROWS = 64;
/** Timers are small. */
const PAGE_TIMERS = 1_000;

/** One page of one list. Convex allows one `paginate` a query, so each page tells where the next begins. */
export async function loadPage(db: DatabaseReader, shard: number, cursor: LoadCursor | null): Promise<LoadPage> {
  const { part, position } = cursor ?? { part: "own" as const, position: null };
  const options = { numItems: PAGE_ROWS, cursor: position };
  const empty: LoadPage = { mail: [], effects: [], timers: [], next: null };
  switch (part) {
    case "own":
    case "outside": {
      const read = db.query("mailbox").withIndex("by_inbox", (q) => q.eq("shard", shard).eq("origin", part));
      const rows = await read.paginate(options);
      return { ...empty, mail: rows.page.map(mailOf), next: after(rows, part, part === "own" ? "outside" : "effects") };
    }
    case "effects": {
      const read = db.query("outbox").withIndex("by_state", (q) => q.eq("shard", shard).eq("state", "pending"));
      const rows = await read.paginate(options);
      const effects = rows.page.map(({ effectId, actor, kind, payload, createdAt }) => ({
        effectId,
        actor,
        kind,
        payload,
        createdAt,
      }));
      return { ...empty, effects, next: after(rows, part, "timers") };
    }
    case "timers": {
      const rows = await db
        .query("timers")
        .withIndex("by_due", (q) => q.eq("shard", shard))
        .paginate({ ...options, numItems: PAGE_TIMERS });
      const timers = rows.page.map(({ actor, timerId, armedSequence, dueAt }) => ({ actor, timerId, armedSequence, dueAt }));
      return { ...empty, timers, next: after(rows, part, null) };
    }
    default:
      return part satisfies never;
  }
}

/** A mailbox row as the host takes it. */
export function mailOf({ _id, origin, actor, key, event, cause, _creationTime }: Doc<"mailbox">): Mail {
  return { id: _id, origin, actor, key, event, cause, arrivedAt: _creationTime };
}

function after(rows: PaginationResult<unknown>, part: LoadCursor["part"], then: LoadCursor["part"] | null): LoadCursor | null {
  if (!rows.isDone) return { part, position: rows.continueCursor };
  return then === null ? null : { part: then, position: null };
}
