// What the orchestrator's host reads of actors.

import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import { MAX_ACTORS, MAX_SNAPSHOT_CHARS } from "./steps.ts";
import { aFeatureBirth, aWorld, FEATURE, PROJECT, refusalOf, take, type World } from "./world.testing.ts";

const read = ({ service }: World, addresses: string[]) => service.query(api.host.actors, { addresses });

/** Features, each with a snapshot of so many characters. */
async function features(world: World, count: number, chars: number): Promise<string[]> {
  const addresses = Array.from({ length: count }, (_, index) => `${PROJECT}/oma-${index + 1}`);
  await take(world, PROJECT, {
    spawns: addresses.map((address) => ({ ...aFeatureBirth(address), snapshot: "x".repeat(chars) })),
  });
  return addresses;
}

describe("host.actors", () => {
  test("answers with those that exist, in the order they were asked for", async () => {
    const world = await aWorld();
    await features(world, 1, 10);
    const nobody = `${PROJECT}/oma-9`;
    const rows = await read(world, [nobody, FEATURE, PROJECT, nobody]);
    expect(rows.map((row) => row.address)).toEqual([FEATURE, PROJECT]);
  });

  test("usual actors fit one answer, as many as a commit may step; long ones are to be asked for again from where it ends", async () => {
    const world = await aWorld();
    const usual = await features(world, 200, 1_000);
    expect(await read(world, usual)).toHaveLength(200);

    const other = await aWorld();
    const long = await features(other, 40, MAX_SNAPSHOT_CHARS);
    const seen: string[] = [];
    for (let calls = 0; seen.length < long.length && calls < 10; calls++) {
      const rows = await read(other, long.slice(seen.length));
      expect(rows.length).toBeLessThanOrEqual(16); // 16 MiB is what a query may read
      for (const row of rows) seen.push(row.address);
    }
    expect(seen).toEqual(long);
  });

  test("more than a commit may step are refused", async () => {
    const world = await aWorld();
    const addresses = Array.from({ length: MAX_ACTORS + 1 }, (_, index) => `${PROJECT}/oma-${index}`);
    expect((await refusalOf(read(world, addresses))).code).toBe("tooLarge");
  });
});
