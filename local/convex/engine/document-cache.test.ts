import { describe, expect, test } from "bun:test";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { Document } from "./document.ts";
import { DocumentCache } from "./document-cache.ts";
import { Store } from "./index.ts";
import { applySchema, ask, mutate, temporaryStore } from "./testing.ts";

const read = (store: Store, id: string) => ask(store, (tx) => JSON.parse(tx.get(id) ?? "null"));

describe("documents remembered", () => {
  test("D1: what is read is what the file says: after a patch, a removal, a rollback and a restart", () => {
    using temporary = temporaryStore();
    const { store } = temporary;
    const { result: id } = mutate(store, (tx) => tx.insert("notes", { a: 1 }));
    expect(read(store, id)).toMatchObject({ a: 1 });
    mutate(store, (tx) => tx.shallowMerge("notes", id, { a: 2 }));
    expect(read(store, id)).toMatchObject({ a: 2 });
    const group = store.beginGroup();
    for (const change of [{ a: 3 }, null]) {
      const tx = store.begin({ kind: "mutation", nowMs: Date.now() });
      if (change) tx.shallowMerge("notes", id, change);
      else tx.remove("notes", id);
      group.commitTransaction(tx);
      expect(read(store, id)).toEqual(change === null ? null : expect.objectContaining(change));
    }
    group.rollback();
    expect(read(store, id)).toMatchObject({ a: 2 });
    mutate(store, (tx) => tx.remove("notes", id));
    expect(read(store, id)).toBeNull();
    const { result: other } = mutate(store, (tx) => tx.insert("notes", { b: 1 }));
    const before = read(store, other);
    store.close();
    const again = Store.open(temporary.file);
    expect(read(again, other)).toEqual(before);
    again.close();
  });

  test("D2: a document read under an old schema is written under the new one", () => {
    using temporary = temporaryStore();
    const { store } = temporary;
    const { result: id } = mutate(store, (tx) => tx.insert("notes", { a: 1 }));
    expect(read(store, id)).toMatchObject({ a: 1 });
    applySchema(store, defineSchema({ notes: defineTable({ a: v.number() }).index("by_a", ["a"]) }));
    expect(() => mutate(store, (tx) => tx.shallowMerge("notes", id, { a: "text" }))).toThrow("does not match the schema");
    mutate(store, (tx) => tx.shallowMerge("notes", id, { a: 2 }));
    expect(read(store, id)).toMatchObject({ a: 2 });
  });

  test("what is kept is bounded; what is used stays longest", () => {
    const table = { number: 1, component: "", name: "t", isSystem: false, isHidden: false, indexes: [], validator: null };
    const cache = new DocumentCache();
    const make = (n: number) => Document.committed(table, `id-${n}`, n, "{}");
    const used = cache.put(make(-1));
    for (let n = 0; n < 20_000; n++) {
      cache.put(make(n));
      if (n % 1000 === 0) expect(cache.get(table, used.id)).toBe(used);
    }
    expect(cache.get(table, "id-0")).toBeNull();
    expect(cache.get(table, "id-19999")).not.toBeNull();
  });
});
