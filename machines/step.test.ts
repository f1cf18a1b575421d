import { describe, expect, test } from "bun:test";
import { createActor, setup } from "xstate";
import {
  agentMachine,
  begin,
  featureMachine,
  MACHINES,
  persist,
  projectMachine,
  restore,
  SnapshotError,
  step,
  UnknownActionError,
} from "./index.ts";
import { AGENT, aTicket, FEATURE, PROJECT, someLimits, someSettings } from "./testing/builders.ts";

const anAgent = () => begin(agentMachine, { address: AGENT, role: "coder", limits: someLimits() });
const aFeature = () => begin(featureMachine, { address: FEATURE, ticket: aTicket(), settings: someSettings() });
const aProject = () =>
  begin(projectMachine, { address: PROJECT, limits: { features: 1, perRole: {} }, settings: someSettings() });

describe("a step", () => {
  test("S1: the same history gives the same bytes and the same asks", () => {
    const history = () => {
      let { snapshot, asked } = aFeature();
      const all = [...asked];
      for (const event of [
        { type: "start", at: 1, by: "Ada" },
        { type: "dependencies.resolved", at: 2, blockers: [], cycle: null },
        { type: "permit.granted", at: 3, role: "architect", settings: someSettings(), admits: true },
        { type: "cancel", at: 4, by: "Ada" },
      ] as const) {
        ({ snapshot, asked } = step(featureMachine, snapshot, event));
        all.push(...asked);
      }
      return persist(featureMachine, snapshot) + JSON.stringify(all);
    };
    expect(history()).toBe(history());
    expect(history()).toContain(`"address":"${FEATURE}/architect-1"`);
  });

  test("it does not change the snapshot it was given", () => {
    const { snapshot } = aFeature();
    const before = persist(featureMachine, snapshot);
    step(featureMachine, snapshot, { type: "start", at: 1, by: "Ada" });
    expect(persist(featureMachine, snapshot)).toBe(before);
  });

  test("an event nobody understands changes nothing and asks for nothing", () => {
    const { snapshot } = aFeature();
    const { snapshot: after, asked } = step(featureMachine, snapshot, { type: "from.the.future", at: 1 } as never);
    expect([persist(featureMachine, after), asked]).toEqual([persist(featureMachine, snapshot), []]);
  });

  test("a timer of a state that was left changes nothing", () => {
    const { snapshot } = step(agentMachine, anAgent().snapshot, { type: "task.accepted", at: 1, attempt: 1, taskArn: "arn" });
    const { snapshot: after } = step(agentMachine, snapshot, { type: "xstate.after.launchMs.agent.launching", at: 2 });
    expect(persist(agentMachine, after)).toBe(persist(agentMachine, snapshot));
  });

  test("timers are set and cancelled by the same name", () => {
    const first = anAgent();
    const set = first.asked.flatMap((ask) => (ask.type === "timer.set" ? [ask] : []));
    expect(set).toEqual([
      {
        type: "timer.set",
        id: "xstate.after.launchMs.agent.launching",
        event: "xstate.after.launchMs.agent.launching",
        delayMs: 600_000,
      },
    ]);
    const second = step(agentMachine, first.snapshot, { type: "task.accepted", at: 1, attempt: 1, taskArn: "arn" });
    expect(second.asked[0]).toEqual({ type: "timer.cancel", id: "xstate.after.launchMs.agent.launching" });
  });

  test("S3: an action no host can do is refused", () => {
    const rogue = setup({ actions: { callHome: () => {} } }).createMachine({ on: { go: { actions: "callHome" } } });
    expect(() => step(rogue, begin(rogue, undefined as never).snapshot, { type: "go" })).toThrow(UnknownActionError);
  });
});

describe("a stored snapshot", () => {
  test("comes back byte for byte, for every kind of actor", () => {
    const stored = [
      [projectMachine, persist(projectMachine, aProject().snapshot)],
      [featureMachine, persist(featureMachine, aFeature().snapshot)],
      [agentMachine, persist(agentMachine, anAgent().snapshot)],
    ] as const;
    for (const [machine, json] of stored) expect(persist(machine, restore(machine, json) as never)).toBe(json);
  });

  test("a finished actor comes back finished", () => {
    let { snapshot } = step(agentMachine, anAgent().snapshot, { type: "stop", at: 1, reason: "" });
    ({ snapshot } = step(agentMachine, snapshot, { type: "xstate.after.stopMs.agent.stopping", at: 2 }));
    expect(restore(agentMachine, persist(agentMachine, snapshot)).status).toBe("done");
  });

  test("runs in a live actor too, as the landing page does", () => {
    const actor = createActor(featureMachine, {
      snapshot: JSON.parse(persist(featureMachine, aFeature().snapshot)),
      input: undefined as never,
    }).start();
    actor.send({ type: "start", at: 1, by: "Ada" });
    expect(actor.getSnapshot().value.work).toEqual({ waiting: "reading" });
  });

  const good = () => JSON.parse(persist(featureMachine, aFeature().snapshot)) as Record<string, unknown>;
  const BROKEN: readonly [string, () => string][] = [
    ["text that is not JSON", () => "{"],
    ["a list", () => "[]"],
    ["null", () => "null"],
    ["a state that was removed", () => JSON.stringify({ ...good(), value: { work: "dreaming", hold: "running" } })],
    ["a region too few", () => JSON.stringify({ ...good(), value: { work: "pending" } })],
    ["a region too many", () => JSON.stringify({ ...good(), value: { work: "pending", hold: "running", mood: "happy" } })],
    ["a state that is not a leaf any more", () => JSON.stringify({ ...good(), value: { work: "coder", hold: "running" } })],
    [
      "a leaf that has states below it",
      () => JSON.stringify({ ...good(), value: { work: { pending: "deep" }, hold: "running" } }),
    ],
    [
      "a state named like something every object has",
      () => JSON.stringify({ ...good(), value: { work: "constructor", hold: "running" } }),
    ],
    ["no context", () => JSON.stringify({ ...good(), context: undefined })],
    ["an actor that had failed", () => JSON.stringify({ ...good(), status: "error" })],
    ["children of its own", () => JSON.stringify({ ...good(), children: { one: {} } })],
    ["another machine's snapshot", () => persist(agentMachine, anAgent().snapshot)],
  ];
  for (const [what, json] of BROKEN) {
    test(`S2: ${what} is refused as it is`, () => {
      expect(() => restore(featureMachine, json())).toThrow(SnapshotError);
    });
  }

  test("what `transition()` builds without an input is plain JSON too", () => {
    for (const machine of Object.values(MACHINES)) {
      const { snapshot } = begin(machine as typeof agentMachine, undefined as never);
      expect(persist(machine as typeof agentMachine, snapshot)).not.toContain("undefined");
    }
  });
});
