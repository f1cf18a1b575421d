import { describe, expect, test } from "bun:test";
import type { Transition } from "../feature/data.ts";
import { causeWords, changesOf, pretty, stepText } from "./describe.ts";

const aStep = (fields: Partial<Transition> = {}): Transition => ({
  actor: "omakase/sample/oma-1",
  sequence: 7,
  eventType: "agent.finished",
  event: "{}",
  cause: { kind: "actor", name: "omakase/sample/oma-1/coder-2" },
  from: "work.coder.working hold.running",
  to: "work.reviewer.requesting hold.running",
  microsteps: [],
  actions: [],
  ignored: false,
  at: 0,
  ...fields,
});

describe("a step in words", () => {
  test("names only the region that moved", () => {
    expect(changesOf(aStep())).toEqual([{ region: "work", from: "coder.working", to: "reviewer.requesting" }]);
  });

  test("names no region when the machine has one", () => {
    expect(changesOf(aStep({ from: "launching", to: "running.listening" }))).toEqual([
      { region: null, from: "launching", to: "running.listening" },
    ]);
  });

  test("says that it stayed, or was ignored", () => {
    expect(stepText(aStep({ to: "work.coder.working hold.running" }))).toContain("stayed where it was");
    expect(stepText(aStep({ ignored: true }))).toContain("ignored");
    expect(stepText(aStep())).toBe("oma-1, step 7: agent.finished by coder-2, coder.working to reviewer.requesting");
  });

  test("calls a timer by its delay, not by XState's name for it", () => {
    const words = stepText(
      aStep({ eventType: "xstate.after.wallClockLeftMs.agent.running", cause: { kind: "timer", name: "x" } }),
    );
    expect(words).toContain("after wall clock left by its timer");
    expect(stepText(aStep({ eventType: "xstate.after.1500.agent.running" }))).toContain("after 1s");
  });

  test("a person is called by name", () => {
    expect(causeWords({ kind: "person", name: "Dana" })).toBe("Dana");
  });

  test("an event that is no JSON is shown as it is", () => {
    expect(pretty('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(pretty("{oops")).toBe("{oops");
  });
});
