// Pagination as a reactive client lives it: pages re-run with their journals while documents come and go.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import fc from "fast-check";
import type { JsonObject, Page } from "./index.ts";
import { applySchema, ask, mutate, rangeOf, scanOf, temporaryStore } from "./testing.ts";

let temporary: ReturnType<typeof temporaryStore>;
beforeEach(() => {
  temporary = temporaryStore();
  applySchema(temporary.store, defineSchema({ notes: defineTable(v.any()).index("by_a", ["a"]) }));
});
afterEach(() => temporary.dispose());

const BY_A = rangeOf("notes.by_a", []);
const DESC = rangeOf("notes.by_a", [], { order: "desc" });
const insert = (...values: number[]) => mutate(temporary.store, (tx) => values.map((a) => tx.insert("notes", { a }))).result;
const remove = (id: string) => mutate(temporary.store, (tx) => tx.remove("notes", id));
type Options = { query?: JsonObject; endCursor?: string; journal?: string; maximumRowsRead?: number };
const page = (cursor: string | null, pageSize: number, { query = BY_A, journal, ...rest }: Options = {}) =>
  ask(temporary.store, (tx) => tx.queryPage({ query, cursor, pageSize, ...rest }, journal ?? null));
const values = ({ page: documents }: Page) => documents.map((text) => JSON.parse(text).a);

describe("pages", () => {
  test("pages follow each other to the end, whichever way", () => {
    insert(1, 2, 3, 4, 5);
    const first = page(null, 2);
    const second = page(first.continueCursor, 2);
    const third = page(second.continueCursor, 2);
    expect([values(first), values(second), values(third)]).toEqual([[1, 2], [3, 4], [5]]);
    expect([first.isDone, second.isDone, third.isDone]).toEqual([false, false, true]);
    expect(values(page(third.continueCursor, 2))).toEqual([]);
    const last = page(null, 2, { query: DESC });
    expect(values(last)).toEqual([5, 4]);
    expect(values(page(last.continueCursor, 9, { query: DESC }))).toEqual([3, 2, 1]);
  });

  test("Q2: a page that runs again with its journal keeps its end, whatever came or went", () => {
    const [one] = insert(1, 2, 3, 4);
    const first = page(null, 2);
    const second = page(first.continueCursor, 2);
    insert(0, 1.5, 2.5);
    remove(one ?? "");
    const again = page(null, 2, { journal: first.continueCursor });
    expect(values(again)).toEqual([0, 1.5, 2]);
    expect(again.continueCursor).toBe(first.continueCursor); // P2: or every client would get a new journal for nothing
    expect(values(page(first.continueCursor, 2, { journal: second.continueCursor }))).toEqual([2.5, 3, 4]);
  });

  test("Q2: an explicit endCursor wins over the journal and over numItems", () => {
    insert(1, 2, 3, 4);
    const first = page(null, 1);
    const upToThree = page(null, 3);
    expect(values(page(null, 1, { endCursor: upToThree.continueCursor, journal: first.continueCursor }))).toEqual([1, 2, 3]);
  });

  test("Q2: a page that reached the end keeps growing with it", () => {
    insert(1);
    const all = page(null, 5);
    expect(all.isDone).toBe(true);
    insert(2, 3);
    const again = page(null, 1, { journal: all.continueCursor });
    expect(values(again)).toEqual([1, 2, 3]);
    expect(again.isDone).toBe(true);
  });

  test("Q2: under any edits, re-run pages neither gap nor overlap", () => {
    const edits = fc.array(fc.record({ a: fc.integer({ min: 0, max: 30 }), isRemoval: fc.boolean() }), { maxLength: 20 });
    fc.assert(
      fc.property(edits, fc.integer({ min: 1, max: 4 }), fc.boolean(), (steps, size, isDescending) => {
        const query = isDescending ? DESC : BY_A;
        const live = new Map(insert(3, 8, 8, 13, 21).map((id) => [id, true]));
        const pages: Page[] = [];
        for (let cursor: string | null = null; pages.length < 10; cursor = pages.at(-1)?.continueCursor ?? null) {
          pages.push(page(cursor, size, { query }));
          if (pages.at(-1)?.isDone) break;
        }
        for (const { a, isRemoval } of steps) {
          const [victim] = live.keys();
          if (!isRemoval) for (const id of insert(a)) live.set(id, true);
          else if (victim) {
            remove(victim);
            live.delete(victim);
          }
        }
        const again = pages.flatMap(
          (old, i) => page(pages[i - 1]?.continueCursor ?? null, size, { query, journal: old.continueCursor }).page,
        );
        expect(again.map((text) => JSON.parse(text)._id).sort()).toEqual([...live.keys()].sort());
        for (const id of live.keys()) remove(id);
      }),
      { numRuns: 40 },
    );
  });

  test("a row budget stops the page, says so, and gives a cursor in its middle", () => {
    insert(1, 2, 3, 4, 5, 6);
    const odd = rangeOf("notes.by_a", [], { filter: { $eq: [{ $field: "a" }, { $literal: 6 }] } });
    const stopped = page(null, 1, { query: odd, maximumRowsRead: 4 });
    expect(values(stopped)).toEqual([]);
    expect(stopped.pageStatus).toBe("SplitRequired");
    expect(stopped.isDone).toBe(false);
    expect(values(page(stopped.continueCursor, 1, { query: odd }))).toEqual([6]);
    const whole = page(null, 4);
    expect(values(page(null, 1, { endCursor: whole.splitCursor ?? "" }))).toEqual([1, 2]);
    expect(values(page(whole.splitCursor, 9, { endCursor: whole.continueCursor }))).toEqual([3, 4]);
  });

  test("a page stopped before its given end keeps that end, so that the next page still begins where it did", () => {
    insert(1, 2, 3, 4, 5, 6);
    const wide = page(null, 5);
    const stopped = page(null, 1, { endCursor: wide.continueCursor, maximumRowsRead: 4 });
    expect(stopped.pageStatus).toBe("SplitRequired");
    expect(stopped.continueCursor).toBe(wide.continueCursor);
  });

  test("a page whose budget is used up exactly at its given end is whole, and asks for no split", () => {
    insert(1, 2, 3, 4);
    for (const query of [BY_A, DESC]) {
      const two = page(null, 2, { query });
      const again = page(null, 1, { query, endCursor: two.continueCursor, maximumRowsRead: 2 });
      expect([values(again), again.pageStatus]).toEqual([values(two), "SplitRecommended"]);
    }
  });

  test("above three quarters of the budget a split is recommended", () => {
    insert(1, 2, 3, 4);
    expect(page(null, 3, { maximumRowsRead: 4 }).pageStatus).toBeNull();
    expect(page(null, 4, { maximumRowsRead: 5 }).pageStatus).toBe("SplitRecommended");
  });
});

