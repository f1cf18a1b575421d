// What is recorded as read decides which subscriptions run again: too little loses updates, too much runs them for nothing.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { IntervalIndex, type Transaction } from "./index.ts";
import { applySchema, collect, mutate, rangeOf, scanOf, temporaryStore } from "./testing.ts";

let temporary: ReturnType<typeof temporaryStore>;
beforeEach(() => {
  temporary = temporaryStore();
  applySchema(temporary.store, defineSchema({ notes: defineTable(v.any()).index("by_a", ["a"]) }));
});
afterEach(() => temporary.dispose());

const insert = (a: number) => mutate(temporary.store, (tx) => tx.insert("notes", { a })).result;

/** Does a write touch what the reader read? As the server finds out. */
function isTouched(read: (tx: Transaction) => unknown, write: (tx: Transaction) => unknown): boolean {
  const reader = temporary.store.begin({ kind: "query", nowMs: Date.now() });
  read(reader);
  const index = new IntervalIndex<true>();
  for (const interval of reader.reads) index.insert(interval, true);
  const { keys } = mutate(temporary.store, write);
  let hits = 0;
  for (const { indexId, key } of keys) index.stab(indexId, key, () => hits++);
  expect(temporary.store.hasConflict(reader)).toBe(hits > 0); // the two judges agree
  return hits > 0;
}

const byA =
  (options: Parameters<typeof rangeOf>[2] = {}, steps: Parameters<typeof rangeOf>[1] = []) =>
  (tx: Transaction) =>
    collect(tx, rangeOf("notes.by_a", steps, options));
const inserting = (a: number) => (tx: Transaction) => tx.insert("notes", { a });

describe("read sets", () => {
  test("S1: `take(2)` ascending is touched up to its second row and not behind it", () => {
    for (const a of [10, 20, 30]) insert(a);
    expect(isTouched(byA({ take: 2 }), inserting(15))).toBe(true);
    expect(isTouched(byA({ take: 2 }), inserting(5))).toBe(true);
    expect(isTouched(byA({ take: 2 }), inserting(25))).toBe(false);
  });

  test("S1: `order desc, take(2)` is touched down to its second row and not below", () => {
    for (const a of [10, 20, 30]) insert(a);
    expect(isTouched(byA({ order: "desc", take: 2 }), inserting(15))).toBe(false);
    expect(isTouched(byA({ order: "desc", take: 2 }), inserting(25))).toBe(true);
  });

  test("S1: a range that ran dry is touched everywhere in it, and nowhere else", () => {
    insert(10);
    const range = byA({ take: 5 }, [
      ["Gte", "a", 5],
      ["Lt", "a", 20],
    ]);
    expect(isTouched(range, inserting(19))).toBe(true);
    expect(isTouched(range, inserting(20))).toBe(false);
    expect(isTouched(range, inserting(4))).toBe(false);
  });

  test("R1: an empty range and an absent table are reads", () => {
    expect(isTouched(byA({}, [["Eq", "a", 7]]), inserting(7))).toBe(true);
    expect(isTouched(byA({}, [["Eq", "a", 7]]), inserting(8))).toBe(false);
    expect(
      isTouched(
        (tx) => collect(tx, scanOf("nobody_made_me")),
        (tx) => tx.insert("nobody_made_me", {}),
      ),
    ).toBe(true);
  });

  test("R1: an absent document is a read of that document only", () => {
    const gone = insert(1);
    const other = insert(2);
    mutate(temporary.store, (tx) => tx.remove("notes", gone));
    expect(
      isTouched(
        (tx) => tx.get(gone),
        (tx) => tx.shallowMerge("notes", other, { b: 1 }),
      ),
    ).toBe(false);
    expect(
      isTouched(
        (tx) => tx.get(other),
        (tx) => tx.remove("notes", other),
      ),
    ).toBe(true);
  });

  test("S1: rows fetched ahead do not count until they are asked for", () => {
    for (let a = 0; a < 100; a++) insert(a);
    const first = (tx: Transaction) => tx.queryStreamNext(tx.queryStream(rangeOf("notes.by_a", [])));
    expect(isTouched(first, inserting(0.5))).toBe(false);
    expect(isTouched(first, inserting(-1))).toBe(true);
  });

  test("`take(0)` reads nothing", () => {
    insert(1);
    expect(isTouched(byA({ take: 0 }), inserting(0))).toBe(false);
  });

  test("filters do not narrow what was read", () => {
    insert(1);
    expect(isTouched(byA({ filter: { $eq: [{ $field: "a" }, { $literal: 1 }] } }), inserting(2))).toBe(true);
  });

  test("G4: a document that moves away touches its old place and its new one", () => {
    const id = insert(1);
    expect(isTouched(byA({}, [["Eq", "a", 1]]), (tx) => tx.shallowMerge("notes", id, { a: 2 }))).toBe(true);
    expect(isTouched(byA({}, [["Eq", "a", 3]]), (tx) => tx.shallowMerge("notes", id, { a: 3 }))).toBe(true);
    expect(isTouched(byA({}, [["Eq", "a", 3]]), (tx) => tx.shallowMerge("notes", id, { b: 1 }))).toBe(true);
    expect(isTouched(byA({}, [["Eq", "a", 1]]), (tx) => tx.shallowMerge("notes", id, { b: 2 }))).toBe(false);
  });

  test("a count is touched by inserts and deletes", () => {
    expect(isTouched((tx) => tx.count("notes"), inserting(1))).toBe(true);
  });

  test("Q3: a full page is not touched by what comes after its last row", () => {
    for (const a of [10, 20, 30]) insert(a);
    const firstPage = (tx: Transaction) => tx.queryPage({ query: rangeOf("notes.by_a", []), cursor: null, pageSize: 2 }, null);
    expect(isTouched(firstPage, inserting(25))).toBe(false);
    expect(isTouched(firstPage, inserting(12))).toBe(true);
  });

  test("R2: what a failed nested call read stays read", () => {
    insert(1);
    const nested = (tx: Transaction) => byA({}, [["Eq", "a", 5]])(tx.child());
    expect(isTouched(nested, inserting(5))).toBe(true);
  });
});
