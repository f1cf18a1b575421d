// Project, features and agents together, in a host in memory: the main stories of a ticket, in many orders of events.

import { describe, expect, test } from "bun:test";
import type { FeatureAddress } from "./ids.ts";
import type { ProjectLimits } from "./project/project-events.ts";
import type { PipelineSettings } from "./roles.ts";
import { PROJECT, someSettings } from "./testing/builders.ts";
import { FarEnds, type Script } from "./testing/far-ends.ts";
import { settle, settleForGood } from "./testing/play.ts";
import { type Choices, seeded } from "./testing/seeded.ts";
import { troubledStory } from "./testing/troubled-story.ts";
import { World } from "./testing/world.ts";

interface Setup {
  script?: Script;
  blockedBy?: Record<string, readonly string[]>;
  limits?: Partial<ProjectLimits>;
  settings?: Partial<PipelineSettings>;
  faults?: Choices;
}

function setup({ script, blockedBy, limits, settings, faults }: Setup = {}) {
  const ends = new FarEnds(script, blockedBy, faults);
  const world = new World({ limits: { features: 2, perRole: {}, ...limits }, settings: someSettings(settings) }, ends.perform);
  const runs = (feature: FeatureAddress) => world.feature(feature).context.runs;
  return { ends, world, runs, create: (key: string) => ends.create(world, key) };
}

const kinds = (world: World, feature: FeatureAddress) =>
  world.effects.filter(({ actor }) => actor === feature).map(({ effect }) => effect.kind);
/** The same story in 30 orders. */
const inManyOrders = (story: (choices: Choices) => void) => {
  for (let seed = 1; seed <= 30; seed++) story(seeded(seed));
};

