// What is in the database file and what is in the journal beside it, after whatever may come between.
import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { SIDE_FILES, Store } from "./index.ts";
import { applySchema, ask, collect, mutate, rangeOf, scanOf, temporaryStore } from "./testing.ts";

let temporary: ReturnType<typeof temporaryStore>;
beforeEach(() => {
  temporary = temporaryStore({ synchronous: "FULL" });
  applySchema(temporary.store, defineSchema({ notes: defineTable(v.any()).index("by_n", ["n"]) }));
});
afterEach(() => temporary.dispose());

const write = (n: number, text = "") => mutate(temporary.store, (tx) => tx.insert("notes", { n, text }));
const numbers = (store: Store) => ask(store, (tx) => collect(tx, rangeOf("notes.by_n", []))).map(({ n }) => n);
const logOf = (file: string) => `${file}-log`;

/** The files as a death of the process at this moment leaves them. */
function asLeft(name: string): string {
  const file = join(temporary.directory, name);
  for (const suffix of ["", ...SIDE_FILES]) {
    if (suffix !== "-shm" && existsSync(temporary.file + suffix)) cpSync(temporary.file + suffix, file + suffix);
  }
  return file;
}

/** What SQLite alone would say. */
function rowsInFile(file: string): number {
  const database = new Database(file);
  const { n } = database.query<{ n: number }, []>("SELECT count(*) AS n FROM documents").get() ?? { n: -1 };
  database.close();
  return n;
}

