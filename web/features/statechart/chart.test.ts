import { describe, expect, test } from "bun:test";
import { agentMachine } from "@omakase/machines/agent/agent-machine";
import { featureMachine } from "@omakase/machines/feature/feature-machine";
import { projectMachine } from "@omakase/machines/project/project-machine";
import type { AnyStateMachine, AnyStateNode } from "xstate";
import { toDirectedGraph } from "xstate/graph";
import { activeIn, activeInLeaves, wayOf } from "./active.ts";
import { arrowsOf } from "./arrows.ts";
import { chartOf } from "./chart.ts";
import { drawingOf } from "./drawing.ts";
import { guardWords } from "./words.ts";

const MACHINES: readonly AnyStateMachine[] = [projectMachine, featureMachine, agentMachine];

/** As XState's own graph has them, not as the chart walks them. */
function nodesOf(machine: AnyStateMachine): AnyStateNode[] {
  type Graph = ReturnType<typeof toDirectedGraph>;
  const flat = (graph: Graph): AnyStateNode[] => [graph.stateNode, ...graph.children.flatMap(flat)];
  return flat(toDirectedGraph(machine));
}

for (const machine of MACHINES) {
  describe(`chart of the ${machine.id} machine`, () => {
    const chart = chartOf(machine);

    test("C1: every state of the machine is in it, and nothing else", () => {
      const ids = nodesOf(machine).map(({ id }) => id);
      expect([...chart.states.keys()].sort()).toEqual(ids.sort());
    });

    test("C2: every transition is drawn or told of the state it stays in", () => {
      const written = nodesOf(machine).flatMap((node) => [...[...node.transitions.values()].flat(), ...(node.always ?? [])]);
      const moving = written.reduce((count, { target }) => count + (target?.length ?? 0), 0);
      const staying = written.filter(({ target }) => !target).length;
      expect(chart.transitions).toHaveLength(moving);
      expect([...chart.states.values()].flatMap(({ handles }) => handles)).toHaveLength(staying);
    });

    test("L1: every arrow is a line or an exit, never both", () => {
      const { lines, boxes } = drawingOf(chart, false);
      const flat = (box: (typeof boxes)[number]): (typeof boxes)[number][] => [box, ...box.children.flatMap(flat)];
      const told = boxes.flatMap(flat).flatMap(({ exits }) => exits.flatMap(({ arrows }) => arrows.map(({ id }) => id)));
      const drawn = lines.map(({ arrow }) => arrow.id);
      const all = arrowsOf(chart).map(({ id }) => id);
      // An arrow that leaves a root which is not drawn would be lost here.
      expect([...told, ...drawn].sort()).toEqual([...all].sort());
    });

    test("no name of XState's own shows", () => {
      const shown = chart.transitions.map(({ event }) => event).join(" ");
      expect(shown).not.toContain("xstate.");
      expect(shown).not.toContain("undefined");
    });
  });
}

describe("what is active", () => {
  const chart = chartOf(featureMachine);

  test("a parallel value gives each region's leaf with its ancestors", () => {
    const active = activeIn(chart, { work: { coder: "working" }, hold: "running" });
    expect([...active].sort()).toEqual([
      "feature",
      "feature.hold",
      "feature.hold.running",
      "feature.work",
      "feature.work.coder",
      "feature.work.coder.working",
    ]);
    expect([...activeInLeaves(chart, "work.coder.working hold.running")].sort()).toEqual([...active].sort());
  });

  test("names the machine does not have are left out", () => {
    expect([...activeIn(chart, { work: "flying", rest: { a: "b" } })]).toEqual(["feature", "feature.work"]);
    expect([...activeIn(chart, 7)]).toEqual(["feature"]);
  });
});

describe("the way of the last step", () => {
  const chart = chartOf(featureMachine);
  const named = (ids: ReadonlySet<string>) =>
    chart.transitions.filter(({ id }) => ids.has(id)).map(({ source, target, event }) => `${source} ${event} ${target}`);
  const step = (eventType: string, from: string, to: string, microsteps: string[] = []) =>
    named(wayOf(chart, { eventType, from, to, microsteps }));

  test("it is the transition between the two leaves, also from an ancestor", () => {
    expect(step("agent.finished", "work.coder.working hold.running", "work.reviewer.requesting hold.running")).toEqual([
      "feature.work.coder agent.finished feature.work.reviewer",
    ]);
    expect(step("cancel", "work.queued hold.running", "work.cancelled hold.running")).toEqual([
      "feature.work cancel feature.work.cancelled",
    ]);
  });

  test("microsteps after the event are the transitions without one", () => {
    const way = step("pause", "work.queued hold.running", "work.queued hold.paused", ["work.queued hold.draining"]);
    expect(new Set(way)).toEqual(
      new Set(["feature.hold.running pause feature.hold.draining", "feature.hold.draining always feature.hold.paused"]),
    );
  });

  test("a step that moved nothing went no way", () => {
    expect(step("dependency.changed", "work.queued hold.running", "work.queued hold.running")).toEqual([]);
  });
});

describe("words", () => {
  test("combined guards say how they are combined", () => {
    const { guards } = featureMachine.implementations;
    expect(guardWords(guards.mayCancel)).toBe("not (is over or is cancelled)");
    expect(guardWords(guards.isStoppedForPause)).toContain("is stopped and in work architect stopping");
    expect(guardWords({ type: "mayBegin", params: { role: "coder" } })).toBe("may begin (coder)");
    expect(guardWords(undefined)).toBeNull();
  });

  test("a delay is a time when the machine knows it and a name when it is computed", () => {
    const events = chartOf(agentMachine).transitions.map(({ event }) => event);
    expect(events).toContain("after back off");
    expect(events.some((event) => /^after \d+m/.test(event))).toBe(true);
  });
});
