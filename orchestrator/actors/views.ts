// What a person sees of an actor (P7), in the shape of its row. The derivation is the machines'; this only adds what a row holds
// beside it. One place, so that a step's view and a birth's cannot differ.

import {
  type ActorKind,
  type AgentAddress,
  actorKind,
  type agentMachine,
  agentView,
  branchOf,
  type FeatureAddress,
  type featureMachine,
  featureView,
  type projectMachine,
  projectView,
} from "@omakase/machines";
import type { AnyMachineSnapshot, SnapshotFrom } from "xstate";
import type { BirthView, TicketCard, View } from "../../convex/steps.ts";

type FeatureSnapshot = SnapshotFrom<typeof featureMachine>;
type AgentSnapshot = SnapshotFrom<typeof agentMachine>;
type ProjectSnapshot = SnapshotFrom<typeof projectMachine>;

/** A view without what only a step can know: whether the state was entered, whether the ticket changed. */
export type PlainView =
  | Extract<View, { kind: "project" }>
  | Omit<Extract<View, { kind: "feature" }>, "enteredState" | "ticket">
  | Omit<Extract<View, { kind: "agent" }>, "enteredState">;

export function viewOf(kind: ActorKind, snapshot: AnyMachineSnapshot): PlainView {
  switch (kind) {
    case "project":
      return { kind, ...projectColumns(snapshot as ProjectSnapshot) };
    case "feature":
      return { kind, ...featureColumns(snapshot as FeatureSnapshot) };
    case "agent":
      return { kind, ...agentColumns(snapshot as AgentSnapshot) };
    default:
      return kind satisfies never;
  }
}

export function birthView(address: FeatureAddress | AgentAddress, snapshot: AnyMachineSnapshot): BirthView {
  if (actorKind(address) === "agent") {
    const agent = snapshot as AgentSnapshot;
    return { kind: "agent", role: agent.context.role, ...agentColumns(agent) };
  }
  const feature = snapshot as FeatureSnapshot;
  const ticket = ticketCard("feature", feature);
  if (!ticket) throw new TypeError(`${address} has no ticket`);
  return {
    kind: "feature",
    issueId: feature.context.ticket.issueId,
    branch: branchOf(address as FeatureAddress),
    ticket,
    ...featureColumns(feature),
  };
}

/** The ticket as the board shows it; null for what has none. */
export function ticketCard(kind: ActorKind, snapshot: AnyMachineSnapshot): TicketCard | null {
  if (kind !== "feature") return null;
  const { key, title, url, priority, labels } = (snapshot as FeatureSnapshot).context.ticket;
  return { key, title, url, priority, labels: [...labels] };
}

function projectColumns(snapshot: ProjectSnapshot) {
  const { state, category, label, mood, actions, running } = projectView(snapshot);
  return { state, category, label, mood, actions: [...actions], running: [...running] };
}

function featureColumns(snapshot: FeatureSnapshot) {
  const view = featureView(snapshot);
  const { state, hold, category, column, label, mood, stage, wants, failure } = view;
  const { pullRequest, costUsd } = snapshot.context;
  return {
    state,
    hold,
    category,
    column,
    label,
    mood,
    stage,
    wants,
    reasons: view.reasons.map((reason) => ({ ...reason })),
    failure,
    actions: [...view.actions],
    pullRequest: pullRequest && { ...pullRequest },
    costUsd,
  };
}

function agentColumns(snapshot: AgentSnapshot) {
  const { state, category, column, label, mood, actions, ended } = agentView(snapshot);
  const { reason, attempt } = snapshot.context;
  return { state, category, column, label, mood, actions: [...actions], ended, reason: reason === "" ? null : reason, attempt };
}
