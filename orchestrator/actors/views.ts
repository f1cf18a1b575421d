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

type Project = Extract<View, { kind: "project" }>;
type Feature = Extract<View, { kind: "feature" }>;
type Agent = Extract<View, { kind: "agent" }>;

/** A whole view, without what only a step can know: whether the state was entered, whether the ticket changed. */
export type PlainView = Project | Required<Omit<Feature, "enteredState" | "ticket">> | Required<Omit<Agent, "enteredState">>;

/** What an actor's row shows. */
export interface Shown {
  readonly view: PlainView;
  /** Null for what has none. */
  readonly ticket: TicketCard | null;
}

/**
 * What is to be written so that a row that shows `before` shows `after`: the columns that differ, a project's all together.
 * @param before null: nobody knows what the row shows, all of it is written
 * @returns null when nothing differs
 */
export function viewChange(before: Shown | null, after: Shown, enteredState: boolean): View | null {
  const { view } = after;
  switch (view.kind) {
    case "project":
      return isSame(before?.view, view) ? null : view;
    case "feature": {
      const columns = changed(before?.view, view);
      const ticket = changed(before?.ticket ?? undefined, after.ticket ?? {});
      if (isEmpty(ticket)) return isEmpty(columns) ? null : { ...columns, kind: view.kind, enteredState };
      return { ...columns, kind: view.kind, enteredState, ticket };
    }
    case "agent": {
      const columns = changed(before?.view, view);
      return isEmpty(columns) ? null : { ...columns, kind: view.kind, enteredState };
    }
    default:
      return view satisfies never;
  }
}

function changed<Columns extends object>(before: object = {}, after: Columns): Partial<Columns> {
  const columns: Partial<Columns> = {};
  for (const name in after) if (!isSame(Reflect.get(before, name), after[name])) columns[name] = after[name];
  return columns;
}

const isEmpty = (columns: object): boolean => Object.keys(columns).length === 0;

const isSame = (one: unknown, other: unknown): boolean =>
  one === other || (typeof one === "object" && typeof other === "object" && JSON.stringify(one) === JSON.stringify(other));

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
