// Several components in one file: tables apart, one commit, one check.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { SchemaViolation } from "./errors.ts";
import { Store } from "./index.ts";
import { exportOf, temporaryStore } from "./testing.ts";

let temporary: ReturnType<typeof temporaryStore>;
beforeEach(() => {
  temporary = temporaryStore();
});
afterEach(() => temporary.dispose());

const notes = (text: typeof v.string | typeof v.number) =>
  exportOf(defineSchema({ notes: defineTable({ text: text() }).index("by_text", ["text"]) }));
const insert = (component: string, text: string): string => {
  const { store } = temporary;
  const group = store.beginGroup();
  const tx = store.begin({ kind: "mutation", nowMs: 1, component });
  const id = tx.insert("notes", { text });
  group.commitTransaction(tx);
  group.commit();
  return id;
};

describe("components in one store", () => {
  test("schemas of several change together: one document that does not fit, and none changes (S1)", () => {
    const { store } = temporary;
    const id = insert("a/b", "words");
    const group = store.beginGroup();
    const change = () =>
      group.applySchemas([
        ["", notes(v.string)],
        ["a/b", notes(v.number)],
      ]);
    expect(change).toThrow(SchemaViolation);
    expect(change).toThrow(`Document with ID "${id}" in table "notes" of component "a/b"`);
    group.commit();
    expect(store.schema("")).toBeNull();
    expect(store.checkSchema(notes(v.string)).tablesAdded).toEqual(["notes"]);
  });

  test("one transaction writes to several, through children that see one component each", () => {
    const { store } = temporary;
    const group = store.beginGroup();
    const tx = store.begin({ kind: "mutation", nowMs: 1 });
    const child = tx.child({ component: "a" });
    const id = child.insert("notes", { text: "of a" });
    expect(tx.get(id)).toBeNull();
    tx.adopt(child);
    expect(tx.get(id)).toBeNull();
    group.commitTransaction(tx);
    group.commit();
    expect(store.listTables("a")).toEqual([{ name: "notes", documentCount: 1 }]);
    expect(store.listTables()).toEqual([]);
    expect(store.componentOf(id)).toBe("a");
  });

  test("those that stored something are known after a rollback and a restart, those that only looked are not", () => {
    insert("a", "kept");
    const group = temporary.store.beginGroup();
    const tx = temporary.store.begin({ kind: "mutation", nowMs: 1, component: "gone" });
    tx.insert("notes", { text: "rolled back" });
    group.commitTransaction(tx);
    group.rollback();
    temporary.store.begin({ kind: "query", nowMs: 1, component: "looked" }).count("notes");
    expect(temporary.store.components()).toEqual(["a"]);
    temporary.store.close();
    const store = Store.open(temporary.file, { synchronous: "NORMAL" });
    expect(store.components()).toEqual(["a"]);
    expect(store.components("notes")).toEqual(["a"]);
    expect(store.components("others")).toEqual([]);
    store.close();
  });
});
