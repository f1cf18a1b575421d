import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { Store } from "./index.ts";
import { applySchema, ask, collect, mutate, rangeOf, scanOf, temporaryStore } from "./testing.ts";

const code = (expected: string) => expect.objectContaining({ code: expected });

function indexRead(store: Store): number {
  const tx = store.begin({ kind: "query", nowMs: 0 });
  collect(tx, rangeOf("users.by_a", []));
  return tx.reads[0]?.indexId ?? -1;
}

describe("a store reopened", () => {
  test("has its documents, schema, indexes, settings and cursors, and gives old numbers to nobody", () => {
    using temporary = temporaryStore();
    applySchema(temporary.store, defineSchema({ users: defineTable({ name: v.string() }).index("by_name", ["name"]) }));
    const id = mutate(temporary.store, (tx) => tx.insert("users", { name: "ada" })).result;
    mutate(temporary.store, (tx) => tx.insert("users", { name: "bob" }));
    const group = temporary.store.beginGroup();
    group.putMeta("env:A", "1");
    group.putMeta("env:B", "2");
    group.putMeta("other", "3");
    group.commit();
    const query = rangeOf("users.by_name", []);
    const { continueCursor } = ask(temporary.store, (tx) => tx.queryPage({ query, cursor: null, pageSize: 1 }, null));
    temporary.store.close();

    const store = Store.open(temporary.file);
    expect(store.listMeta("env:")).toEqual([
      ["env:A", "1"],
      ["env:B", "2"],
    ]);
    expect(ask(store, (tx) => JSON.parse(tx.get(id) ?? ""))).toMatchObject({ name: "ada" });
    const { page } = ask(store, (tx) => tx.queryPage({ query, cursor: continueCursor, pageSize: 5 }, null));
    expect(page.map((text) => JSON.parse(text).name)).toEqual(["bob"]);
    expect(() => mutate(store, (tx) => tx.insert("users", { name: 1 }))).toThrow("does not match the schema");
    const other = mutate(store, (tx) => tx.insert("later", {})).result;
    expect(store.tableOf(other)).toBe("later");
    expect(store.tableOf(id)).toBe("users");
    store.close();
  });

  test("C1: the ids of removed indexes are not given out again", () => {
    using temporary = temporaryStore();
    const indexed = defineSchema({ users: defineTable(v.any()).index("by_a", ["a"]) });
    applySchema(temporary.store, indexed);
    const before = indexRead(temporary.store);
    applySchema(temporary.store, defineSchema({ users: defineTable(v.any()) }));
    temporary.store.close();
    const store = Store.open(temporary.file);
    applySchema(store, indexed);
    const after = indexRead(store);
    expect(after).toBeGreaterThan(before);
    store.close();
  });

  test("C1: its clock goes on from where it was, even when the machine's clock went back", () => {
    using temporary = temporaryStore({ now: () => 2_000_000_000_000 });
    const first = mutate(temporary.store, (tx) => tx.insert("notes", {}));
    const second = mutate(temporary.store, (tx) => tx.insert("notes", {}));
    expect(second.ts).toBe(first.ts + 1n);
    temporary.store.close();
    const store = Store.open(temporary.file, { now: () => 1_000_000_000_000 });
    const aheadMs = Number(store.latestTs - second.ts) / 1e6;
    expect(aheadMs).toBeGreaterThanOrEqual(0);
    expect(aheadMs).toBeLessThanOrEqual(200);
    const reopenedAt = store.latestTs;
    const third = mutate(store, (tx) => tx.insert("notes", {}), 1_000_000_000_000);
    expect(third.ts).toBe(reopenedAt + 1n);
    const group = store.beginGroup();
    expect(group.advance()).toBe(third.ts + 1n);
    group.commit();
    expect(ask(store, (tx) => collect(tx, scanOf("notes"))).at(-1)?._id).toBe(third.result);
    store.close();
  });

  test("brings a system table's indexes up to date when the program wants others than the file has", () => {
    const named = (fields: string[]) => [{ name: "_cron_runs", isHidden: false, indexes: [{ name: "by_name", fields }] }];
    using temporary = temporaryStore({ systemTables: named(["name"]) });
    for (const [name, at] of [
      ["a", 2],
      ["b", 1],
    ] as const)
      mutate(temporary.store, (tx) => tx.system.insert("_cron_runs", { name, at }));
    temporary.store.close();
    const store = Store.open(temporary.file, { systemTables: named(["at"]) });
    expect(ask(store, (tx) => collect(tx, rangeOf("_cron_runs.by_name", [["Gt", "at", 0]]))).map((doc) => doc.name)).toEqual([
      "b",
      "a",
    ]);
    store.close();
  });

  test("a frozen file does not change by a byte, whatever is written meanwhile, and is a store of its own", () => {
    using temporary = temporaryStore();
    mutate(temporary.store, (tx) => tx.insert("notes", { n: 0 }));
    const { file, ts, release } = temporary.store.freeze();
    const before = readFileSync(file);
    for (let n = 1; n <= 60; n++) mutate(temporary.store, (tx) => tx.insert("notes", { n, text: "x".repeat(900_000) }));
    const copy = join(temporary.directory, "copy.sqlite");
    writeFileSync(copy, readFileSync(file));
    expect(readFileSync(copy).equals(before)).toBe(true);
    release();
    for (let n = 61; n <= 100; n++) mutate(temporary.store, (tx) => tx.insert("notes", { n, text: "x".repeat(900_000) }));
    expect(readFileSync(file).equals(before)).toBe(false); // folding goes on: without freeze the copy would be torn
    const store = Store.open(copy);
    expect(ask(store, (tx) => collect(tx, scanOf("notes")))).toMatchObject([{ n: 0 }]);
    expect(store.latestTs).toBeGreaterThanOrEqual(ts);
    store.close();
  });

  test("a file of format 1 is brought up to date: its documents stay, its undo table goes", () => {
    using temporary = temporaryStore();
    mutate(temporary.store, (tx) => tx.insert("notes", { n: 1 }));
    temporary.store.close();
    const older = new Database(temporary.file);
    older.run("CREATE TABLE undo(ts INTEGER NOT NULL, id TEXT NOT NULL, json TEXT, PRIMARY KEY(ts, id)) WITHOUT ROWID");
    older.run("PRAGMA user_version = 1");
    older.close();
    const store = Store.open(temporary.file);
    expect(ask(store, (tx) => collect(tx, scanOf("notes")))).toMatchObject([{ n: 1 }]);
    store.close();
    const upgraded = new Database(temporary.file);
    expect(upgraded.query("SELECT name FROM sqlite_schema WHERE name = 'undo'").all()).toEqual([]);
    expect(upgraded.query("PRAGMA user_version").get()).toEqual({ user_version: 3 });
    upgraded.close();
  });
});

