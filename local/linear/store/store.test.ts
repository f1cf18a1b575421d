// The store: all or nothing, orders and indexes that stay true, and a file that brings everything back.
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import type { Reaction } from "./entities.ts";
import { Store } from "./store.ts";
import { Table } from "./table.ts";

const time = (second: number): string => new Date(second * 1_000).toISOString();

const aReaction = (over: Partial<Reaction> = {}): Reaction => ({
  ...{ id: "r1", createdAt: time(1), updatedAt: time(1), archivedAt: null },
  ...{ emoji: "eyes", userId: "u1", issueId: "i1", commentId: null },
  ...over,
});

describe("store", () => {
  test("S1: work that throws leaves memory, indexes and file as they were", () => {
    const database = new Database(":memory:", { strict: true });
    const store = new Store(database);
    store.transact(() => store.put("Reaction", aReaction()));
    const failing = () =>
      store.transact(() => {
        store.put("Reaction", aReaction({ issueId: "i2" }));
        store.put("Reaction", aReaction({ id: "r2", issueId: "i2" }));
        store.remove("Reaction", "r1");
        throw new Error("changed my mind");
      });
    expect(failing).toThrow("changed my mind");
    for (const seen of [store, new Store(database)]) {
      expect([...seen.tables.Reaction.all()]).toEqual([aReaction()]);
      expect([seen.tables.Reaction.by("issueId", "i1").length, seen.tables.Reaction.by("issueId", "i2").length]).toEqual([1, 0]);
    }
  });

  test("S1: a commit that fails on disk is undone in memory", () => {
    const store = new Store(new Database(":memory:", { strict: true }));
    const failing = () =>
      store.transact(
        () => store.put("Reaction", aReaction()),
        () => {
          throw new Error("disk full");
        },
      );
    expect(failing).toThrow("disk full");
    expect(store.tables.Reaction.size).toBe(0);
  });

  test("S2: another store over the same file sees what was committed, removals included", () => {
    const database = new Database(":memory:", { strict: true });
    const store = new Store(database);
    store.transact(() => ["r1", "r2", "r3"].map((id) => store.put("Reaction", aReaction({ id }))));
    store.transact(() => store.remove("Reaction", "r2"));
    expect([...new Store(database).tables.Reaction.all()].map(({ id }) => id)).toEqual(["r1", "r3"]);
  });

  test("a row written outside a change is a programming error", () => {
    const store = new Store(new Database(":memory:", { strict: true }));
    expect(() => store.put("Reaction", aReaction())).toThrow("outside transact");
  });
});

describe("table", () => {
  test("T1: after a thousand random changes, orders and indexes agree with a naive copy", () => {
    let state = 42;
    const random = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state % below;
    };
    const table = new Table<Reaction>(["issueId"]);
    const naive = new Map<string, Reaction>();
    for (let step = 0; step < 1_000; step++) {
      const id = `r${random(60)}`;
      if (random(4) === 0) {
        table.remove(id);
        naive.delete(id);
      } else {
        const createdAt = naive.get(id)?.createdAt ?? time(random(20));
        const row = aReaction({ id, createdAt, updatedAt: time(random(20)), issueId: `i${random(5)}` });
        table.put(row);
        naive.set(id, row);
      }
    }
    for (const order of ["createdAt", "updatedAt"] as const) {
      const newest = [...table.newestFirst(order)];
      expect(newest.map((row) => row[order])).toEqual(
        [...naive.values()]
          .map((row) => row[order])
          .sort()
          .reverse(),
      );
      expect(table.sorted(naive.keys(), order)).toEqual(newest);
    }
    for (let issue = 0; issue < 5; issue++) {
      const wanted = [...naive.values()]
        .filter(({ issueId }) => issueId === `i${issue}`)
        .map(({ id }) => id)
        .sort();
      expect([...table.idsBy("issueId", `i${issue}`)].sort()).toEqual(wanted);
    }
    expect(table.size).toBe(naive.size);
  });
});
