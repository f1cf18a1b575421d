import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { api } from "./_generated/api";
import { shardOf } from "./shardOf.ts";
import { fairShares } from "./shares.ts";
import type { Attendance, Epoch } from "./steps.ts";
import { aWorld, refusalOf, type World } from "./world.testing.ts";

const TTL_MS = 10_000;

/** A world whose only orchestrator so far has left. */
async function setup() {
  setSystemTime(Date.now()); // it stands still until a test lets it pass
  const world = await aWorld();
  await world.service.mutation(api.shards.release, { owner: "us", leases: await rowsOf(world, "us"), isLeaving: true });
  return world;
}

const attend = (
  { service }: World,
  owner: string,
  held: readonly Epoch[] = [],
  sinceMs: number | null = null,
  instance = "one",
) => service.mutation(api.shards.attend, { owner, instance, held: [...held], ttlMs: TTL_MS, sinceMs });
const release = ({ service }: World, owner: string, leases: readonly Epoch[], isLeaving = false) =>
  service.mutation(api.shards.release, { owner, leases: leases.map(({ shard, epoch }) => ({ shard, epoch })), isLeaving });
const rowsOf = async ({ service }: World, owner: string): Promise<Epoch[]> =>
  (await service.query(api.shards.table, {})).filter((row) => row.owner === owner).map(({ shard, epoch }) => ({ shard, epoch }));
const epochsOf = ({ taken }: Attendance): Epoch[] => taken.map(({ shard, epoch }) => ({ shard, epoch }));
const pass = (ms: number) => setSystemTime(Date.now() + ms);

afterEach(() => {
  setSystemTime();
});

describe("shards", () => {
  test("the first takes all; the second takes nothing from it, but the first is told to give up half", async () => {
    const world = await setup();
    const first = await attend(world, "a");
    expect(first.taken).toHaveLength(16);
    expect(await attend(world, "b")).toMatchObject({ taken: [], surplus: [], lost: [] });
    const { surplus, lost } = await attend(world, "a", epochsOf(first));
    expect([surplus.length, lost]).toEqual([8, []]);
    expect((await attend(world, "a", epochsOf(first))).surplus).toEqual(surplus);
  });

  test("what is given back is taken at once by whoever has less than its share, with a higher epoch", async () => {
    const world = await setup();
    const first = epochsOf(await attend(world, "a"));
    await attend(world, "b");
    await attend(world, "c");
    const { surplus } = await attend(world, "a", first);
    const given = first.filter(({ shard }) => surplus.includes(shard));
    await release(world, "a", given);
    const [b, c] = [await attend(world, "b"), await attend(world, "c")];
    expect([b.taken.length, c.taken.length]).toEqual([5, 5]);
    for (const { shard, epoch } of [...b.taken, ...c.taken])
      expect(epoch).toBe((given.find((one) => one.shard === shard)?.epoch ?? 0) + 1);
    expect((await attend(world, "a", first)).lost.sort()).toEqual([...surplus].sort());
  });

  test("of many that come and go at once every shard has one owner and nobody more than its share", async () => {
    const world = await setup();
    const names = ["a", "b", "c", "d", "e"];
    await Promise.all(names.map((name) => attend(world, name)));
    for (let round = 0; round < 3; round++) {
      await Promise.all(
        names.map(async (name) => {
          const held = await rowsOf(world, name);
          const { surplus } = await attend(world, name, held);
          await release(
            world,
            name,
            held.filter(({ shard }) => surplus.includes(shard)),
          );
        }),
      );
      for (const name of names) await attend(world, name, await rowsOf(world, name));
    }
    const table = await world.service.query(api.shards.table, {});
    const counts = names.map((name) => table.filter(({ owner }) => owner === name).length).sort();
    expect([table.length, counts]).toEqual([16, [3, 3, 3, 3, 4]]);
  });

  test("the shards of one that is not heard for its time to live go to the others, who know when to look", async () => {
    const world = await setup();
    const first = epochsOf(await attend(world, "a"));
    expect((await attend(world, "b")).nextEndMs).toBe(TTL_MS);
    pass(TTL_MS - 1);
    expect((await attend(world, "b")).taken).toEqual([]);
    pass(1);
    const { taken, nextEndMs } = await attend(world, "b");
    expect(taken).toHaveLength(16);
    expect(taken.every(({ unattendedMs }) => unattendedMs === TTL_MS)).toBe(true);
    expect(nextEndMs).toBeNull();
    const late = await attend(world, "a", first);
    expect([late.lost.length, late.taken]).toEqual([16, []]);
  });

  test("one that starts again under its name has its shards back at once, and its own past is fenced", async () => {
    const world = await setup();
    const before = epochsOf(await attend(world, "a"));
    pass(2_000);
    const { taken } = await attend(world, "a");
    expect(epochsOf({ taken } as Attendance)).toEqual(before.map(({ shard, epoch }) => ({ shard, epoch: epoch + 1 })));
    expect(taken[0]?.unattendedMs).toBe(2_000);
    expect((await attend(world, "a", before)).lost).toHaveLength(16);
  });

  test("one that leaves frees what it has and is off the list; a namesake that came meanwhile loses nothing", async () => {
    const world = await setup();
    const old = epochsOf(await attend(world, "a"));
    const again = epochsOf(await attend(world, "a"));
    await release(world, "a", old, true);
    expect(await rowsOf(world, "a")).toEqual(again);
    expect((await world.service.query(api.shards.roster, {})).orchestrators).toEqual(["a"]);
    await release(world, "a", again, true);
    const { orchestrators, shards } = await world.service.query(api.shards.roster, {});
    expect([orchestrators, new Set(shards.map(({ owner }) => owner))]).toEqual([[], new Set([""])]);
  });

  test("N4: of two processes under one name the later one has it, and the earlier one is told to take another", async () => {
    const world = await setup();
    const first = epochsOf(await attend(world, "a", [], null, "one"));
    const second = epochsOf(await attend(world, "a", [], null, "two"));
    expect(second).toHaveLength(16);
    expect(await attend(world, "a", first, 3_000, "one")).toMatchObject({
      isReplaced: true,
      taken: [],
      lost: first.map(({ shard }) => shard),
    });
    expect(await attend(world, "a", second, 3_000, "two")).toMatchObject({ isReplaced: false, lost: [], taken: [] });
    expect((await attend(world, "a (one)", [], 3_000, "one")).isReplaced).toBe(false);
  });

  test("N1: renewing changes nothing that is watched or read by a commit", async () => {
    const world = await setup();
    const held = epochsOf(await attend(world, "a"));
    const watched = () => world.service.query(api.shards.roster, {});
    const before = await watched();
    pass(3_000);
    await attend(world, "a", held, 3_000);
    expect(await watched()).toEqual(before);
    expect((await world.service.query(api.shards.table, {}))[0]?.expiresAt).toBe(Date.now() + TTL_MS);
  });

  test.each([3_600_000, -3_600_000])(
    "N5: a clock that jumps by %d ms takes nobody's shards, and keeps nobody's for longer",
    async (jumpMs) => {
      const world = await setup();
      await attend(world, "a");
      await attend(world, "b");
      pass(jumpMs);
      expect((await attend(world, "b", [], 3_000)).taken).toEqual([]);
      pass(TTL_MS);
      expect((await attend(world, "b", [], TTL_MS)).taken).toHaveLength(16);
    },
  );

  test("a lease without end and a name that is none are refused", async () => {
    const world = await setup();
    const call = (owner: string, ttlMs: number) =>
      refusalOf(world.service.mutation(api.shards.attend, { owner, instance: "one", held: [], ttlMs, sinceMs: null }));
    expect([(await call("a", 1e9)).code, (await call("", 1_000)).code]).toEqual(["badArgument", "badArgument"]);
  });
});

