import { describe, expect, test } from "bun:test";
import { branchesOf } from "./ActorTree.tsx";
import { type Frame, parseFrame } from "./frames.ts";
import { EMPTY_PICTURE, leavesOf, MAX_EVENTS, withFrames } from "./picture.ts";

const OMA = "o/p/oma-1";
const frame = (message: object): Frame => {
  const parsed = parseFrame(JSON.stringify(message));
  if (parsed === null) throw new Error("not a frame");
  return parsed;
};
const anActor = (address: string, sequence: number, value: unknown = "idle") =>
  frame({
    type: "@xstate.actor",
    sessionId: address,
    id: `${address}@${sequence}`,
    name: address.split("/").at(-1),
    snapshot: { status: "active", value, context: { a: 1 } },
  });
const anEvent = (address: string, sequence: number, type = "go") =>
  frame({
    type: "@xstate.event",
    sessionId: address,
    id: `${address}@${sequence}`,
    createdAt: "5",
    event: { type },
    sourceId: "ecs",
  });
const aSnapshot = (address: string, sequence: number, value: unknown, context: object = {}) =>
  frame({
    type: "@xstate.snapshot",
    sessionId: address,
    id: `${address}@${sequence}`,
    createdAt: "5",
    event: { type: "go" },
    snapshot: { status: "active", value, context },
  });

describe("picture of the actors", () => {
  test("a snapshot moves its actor and says which way it went", () => {
    const picture = withFrames(EMPTY_PICTURE, [anActor(OMA, 1, { work: "queued" }), aSnapshot(OMA, 2, { work: "failing" })]);
    expect(picture.actors.get(OMA)).toMatchObject({
      sequence: 2,
      lastStep: { eventType: "go", from: "work.queued", to: "work.failing" },
    });
    expect(picture.after).toBe(`${OMA}@2`);
  });

  test("P1: a step told again after a reconnect counts once and takes nothing back", () => {
    const frames = [anActor(OMA, 1), anEvent(OMA, 2), aSnapshot(OMA, 2, "busy"), anEvent(OMA, 3), aSnapshot(OMA, 3, "done")];
    const picture = withFrames(EMPTY_PICTURE, frames);
    const again = withFrames(picture, [anActor(OMA, 1), anEvent(OMA, 2), aSnapshot(OMA, 2, "busy")]);
    expect(again.events.map(({ id }) => id)).toEqual([`${OMA}@2`, `${OMA}@3`]);
    expect(again.actors.get(OMA)?.snapshot.value).toBe("done");
  });

  test("P2: only the newest events are kept, and the others are counted", () => {
    const frames = Array.from({ length: MAX_EVENTS + 5 }, (_, index) => anEvent(OMA, index + 1));
    const picture = withFrames(EMPTY_PICTURE, frames);
    expect(picture.events).toHaveLength(MAX_EVENTS);
    expect([picture.dropped, picture.events[0]?.sequence]).toEqual([5, 6]);
  });

  test("a step told without its context leaves the last one known", () => {
    const picture = withFrames(EMPTY_PICTURE, [anActor(OMA, 1), aSnapshot(OMA, 2, "busy", {})]);
    expect(picture.actors.get(OMA)?.snapshot.context).toEqual({ a: 1 });
  });

  test("what is no frame is passed over", () => {
    for (const text of ["", "{", "null", "[]", '{"type":"@xstate.actor"}', '{"type":"new","sessionId":"a","id":"b"}', 7]) {
      expect(parseFrame(text)).toBeNull();
    }
  });

  test("a value in words is what the log calls it", () => {
    expect(leavesOf({ work: { coder: "working" }, hold: "running" })).toBe("work.coder.working hold.running");
    expect(leavesOf(null)).toBe("");
  });
});

describe("tree of the actors", () => {
  const { actors } = withFrames(EMPTY_PICTURE, [
    anActor("o/p/oma-10", 1),
    anActor("o/p/oma-2", 1),
    anActor("o/p/oma-2/coder-1", 1, "running"),
    anActor("o/p", 1),
  ]);

  test("parents stand before children, numbers in order", () => {
    expect(branchesOf(actors.values(), "").map(({ actor, level }) => `${level} ${actor.address}`)).toEqual([
      "1 o/p",
      "2 o/p/oma-2",
      "3 o/p/oma-2/coder-1",
      "2 o/p/oma-10",
    ]);
  });

  test("a search keeps what leads to what it found, also by state", () => {
    expect(branchesOf(actors.values(), "RUNNING").map(({ actor }) => actor.address)).toEqual([
      "o/p",
      "o/p/oma-2",
      "o/p/oma-2/coder-1",
    ]);
  });
});
