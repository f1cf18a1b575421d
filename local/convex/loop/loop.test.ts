// The loop on a real store: order, groups, refusals. What survives a crash is in ../crash.test.ts.
import { afterEach, describe, expect, test } from "bun:test";
import { type Committed, Store } from "../engine/index.ts";
import { tempDir } from "../testing/fixture-deployment.ts";
import { Loop, type OpenGroup } from "./loop.ts";
import { Overloaded } from "./overloaded.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

function setup(options: { maxQueued?: number } = {}) {
  const { dir, remove } = tempDir();
  const store = Store.open(`${dir}/convex.sqlite`, { synchronous: "NORMAL" });
  cleanups.push(() => {
    store.close();
    remove();
  });
  const committed: Committed["keys"][] = [];
  const bugs: unknown[] = [];
  const loop = new Loop({
    store,
    onCommitted: (keys) => void committed.push(keys),
    onBug: (error) => void bugs.push(error),
    ...options,
  });
  const begin = () => store.begin({ kind: "mutation", nowMs: Date.now() });
  const insert = (n: number) => async (group: OpenGroup) => {
    const tx = begin();
    tx.insert("numbers", { n });
    return group.commit(tx).ts;
  };
  return { store, loop, committed, bugs, begin, insert };
}

describe("write phase", () => {
  test("jobs queued together share one commit, in order, each seeing the ones before (L1)", async () => {
    const { loop, begin, insert } = setup();
    const counts: number[] = [];
    const count = async (group: OpenGroup) => {
      const tx = begin();
      counts.push(tx.count("numbers"));
      group.commit(tx);
    };
    const [first, , second] = await Promise.all([
      loop.write(insert(1)),
      loop.write(count),
      loop.write(insert(2)),
      loop.write(count),
    ]);
    expect(counts).toEqual([1, 2]);
    expect(loop.stats).toMatchObject({ groups: 1, commits: 4 });
    expect(second > first).toBe(true);
  });

  test("L7: who waits is answered first: then the store is tidied, once there is nothing else to do", async () => {
    const { store, loop, insert } = setup();
    await loop.write(insert(0)); // the table is there now
    const order: string[] = [];
    const tidy = store.tidy.bind(store);
    store.tidy = () => {
      order.push("tidied");
      tidy();
    };
    const first = loop.write(insert(1)).then(() => order.push("first"));
    await first;
    const second = loop.write(insert(2)).then(() => order.push("second"));
    await second;
    await loop.stop();
    expect(order).toEqual(["first", "second", "tidied"]);
  });

  test("nobody hears of anything before the commit, and memory follows before anybody hears (L2)", async () => {
    const { loop, insert } = setup();
    const order: string[] = [];
    const [, , done] = await Promise.all([
      loop
        .write(async (group) => {
          group.afterCommit(() => order.push("memory"));
          await insert(1)(group);
          order.push("applied");
        })
        .then(() => order.push("first told")),
      loop.write(async () => void order.push("second ran")),
      loop.read(async () => order.push("read")),
    ]);
    expect(done).toBeNumber();
    expect(order.slice(0, 4)).toEqual(["applied", "second ran", "memory", expect.stringMatching(/first told|read/)]);
  });

  test("a job that fails has changed nothing and disturbs nobody", async () => {
    const { loop, begin, insert } = setup();
    const failing = loop.write(async () => {
      begin().insert("numbers", { n: 99 });
      throw new Error("on purpose");
    });
    const [failed, fine] = await Promise.allSettled([failing, loop.write(insert(1))]);
    expect([failed.status, fine.status]).toEqual(["rejected", "fulfilled"]);
    expect(begin().count("numbers")).toBe(1);
  });

  test("when the store breaks in the middle of a group, every job of it fails and nothing of it stays (L2)", async () => {
    const { loop, begin, insert, committed } = setup();
    const results = await Promise.allSettled([
      loop.write(insert(1)),
      loop.write(async (group) => group.commit(null as never)),
      loop.write(insert(2)),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(begin().count("numbers")).toBe(0);
    expect(committed).toEqual([]);
    await loop.write(insert(3));
    expect(begin().count("numbers")).toBe(1);
  });
});

describe("read phase", () => {
  test("L6: comes after two write phases at the latest, however many writes wait", async () => {
    const { loop, insert } = setup();
    const order: string[] = [];
    const queue = (n: number): Promise<void> =>
      loop.write(insert(n)).then(() => {
        order.push("write");
        return n < 6 ? queue(n + 1) : undefined;
      });
    const writes = queue(0);
    const reads = [1, 2].map(() => loop.read(async () => order.push("read")));
    await Promise.all([writes, ...reads]);
    expect(order).toEqual(["write", "write", "read", "read", "write", "write", "write", "write", "write"]);
  });
});

describe("queues", () => {
  test("a full one refuses with a code clients back off from (L4)", async () => {
    const { loop, insert } = setup({ maxQueued: 2 });
    const results = await Promise.allSettled([1, 2, 3].map((n) => loop.write(insert(n))));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    const reads = await Promise.allSettled([1, 2, 3].map((n) => loop.read(async () => n)));
    expect(reads[2]).toMatchObject({ status: "rejected", reason: { code: "TooManyConcurrentRequests" } });
  });

  test("stopping finishes what is queued and refuses the rest", async () => {
    const { loop, insert, begin } = setup();
    const queued = loop.write(insert(1));
    const stopped = loop.stop();
    await expect(loop.write(insert(2))).rejects.toBeInstanceOf(Overloaded);
    await stopped;
    await queued;
    expect(begin().count("numbers")).toBe(1);
  });
});
