import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { defineSchema, defineTable } from "convex/server";
import { convexToJson, v } from "convex/values";
import { makeId } from "./ids.ts";
import { InvalidCursor, type JsonValue, type Transaction } from "./index.ts";
import { applySchema, ask, collect, mutate, rangeOf, scanOf, temporaryStore } from "./testing.ts";

let temporary: ReturnType<typeof temporaryStore>;
beforeEach(() => {
  temporary = temporaryStore({
    systemTables: [
      { name: "_cron_runs", isHidden: true, indexes: [{ name: "by_due", fields: ["state.kind", "scheduledTime"] }] },
    ],
  });
});
afterEach(() => temporary.dispose());

const begin = (kind: "query" | "mutation" = "mutation") => temporary.store.begin({ kind, nowMs: Date.now() });

describe("documents", () => {
  test("an inserted document has its fields, its id and a creation time, in sorted order", () => {
    const tx = begin();
    const id = tx.insert("notes", { b: 1, A: 2 });
    expect(JSON.parse(tx.get(id) ?? "")).toEqual({ A: 2, _creationTime: expect.any(Number), _id: id, b: 1 });
    expect(Object.keys(JSON.parse(tx.get(id) ?? ""))).toEqual(["A", "_creationTime", "_id", "b"]);
  });

  test("documents made in the same millisecond list in the order they were made, across transactions", () => {
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) ids.push(mutate(temporary.store, (tx) => tx.insert("notes", {}), 1_700_000_000_000).result);
    ids.push(mutate(temporary.store, (tx) => tx.insert("notes", {}), 1_600_000_000_000).result); // the clock went back
    expect(ask(temporary.store, (tx) => collect(tx, scanOf("notes"))).map((doc) => doc._id)).toEqual(ids);
  });

  test("what cannot be stored is refused by name", () => {
    const tx = begin();
    const refused: [JsonValue, string][] = [
      [{ _owner: 1 }, "Field '_owner' starts with an underscore"],
      [{ a: { $undefined: null } }, "undefined is not a valid Convex value"],
      [[1], "expected an object"],
      [{ $integer: "AAAAAAAAAAA=" }, "expected an object"],
      [{ a: "x".repeat(1 << 20) }, "Value is too large"],
    ];
    for (const [value, text] of refused) expect(() => tx.insert("notes", value)).toThrow(text);
    expect(() => tx.insert("no spaces", {})).toThrow("Table names must be valid identifiers");
    expect(() => tx.insert("_storage", {})).toThrow("System tables (prefixed with `_`) are read-only.");
    expect(tx.writes).toEqual([]);
  });

  test("a system table's row may be as large and as deep as the arguments of a scheduled function", () => {
    const tx = begin();
    let deep: JsonValue = 1;
    for (let level = 0; level < 60; level++) deep = [deep];
    expect(() => tx.insert("notes", { deep })).toThrow("nested too deeply (maximum nesting 16)");
    const id = tx.system.insert("_cron_runs", { args: [{ text: "x".repeat(4 << 20), deep }] });
    expect(tx.system.get(id)).toContain("[[[[[[");
    expect(() => tx.system.insert("_cron_runs", { args: [[[[[[deep]]]]]] })).toThrow("nested too deeply (maximum nesting 64)");
  });

  test("a patch may repeat the system fields and may not change them", () => {
    const tx = begin();
    const id = tx.insert("notes", { a: 1 });
    const { _creationTime } = JSON.parse(tx.get(id) ?? "");
    tx.shallowMerge("notes", id, { _id: id, _creationTime, a: 2, b: { $undefined: null } });
    expect(JSON.parse(tx.get(id) ?? "")).toEqual({ _id: id, _creationTime, a: 2 });
    expect(() => tx.shallowMerge("notes", id, { _id: "other" })).toThrow(`does not match the document ID "${id}"`);
    expect(() => tx.replace("notes", id, { _creationTime: 1 })).toThrow("does not match the document's creation time");
    expect(() => tx.replace("notes", id, { _x: 1 })).toThrow("Field '_x' starts with an underscore");
  });

  test("ids are judged: malformed, another table's, unknown, absent", () => {
    const tx = begin();
    const note = tx.insert("notes", {});
    const other = tx.insert("others", {});
    expect(() => tx.get("abc")).toThrow("Invalid argument `id` for `db.get`: Unable to decode ID: Invalid ID length 3");
    expect(() => tx.get(other, "notes")).toThrow("expected ID in table 'notes' but got ID in table 'others'");
    expect(tx.get(makeId(12_345, Date.now()))).toBeNull();
    tx.remove(undefined, note);
    expect(tx.get(note)).toBeNull();
    expect(() => tx.shallowMerge("notes", note, {})).toThrow(`Update on nonexistent document ID ${note}`);
    expect(() => tx.replace("notes", note, {})).toThrow(`Replace on nonexistent document ID ${note}`);
    expect(() => tx.remove("notes", note)).toThrow(`Delete on nonexistent document ID ${note}`);
    expect(tx.normalizeId("others", other)).toBe(other);
    expect(tx.normalizeId("notes", other)).toBeNull();
    expect(tx.normalizeId("others", "abc")).toBeNull();
  });

  test("a write that breaks the schema is refused and changes nothing", () => {
    applySchema(temporary.store, defineSchema({ users: defineTable({ name: v.string(), friend: v.optional(v.id("users")) }) }));
    const tx = begin();
    const id = tx.insert("users", { name: "ada" });
    const note = tx.insert("notes", {});
    expect(() => tx.shallowMerge("users", id, { name: 1 })).toThrow(
      'Failed to insert or update a document in table "users" because it does not match the schema: Value does not match validator.\nPath: .name',
    );
    expect(() => tx.insert("users", { name: "b", friend: note })).toThrow('Found ID "');
    tx.shallowMerge("users", id, { friend: id });
    expect(collect(tx, scanOf("users"))).toMatchObject([{ name: "ada", friend: id }]);
  });

  test("a query cannot write, and a finished transaction cannot do anything", () => {
    expect(() => begin("query").insert("notes", {})).toThrow("A query cannot write");
    let late: Transaction | null = null;
    const id = mutate(temporary.store, (tx) => {
      late = tx;
      return tx.insert("notes", {});
    }).result;
    expect(() => (late as Transaction | null)?.get(id)).toThrow("already returned");
  });
});

