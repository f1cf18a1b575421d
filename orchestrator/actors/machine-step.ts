// From (machine, snapshot, event) to rows: the pure half of a step. Actions come back from XState as data (P3) and become the
// effects, sends, spawns and timers of one `Step`. Nothing here waits, reads a clock or touches the store.

import {
  type ActorAddress,
  type ActorKind,
  type AgentAddress,
  type Asked,
  actorKind,
  begin,
  effectId as effectIdOf,
  type FeatureAddress,
  lastSegment,
  MACHINE_VERSIONS,
  MACHINES,
  type Effect as MachineEffect,
  persist,
  restore,
  SnapshotError,
  step,
} from "@omakase/machines";
import { type AnyMachineSnapshot, type AnyStateMachine, getMicrosteps } from "xstate";
import type { BirthView, Effect, Send, Spawn, TicketCard, TimerChange, View } from "../../convex/steps.ts";
import { OmakaseError } from "../errors.ts";
import { startedBy } from "./effect-tokens.ts";
import { birthView, ticketCard, viewOf } from "./views.ts";

/** The snapshot cannot be used: a machine version this build does not know, or one XState refuses. The row stays as it is. */
export class Unrestorable extends OmakaseError {
  readonly code = "unrestorable";
  readonly retryable = false;
}

/** The event made the machine throw: an error in a guard or an assignment. */
export class PoisonEvent extends OmakaseError {
  readonly code = "poison_event";
  readonly retryable = false;
}

export interface ActorEvent {
  readonly type: string;
  readonly at: number;
}

/** An actor as the host keeps it between steps. */
export interface LiveActor {
  readonly address: string;
  readonly kind: ActorKind;
  readonly snapshot: AnyMachineSnapshot;
  /** What is stored, to see whether a step changed anything. */
  readonly snapshotJson: string;
  readonly viewJson: string;
  readonly ticketJson: string;
  readonly stateLabel: string;
}

/** What one event did to an actor and what it asks for. */
export interface Outcome {
  readonly next: LiveActor;
  readonly changed: boolean;
  readonly ignored: boolean;
  readonly done: boolean;
  readonly from: string;
  readonly to: string;
  readonly microsteps: readonly string[];
  readonly actions: readonly string[];
  readonly view: View | null;
  readonly sends: readonly Send[];
  readonly effects: readonly Effect[];
  readonly timers: readonly TimerChange[];
  /** In order; what a spawned actor's own initial transition spawns follows it. */
  readonly spawns: readonly Spawn[];
}

const machineOf = (kind: ActorKind): AnyStateMachine => MACHINES[kind];
export const machineVersionOf = (kind: ActorKind): string => MACHINE_VERSIONS[kind];

/** @throws {Unrestorable} */
export function liveActor(address: string, machineVersion: string, snapshotJson: string): LiveActor {
  const kind = actorKind(address);
  if (machineVersion !== machineVersionOf(kind)) {
    throw new Unrestorable(
      `${address} was stored by version ${machineVersion} of the ${kind} machine; this build has ${machineVersionOf(kind)}`,
    );
  }
  try {
    return live(address, kind, restore(machineOf(kind), snapshotJson), snapshotJson);
  } catch (error) {
    if (error instanceof SnapshotError) throw new Unrestorable(`${address}: ${error.message}`, { cause: error });
    throw error;
  }
}

function live(address: string, kind: ActorKind, snapshot: AnyMachineSnapshot, snapshotJson: string): LiveActor {
  return {
    address,
    kind,
    snapshot,
    snapshotJson,
    viewJson: JSON.stringify(viewOf(kind, snapshot)),
    ticketJson: JSON.stringify(ticketCard(kind, snapshot)),
    stateLabel: stateLabel(snapshot),
  };
}

/** Takes one event. @throws {PoisonEvent} when the machine throws on it */
export function takeStep(actor: LiveActor, event: ActorEvent, sequence: number): Outcome {
  const machine = machineOf(actor.kind);
  const { snapshot, asked } = unpoisoned(actor.address, event, () => step(machine, actor.snapshot, event as never));
  const snapshotJson = persist(machine, snapshot);
  const changed = snapshotJson !== actor.snapshotJson;
  const next = changed ? live(actor.address, actor.kind, snapshot, snapshotJson) : actor;
  const from = actor.stateLabel;
  const to = next.stateLabel;
  return {
    next,
    changed,
    ignored: !changed && asked.length === 0,
    done: snapshot.status === "done",
    from,
    to,
    microsteps: from === to ? [] : intermediateStates(machine, actor.snapshot, event),
    view: viewChange(actor, next),
    ...translate(actor.address, sequence, asked, event.at),
  };
}

