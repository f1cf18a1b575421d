import { describe, expect, test } from "bun:test";
import { createActor, setup, stateIn } from "xstate";
import { accepting } from "./accepted.ts";

/** Counts how often a guard was asked. */
function setupDoor() {
  const asked = { byState: 0, byContext: 0 };
  const door = setup({
    types: {
      context: {} as { coins: number; keys: readonly string[] },
      events: {} as { type: "push" | "pay" | "unlock" | "insert" },
    },
    guards: {
      isShut: stateIn("shut"),
      isCounted: () => {
        asked.byState++;
        return true;
      },
      isPaid: ({ context }) => {
        asked.byContext++;
        return context.coins > 0;
      },
      hasKey: ({ context }) => Object.keys(context.keys).length > 0,
    },
    actions: { takeCoin: () => {} },
  }).createMachine({
    context: { coins: 0, keys: [] },
    initial: "shut",
    states: {
      shut: {
        on: {
          push: { guard: "isCounted", target: "open" },
          pay: { guard: "isPaid", target: "open" },
          unlock: { guard: "hasKey", target: "open" },
        },
      },
      open: { on: { push: "shut", insert: { guard: "isShut", actions: "takeCoin" } } },
    },
  });
  const at = (value: "shut" | "open", context = { coins: 0, keys: [] as readonly string[] }) =>
    door.resolveState({ value, context });
  return { asked, at, door };
}

describe("what a snapshot accepts", () => {
  test("K1: what follows from the state is asked once a state", () => {
    const { asked, at } = setupDoor();
    const acceptedBy = accepting([["push", { type: "push" }]]);
    for (let times = 0; times < 5; times++) {
      expect(acceptedBy(at("shut"))).toEqual(["push"]);
      expect(acceptedBy(at("open"))).toEqual(["push"]);
    }
    expect(asked.byState).toBe(1);
  });

  test("K2: what depends on the context follows it, however it is looked at", () => {
    const { at } = setupDoor();
    const acceptedBy = accepting([
      ["pay", { type: "pay" }],
      ["unlock", { type: "unlock" }],
    ]);
    expect(acceptedBy(at("shut"))).toEqual([]);
    expect(acceptedBy(at("shut", { coins: 1, keys: [] }))).toEqual(["pay"]);
    expect(acceptedBy(at("shut", { coins: 0, keys: ["brass"] }))).toEqual(["unlock"]);
    expect(acceptedBy(at("open", { coins: 1, keys: ["brass"] }))).toEqual([]);
    expect(acceptedBy(at("shut"))).toEqual([]);
  });

  test("a name with several events is accepted once, when any of them is", () => {
    const { at } = setupDoor();
    const acceptedBy = accepting([
      ["through", { type: "pay" }],
      ["through", { type: "push" }],
      ["through", { type: "unlock" }],
    ]);
    expect(acceptedBy(at("shut", { coins: 1, keys: ["brass"] }))).toEqual(["through"]);
  });

  test("a guard about the state sees the snapshot that is asked", () => {
    const { at, door } = setupDoor();
    const acceptedBy = accepting([["insert", { type: "insert" }]]);
    expect(acceptedBy(at("open"))).toEqual([]);
    expect(acceptedBy(createActor(door).getSnapshot())).toEqual([]);
  });
});
