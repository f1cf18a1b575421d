// Rows of the log as inspection messages.

import { describe, expect, test } from "bun:test";
import { MACHINES, newAgent, newFeature, newProject, persist, projectMachine } from "@omakase/machines";
import { createInspector, type StatelyInspectionEvent } from "@statelyai/inspect";
import { createActor, createMachine } from "xstate";
import { visibleContext, visibleEvent } from "./allow-list.ts";
import { actorMessage, eventMessage, type LoggedStep, snapshotMessage, stateValueOf } from "./messages.ts";

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

/** What the stock inspector says of a live project that takes one event. */
async function inspectedLive(): Promise<Map<string, StatelyInspectionEvent>> {
  const said = new Map<string, StatelyInspectionEvent>();
  const { promise, resolve } = Promise.withResolvers<void>();
  const send = (message: StatelyInspectionEvent) => {
    said.set(message.type, message); // the last of each type: the event's, not the start's
    if (message.type === "@xstate.snapshot" && message.event.type === "pause") resolve();
  };
  const { inspect } = createInspector({ send });
  const actor = createActor(projectMachine, { input: undefined as never, inspect }).start();
  actor.send({ type: "pause", by: "Dana", at: 5, mode: "now" } as never);
  await promise;
  actor.stop();
  return said;
}

test("whoever reads the stock inspector's messages finds every field in ours, of the same type", async () => {
  const actor = createActor(projectMachine, { input: undefined as never });
  const stored = {
    address: "o/p",
    sequence: 1,
    status: "active",
    snapshot: persist(projectMachine, actor.getSnapshot()),
  } as const;
  const event = JSON.stringify({ type: "pause", by: "Dana", at: 5, mode: "now" });
  const step: LoggedStep = { actor: "o/p", sequence: 1, event, cause: { kind: "person", name: "Dana" }, to: "paused", at: 5 };
  const ours = [actorMessage(stored, 5), eventMessage(step), snapshotMessage(step, stored)];
  const stock = await inspectedLive();
  expect([...stock.keys()].sort()).toEqual(ours.map(({ type }) => type).sort());
  for (const message of ours) {
    const theirs = stock.get(message.type)!;
    for (const [field, value] of Object.entries(theirs)) {
      if (value === undefined || field === "id") continue; // theirs is null or random: ours resumes the feed
      expect(message).toHaveProperty(field);
      expect(typeof message[field as keyof typeof message]).toBe(typeof value);
    }
    expect(message._version).toBe(theirs._version);
  }
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
