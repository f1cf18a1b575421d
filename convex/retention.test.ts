import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { api, internal } from "./_generated/api";
import { anAgent, anIssue, aWorld, FEATURE, NO_USAGE, PROJECT, take, transitionsOf, type World } from "./world.testing.ts";

const DAY_MS = 24 * 3_600_000;

afterEach(() => {
  setSystemTime();
});

/** What a deployment has gathered by `at`: 41 deliveries, a run with a log, one effect settled, two pending. */
async function past(daysAgo: number): Promise<World> {
  setSystemTime(Date.now() - daysAgo * DAY_MS);
  const world = await aWorld();
  const effectId = await anAgent(world);
  for (let index = 0; index < 41; index++) {
    await world.service.mutation(api.linear.receive, {
      deliveryId: `old-${index}`,
      event: "e",
      issue: index === 0 ? anIssue() : null,
    });
  }
  await world.service.mutation(api.runs.append, { effectId, from: 1, events: ["1"], usage: NO_USAGE, at: 1 });
  await take(world, PROJECT, { effects: [0, 1].map((index) => ({ index, kind: "moveIssue", payload: "{}", run: null })) });
  const settlements = [{ effectId: `${PROJECT}:2:0`, state: "failed" as const, error: "e", answer: null, launch: null }];
  await world.service.mutation(api.host.settle, { epochs: world.epochs, settlements });
  setSystemTime();
  return world;
}

const kept = ({ t }: World) =>
  t.run(async ({ db }) => ({
    deliveries: (await db.query("webhookDeliveries").collect()).length,
    logs: (await db.query("runLogs").collect()).length,
    effects: (await db.query("outbox").collect()).map(({ state }) => state),
    runs: (await db.query("agentRuns").collect()).length,
    tickets: (await db.query("tickets").collect()).length,
  }));

describe("retention", () => {
  test("removes what is past its time, batch after batch, and keeps steps, runs, tickets and pending effects", async () => {
    const world = await past(31);
    await world.service.mutation(api.linear.receive, { deliveryId: "new", event: "e", issue: null });
    expect(await world.t.mutation(internal.retention.sweep, { from: 0 })).toEqual({ removed: 32 });
    await world.t.finishAllScheduledFunctions(() => {});
    expect(await kept(world)).toEqual({ deliveries: 1, logs: 0, effects: ["pending", "pending"], runs: 1, tickets: 1 });
    expect(await transitionsOf(world, PROJECT)).toHaveLength(2);
    expect(await transitionsOf(world, FEATURE)).toHaveLength(1);
  });

  test("leaves alone what is younger than 30 days", async () => {
    const world = await past(29);
    const before = await kept(world);
    expect(await world.t.mutation(internal.retention.sweep, { from: 0 })).toEqual({ removed: 0 });
    expect(await kept(world)).toEqual(before);
  });
});