describe("queries", () => {
  const schema = defineSchema({ notes: defineTable(v.any()).index("by_ab", ["a", "b"]) });
  beforeEach(() => void applySchema(temporary.store, schema));

  test("a range must use the index fields in order", () => {
    const tx = begin();
    const wrong: Parameters<typeof rangeOf>[1][] = [
      [["Eq", "b", 1]],
      [
        ["Gt", "a", 1],
        ["Eq", "b", 1],
      ],
      [
        ["Gt", "a", 1],
        ["Lt", "b", 1],
      ],
      [
        ["Eq", "a", 1],
        ["Eq", "a", 1],
      ],
      [["Gt", "_id", 1]],
    ];
    for (const steps of wrong) {
      expect(() => tx.queryStream(rangeOf("notes.by_ab", steps))).toThrow(
        "Tried to query index notes.by_ab but the query didn't use the index fields in order.",
      );
    }
    expect(() =>
      tx.queryStream(
        rangeOf("notes.by_ab", [
          ["Gt", "a", 1],
          ["Gte", "a", 1],
        ]),
      ),
    ).toThrow("Already defined lower bound");
    expect(() => tx.queryStream(rangeOf("notes.by_nothing", []))).toThrow("Index notes.by_nothing not found.");
    expect(
      collect(
        tx,
        rangeOf("notes.by_ab", [
          ["Eq", "a", 1],
          ["Eq", "b", 1],
          ["Gt", "_creationTime", 1],
        ]),
      ),
    ).toEqual([]);
  });

  test("a stream sees what is written while it runs, ahead of it and not behind", () => {
    const tx = begin();
    for (const a of [1, 3, 5]) tx.insert("notes", { a });
    const stream = tx.queryStream(rangeOf("notes.by_ab", []));
    const next = () => JSON.parse(tx.queryStreamNext(stream).value ?? "null")?.a;
    expect(next()).toBe(1);
    tx.insert("notes", { a: 0 });
    tx.insert("notes", { a: 2 });
    expect([next(), next(), next(), next()]).toEqual([2, 3, 5, undefined]);
  });

  test("filters follow index order and arithmetic keeps to one kind of number", () => {
    const tx = begin();
    for (const a of [1, 2, 3]) tx.insert("notes", { a, big: convexToJson(BigInt(a)) });
    tx.insert("notes", { b: "no a" });
    const matching = (filter: JsonValue) => collect(tx, scanOf("notes", { filter })).map((doc) => doc.a);
    expect(
      matching({ $and: [{ $field: "a" }, { $eq: [{ $mod: [{ $field: "a" }, { $literal: 2 }] }, { $literal: 1 }] }] }),
    ).toEqual([1, 3]);
    expect(matching({ $lt: [{ $field: "a" }, { $literal: 2 }] })).toEqual([1, undefined]);
    expect(matching({ $eq: [{ $field: "a" }, { $literal: { $undefined: null } }] })).toEqual([undefined]);
    expect(matching({ $not: { $or: [{ $eq: [{ $field: "a" }, { $literal: 1 }] }, { $not: { $field: "a" } }] } })).toEqual([2, 3]);
    const sum: JsonValue = { $add: [{ $field: "big" }, { $literal: convexToJson(1n) }] };
    expect(matching({ $and: [{ $field: "a" }, { $gte: [sum, { $literal: convexToJson(3n) }] }] })).toEqual([2, 3]);
    expect(() => matching({ $add: [{ $field: "a" }, { $literal: convexToJson(1n) }] })).toThrow("not one of each");
    expect(() => matching({ $regex: "x" })).toThrow("Not a filter expression");
  });

  test("text search is refused by name", () => {
    expect(() =>
      begin().queryStream({ source: { type: "Search", indexName: "notes.search", filters: [] }, operators: [] }),
    ).toThrow("does not support text search");
  });

  test("L1: what an adopted call wrote counts for its caller, what a dropped one wrote does not, what either read does", () => {
    const tx = begin();
    tx.insert("notes", { a: 1 });
    const adopted = tx.child();
    adopted.insert("notes", { a: 2 });
    const dropped = tx.child();
    dropped.insert("notes", { a: 3 });
    expect(collect(dropped, scanOf("notes"))).toHaveLength(2);
    tx.adopt(adopted);
    expect(tx.usage).toMatchObject({ documentsWritten: 2, documentsRead: 2 });
  });

  test("reading past a limit is refused, and a nested call's limits are its own", () => {
    mutate(temporary.store, (tx) => {
      for (let i = 0; i < 20; i++) tx.insert("notes", { a: i });
    });
    const tx = begin();
    const child = tx.child({ limits: { documentsRead: 5 } });
    expect(() => collect(child, scanOf("notes"))).toThrow("Scanned too many documents in a single function execution (limit: 5)");
    expect(tx.usage.documentsRead).toBe(6);
    expect(collect(tx, scanOf("notes"))).toHaveLength(20);
    const greedy = begin();
    expect(() => {
      for (let i = 0; i <= 4096; i++) greedy.queryCleanup(greedy.queryStream(scanOf("notes", { take: 1 })));
    }).toThrow("Too many index ranges read in a single function execution (limit: 4096)");
    const writer = begin();
    expect(() => {
      for (let i = 0; i < 17; i++) writer.insert("notes", { text: "x".repeat(1_000_000) });
    }).toThrow("Wrote too much data in a single function execution (limit: 16777216 bytes)");
  });
});

