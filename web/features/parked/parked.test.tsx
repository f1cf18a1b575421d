import { expect, test } from "bun:test";
import { fireEvent, render, screen } from "@testing-library/react";
import { HintProvider } from "../../elements/Hint.tsx";
import { type Decision, type Parked, ParkedList } from "./ParkedList.tsx";

const aParked = (over: Partial<Parked> = {}): Parked => ({
  address: "acme/shop/oma-1",
  kind: "feature",
  reason: "The event linear:7 failed 3 times",
  event: {
    ...{ id: "linear:7", json: '{"type":"poke"}', sender: { kind: "linear", name: "Linear" } },
    ...{ error: "cannot take poke: it throws", tries: 3, at: Date.now() - 60_000 },
  },
  ...over,
});

function setup(actors: readonly Parked[], role: "viewer" | "developer" | "admin") {
  const decided: Decision[] = [];
  const { container } = render(
    <HintProvider>
      <ParkedList actors={actors} role={role} isLive onDecide={(decision) => decided.push(decision)} />
    </HintProvider>,
  );
  const button = (name: string) => screen.getByRole("button", { name });
  return { decided, container, button };
}

test("a parked actor is shown with its event, its sender and its error", () => {
  const { container } = setup([aParked()], "viewer");
  for (const text of ["acme/shop/oma-1", "after 3 tries", "it throws", "from Linear (linear)", "linear:7", '"poke"'])
    expect(container.textContent).toContain(text);
});

test("an admin drops with a reason, and not without one", () => {
  const { decided, button } = setup([aParked()], "admin");
  button("Drop the event").click();
  expect(decided).toEqual([]);
  fireEvent.change(screen.getByLabelText("Reason"), { target: { value: " broken " } });
  button("Drop the event").click();
  expect(decided).toEqual([{ address: "acme/shop/oma-1", decision: "drop", eventId: "linear:7", reason: "broken" }]);
});

test("a developer may try again and not drop, a viewer neither", () => {
  const { decided, button } = setup([aParked()], "developer");
  button("Drop the event").click();
  button("Try again").click();
  expect(decided.map(({ decision }) => decision)).toEqual(["retry"]);
  expect(button("Drop the event").getAttribute("aria-description")).toContain("Admins");
});

test("an actor that cannot be used has no event to drop; nothing parked shows nothing", () => {
  setup([aParked({ event: null })], "admin");
  expect(screen.queryByRole("button", { name: "Drop the event" })).toBeNull();
  expect(setup([], "admin").container.textContent).toBe("");
});