describe("fair shares", () => {
  test("add up to all shards, differ by one at most, and leave alone whoever is within them", () => {
    for (let owners = 1; owners <= 20; owners++) {
      const owned = new Map(Array.from({ length: owners }, (_, index) => [`owner-${index}`, (index * 7) % 5]));
      const shares = fairShares(owned, 16);
      const counts = [...shares.values()];
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(16);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      expect(fairShares(shares, 16)).toEqual(shares);
    }
  });

  test("whoever has most keeps one more: one that joins makes as few move as there can", () => {
    expect(Object.fromEntries(fairShares(new Map(Object.entries({ a: 8, b: 8, c: 0 })), 16))).toEqual({ a: 6, b: 5, c: 5 });
    expect(Object.fromEntries(fairShares(new Map(Object.entries({ a: 5, b: 6, c: 5 })), 16))).toEqual({ a: 5, b: 6, c: 5 });
  });
});

describe("shardOf", () => {
  test("a project, its features and its agents share a shard; projects spread over all of them", () => {
    expect(new Set(["acme/web", "acme/web/oma-1", "acme/web/oma-1/coder-1"].map(shardOf)).size).toBe(1);
    const counts = Array.from({ length: 16 }, () => 0);
    for (let index = 0; index < 4000; index++) counts[shardOf(`org-${index}/p`)]! += 1;
    expect(Math.min(...counts)).toBeGreaterThan(150);
  });

  test("is FNV-1a: known values of the 32-bit hash", () => {
    // FNV-1a("a") = 0xe40c292c, FNV-1a("foobar") = 0xbf9cf968
    expect(shardOf("a")).toBe(0xc);
    expect(shardOf("foobar")).toBe(0x8);
  });
});
