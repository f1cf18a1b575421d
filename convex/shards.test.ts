import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { api } from "./_generated/api";
import { shardOf } from "./shardOf.ts";
import { aWorld, FOREIGN, PROJECT, refusalOf, type World } from "./world.testing.ts";

/** Shards that the world has not claimed. */
const FREE = Array.from({ length: 16 }, (_, shard) => shard)
  .filter((shard) => shard !== shardOf(PROJECT) && shard !== shardOf(FOREIGN))
  .slice(0, 3);
const claim = ({ service }: World, owner: string, shards = FREE) =>
  service.mutation(api.shards.claim, { shards, owner, ttlMs: 10_000 });
const renew = ({ service }: World, owner: string, leases: { shard: number; epoch: number }[]) =>
  service.mutation(api.shards.renew, { owner, leases, ttlMs: 10_000 });

afterEach(() => {
  setSystemTime();
});

describe("shards", () => {
  test("two owners claiming at once never hold the same shard", async () => {
    const world = await aWorld();
    const claims = await Promise.all([claim(world, "a"), claim(world, "b"), claim(world, "a", [...FREE, ...FREE])]);
    const [a, b] = claims;
    expect(a?.length === 0 || b?.length === 0).toBe(true);
    const table = await world.service.query(api.shards.table, {});
    for (const shard of FREE) expect(table.filter((row) => row.shard === shard)).toHaveLength(1);
  });

  test("a shard whose lease has run out is taken with a higher epoch; until then it is not", async () => {
    const world = await aWorld();
    const first = await claim(world, "a");
    expect(await claim(world, "b")).toEqual([]);
    setSystemTime(Date.now() + 10_001);
    expect(await claim(world, "b")).toEqual(first.map(({ shard, epoch }) => ({ shard, epoch: epoch + 1 })));
    expect(await renew(world, "a", first)).toEqual({ lost: FREE });
  });

  test("a renewed lease lasts; its epoch stays", async () => {
    const world = await aWorld();
    const leases = await claim(world, "a");
    setSystemTime(Date.now() + 9_000);
    expect(await renew(world, "a", leases)).toEqual({ lost: [] });
    setSystemTime(Date.now() + 9_000);
    expect(await claim(world, "b")).toEqual([]);
  });

  test("a claim by the same owner raises the epoch: whatever it had in flight is fenced", async () => {
    const world = await aWorld();
    const first = await claim(world, "a");
    const second = await claim(world, "a");
    expect(second).toEqual(first.map(({ shard, epoch }) => ({ shard, epoch: epoch + 1 })));
    expect(await renew(world, "a", first)).toEqual({ lost: FREE });
  });

  test("a released shard is free at once; releasing what is another's does nothing", async () => {
    const world = await aWorld();
    const leases = await claim(world, "a");
    await world.service.mutation(api.shards.release, { owner: "b", leases });
    expect(await claim(world, "b")).toEqual([]);
    await world.service.mutation(api.shards.release, { owner: "a", leases });
    expect(await claim(world, "b")).toHaveLength(FREE.length);
  });

  test("numbers that are no shard and leases without end are refused", async () => {
    const world = await aWorld();
    expect((await refusalOf(claim(world, "a", [16]))).code).toBe("badArgument");
    expect((await refusalOf(world.service.mutation(api.shards.claim, { shards: [0], owner: "a", ttlMs: 1e9 }))).code).toBe(
      "badArgument",
    );
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
