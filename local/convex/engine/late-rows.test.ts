// Groups are acknowledged before their rows are in SQLite. Whoever looks must not be able to tell.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { Store } from "./index.ts";
import { applySchema, ask, collect, mutate, rangeOf, temporaryStore } from "./testing.ts";

let temporary: ReturnType<typeof temporaryStore>;
let store: Store;
beforeEach(() => {
  temporary = temporaryStore({ synchronous: "FULL" });
  store = temporary.store;
  applySchema(store, defineSchema({ notes: defineTable(v.any()).index("by_n", ["n"]) }));
  write(1); // the table is there now
  store.tidy();
});
afterEach(() => temporary.dispose());

const write = (n: number, text = "") => mutate(store, (tx) => tx.insert("notes", { n, text }));
const begin = () => store.begin({ kind: "mutation", nowMs: Date.now() });
const numbers = (of: Store) => ask(of, (tx) => collect(tx, rangeOf("notes.by_n", []))).map(({ n }) => n);

function connection(): Database {
  const database: unknown = Reflect.get(store, "database");
  if (!(database instanceof Database)) throw new Error("the store has its connection elsewhere");
  return database;
}
/** Counts what SQLite has, past the store. */
const rowsNow = () => connection().query<{ n: number }, []>("SELECT count(*) AS n FROM documents").get()?.n;
/** Until it is off again SQLite takes no row. */
const refuseRows = (isOn: boolean) => connection().run(`PRAGMA query_only = ${isOn ? 1 : 0}`);

function reopened(name: string): Store {
  const file = join(temporary.directory, name);
  for (const suffix of ["", "-wal", "-log"])
    if (existsSync(temporary.file + suffix)) cpSync(temporary.file + suffix, file + suffix);
  return Store.open(file);
}

