// What tests build on: one organisation, one project, tickets and settings with overrides, and the names of a machine's leaves.

import type { AnyStateMachine } from "xstate";
import type { TicketFacts } from "../feature/feature-events.ts";
import { agentAddress, type FeatureAddress, featureAddress, projectAddress } from "../ids.ts";
import { type AgentLimits, DEFAULT_SETTINGS, type PipelineSettings } from "../roles.ts";

export const PROJECT = projectAddress("acme", "shop");
export const FEATURE = featureAddress(PROJECT, "oma-1");
export const AGENT = agentAddress(FEATURE, "coder", 1);

/** The feature of "OMA-7". */
export const featureOf = (key: string): FeatureAddress => featureAddress(PROJECT, key.toLowerCase());

export const aTicket = (overrides: Partial<TicketFacts> = {}): TicketFacts => ({
  issueId: "3e0c7b1e-0000-4000-8000-000000000001",
  key: "OMA-1",
  title: "Add a discount",
  url: "https://linear.test/acme/issue/OMA-1",
  priority: 3,
  labels: [],
  stateType: "backlog",
  updatedAt: 0,
  ...overrides,
});

export const someLimits = (overrides: Partial<AgentLimits> = {}): AgentLimits => ({ ...DEFAULT_SETTINGS.agent, ...overrides });
export const someSettings = (overrides: Partial<PipelineSettings> = {}): PipelineSettings => ({
  ...DEFAULT_SETTINGS,
  ...overrides,
});

/** "coder.working" for each leaf state of a state value's type. */
export type Leaf<Value> = Value extends string
  ? Value
  : { [Key in keyof Value & string]: Value[Key] extends string ? `${Key}.${Value[Key]}` : never }[keyof Value & string];

/** A dotted leaf path as a state value. */
export function stateValueOf(leaf: string): string | Record<string, string> {
  const [parent, child] = leaf.split(".");
  return child === undefined ? leaf : { [parent ?? ""]: child };
}

/** Every leaf state of a machine, as XState knows it: dotted paths from the root. */
export function leavesOf(machine: AnyStateMachine): string[] {
  const visit = (node: AnyStateMachine["root"]): string[] => {
    const children = Object.values(node.states);
    return children.length === 0 ? [node.path.join(".")] : children.flatMap(visit);
  };
  return visit(machine.root);
}
