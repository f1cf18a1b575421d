// Several orchestrators as real processes. Many more runs, and with the lease of production: `bun local/system/fleet/main.ts`.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findDoubles } from "../journals.ts";
import { rollingDeploys } from "./deploys.ts";
import { Fleet } from "./fleet.ts";
import { pausedOwner } from "./paused-owner.ts";

const TTL_MS = 1_500;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start({ leaseTtlMs: TTL_MS });
  await Promise.all([fleet.join(), fleet.join()]);
  await fleet.shared();
}, 60_000);
afterAll(() => fleet?.end(), 30_000);

describe("two orchestrators", () => {
  test("share the shards by halves, and a third has its part without waiting for a lease", async () => {
    const third = await fleet.join();
    await fleet.shared();
    expect(await fleet.retire(third)).toBeLessThan(2_000);
    await fleet.shared();
  }, 30_000);

  test("one that is stopped beyond its lease and goes on does nothing twice, and takes part again", async () => {
    for (const seed of [1, 2]) expect(await pausedOwner(fleet, seed)).toEqual([]);
  }, 120_000);

  test("three deploys under load: no delivery is refused, lost or applied twice, and the shards change hands within 2 s", async () => {
    const { handOverMs, deliveries, refused, faults } = await rollingDeploys(fleet, 3);
    expect([refused, faults]).toEqual([[], []]);
    expect(deliveries).toBeGreaterThan(50);
    expect(Math.max(...handOverMs)).toBeLessThan(2_000);
  }, 120_000);

  test("one that is killed is taken over from when its lease has run out", async () => {
    expect(await fleet.kill(fleet.worker)).toBeLessThan(TTL_MS + 1_000);
    expect(await findDoubles(fleet.stack.launch)).toEqual([]);
  }, 30_000);
});