describe("cursors", () => {
  test("P1: a cursor serves its own query only", () => {
    insert(1, 2);
    const { continueCursor } = page(null, 1);
    expect(() => page(continueCursor, 1, { query: DESC })).toThrow("InvalidCursor");
    expect(() => page(continueCursor, 1, { query: scanOf("notes") })).toThrow("InvalidCursor");
  });

  test("P1: a cursor is stale once its index has other fields", () => {
    insert(1, 2);
    const { continueCursor } = page(null, 1);
    applySchema(temporary.store, defineSchema({ notes: defineTable(v.any()).index("by_a", ["b"]) }));
    expect(() => page(continueCursor, 1)).toThrow("InvalidCursor");
  });

  test("P1: a cursor that was tampered with, or made up, is refused", () => {
    insert(1, 2);
    const { continueCursor } = page(null, 1);
    const flipped = (continueCursor[30] === "A" ? "B" : "A") + continueCursor.slice(31);
    for (const wrong of ["", "x", "_end_cursor", continueCursor.slice(0, 30) + flipped, "A".repeat(5_000_000)]) {
      expect(() => page(wrong, 1)).toThrow("InvalidCursor");
    }
  });

  test("P3: a cursor does not show the key it holds", () => {
    mutate(temporary.store, (tx) => tx.insert("notes", { a: "a secret nobody filtered for" }));
    expect(Buffer.from(page(null, 1).continueCursor, "base64url").toString("latin1")).not.toContain("secret");
  });
});
