import { describe, expect, test } from "bun:test";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import fc from "fast-check";
import { type JsonObject, Store } from "./index.ts";
import { applySchema, collect, mutate, rangeOf, temporaryStore } from "./testing.ts";

const schema = defineSchema({ notes: defineTable(v.any()).index("by_a", ["a"]) });
const BY_A = rangeOf("notes.by_a", []);

function at(store: Store, atTs?: bigint): { documents: JsonObject[]; count: number } {
  const tx = store.begin({ kind: "query", nowMs: Date.now(), atTs });
  return { documents: collect(tx, BY_A), count: tx.count("notes") };
}

describe("the recent past", () => {
  test("U1: a query at a timestamp answers as a query did right after that commit", () => {
    const step = fc.record({
      kind: fc.constantFrom("insert", "patch", "remove"),
      pick: fc.nat({ max: 9 }),
      a: fc.nat({ max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 8 }), (commits) => {
        using temporary = temporaryStore();
        const { store } = temporary;
        applySchema(store, schema);
        const seen: { ts: bigint; state: ReturnType<typeof at> }[] = [];
        let ids: string[] = [];
        for (const steps of commits) {
          const { ts } = mutate(store, (tx) => {
            for (const { kind, pick, a } of steps) {
              const id = ids[pick % Math.max(ids.length, 1)];
              if (kind === "insert") ids.push(tx.insert("notes", { a }));
              else if (id && kind === "patch") tx.shallowMerge("notes", id, { a });
              else if (id) {
                tx.remove("notes", id);
                ids = ids.filter((other) => other !== id);
              }
            }
          });
          seen.push({ ts, state: at(store) });
        }
        for (const { ts, state } of seen) expect(at(store, ts)).toEqual(state);
      }),
      { numRuns: 40 },
    );
  });

  test("a document is got as it was, and as absent before it was made", () => {
    using temporary = temporaryStore();
    const { store } = temporary;
    const before = mutate(store, (tx) => tx.insert("notes", {})).ts;
    const { ts, result: id } = mutate(store, (tx) => tx.insert("notes", { a: 1 }));
    mutate(store, (tx) => tx.remove("notes", id));
    const get = (atTs: bigint) => JSON.parse(store.begin({ kind: "query", nowMs: 0, atTs }).get(id) ?? "null");
    expect([get(before), get(ts)?.a, get(store.latestTs)]).toEqual([null, 1, null]);
  });

  test("the future, the distant past and writing in the past are refused", () => {
    let nowMs = Date.now();
    using temporary = temporaryStore({ now: () => nowMs });
    const { store } = temporary;
    const { ts } = mutate(store, (tx) => tx.insert("notes", {}));
    expect(() => at(store, ts + 1n)).toThrow("not happened yet");
    nowMs += 301_000;
    mutate(store, (tx) => tx.insert("notes", {}));
    expect(() => at(store, ts)).toThrow("more than 5 minutes old");
    expect(() => store.begin({ kind: "mutation", nowMs, atTs: ts })).toThrow("cannot run in the past");
  });

  test("U2: what is too much to remember is refused by its timestamp, and nothing younger is", () => {
    using temporary = temporaryStore({ maxHistoryChars: 5_000 });
    const { store } = temporary;
    applySchema(store, schema);
    const written = Array.from({ length: 30 }, () => mutate(store, (tx) => tx.insert("notes", {})).ts);
    expect(() => at(store, written[2])).toThrow("more than this deployment remembers");
    expect(at(store, written[28]).count).toBe(29);
  });

  test("U2: the state before the last start is refused", () => {
    using temporary = temporaryStore();
    applySchema(temporary.store, schema);
    const { ts } = mutate(temporary.store, (tx) => tx.insert("notes", {}));
    mutate(temporary.store, (tx) => tx.insert("notes", {}));
    temporary.store.close();
    using store = reopened(temporary.file);
    expect(() => at(store.store, ts)).toThrow("more than this deployment remembers");
    expect(at(store.store, store.store.latestTs).count).toBe(2);
  });

  test("U3: what a rolled back group wrote leaves no trace", () => {
    using temporary = temporaryStore();
    const { store } = temporary;
    applySchema(store, schema);
    const { ts, result: id } = mutate(store, (tx) => tx.insert("notes", { a: 1 }));
    const group = store.beginGroup();
    const tx = store.begin({ kind: "mutation", nowMs: Date.now() });
    tx.shallowMerge("notes", id, { a: 2 });
    group.commitTransaction(tx);
    group.rollback();
    mutate(store, (next) => next.shallowMerge("notes", id, { a: 3 }));
    expect(at(store, ts).documents).toMatchObject([{ a: 1 }]);
  });
});

function reopened(file: string) {
  const store = Store.open(file, { synchronous: "NORMAL" });
  return { store, [Symbol.dispose]: () => store.close() };
}