/** The states a macrostep passed on its way, for the log. */
function intermediateStates(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: ActorEvent): string[] {
  return getMicrosteps(machine, snapshot, event)
    .slice(0, -1)
    .map(([passed]) => stateLabel(passed));
}

/** @throws {PoisonEvent} for whatever the machine throws, or when it ends in an error */
function unpoisoned<S extends { snapshot: AnyMachineSnapshot }>(address: string, event: ActorEvent, take: () => S): S {
  let taken: S;
  try {
    taken = take();
  } catch (error) {
    throw new PoisonEvent(`${address} cannot take ${event.type}: ${String(error)}`, { cause: error });
  }
  if (taken.snapshot.status === "error")
    throw new PoisonEvent(`${address} fails on ${event.type}: ${String(taken.snapshot.error)}`);
  return taken;
}

function viewChange(before: LiveActor, after: LiveActor): View | null {
  const ticketChanged = before.ticketJson !== after.ticketJson;
  if (before.viewJson === after.viewJson && !ticketChanged) return null;
  const view = viewOf(after.kind, after.snapshot);
  const enteredState = before.stateLabel !== after.stateLabel;
  switch (view.kind) {
    case "project":
      return view;
    case "feature":
      return { ...view, enteredState, ticket: ticketChanged ? (JSON.parse(after.ticketJson) as TicketCard) : null };
    case "agent":
      return { ...view, enteredState };
    default:
      return view satisfies never;
  }
}

/** The initial transition of a new actor, as a spawn row; its own spawns follow it in the list. */
function birth(address: string, input: unknown, at: number): Spawn[] {
  const kind = actorKind(address);
  const machine = machineOf(kind);
  const { snapshot, asked: wanted } = unpoisoned(address, { type: "xstate.init", at }, () => begin(machine, input as never));
  const asked = translate(address, 0, wanted, at);
  const view: BirthView = birthView(address as FeatureAddress | AgentAddress, snapshot);
  const row: Spawn = {
    address,
    machineVersion: machineVersionOf(kind),
    snapshot: persist(machine, snapshot),
    status: snapshot.status === "done" ? "done" : "active",
    view,
    sends: [...asked.sends],
    effects: [...asked.effects],
    timers: [...asked.timers],
  };
  return [row, ...asked.spawns];
}

type Rows = Pick<Outcome, "actions" | "sends" | "effects" | "timers" | "spawns">;

function translate(address: string, sequence: number, asked: readonly Asked[], at: number): Rows {
  const sends: Send[] = [];
  const effects: Effect[] = [];
  const spawns: Spawn[] = [];
  const actions: string[] = [];
  const timers = new Map<string, TimerChange>();
  asked.forEach((ask, index) => {
    switch (ask.type) {
      case "effect":
        effects.push(effectRow(address, sequence, index, ask.effect));
        actions.push(`effect ${ask.effect.kind}`);
        return;
      case "send":
        sends.push({ index, to: ask.to, event: JSON.stringify({ ...ask.event, at }) });
        actions.push(`send ${ask.event.type} to ${ask.to}`);
        return;
      case "spawn":
        spawns.push(...birth(ask.address, ask.input, at));
        actions.push(`spawn ${ask.address}`);
        return;
      case "timer.set":
        timers.set(ask.id, { timerId: ask.id, dueAt: at + ask.delayMs });
        actions.push(`arm ${ask.id}`);
        return;
      case "timer.cancel":
        timers.set(ask.id, { timerId: ask.id, dueAt: null });
        return;
      default:
        ask satisfies never;
    }
  });
  return { actions, sends, effects, timers: [...timers.values()], spawns };
}

function effectRow(address: string, sequence: number, index: number, effect: MachineEffect): Effect {
  const id = effectIdOf(address as ActorAddress, sequence, index);
  const run =
    effect.kind === "runTask"
      ? { role: effect.role, attempt: effect.attempt, round: roundOf(effect.agent), startedBy: startedBy(id) }
      : null;
  return { index, kind: effect.kind, payload: JSON.stringify(effect), run };
}

/** "coder-2" is the coder's second run on its feature. */
const roundOf = (agent: AgentAddress): number => Number(lastSegment(agent).split("-").at(-1));

/** Dotted leaf states, one per region: "work.coder.working hold.running". */
export function stateLabel(snapshot: AnyMachineSnapshot): string {
  const leaves: string[] = [];
  const walk = (value: unknown, path: string) => {
    if (typeof value === "string") leaves.push(path === "" ? value : `${path}.${value}`);
    else for (const [region, inner] of Object.entries(value as object)) walk(inner, path === "" ? region : `${path}.${region}`);
  };
  walk(snapshot.value, "");
  return leaves.join(" ");
}