describe("F1: a file is refused with one sentence", () => {
  test("when it belongs to another program, which keeps it as it was", () => {
    using temporary = temporaryStore();
    const file = join(temporary.directory, "foreign.sqlite");
    const foreign = new Database(file);
    foreign.run("CREATE TABLE t(a)");
    foreign.close();
    const before = readFileSync(file);
    expect(() => Store.open(file)).toThrow(code("NotOurFile"));
    expect(readFileSync(file)).toEqual(before);
  });

  test("when a newer version wrote it", () => {
    using temporary = temporaryStore();
    temporary.store.close();
    const newer = new Database(temporary.file);
    newer.run("PRAGMA user_version = 99");
    newer.close();
    expect(() => Store.open(temporary.file)).toThrow(/newer version of this program \(format 99, this one knows 3\)/);
  });

  test("when it is no database, or is damaged", () => {
    using temporary = temporaryStore();
    const text = join(temporary.directory, "text.sqlite");
    writeFileSync(text, "not a database at all, but long enough to be read as a header ".repeat(20));
    expect(() => Store.open(text)).toThrow(code("Damaged"));
    temporary.store.close();
    const damaged = join(temporary.directory, "damaged.sqlite");
    copyFileSync(temporary.file, damaged);
    const bytes = readFileSync(damaged);
    bytes.fill(0xee, 100, 4096); // the schema's page, behind an intact header
    writeFileSync(damaged, bytes);
    expect(() => Store.open(damaged)).toThrow(code("Damaged"));
  });

  test("F2: when another store has it open", () => {
    using temporary = temporaryStore();
    mutate(temporary.store, (tx) => tx.insert("notes", {}));
    expect(() => Store.open(temporary.file)).toThrow(code("InUse"));
  });

  test("when its directory does not exist", () => {
    expect(() => Store.open("/nonexistent/directory/convex.sqlite")).toThrow(code("CannotOpen"));
  });
});
