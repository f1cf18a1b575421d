import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { defineSchema, defineTable } from "convex/server";
import { jsonToConvex, v } from "convex/values";
import { Conflict, SchemaViolation } from "./index.ts";
import { applySchema, ask, collect, exportOf, mutate, rangeOf, scanOf, temporaryStore } from "./testing.ts";

let temporary: ReturnType<typeof temporaryStore>;
beforeEach(() => {
  temporary = temporaryStore();
});
afterEach(() => temporary.dispose());

const begin = () => temporary.store.begin({ kind: "mutation", nowMs: Date.now() });
const all = (table: string) => ask(temporary.store, (tx) => collect(tx, scanOf(table)));

describe("write groups", () => {
  test("G2: a transaction of the group sees the ones applied before it, and their timestamps rise", () => {
    const group = temporary.store.beginGroup();
    const first = begin();
    const id = first.insert("notes", { n: 1 });
    const { ts } = group.commitTransaction(first);
    const second = begin();
    second.shallowMerge("notes", id, { n: JSON.parse(second.get(id) ?? "").n + 1 });
    expect(group.commitTransaction(second).ts).toBeGreaterThan(ts);
    group.commit();
    expect(all("notes")).toMatchObject([{ n: 2 }]);
  });

  test("G2: a rolled back group leaves no trace: documents, tables, replays, settings, schema", () => {
    mutate(temporary.store, (tx) => tx.insert("old", {}));
    const group = temporary.store.beginGroup();
    const tx = begin();
    tx.insert("fresh", {});
    group.commitTransaction(tx);
    group.putReplay("s", 1, { ts: 1n, valueJson: "null" });
    group.putMeta("modules", "text");
    group.applySchema(exportOf(defineSchema({ fresh: defineTable({ a: v.optional(v.string()) }).index("by_a", ["a"]) })));
    group.rollback();
    expect(all("fresh")).toEqual([]);
    expect(temporary.store.listTables()).toEqual([{ name: "old", documentCount: 1 }]);
    expect(temporary.store.getReplay("s", 1)).toBeNull();
    expect(temporary.store.getMeta("modules")).toBeNull();
    expect(temporary.store.schema()).toBeNull();
    mutate(temporary.store, (later) => later.insert("fresh", { a: 1 })); // the schema's validator is gone too,
    expect(() => ask(temporary.store, (later) => collect(later, rangeOf("fresh.by_a", [])))).toThrow(
      "Index fresh.by_a not found.",
    ); // and its index
    expect(all("fresh")).toHaveLength(1);
  });

  test("G1: once a write of a group has failed, nothing of the group can be committed", () => {
    const group = temporary.store.beginGroup();
    const tx = begin();
    tx.insert("notes", {});
    group.commitTransaction(tx);
    group.putReplay("s", 1, { ts: 1n, valueJson: "null" });
    expect(() => group.putReplay("s", 1, { ts: 1n, valueJson: "null" })).toThrow("UNIQUE");
    expect(() => group.putMeta("a", "b")).toThrow("A write of this group failed");
    expect(() => group.commit()).toThrow("A write of this group failed");
    expect(all("notes")).toEqual([]);
    temporary.store.beginGroup().rollback(); // the failed one is over
  });

  test("G1: a transaction that read what was written since must run again, and nothing of it is applied", () => {
    const id = mutate(temporary.store, (tx) => tx.insert("notes", { n: 0 })).result;
    const late = begin();
    const seen = JSON.parse(late.get(id) ?? "").n;
    mutate(temporary.store, (tx) => tx.shallowMerge("notes", id, { n: 10 }));
    late.shallowMerge("notes", id, { n: seen + 1 });
    const group = temporary.store.beginGroup();
    expect(() => group.commitTransaction(late)).toThrow(Conflict);
    group.commit();
    expect(all("notes")).toMatchObject([{ n: 10 }]);
  });

  test("G1: one that read something else is applied although it began earlier", () => {
    const ids = mutate(temporary.store, (tx) => [tx.insert("notes", {}), tx.insert("notes", {})]).result;
    const late = begin();
    late.shallowMerge("notes", ids[0] ?? "", { n: 1 });
    mutate(temporary.store, (tx) => tx.shallowMerge("notes", ids[1] ?? "", { n: 2 }));
    const group = temporary.store.beginGroup();
    group.commitTransaction(late);
    group.commit();
    expect(all("notes")).toMatchObject([{ n: 1 }, { n: 2 }]);
  });

  test("G1: what read a rolled back write must run again", () => {
    const group = temporary.store.beginGroup();
    const first = begin();
    first.insert("notes", {});
    group.commitTransaction(first);
    const second = begin();
    expect(collect(second, scanOf("notes"))).toHaveLength(1);
    group.rollback();
    expect(temporary.store.hasConflict(second)).toBe(true);
  });

  test("a transaction without writes costs no timestamp", () => {
    const before = temporary.store.latestTs;
    const { ts, keys } = mutate(temporary.store, (tx) => collect(tx, scanOf("notes")));
    expect(ts).toBe(before);
    expect(keys).toEqual([]);
  });

  test("a document made and removed in one transaction was never there", () => {
    const { keys } = mutate(temporary.store, (tx) => tx.remove("notes", tx.insert("notes", {})));
    expect(keys).toEqual([]);
    expect(all("notes")).toEqual([]);
  });

  test("X2: a dropped nested call leaves nothing, an adopted one everything", () => {
    const { result: id } = mutate(temporary.store, (tx) => {
      const kept = tx.insert("notes", { n: 1 });
      const failed = tx.child();
      failed.shallowMerge("notes", kept, { n: 99 });
      failed.insert("notes", { n: 98 });
      const succeeded = tx.child();
      succeeded.shallowMerge("notes", kept, { n: 2 });
      tx.adopt(succeeded);
      return kept;
    });
    expect(all("notes")).toMatchObject([{ _id: id, n: 2 }]);
  });

  test("a commit timestamp becomes the commit's, in the document and in its index", () => {
    applySchema(temporary.store, defineSchema({ log: defineTable({ at: v.commitTs() }).index("by_at", ["at"]) }));
    const first = mutate(temporary.store, (tx) => {
      const id = tx.insert("log", { at: { $commitTs: null } });
      expect(JSON.parse(tx.get(id) ?? "").at).toEqual({ $commitTs: null });
    });
    const second = mutate(temporary.store, (tx) => tx.insert("log", { at: { $commitTs: null } }));
    const stored = ask(temporary.store, (tx) => collect(tx, rangeOf("log.by_at", [])));
    expect(stored.map((doc) => jsonToConvex(doc.at ?? null))).toEqual([first.ts, second.ts]);
  });

  test("replays answer for their session and request only, and expire", () => {
    const group = temporary.store.beginGroup();
    for (let request = 0; request < 5; request++) group.putReplay("session", request, { ts: 7n, valueJson: `${request}` });
    group.commit();
    expect(temporary.store.getReplay("session", 3)).toEqual({ ts: 7n, valueJson: "3" });
    expect(temporary.store.getReplay("session", 5)).toBeNull();
    expect(temporary.store.getReplay("other", 3)).toBeNull();
    const trimmed = (beforeMs: number) =>
      [2, 2, 2].map((rows) => temporary.store.trimReplays(beforeMs, rows)).reduce((a, b) => a + b);
    expect(trimmed(Date.now() - 60_000)).toBe(0);
    expect(trimmed(Date.now() + 60_000)).toBe(5);
  });

  test("only one group is open at a time, and a finished one is finished", () => {
    const group = temporary.store.beginGroup();
    expect(() => temporary.store.beginGroup()).toThrow("open already");
    group.commit();
    expect(() => group.putMeta("a", "b")).toThrow("over");
    group.rollback();
    temporary.store.beginGroup().rollback();
  });
});