describe("late rows", () => {
  test("a group is durable and acknowledged before SQLite has its rows, and a kill then loses nothing", () => {
    write(2);
    expect(rowsNow()).toBe(1); // or this test, and the ones below, prove nothing
    const other = reopened("killed.sqlite");
    expect(numbers(other)).toEqual([1, 2]);
    other.close();
  });

  test("N1: whoever looks finds them: by id, by index, by count, in the past, and in a transaction that began before", () => {
    const early = store.begin({ kind: "query", nowMs: 0 });
    const { result: id, ts } = write(2);
    expect(collect(early, rangeOf("notes.by_n", []))).toHaveLength(2);
    expect(store.hasConflict(early)).toBe(true); // so it runs again
    mutate(store, (tx) => tx.shallowMerge("notes", id, { n: 3 }));
    expect(JSON.parse(ask(store, (tx) => tx.get(id)) ?? "")).toMatchObject({ n: 3 });
    mutate(store, (tx) => tx.shallowMerge("notes", id, { n: 4 }));
    expect(numbers(store)).toEqual([1, 4]);
    mutate(store, (tx) => tx.remove("notes", id));
    expect(ask(store, (tx) => tx.count("notes"))).toBe(1);
    write(5);
    expect(store.listTables()).toEqual([{ name: "notes", documentCount: 2 }]);
    write(6);
    const then = store.begin({ kind: "query", nowMs: 0, atTs: ts });
    expect(collect(then, rangeOf("notes.by_n", [])).map(({ n }) => n)).toEqual([1, 2]);
  });

  test("N1: the next transaction of the same group finds them, and a change of schema indexes them", () => {
    const group = store.beginGroup();
    const first = begin();
    first.insert("notes", { n: 2 });
    group.commitTransaction(first);
    const second = begin();
    expect(collect(second, rangeOf("notes.by_n", []))).toHaveLength(2);
    second.insert("notes", { n: 3, m: "x" });
    group.commitTransaction(second);
    group.commit();
    write(4);
    applySchema(store, defineSchema({ notes: defineTable(v.any()).index("by_n", ["n"]).index("by_m", ["m"]) }));
    expect(ask(store, (tx) => collect(tx, rangeOf("notes.by_m", [["Eq", "m", "x"]])))).toHaveLength(1);
    expect(numbers(store)).toEqual([1, 2, 3, 4]);
  });

  test("N1: a copy of the file and an orderly end have them", () => {
    write(2);
    const { file, release } = store.freeze();
    const copy = join(temporary.directory, "copy.sqlite");
    cpSync(file, copy);
    release();
    const copied = Store.open(copy);
    expect(numbers(copied)).toEqual([1, 2]);
    copied.close();
    write(3);
    store.close();
    const again = Store.open(temporary.file);
    expect(numbers(again)).toEqual([1, 2, 3]);
    again.close();
  });

  test("tidying writes them, and folds a journal that is half full", () => {
    write(2);
    store.tidy();
    expect(rowsNow()).toBe(2);
    for (let n = 3; n < 13; n++) write(n, "x".repeat(900_000));
    expect(connection().inTransaction).toBe(true);
    store.tidy();
    expect(connection().inTransaction).toBe(false); // SQLite has committed
    expect(ask(store, (tx) => tx.count("notes"))).toBe(12);
    const group = store.beginGroup();
    expect(() => store.tidy()).toThrow("A write group is open");
    group.rollback();
  });

  test("N2: rows that cannot be written stop everything until they can, and nothing that was acknowledged is lost", () => {
    write(2);
    refuseRows(true);
    expect(() => ask(store, (tx) => tx.count("notes"))).toThrow();
    expect(() => store.begin({ kind: "query", nowMs: 0 })).toThrow(expect.objectContaining({ code: "StateLost" }));
    expect(() => store.tidy()).toThrow(expect.objectContaining({ code: "StateLost" }));
    refuseRows(false);
    const refused = store.beginGroup();
    expect(() => refused.advance()).toThrow(expect.objectContaining({ code: "StateLost" }));
    refused.rollback(); // as the loop does; it brings everything back
    expect(numbers(store)).toEqual([1, 2]);
    write(3);
    expect(numbers(store)).toEqual([1, 2, 3]);
  });

  test("N2: whoever opened the store is told of rows that were refused, once, and whether the journal has brought them back", () => {
    const told: [string, boolean][] = [];
    const watched = temporaryStore({
      synchronous: "FULL",
      onRowsRefused: (cause, isBroughtBack) => void told.push([cause instanceof Error ? cause.message : "", isBroughtBack]),
    });
    store.close();
    store = watched.store;
    write(1);
    store.tidy();
    write(2);
    // The rollback, which goes back to before it, removes the trigger.
    connection().run("CREATE TEMP TRIGGER full BEFORE INSERT ON main.documents BEGIN SELECT RAISE(ABORT, 'no room'); END");
    expect(ask(store, (tx) => tx.count("notes"))).toBe(2);
    expect(told).toEqual([["no room", true]]);
    write(3);
    refuseRows(true);
    expect(() => store.tidy()).toThrow("readonly");
    expect(() => store.tidy()).toThrow(expect.objectContaining({ code: "StateLost" }));
    expect(told).toEqual([
      ["no room", true],
      [expect.stringContaining("readonly"), false],
    ]);
    watched.dispose();
  });

  test("N2: rows of a group that is still open, when they cannot be written, take the group with them and nothing else", () => {
    write(2);
    store.tidy();
    const group = store.beginGroup();
    const tx = begin();
    tx.insert("notes", { n: 3 });
    group.commitTransaction(tx);
    refuseRows(true);
    expect(() => begin()).toThrow(expect.objectContaining({ code: "WriteFailed" }));
    refuseRows(false);
    expect(() => group.commit()).toThrow("A write of this group failed");
    expect(numbers(store)).toEqual([1, 2]);
    const other = reopened("spoiled.sqlite");
    expect(numbers(other)).toEqual([1, 2]);
    other.close();
  });

  test("a fold that could have waited and is refused by the disk is not tried again before one must be", () => {
    for (let n = 2; n < 12; n++) write(n, "x".repeat(900_000));
    // What a fold writes beside the rows is refused, as a full disk refuses the commit; the rollback removes the trigger.
    connection().run("CREATE TEMP TRIGGER full BEFORE UPDATE ON main.meta BEGIN SELECT RAISE(ABORT, 'no room'); END");
    expect(() => store.tidy()).toThrow("no room");
    expect(numbers(store)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    store.tidy();
    expect(connection().inTransaction).toBe(true);
    for (let n = 12; n < 34; n++) write(n, "x".repeat(900_000));
    expect(ask(store, (tx) => tx.count("notes"))).toBe(33);
    store.tidy();
    expect(connection().inTransaction).toBe(false);
  });
});
