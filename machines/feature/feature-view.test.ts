import { describe, expect, test } from "bun:test";
import { ROLES } from "../roles.ts";
import { persist } from "../step.ts";
import { AGENT, leavesOf } from "../testing/builders.ts";
import { EVENTS, grant, type Hold, hasAgent, hasPlace, inState, next, type State } from "../testing/feature-fixtures.ts";
import type { FeatureEvent } from "./feature-events.ts";
import { featureMachine } from "./feature-machine.ts";
import { featureView } from "./feature-view.ts";

const STATES = leavesOf(featureMachine).flatMap((leaf) =>
  leaf.startsWith("work.") ? [leaf.slice("work.".length) as State] : [],
);
const HOLDS: readonly Hold[] = ["running", "draining", "paused"];

describe("feature view", () => {
  test("V1: the actions are exactly the person's events that change something", () => {
    const ask: Record<string, readonly FeatureEvent[]> = {
      start: [EVENTS.start],
      approve: [EVENTS.approve],
      reject: [EVENTS.reject],
      retry: [EVENTS.retry],
      pause: [EVENTS.pause, { ...EVENTS.pause, mode: "drain" }],
      resume: [EVENTS.resume],
      cancel: [EVENTS.cancel],
    };
    for (const state of STATES) {
      for (const hold of HOLDS) {
        // Draining without an agent at work lasts no longer than a step.
        if (hold === "draining" && !hasAgent(state)) continue;
        const snapshot = inState(state, {}, hold);
        const before = persist(featureMachine, snapshot);
        const accepted = Object.entries(ask).flatMap(([action, events]) =>
          events.some((event) => persist(featureMachine, next(snapshot, event).snapshot) !== before) ? [action] : [],
        );
        expect({ state, hold, actions: [...featureView(snapshot).actions].sort() as string[] }).toEqual({
          state,
          hold,
          actions: accepted.sort(),
        });
      }
    }
  });

  test("V2: paused shows in the stage's column, and never hides a failure, an end or a question", () => {
    const paused = (state: State) => featureView(inState(state, {}, "paused"));
    expect(paused("queued")).toMatchObject({ category: "paused", column: "code", label: "Paused: Ready" });
    expect(paused("waiting.blocked")).toMatchObject({ category: "paused", column: "queued" });
    expect(paused("failing").category).toBe("failed");
    expect(paused("needsHuman").category).toBe("needsYou");
    expect(paused("merged").category).toBe("done");
  });

  test("V3: it wants a role exactly when a permit for that role would be used", () => {
    for (const state of STATES) {
      for (const hold of HOLDS) {
        for (const agent of [null, AGENT]) {
          if (hasPlace(state)) continue;
          const snapshot = inState(state, { agent }, hold);
          const used = ROLES.filter((role) => next(snapshot, grant({ role })).state === `${role}.working`);
          const { wants } = featureView(snapshot);
          expect({ state, hold, wants: wants === null ? [] : [wants] }).toEqual({ state, hold, wants: used });
        }
      }
    }
  });

  test("every state has a label, a category and a column, and whoever does not move can be told why", () => {
    for (const state of STATES) {
      const { label, category, reasons, failure } = featureView(inState(state));
      expect(label.length).toBeGreaterThan(0);
      if (["queued", "ready", "needsYou", "failed"].includes(category))
        expect({ state, hasReason: reasons.length > 0 }).toEqual({ state, hasReason: true });
      expect(failure).toBe(state === "failing" || state === "needsHuman" ? "Because" : null);
    }
  });
});
