// Moves that were given up, with the stock SDK against local/linear and the real functions of convex/.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { aLinear, type LinearUnderTest } from "@omakase/local-linear/testing/linear";
import { api } from "../../convex/_generated/api.js";
import { aFeature, anIssue, aWorld, FEATURE, take, type World } from "../../convex/world.testing.ts";
import type { RepairOf } from "../repairs.ts";
import { aLog, callerOf } from "../testing/edge.ts";
import { createLinear } from "./client.ts";
import { createMoveSweep } from "./given-up-moves.ts";

let server: LinearUnderTest;
beforeAll(async () => {
  server = await aLinear();
});
afterAll(() => server.stop());
afterEach(() => fetch(`${server.url}/__faults`, { method: "DELETE", headers: { "x-omakase-local": "1" } }));

const stateOf = async (id: string) => (await (await server.as("dana").issue(id)).state)?.name;

async function setup() {
  const { id } = await server.anIssue();
  const world = await aWorld();
  await aFeature(world);
  const tell = (stateName: string, updatedAt: number) =>
    world.service.mutation(api.linear.sync, { issues: [anIssue({ issueId: id, stateName, updatedAt })] });
  await tell("Backlog", 1_000);
  const linear = createLinear({ apiUrl: `${server.url}/graphql`, apiKey: server.key("omakase") });
  const convex = callerOf(world);
  const recorded: RepairOf[] = [];
  const repairs = { record: async (repair: RepairOf) => void recorded.push(repair) };
  const { log, of } = aLog();
  return { id, world, tell, sweep: createMoveSweep({ linear, convex, repairs, log }), recorded, of };
}

/** A step that asks for a move, which then fails for good. */
async function giveUp(world: World, issueId: string, preferredName: string): Promise<void> {
  const payload = JSON.stringify({ kind: "moveIssue", issueId, stateType: "started", preferredName });
  const stored = await take(world, FEATURE, { effects: [{ index: 0, kind: "moveIssue", payload, run: null }] });
  const effectId = `${FEATURE}:${stored.kind === "stored" ? stored.sequence : 0}:0`;
  const settlement = { effectId, state: "failed" as const, error: "Linear was away", answer: null, launch: null };
  await world.service.mutation(api.host.settle, { epochs: world.epochs, settlements: [settlement] });
}

const left = async ({ service }: World) => (await service.query(api.moves.givenUp, { after: null })).moves.length;

describe("a move that was given up", () => {
  test("is made by the sweep, told and counted once", async () => {
    const { id, world, sweep, recorded } = await setup();
    await giveUp(world, id, "In Review");
    expect([await sweep(), await sweep()]).toEqual([1, 0]);
    expect(await stateOf(id)).toBe("In Review");
    expect(recorded).toMatchObject([{ farSide: "linear", kind: "missedMove", actor: FEATURE }]);
    expect(recorded[0]?.what).toContain("it is in In Review now");
    expect(await left(world)).toBe(0);
  });

  test("L1: of two only the last is made", async () => {
    const { id, world, sweep } = await setup();
    await giveUp(world, id, "In Progress");
    await giveUp(world, id, "In Review");
    expect(await sweep()).toBe(1);
    expect([await stateOf(id), await left(world)]).toEqual(["In Review", 0]);
  });

  test("L2: is not made against whoever has moved the ticket since", async () => {
    const { id, world, tell, sweep, recorded } = await setup();
    await giveUp(world, id, "In Review");
    await tell("Todo", 2_000);
    expect([await sweep(), recorded.length, await left(world)]).toEqual([0, 0, 0]);
    expect(await stateOf(id)).toBe("Backlog");
  });

  test("waits while Linear is away, and is left to people when Linear refuses it", async () => {
    const { id, world, sweep, recorded, of } = await setup();
    await giveUp(world, id, "In Review");
    await server.order({ kind: "error", status: 502, match: "issueUpdate" });
    expect([await sweep(), await left(world)]).toEqual([0, 1]);
    expect(of("linear.move_waits")).toHaveLength(1);
    expect(await sweep()).toBe(1);
    const gone = anIssue({ issueId: crypto.randomUUID(), key: "OMA-9", stateName: "Todo", updatedAt: 3_000 });
    await world.service.mutation(api.linear.sync, { issues: [gone] });
    await giveUp(world, gone.issueId, "In Review");
    expect([await sweep(), await left(world)]).toEqual([0, 0]);
    expect(recorded.map(({ kind, subject }) => `${kind} ${subject}`).at(-1)).toBe("moveRefused OMA-9");
  });
});
