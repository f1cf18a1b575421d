import { describe, expect, test } from "bun:test";
import { ROLES } from "../roles.ts";
import { AGENT, leavesOf, someLimits, stateValueOf } from "../testing/builders.ts";
import { CATEGORIES, COLUMNS } from "../view.ts";
import { newAgent } from "./agent-context.ts";
import { agentMachine } from "./agent-machine.ts";
import { agentView } from "./agent-view.ts";

const inState = (state: string, role: (typeof ROLES)[number] = "coder") =>
  agentMachine.resolveState({
    value: stateValueOf(state) as never,
    context: newAgent({ address: AGENT, role, limits: someLimits() }),
  });

describe("agent view", () => {
  test("every state has a category, a label and the column of its role", () => {
    for (const state of leavesOf(agentMachine)) {
      const view = agentView(inState(state));
      expect(CATEGORIES).toContain(view.category);
      expect(view.label.length).toBeGreaterThan(0);
      expect([view.state, view.column]).toEqual([state, "code"]);
    }
    expect(ROLES.map((role) => agentView(inState("launching", role)).column)).toEqual(["architect", "code", "review", "test"]);
  });

  test("it has ended exactly in the final states", () => {
    const ended = leavesOf(agentMachine).filter((state) => agentView(inState(state)).ended);
    expect(ended.sort()).toEqual([
      "cancelled",
      "changesRequested",
      "failed",
      "lost",
      "overBudget",
      "stalled",
      "succeeded",
      "timedOut",
    ]);
  });
});

describe("meta", () => {
  test("every leaf state of every machine says what a person sees of it, in the columns and categories there are", async () => {
    const { MACHINES } = await import("../index.ts");
    for (const machine of Object.values(MACHINES)) {
      for (const leaf of leavesOf(machine)) {
        const meta = (machine as typeof agentMachine).getStateNodeById(`${machine.id}.${leaf}`).meta as
          | Record<string, string>
          | undefined;
        const isKnown = meta !== undefined && (!("column" in meta) || (COLUMNS as readonly string[]).includes(meta.column ?? ""));
        const hasWords =
          Boolean(meta?.label) && (leaf.startsWith("hold.") || (CATEGORIES as readonly string[]).includes(meta?.category ?? ""));
        expect({ machine: machine.id, leaf, isKnown, hasWords }).toEqual({
          machine: machine.id,
          leaf,
          isKnown: true,
          hasWords: true,
        });
      }
    }
  });
});
