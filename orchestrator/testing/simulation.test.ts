// The whole host under kills, stops, lost calls and duplicates, from seeds; and whether the checker would notice if it were wrong.
// Many more seeds: `bun orchestrator/testing/simulate.ts --seeds 10000`.

import { describe, expect, test } from "bun:test";
import { AGENT, aTicket, FEATURE } from "@omakase/machines/testing/builders";
import type { Step } from "../../convex/steps.ts";
import { wrongs } from "./checker.ts";
import { Deployment } from "./deployment.ts";
import { type SimulationOptions, simulate } from "./simulation.ts";

const SMALL: SimulationOptions = { tickets: 1, troubleMs: 15_000 };

/** The first seed of `count` in which something is wrong, with what is. */
async function firstWrong(count: number, options: SimulationOptions): Promise<string | null> {
  for (let seed = 1; seed <= count; seed++) {
    const { wrongs: found } = await simulate(seed, options);
    if (found.length > 0) return `seed ${seed}: ${found.join("; ")}`;
  }
  return null;
}

describe("the simulation", () => {
  test("I1-I9, H1-H5: 500 small deployments lose nothing, do nothing twice and come to rest", async () => {
    expect(await firstWrong(500, SMALL)).toBeNull();
  }, 180_000);

  test("I1-I9, H1-H5: 40 larger ones, two projects and a dependency", async () => {
    expect(await firstWrong(40, { tickets: 4, troubleMs: 60_000 })).toBeNull();
  }, 60_000);

  test("a seed is a whole description: it gives the same history again", async () => {
    const [one, again, other] = [await simulate(7), await simulate(7), await simulate(8)];
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  test.each([
    ["receipt", { without: "receipt" }, /: I1: /],
    ["settledOnce", { without: "settledOnce" }, /: I[15]: /],
    ["client token", { honoursTokens: false }, /: I4: /],
  ] as const)(
    "a deployment without its %s guard is caught",
    async (_, options, invariant) => {
      expect(await firstWrong(50, options)).toMatch(invariant);
    },
    60_000,
  );
});

describe("the checker", () => {
  /** A feature that has taken one event, as it should. */
  async function sound() {
    const world = new Deployment();
    world.seedProject();
    world.seedFeature();
    world.send(FEATURE, "todo", { type: "ticket.changed", ticket: aTicket({ stateType: "unstarted", updatedAt: 1 }) });
    world.ends.acknowledged.add(`${FEATURE} todo`);
    world.start();
    await world.until("it moved", () => world.log(FEATURE).length > 2);
    await world.pass(5_000);
    expect(wrongs(world.tables, world.ends, false)).toEqual([]);
    return world;
  }
  const found = (world: Deployment) => wrongs(world.tables, world.ends, false).join("; ");

  test("I1: sees an acknowledged event that is nowhere", async () => {
    const world = await sound();
    world.ends.acknowledged.add(`${FEATURE} never stored`);
    expect(found(world)).toContain("I1: acknowledged and lost");
  });

  test("I2: sees a step computed on an old snapshot, when the sequence guard is gone", async () => {
    const world = await sound();
    world.tables.without.add("sequence");
    const actor = world.actor(FEATURE)!;
    const mail = world.tables.transaction(() => world.tables.post(FEATURE, "late", START, CAUSE));
    world.tables.commit(
      [{ shard: actor.shard, epoch: world.tables.shards.get(actor.shard)!.epoch }],
      [aStep({ actorId: actor.id, expectedSequence: 0, source: { kind: "mail", id: mail.id }, eventId: "late" })],
    );
    expect(found(world)).toContain("I2: ");
  });

  test("I3: sees a snapshot that its log does not lead to", async () => {
    const world = await sound();
    const actor = world.actor(FEATURE)!;
    world.tables.actors.set(FEATURE, { ...actor, snapshot: actor.bornWith });
    expect(found(world)).toContain("I3: ");
  });

  test("P7: sees a row that shows something else than its snapshot", async () => {
    const world = await sound();
    const actor = world.actor(FEATURE)!;
    world.tables.actors.set(FEATURE, { ...actor, view: { ...actor.view!, label: "Writing a novel" } as never });
    expect(found(world)).toContain("P7: ");
  });

  test("I6: sees a timer of an earlier arming, when its guard is gone", async () => {
    const world = await sound();
    world.tables.without.add("armedSequence");
    const actor = world.actor(FEATURE)!;
    world.tables.timers.set(`${FEATURE} again`, { actor: FEATURE, timerId: "again", armedSequence: 2, dueAt: 0 });
    const source = { kind: "timer", timerId: "again", armedSequence: 1 } as const;
    world.tables.commit(
      [{ shard: actor.shard, epoch: world.tables.shards.get(actor.shard)!.epoch }],
      [aStep({ actorId: actor.id, expectedSequence: actor.sequence, source, eventId: "timer:again:1" })],
    );
    expect(found(world)).toContain("I6: ");
  });

  test("I7: sees a step of an owner that was replaced, when the epoch guard is gone", async () => {
    const world = await sound();
    const actor = world.actor(FEATURE)!;
    const mail = world.tables.transaction(() => world.tables.post(FEATURE, "late", START, CAUSE));
    const source = { kind: "mail", id: mail.id } as const;
    const step = aStep({ actorId: actor.id, expectedSequence: actor.sequence, source, eventId: "late" });
    expect(() => world.tables.commit([{ shard: actor.shard, epoch: 0 }], [step])).toThrow("another owner");
    world.tables.without.add("epoch");
    world.tables.commit([{ shard: actor.shard, epoch: 0 }], [step]);
    expect(found(world)).toContain("I7: ");
  });

  test("I8: sees a send that is nowhere", async () => {
    const world = await sound();
    const at = world.tables.transitions.findIndex(({ cause }) => cause.kind === "actor");
    const [row] = world.tables.transitions.slice(at, at + 1);
    expect(row).toBeDefined();
    world.tables.transitions[at] = { ...row!, eventId: "something else" };
    expect(found(world)).toContain("I8: ");
  });

  test("H1, H4: sees an effect performed before it was stored, and one with another payload", async () => {
    const world = await sound();
    world.ends.calls.push({ effectId: `${AGENT}:0:0`, kind: "runTask", payload: "{}", at: 0 });
    expect(found(world)).toContain("H1: ");
    const [call] = world.ends.calls;
    world.ends.calls[0] = { ...call!, payload: "{}" };
    expect(found(world)).toContain("H4: ");
  });
});

const START = '{"type":"start","at":1,"by":"x"}';
const CAUSE = { kind: "person", name: "Dana" } as const;

function aStep(step: Pick<Step, "actorId" | "expectedSequence" | "source" | "eventId">): Step {
  const nothing = { snapshot: null, microsteps: [], actions: [], view: null, sends: [], effects: [], timers: [], spawns: [] };
  const told = { actor: FEATURE, eventType: "start", event: START, cause: CAUSE, at: 1, machineVersion: "1", ignored: false };
  return { ...step, ...nothing, ...told, status: "active", from: "", to: "" };
}
