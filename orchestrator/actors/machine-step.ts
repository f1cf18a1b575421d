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
  step,
} from "@omakase/machines";
import { migrated } from "@omakase/machines/migrations";
import type { AnyMachineSnapshot, AnyStateMachine } from "xstate";
import type { BirthView, Effect, Send, Spawn, TimerChange, View } from "../../convex/steps.ts";
import { OmakaseError, reasonOf } from "../errors.ts";
import { startedBy } from "./effect-tokens.ts";
import { birthView, type Shown, ticketCard, viewChange, viewOf } from "./views.ts";

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

/** An event as its row has it. @throws {PoisonEvent} when it is not one: whoever stored it was not one of us */
export function parseEvent(actor: string, json: string): ActorEvent {
  try {
    const event: unknown = JSON.parse(json);
    if (isEvent(event)) return event;
  } catch (cause) {
    throw new PoisonEvent(`${actor} cannot take an event that is not JSON`, { cause });
  }
  throw new PoisonEvent(`${actor} cannot take an event without a type and a time`);
}

const isEvent = (value: unknown): value is ActorEvent =>
  typeof value === "object" &&
  value !== null &&
  "type" in value &&
  typeof value.type === "string" &&
  "at" in value &&
  typeof value.at === "number";

/** An actor as the host keeps it between steps. */
export interface LiveActor extends Shown {
  readonly address: string;
  readonly kind: ActorKind;
  readonly snapshot: AnyMachineSnapshot;
  /** What is stored, to see whether a step changed anything. */
  readonly snapshotJson: string;
  readonly stateLabel: string;
  /** Whether its row shows its view: we wrote it. One that was loaded may show what another build made of the snapshot. */
  readonly isShown: boolean;
  /** The version its row still has; the next step stores it in this build's, whatever else that step does. Else null. */
  readonly migratesFrom: string | null;
}

/** What one event did to an actor and what it asks for. */
export interface Outcome {
  readonly eventType: string;
  readonly next: LiveActor;
  readonly changed: boolean;
  /** The version its row has from this step on, when that is another than before; else null. */
  readonly migratesTo: string | null;
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
  /** The spawned actors, in the same order. */
  readonly born: readonly LiveActor[];
}

const machineOf = (kind: ActorKind): AnyStateMachine => MACHINES[kind];
const machineVersionOf = (kind: ActorKind): string => MACHINE_VERSIONS[kind];

/** @throws {Unrestorable} whatever is wrong with the row */
export function liveActor(address: string, machineVersion: string, snapshotJson: string): LiveActor {
  const kind = actorKind(address);
  try {
    const json = migrated(kind, machineVersion, snapshotJson);
    const actor = live(address, kind, restore(machineOf(kind), json), json, false);
    return machineVersion === machineVersionOf(kind) ? actor : { ...actor, migratesFrom: machineVersion };
  } catch (cause) {
    throw new Unrestorable(`${address}: ${reasonOf(cause)}`, { cause });
  }
}

function live(address: string, kind: ActorKind, snapshot: AnyMachineSnapshot, snapshotJson: string, isShown: boolean): LiveActor {
  return {
    address,
    kind,
    snapshot,
    snapshotJson,
    view: viewOf(kind, snapshot),
    ticket: ticketCard(kind, snapshot),
    stateLabel: stateLabel(snapshot),
    isShown,
    migratesFrom: null,
  };
}

/**
 * Takes one event, at `at` (ms). The same arguments give the same rows.
 * @param sequence of the step to be made
 * @throws {PoisonEvent} when anything about it throws: the machine, its views, an address it made up
 */
export function takeStep(actor: LiveActor, event: ActorEvent, sequence: number, at: number): Outcome {
  try {
    return taken(actor, event, sequence, at);
  } catch (cause) {
    throw new PoisonEvent(`${actor.address} cannot take ${event.type}: ${reasonOf(cause)}`, { cause });
  }
}

function taken(actor: LiveActor, event: ActorEvent, sequence: number, at: number): Outcome {
  const machine = machineOf(actor.kind);
  const { snapshot, asked, passed } = step(machine, actor.snapshot, event as never);
  requireSound(snapshot);
  const snapshotJson = snapshot === actor.snapshot ? actor.snapshotJson : persist(machine, snapshot);
  const changed = snapshotJson !== actor.snapshotJson || actor.migratesFrom !== null;
  const now = changed ? live(actor.address, actor.kind, snapshot, snapshotJson, actor.isShown) : actor;
  const from = actor.stateLabel;
  const to = now.stateLabel;
  const view = now === actor ? null : shownChange(actor, now);
  const next = view === null || now.isShown ? now : { ...now, isShown: true };
  const rows = translate(actor.address, sequence, asked, at);
  const migration = actor.migratesFrom === null ? [] : [`migrated from version ${actor.migratesFrom}`];
  return {
    eventType: event.type,
    next,
    changed,
    migratesTo: actor.migratesFrom === null ? null : machineVersionOf(actor.kind),
    ignored: snapshotJson === actor.snapshotJson && asked.length === 0,
    done: snapshot.status === "done",
    from,
    to,
    microsteps: from === to ? [] : passed.map(stateLabel),
    view,
    ...rows,
    actions: [...migration, ...rows.actions],
  };
}

/** A machine that ends in an error has thrown inside. */
function requireSound(snapshot: AnyMachineSnapshot): void {
  if (snapshot.status === "error") throw snapshot.error;
}

/** What its row must be told: nothing is known of one we have not written, and a migrated actor's is written in any case. */
function shownChange(before: LiveActor, after: LiveActor): View | null {
  const enteredState = before.stateLabel !== after.stateLabel;
  const change = viewChange(before, after, enteredState);
  const isDue = change !== null || before.migratesFrom !== null;
  return isDue && !before.isShown ? viewChange(null, after, enteredState) : change;
}

interface Birth {
  readonly row: Spawn;
  readonly live: LiveActor;
}

/** The initial transition of a new actor; what it spawns itself follows it in the list. */
function birth(address: string, input: unknown, at: number): Birth[] {
  const kind = actorKind(address);
  const machine = machineOf(kind);
  const { snapshot, asked: wanted } = begin(machine, input as never);
  requireSound(snapshot);
  const asked = translate(address, 0, wanted, at);
  const view: BirthView = birthView(address as FeatureAddress | AgentAddress, snapshot);
  const born = live(address, kind, snapshot, persist(machine, snapshot), true);
  const row: Spawn = {
    address,
    machineVersion: machineVersionOf(kind),
    snapshot: born.snapshotJson,
    status: snapshot.status === "done" ? "done" : "active",
    view,
    sends: [...asked.sends],
    effects: [...asked.effects],
    timers: [...asked.timers],
  };
  return [{ row, live: born }, ...asked.spawns.map((spawned, index) => ({ row: spawned, live: asked.born[index]! }))];
}

type Rows = Pick<Outcome, "actions" | "sends" | "effects" | "timers" | "spawns" | "born">;

function translate(address: string, sequence: number, asked: readonly Asked[], at: number): Rows {
  const sends: Send[] = [];
  const effects: Effect[] = [];
  const births: Birth[] = [];
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
        births.push(...birth(ask.address, ask.input, at));
        actions.push(`spawn ${ask.address}`);
        return;
      case "timer.set":
        // A timer's row has one name: what it is cancelled by is what it says when it is due.
        if (ask.event !== ask.id) throw new TypeError(`the timer ${ask.id} would say ${ask.event}`);
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
  const spawns = births.map(({ row }) => row);
  return { actions, sends, effects, timers: [...timers.values()], spawns, born: births.map(({ live: born }) => born) };
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
