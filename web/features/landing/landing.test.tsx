import { describe, expect, test } from "bun:test";
import { featureMachine } from "@omakase/machines/feature/feature-machine";
import { featureView } from "@omakase/machines/feature/feature-view";
import { fireEvent, render, screen } from "@testing-library/react";
import { createActor } from "xstate";
import { HintProvider } from "../../elements/Hint.tsx";
import { MachineDemo } from "./MachineDemo.tsx";
import { nextHappening, STORY_INPUT } from "./script.ts";
import { statesByColumn } from "./state-list.ts";

/** More than the story has, so that a circle is a failure and not a hang. */
const MAX_STEPS = 40;

function tell(): string[] {
  const actor = createActor(featureMachine, { input: STORY_INPUT }).start();
  const states = [featureView(actor.getSnapshot()).state];
  for (let step = 0; step < MAX_STEPS; step++) {
    const happening = nextHappening(actor.getSnapshot(), step);
    if (happening === null) return states;
    expect(actor.getSnapshot().can(happening.event)).toBe(true);
    actor.send(happening.event);
    states.push(featureView(actor.getSnapshot()).state);
  }
  throw new Error(`the story goes in a circle: ${states.join(" > ")}`);
}

describe("the story on the landing page", () => {
  test("leads the real machine from the backlog to merged, by way of a blocker and one review round", () => {
    const states = tell();
    expect(states[0]).toBe("pending");
    expect(states.at(-1)).toBe("merged");
    expect(states).toContain("waiting.blocked");
    expect(states.filter((state) => state === "coder.working")).toHaveLength(2);
  });

  test("every state it passes is in the drawing, and every leaf of the work is drawn once", () => {
    const drawn = statesByColumn().flatMap(({ states }) => states.map(({ path }) => path));
    expect(new Set(drawn).size).toBe(drawn.length);
    for (const state of tell()) expect(drawn).toContain(state);
  });
});

describe("the machine on the landing page", () => {
  test("stands still before it is asked to step, and then shows what the machine has come to", () => {
    render(
      <HintProvider>
        <MachineDemo />
      </HintProvider>,
    );
    const current = () => document.querySelector("[aria-current=step]")?.textContent;
    expect(current()).toBe("Not started");
    fireEvent.click(screen.getByRole("button", { name: "Step" }));
    expect(current()).toBe("Reading its dependencies");
    fireEvent.click(screen.getByRole("button", { name: "Reset" }));
    expect(current()).toBe("Not started");
  });
});