describe("schemas", () => {
  const users = (fields: Parameters<typeof defineTable>[0]) => defineTable(fields);

  test("a push says what it changes, and documents already there are found through new indexes", () => {
    mutate(temporary.store, (tx) => {
      for (const name of ["c", "a", "b"]) tx.insert("users", { name });
    });
    const diff = applySchema(
      temporary.store,
      defineSchema({ users: users({ name: v.string() }).index("by_name", ["name"]), teams: users({}) }),
    );
    expect(diff).toEqual({
      tablesAdded: ["teams"],
      indexesAdded: [{ table: "users", name: "by_name", fields: ["name"] }],
      indexesRemoved: [],
    });
    expect(ask(temporary.store, (tx) => collect(tx, rangeOf("users.by_name", []))).map((doc) => doc.name)).toEqual([
      "a",
      "b",
      "c",
    ]);
    const next = applySchema(
      temporary.store,
      defineSchema({ users: users({ name: v.string() }).index("by_name", ["name", "age"]) }),
    );
    expect(next).toMatchObject({ indexesAdded: [{ fields: ["name", "age"] }], indexesRemoved: [{ fields: ["name"] }] });
    expect(ask(temporary.store, (tx) => collect(tx, rangeOf("users.by_name", [["Eq", "name", "b"]])))).toHaveLength(1);
  });

  test("S1: a document that does not fit is named with the reason, and the old schema keeps serving", () => {
    applySchema(temporary.store, defineSchema({ users: users({ name: v.string() }).index("by_name", ["name"]) }));
    const id = mutate(temporary.store, (tx) => tx.insert("users", { name: "ada" })).result;
    const narrower = defineSchema({ users: users({ name: v.string(), age: v.number() }) });
    try {
      applySchema(temporary.store, narrower);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(SchemaViolation);
      expect(error).toMatchObject({ table: "users", documentId: id });
      expect((error as SchemaViolation).message).toContain(
        `Document with ID "${id}" in table "users" does not match the schema: Object is missing the required field \`age\``,
      );
    }
    expect(() => temporary.store.checkSchema(exportOf(narrower))).toThrow(SchemaViolation);
    expect(ask(temporary.store, (tx) => collect(tx, rangeOf("users.by_name", [])))).toHaveLength(1);
    expect(() => mutate(temporary.store, (tx) => tx.insert("users", { name: 1 }))).toThrow("does not match the schema");
  });

  test("checking a schema changes nothing", () => {
    const schema = exportOf(defineSchema({ users: users({ name: v.string() }).index("by_name", ["name"]) }));
    expect(temporary.store.checkSchema(schema).tablesAdded).toEqual(["users"]);
    expect(temporary.store.schema()).toBeNull();
    expect(temporary.store.listTables()).toEqual([]);
  });

  test("`schemaValidation: false` lets anything in", () => {
    applySchema(temporary.store, defineSchema({ users: users({ name: v.string() }) }, { schemaValidation: false }));
    mutate(temporary.store, (tx) => tx.insert("users", { name: 1 }));
    expect(all("users")).toHaveLength(1);
  });

  test("a transaction begun before a schema change must run again", () => {
    const tx = begin();
    tx.insert("users", {});
    applySchema(temporary.store, defineSchema({ users: users({ name: v.string() }) }));
    const group = temporary.store.beginGroup();
    expect(() => group.commitTransaction(tx)).toThrow(Conflict);
    group.rollback();
  });

  test("search and vector indexes are refused by name", () => {
    const search = defineSchema({ users: users({ name: v.string() }).searchIndex("by_text", { searchField: "name" }) });
    const vector = defineSchema({
      users: users({ e: v.array(v.number()) }).vectorIndex("by_e", { vectorField: "e", dimensions: 2 }),
    });
    expect(() => temporary.store.checkSchema(exportOf(search))).toThrow('Table "users" has a text search index');
    expect(() => temporary.store.checkSchema(exportOf(vector))).toThrow('Table "users" has a vector index');
  });

  test("malformed schemas are refused before anything is touched", () => {
    const any = { type: "any" };
    const table = (extra: object) => ({ tables: [{ tableName: "t", documentType: any, ...extra }] });
    for (const wrong of [
      { tables: 3 },
      { tables: [{ tableName: "_t", documentType: any }] },
      { tables: [{ tableName: "t" }, { tableName: "t" }] },
      table({ documentType: { type: "nope" } }),
      table({ indexes: [{ indexDescriptor: "by_id", fields: ["a"] }] }),
      table({ indexes: [{ indexDescriptor: "i", fields: ["a", "a"] }] }),
      table({ indexes: [{ indexDescriptor: "i", fields: [] }] }),
      table({
        indexes: [
          { indexDescriptor: "i", fields: ["a"] },
          { indexDescriptor: "i", fields: ["b"] },
        ],
      }),
    ]) {
      expect(() => temporary.store.checkSchema(JSON.parse(JSON.stringify(wrong)))).toThrow(
        expect.objectContaining({ code: "SchemaRefused" }),
      );
    }
  });
});
