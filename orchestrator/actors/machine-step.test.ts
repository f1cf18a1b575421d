import { describe, expect, test } from "bun:test";
import { begin, featureMachine, MACHINE_VERSIONS, persist } from "@omakase/machines";
import { aTicket, FEATURE, someSettings } from "@omakase/machines/testing/builders";
import type { View } from "../../convex/steps.ts";
import { type LiveActor, liveActor, takeStep } from "./machine-step.ts";
import { viewOf } from "./views.ts";

/** A feature as its row has it. */
function loaded(version = MACHINE_VERSIONS.feature): LiveActor {
  const { snapshot } = begin(featureMachine, { address: FEATURE, ticket: aTicket(), settings: someSettings() });
  return liveActor(FEATURE, version, persist(featureMachine, snapshot));
}
const renamed = (title: string) =>
  ({ type: "ticket.changed", at: 1, ticket: aTicket({ title, updatedAt: 1 }) }) as { type: string; at: number };
const START = { type: "start", at: 1, by: "Dana" };
const NOBODYS = { type: "from.another.version", at: 1 };
/** What of it reaches the store. */
const written = (view: View | null) => JSON.parse(JSON.stringify(view));

describe("what a step writes of the view", () => {
  test("of an actor that was loaded it is all of it, ticket too: another build may have written the row", () => {
    const first = takeStep(loaded(), START, 1, 1);
    expect(written(first.view)).toMatchObject({ ...viewOf("feature", first.next.snapshot), enteredState: true });
    expect(written(first.view).ticket).toMatchObject({ key: "OMA-1" });
  });

  test("then it is what the step changed, and nothing when that is nothing", () => {
    const { next } = takeStep(loaded(), START, 1, 1);
    const second = takeStep(next, renamed("Another"), 2, 1);
    expect(written(second.view)).toEqual({
      kind: "feature",
      enteredState: false,
      ticket: { title: "Another" },
    });
    const third = takeStep(second.next, { type: "pause", at: 1, by: "Dana", mode: "now" } as typeof START, 3, 1);
    const { hold, category, label, actions } = viewOf("feature", third.next.snapshot) as Extract<View, { kind: "feature" }>;
    expect(written(third.view)).toMatchObject({ hold, category, label, actions, enteredState: true });
    expect(Object.keys(written(third.view))).not.toContain("state");
    expect(takeStep(third.next, NOBODYS, 4, 1).view).toBeNull();
  });

  test("a step that shows nothing new leaves it to the next one to write all of it", () => {
    const first = takeStep(loaded(), NOBODYS, 1, 1);
    expect(first.view).toBeNull();
    const second = takeStep(first.next, renamed("Another"), 2, 1);
    expect(written(second.view)).toMatchObject({ ...viewOf("feature", second.next.snapshot) });
  });

  test("of one that is migrated it is all of it, whatever the step does, with the version its row has from then on", () => {
    const { view, next, migratesTo } = takeStep(loaded("3"), NOBODYS, 1, 1);
    expect(written(view)).toMatchObject({ ...viewOf("feature", next.snapshot) });
    expect(migratesTo).toBe(MACHINE_VERSIONS.feature);
    expect(takeStep(next, NOBODYS, 2, 1)).toMatchObject({ view: null, migratesTo: null });
  });
});
