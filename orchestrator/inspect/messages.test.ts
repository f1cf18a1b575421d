// Rows of the log as inspection messages.

import { describe, expect, test } from "bun:test";
import { MACHINES, newAgent, newFeature, newProject } from "@omakase/machines";
import { createMachine } from "xstate";
import { visibleContext, visibleEvent } from "./allow-list.ts";
import { actorMessage, stateValueOf } from "./messages.ts";

describe("a state value", () => {
  test.each([
    ["idle", "idle"],
    ["active.idle", { active: "idle" }],
    ["work.coder.working hold.running", { work: { coder: "working" }, hold: "running" }],
  ])("%s", (leaves, value) => expect(stateValueOf(leaves)).toEqual(value));
});

test.each(Object.keys(MACHINES) as (keyof typeof MACHINES)[])("the definition of a %s can be drawn elsewhere", (kind) => {
  const address = { project: "o/p", feature: "o/p/f", agent: "o/p/f/coder-1" }[kind];
  const { definition } = actorMessage({ address, sequence: 0, status: "active", snapshot: "{}" }, 0);
  const rebuilt = createMachine(JSON.parse(definition!));
  expect(Object.keys(rebuilt.states)).toEqual(Object.keys(MACHINES[kind].states));
});

test("a damaged snapshot is shown without its content", () => {
  expect(actorMessage({ address: "o/p", sequence: 0, status: "parked", snapshot: "{" }, 0).snapshot).toEqual({
    status: "active",
    value: undefined,
    context: {},
  });
});

describe("what may be seen", () => {
  test("every field of a machine's context is listed, or left out on purpose", () => {
    const leftOut = { project: [], feature: ["note", "rework", "ticket"], agent: ["taskArn"] };
    const contexts = { project: newProject(undefined), feature: newFeature(undefined), agent: newAgent(undefined) };
    for (const kind of ["project", "feature", "agent"] as const) {
      const seen = new Set(Object.keys(visibleContext(kind, contexts[kind])));
      const hidden = Object.keys(contexts[kind]).filter((name) => !seen.has(name));
      expect(hidden.sort()).toEqual(leftOut[kind]);
    }
  });

  test("an event's unlisted fields are left out, a ticket is its key, texts are cut and masked", () => {
    const seen = visibleEvent({
      type: "retry",
      note: "private",
      ticket: { key: "OMA-1", title: "secret plans" },
      reason: `${"x".repeat(600)}`,
      taskArn: "arn",
    });
    expect(seen).toMatchObject({ type: "retry", ticket: { key: "OMA-1" } });
    expect(Object.keys(seen).sort()).toEqual(["reason", "ticket", "type"]);
    expect(String(seen.reason)).toHaveLength(500);
  });

  test("nonsense is an event of unknown type", () => {
    for (const nonsense of [null, 1, "x", [], { type: 7 }]) expect(visibleEvent(nonsense)).toEqual({ type: "unknown" });
  });
});