describe("system tables", () => {
  test("X3: functions read them through db.system only and never write them; the server does both", () => {
    const tx = begin();
    const job = tx.system.insert("_scheduled_functions", {
      name: "a:b",
      args: [{}],
      scheduledTime: 1,
      state: { kind: "pending" },
    });
    const note = tx.insert("notes", {});
    expect(() => tx.get(job)).toThrow("System tables can only be accessed with db.system.");
    expect(() => tx.remove(undefined, job)).toThrow("System tables (prefixed with `_`) are read-only.");
    expect(() => tx.system.get(note)).toThrow("User tables cannot be accessed with db.system");
    tx.system.shallowMerge(job, { state: { kind: "success" } });
    expect(JSON.parse(tx.system.get(job) ?? "")).toMatchObject({ state: { kind: "success" } });
    expect(tx.normalizeId("_scheduled_functions", job)).toBe(job);
    expect(collect(tx, rangeOf("_scheduled_functions.by_due", [["Eq", "state.kind", "success"]]))).toHaveLength(1);
  });

  test("hidden tables are the server's alone, and unknown ones nobody's", () => {
    const tx = begin();
    tx.system.insert("_cron_runs", { name: "tick", state: { kind: "pending" } });
    expect(() => tx.queryStream(scanOf("_cron_runs"))).toThrow('There is no system table "_cron_runs".');
    const stream = tx.system.queryStream(scanOf("_cron_runs"));
    expect(JSON.parse(tx.queryStreamNext(stream).value ?? "")).toMatchObject({ name: "tick" });
    expect(() => tx.queryStream(scanOf("_modules"))).toThrow('There is no system table "_modules".');
  });
});

describe("components", () => {
  test("each sees its own tables; ids of another's are foreign", () => {
    const app = begin();
    const id = app.insert("notes", { of: "app" });
    const inner = app.child({ component: "limiter" });
    expect(collect(inner, scanOf("notes"))).toEqual([]);
    expect(inner.get(id)).toBeNull();
    inner.insert("notes", { of: "limiter" });
    app.adopt(inner);
    expect(collect(app, scanOf("notes"))).toMatchObject([{ of: "app" }]);
  });
});

test("a cursor of another deployment is an InvalidCursor that React's usePaginatedQuery knows", () => {
  const page = begin().queryPage({ query: scanOf("notes"), cursor: null, pageSize: 1 }, null);
  using other = temporaryStore();
  try {
    other.store
      .begin({ kind: "query", nowMs: 0 })
      .queryPage({ query: scanOf("notes"), cursor: page.continueCursor, pageSize: 1 }, null);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidCursor);
    expect((error as InvalidCursor).data).toEqual({ isConvexSystemError: true, paginationError: "InvalidCursor" });
  }
});