describe("commits", () => {
  test("M1: groups the file knows nothing of are there again: inserts, updates, removals, answers, the clock, byte by byte", () => {
    const ids = Array.from({ length: 50 }, (_, n) => write(n, "ünïcode \u2028 \u0000 \n").result);
    mutate(temporary.store, (tx) => tx.shallowMerge("notes", ids[3] ?? "", { n: 1_000 }));
    mutate(temporary.store, (tx) => tx.remove("notes", ids[4] ?? ""));
    const group = temporary.store.beginGroup();
    group.putReplay("session", 1, { ts: 5n, valueJson: '"line\\nbreak"' });
    const ts = group.advance();
    group.commit();
    const texts = (store: Store) => ids.map((id) => ask(store, (tx) => tx.get(id)));
    const file = asLeft("left.sqlite");
    expect(rowsInFile(asLeft("looked-at.sqlite"))).toBe(0); // or this proves nothing
    const store = Store.open(file);
    expect(numbers(store)).toEqual([0, 1, 2, ...Array.from({ length: 45 }, (_, at) => at + 5), 1_000]);
    expect(texts(store)).toEqual(texts(temporary.store));
    expect(store.getReplay("session", 1)).toEqual({ ts: 5n, valueJson: '"line\\nbreak"' });
    expect(store.latestTs).toBe(ts);
    expect(mutate(store, (tx) => tx.insert("notes", { n: 2_000 })).ts).toBeGreaterThan(ts);
    store.close();
  });

  test("M1: deaths one after another, each after a few groups, lose nothing", () => {
    const file = asLeft("again.sqlite");
    for (let life = 0; life < 5; life++) {
      const store = Store.open(file);
      mutate(store, (tx) => tx.insert("notes", { n: life }));
      expect(numbers(store)).toEqual(Array.from({ length: life + 1 }, (_, n) => n));
      const next = join(temporary.directory, "next.sqlite");
      for (const suffix of ["", "-wal", "-log"]) if (existsSync(file + suffix)) cpSync(file + suffix, next + suffix);
      store.close();
      for (const suffix of ["", ...SIDE_FILES]) rmSync(file + suffix, { force: true });
      for (const suffix of ["", "-wal", "-log"]) if (existsSync(next + suffix)) cpSync(next + suffix, file + suffix);
    }
    const store = Store.open(file);
    expect(numbers(store)).toEqual([0, 1, 2, 3, 4]);
    store.close();
  });

  test("M2: records that a fold made superfluous are not replayed, wherever the process died", () => {
    write(1);
    const records = readFileSync(logOf(temporary.file));
    const group = temporary.store.beginGroup();
    group.putMeta("a", "b"); // a fold (M3)
    group.commit();
    mutate(temporary.store, (tx) =>
      tx.remove("notes", String(ask(temporary.store, (query) => collect(query, scanOf("notes")))[0]?._id)),
    );
    const file = asLeft("folded.sqlite");
    writeFileSync(logOf(file), records); // as before the fold: what the first removal wrote over it is gone
    const store = Store.open(file);
    expect(numbers(store)).toEqual([1]);
    store.close();
  });

  test("M3: new tables, settings and schemas are in the file as soon as they are committed", () => {
    mutate(temporary.store, (tx) => tx.insert("later", {}));
    const file = asLeft("later.sqlite");
    rmSync(logOf(file));
    const store = Store.open(file);
    expect(store.listTables().map(({ name }) => name)).toEqual(["later", "notes"]);
    store.close();
  });

  test("M3: what the journal has no room for goes into the file, and the journal begins anew", () => {
    for (let n = 0; n < 20; n++) write(n, "x".repeat(900_000));
    expect(rowsInFile(asLeft("large.sqlite"))).toBeGreaterThanOrEqual(18);
    const store = Store.open(asLeft("large.sqlite"));
    expect(store.listTables()).toEqual([{ name: "notes", documentCount: 20 }]);
    store.close();
  });

  test("M4: a rollback takes away the group and nothing of the groups before it", () => {
    const { result: id } = write(1);
    const { ts } = write(2);
    const group = temporary.store.beginGroup();
    const tx = temporary.store.begin({ kind: "mutation", nowMs: Date.now() });
    tx.insert("notes", { n: 3 });
    tx.shallowMerge("notes", id, { n: 4 });
    group.commitTransaction(tx);
    group.putReplay("session", 1, { ts, valueJson: "null" });
    expect(numbers(temporary.store)).toEqual([2, 3, 4]);
    group.rollback();
    expect(numbers(temporary.store)).toEqual([1, 2]);
    expect(temporary.store.getReplay("session", 1)).toBeNull();
    write(5);
    const store = Store.open(asLeft("rolled-back.sqlite"));
    expect(numbers(store)).toEqual([1, 2, 5]);
    store.close();
  });

  test("M4: when what was acknowledged cannot be read back, nothing is served until the store is opened again", () => {
    write(1);
    const left = asLeft("lost.sqlite");
    const group = temporary.store.beginGroup();
    const tx = temporary.store.begin({ kind: "mutation", nowMs: Date.now() });
    tx.insert("notes", { n: 2 });
    group.commitTransaction(tx);
    const log = readFileSync(logOf(temporary.file));
    log.fill(0x20, 40, 60); // not what was written, so the rollback finds less than was acknowledged
    writeFileSync(logOf(temporary.file), log);
    expect(() => group.rollback()).toThrow();
    expect(() => temporary.store.begin({ kind: "query", nowMs: 0 })).toThrow(expect.objectContaining({ code: "StateLost" }));
    const store = Store.open(left);
    expect(numbers(store)).toEqual([1]);
    store.close();
  });

  test("M5: SQLite ending its transaction by itself is missed at once, and the next write brings everything back", () => {
    write(1);
    write(2);
    const database: unknown = Reflect.get(temporary.store, "database");
    if (!(database instanceof Database)) throw new Error("the store has its connection elsewhere");
    const under = temporary.store.begin({ kind: "query", nowMs: 0 });
    database.run("ROLLBACK"); // as SQLite does when a read fails
    expect(() => collect(under, scanOf("notes"))).toThrow(expect.objectContaining({ code: "StateLost" }));
    expect(() => temporary.store.begin({ kind: "query", nowMs: 0 })).toThrow(expect.objectContaining({ code: "StateLost" }));
    const refused = temporary.store.beginGroup();
    expect(() => refused.advance()).toThrow(expect.objectContaining({ code: "StateLost" }));
    refused.rollback();
    expect(numbers(temporary.store)).toEqual([1, 2]);

    const group = temporary.store.beginGroup();
    const [first, second] = [3, 4].map((n) => {
      const tx = temporary.store.begin({ kind: "mutation", nowMs: Date.now() });
      tx.insert("notes", { n });
      return tx;
    });
    if (first) group.commitTransaction(first);
    database.run("ROLLBACK");
    expect(() => second && group.commitTransaction(second)).toThrow();
    group.rollback();
    expect(numbers(temporary.store)).toEqual([1, 2]);
    write(5);
    const store = Store.open(asLeft("brought-back.sqlite"));
    expect(numbers(store)).toEqual([1, 2, 5]);
    store.close();
  });

  test("an orderly end leaves one file", () => {
    write(1);
    const file = asLeft("orderly.sqlite");
    const store = Store.open(file);
    store.close();
    for (const suffix of SIDE_FILES) expect(existsSync(file + suffix)).toBe(false);
    expect(rowsInFile(file)).toBe(1);
  });
});