describe("a project, its features and their agents", () => {
  test("a simple ticket passes every stage once, opens one pull request, and gives its place back", () =>
    inManyOrders((choices) => {
      const { world, ends, create, runs } = setup();
      const feature = create("OMA-1");
      settleForGood(world, ends, choices);
      expect(world.view(feature)).toMatchObject({ state: "passing", category: "done", actions: ["pause", "cancel"] });
      expect(runs(feature)).toEqual({ architect: 1, coder: 1, reviewer: 1, tester: 1 });
      expect(world.feature(feature).context.costUsd).toBe(1);
      expect(ends.pullRequests).toEqual([{ feature, base: null }]);
      expect(kinds(world, feature).filter((kind) => kind === "moveIssue")).toHaveLength(2);
      expect(ends.comments).toEqual(["Pull request opened: https://github.test/agent/oma-1"]);
      world.send(feature, { type: "pullRequest.merged", by: "Ada" });
      settleForGood(world, ends, choices);
      expect(world.view(feature)).toMatchObject({ state: "merged", actions: [] });
      expect(ends.tickets.get("OMA-1")?.stateType).toBe("completed");
    }));

  test("a blocked ticket starts when its blocker passes, and is stacked on its branch", () =>
    inManyOrders((choices) => {
      const { world, ends, create } = setup({ blockedBy: { "OMA-2": ["OMA-1"] } });
      const second = create("OMA-2");
      const first = create("OMA-1");
      settleForGood(world, ends, choices);
      expect(ends.pullRequests).toEqual([
        { feature: first, base: null },
        { feature: second, base: "agent/oma-1" },
      ]);
    }));

  test("a blocked ticket waits for the merge when the project says so, and is not stacked", () =>
    inManyOrders((choices) => {
      const { world, ends, create } = setup({ blockedBy: { "OMA-2": ["OMA-1"] }, settings: { dependencyMet: "merged" } });
      const second = create("OMA-2");
      const first = create("OMA-1");
      settleForGood(world, ends, choices);
      expect(world.view(second)).toMatchObject({
        state: "waiting.blocked",
        reasons: [{ kind: "dependency", text: "Waits for OMA-1" }],
      });
      world.send(first, { type: "pullRequest.merged", by: "Ada" });
      settleForGood(world, ends, choices);
      expect(ends.pullRequests[1]).toEqual({ feature: second, base: null });
    }));

  test("a circle of dependencies is named and asks for a person", () => {
    const { world, ends, create } = setup({ blockedBy: { "OMA-2": ["OMA-3"], "OMA-3": ["OMA-2"] } });
    const [second, third] = [create("OMA-2"), create("OMA-3")];
    settleForGood(world, ends);
    expect(world.view(second).failure).toBe("Its dependencies go in a circle: OMA-2 → OMA-3 → OMA-2");
    expect(world.view(third).failure).toBe("Its dependencies go in a circle: OMA-3 → OMA-2 → OMA-3");
  });

  test("one round of review sends the coder once more, and the ticket passes", () =>
    inManyOrders((choices) => {
      const once: Script = (_, role, run) => ({ exitCode: role === "reviewer" && run === 1 ? 2 : 0, reason: "Name it better" });
      const { world, ends, create, runs } = setup({ script: once });
      const feature = create("OMA-1");
      settleForGood(world, ends, choices);
      expect(world.view(feature).state).toBe("passing");
      expect(runs(feature)).toEqual({ architect: 1, coder: 2, reviewer: 2, tester: 1 });
    }));

  test("a reviewer who is never content ends in `needsHuman`, with its last words", () => {
    const { world, ends, create } = setup({ script: (_, role) => ({ exitCode: role === "reviewer" ? 2 : 0, reason: "No" }) });
    const feature = create("OMA-1");
    settleForGood(world, ends);
    expect(world.view(feature)).toMatchObject({
      state: "needsHuman",
      category: "needsYou",
      failure: "The reviewer still asks for changes after 1 round: No",
    });
    expect(ends.comments).toEqual(["Omakase needs a person here. The reviewer still asks for changes after 1 round: No"]);
  });

  test("tests that never pass end in `failing`, with the reason on the ticket", () =>
    inManyOrders((choices) => {
      const { world, ends, create, runs } = setup({
        script: (_, role) => ({ exitCode: role === "tester" ? 2 : 0, reason: "2 of 9 fail" }),
      });
      const feature = create("OMA-1");
      settleForGood(world, ends, choices);
      expect(world.view(feature)).toMatchObject({ state: "failing", failure: "The tests still fail after 1 round: 2 of 9 fail" });
      expect(runs(feature)).toEqual({ architect: 1, coder: 2, reviewer: 2, tester: 2 });
      expect(ends.comments).toEqual(["Omakase stopped here. The tests still fail after 1 round: 2 of 9 fail"]);
    }));

  test("pausing now stops the agent, resuming runs the same stage again as a new run, and it still passes", () =>
    inManyOrders((choices) => {
      const { world, ends, create, runs } = setup();
      const feature = create("OMA-1");
      settle(world, ends, choices, { until: () => world.actors.has(feature) && world.view(feature).state === "coder.working" });
      world.send(feature, { type: "pause", by: "Ada", mode: "now" });
      settleForGood(world, ends, choices);
      const { state, hold, category, column } = world.view(feature);
      expect({ state, hold, category }).toEqual({ state: "queued", hold: "paused", category: "paused" });
      expect(["code", "review"]).toContain(column);
      world.send(feature, { type: "resume", by: "Ada" });
      settleForGood(world, ends, choices);
      expect(world.view(feature).state).toBe("passing");
      // The run may have finished before the stop reached it: then it counts, and the next stage was held.
      expect(runs(feature).coder).toBe(column === "code" ? 2 : 1);
    }));

  test("draining lets the stage at work finish, and nothing begins until it is resumed", () =>
    inManyOrders((choices) => {
      const { world, ends, create, runs } = setup();
      const feature = create("OMA-1");
      settle(world, ends, choices, { until: () => world.actors.has(feature) && world.view(feature).state === "coder.working" });
      world.send(feature, { type: "pause", by: "Ada", mode: "drain" });
      settleForGood(world, ends, choices);
      expect(world.view(feature)).toMatchObject({
        state: "queued",
        hold: "paused",
        stage: "reviewer",
        column: "review",
        wants: null,
      });
      world.send(feature, { type: "resume", by: "Ada" });
      settleForGood(world, ends, choices);
      expect(runs(feature)).toEqual({ architect: 1, coder: 1, reviewer: 1, tester: 1 });
    }));

  test("R8: a drained project comes to rest with every feature between two stages, and goes on where it stopped", () =>
    inManyOrders((choices) => {
      const { world, ends, create } = setup({ limits: { features: 3, perRole: { coder: 1 } } });
      const features = ["OMA-1", "OMA-2", "OMA-3"].map(create);
      settle(world, ends, choices, {
        until: () => world.project().context.places[features[1] as FeatureAddress]?.role === "coder",
      });
      world.send(PROJECT, { type: "pause", by: "Ada", mode: "drain" });
      settleForGood(world, ends, choices);
      expect(world.project().value).toBe("paused");
      world.send(PROJECT, { type: "resume", by: "Ada" });
      settleForGood(world, ends, choices);
      expect(features.map((feature) => world.view(feature).state)).toEqual(["passing", "passing", "passing"]);
    }));

  test("R9: a project paused now holds its features, and resuming it brings them all to their pull request", () =>
    inManyOrders((choices) => {
      const { world, ends, create } = setup({ limits: { features: 3, perRole: {} } });
      const features = ["OMA-1", "OMA-2", "OMA-3"].map(create);
      settle(world, ends, choices, { until: () => Object.keys(world.project().context.places).length === 3 });
      world.send(PROJECT, { type: "pause", by: "Ada", mode: "now", reason: "Budget" });
      settleForGood(world, ends, choices);
      expect(world.project().value).toBe("paused");
      world.send(PROJECT, { type: "resume", by: "Ada" });
      settleForGood(world, ends, choices);
      expect(features.map((feature) => world.view(feature).state)).toEqual(["passing", "passing", "passing"]);
    }));

  test("F2: a permit that crosses a cancel gives its place back, and the next feature gets it", () =>
    inManyOrders((choices) => {
      const { world, ends, create, runs } = setup({ limits: { features: 1 } });
      const [first, second] = [create("OMA-1"), create("OMA-2")];
      settle(world, ends, choices, { until: () => Object.keys(world.project().context.places).length === 1 });
      const [admitted] = Object.keys(world.project().context.places) as FeatureAddress[];
      const other = admitted === first ? second : first;
      world.send(admitted ?? first, { type: "cancel", by: "Ada" });
      // The permit was on its way when the cancel was sent: put the cancel before it in the mailbox.
      const mailbox = world.actors.get(admitted ?? first)?.mailbox ?? [];
      mailbox.unshift(...mailbox.splice(-1));
      settleForGood(world, ends, choices);
      expect(world.view(admitted ?? first).state).toBe("cancelled");
      expect(runs(admitted ?? first).architect).toBe(0);
      expect(world.view(other).state).toBe("passing");
    }));

  test("F2: a permit that crosses a pause and a resume is not used for a place that was given back", () =>
    inManyOrders((choices) => {
      const { world, ends, create } = setup();
      const feature = create("OMA-1");
      const mailbox = () => world.actors.get(feature)?.mailbox ?? [];
      const isAnswered = () =>
        world.actors.has(feature) && mailbox()[0]?.type === "permit.granted" && world.view(feature).state === "coder.requesting";
      settle(world, ends, choices, { until: isAnswered });
      world.send(feature, { type: "pause", by: "Ada", mode: "now" });
      world.send(feature, { type: "resume", by: "Ada" });
      mailbox().push(...mailbox().splice(0, 1));
      settleForGood(world, ends, choices);
      expect(world.view(feature).state).toBe("passing");
    }));

  test("F8: news of a blocker that crosses the reading of the dependencies is not lost", () =>
    inManyOrders((choices) => {
      const { world, ends, create } = setup({ blockedBy: { "OMA-2": ["OMA-1"] } });
      const second = create("OMA-2");
      const first = create("OMA-1");
      const isAnswer = (name: string) => name === `dependencies.resolved for ${second}` && ends.pullRequests.length === 0;
      settle(world, ends, choices, { holdBack: isAnswer });
      settleForGood(world, ends, choices);
      expect(ends.pullRequests.map(({ feature }) => feature)).toEqual([first, second]);
    }));

  test("F1: a ticket cancelled and retried at once waits until its agent has stopped", () =>
    inManyOrders((choices) => {
      const { world, ends, create } = setup();
      const feature = create("OMA-1");
      settle(world, ends, choices, { until: () => world.actors.has(feature) && world.view(feature).state === "coder.working" });
      world.send(feature, { type: "cancel", by: "Ada" });
      world.send(feature, { type: "retry", by: "Ada", note: "Use the new price list" });
      settleForGood(world, ends, choices);
      expect(world.view(feature).state).toBe("passing");
      expect(world.feature(feature).context.note).toBeNull();
    }));

  test("F10: what we did to the ticket ourselves starts nothing again", () => {
    const { world, ends, create } = setup();
    const feature = create("OMA-1");
    settleForGood(world, ends);
    expect(kinds(world, feature).filter((kind) => kind === "resolveDependencies")).toHaveLength(1);
    expect(world.feature(feature).context.ticket.stateType).toBe("started");
  });

  test("a limit of one coder is kept by five features at once, and all of them pass", () =>
    inManyOrders((choices) => {
      const { world, ends, create } = setup({ limits: { features: 4, perRole: { coder: 1, reviewer: 1 } } });
      const features = ["OMA-1", "OMA-2", "OMA-3", "OMA-4", "OMA-5"].map(create);
      settleForGood(world, ends, choices);
      expect(features.map((feature) => world.view(feature).state)).toEqual(features.map(() => "passing"));
    }));

  test("snapshots stay small", () => {
    const { world, ends, create } = setup({ limits: { features: 5 } });
    for (const key of ["OMA-1", "OMA-2", "OMA-3", "OMA-4", "OMA-5"]) create(key);
    settleForGood(world, ends);
    for (const { address, json } of world.actors.values())
      expect({ address, isSmall: json.length < 2_048 }).toEqual({ address, isSmall: true });
  });
});

const SEEDS = Number(process.env.MACHINES_SEEDS ?? 150);

describe("any order of things", () => {
  // Each seed is another mix of scripts, limits, faults of the far ends and meddling of people; a failing one is named and repeats.
  test(
    "keeps every invariant after every step, and comes to rest once everything is resumed",
    () => {
      for (let seed = 1; seed <= SEEDS; seed++) troubledStory(seed);
    },
    30_000 + SEEDS * 50,
  );
});
