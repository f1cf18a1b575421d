// Rows of the committed log in the message shapes of @statelyai/inspect. Its own `createInspector` builds them for live actors only:
// given the address of a stored one it drops parent, root and definition and puts in the time of sending, so only its types are used.

import { actorKind, MACHINES } from "@omakase/machines";
import type { StatelyActorEvent, StatelyEventEvent, StatelySnapshotEvent } from "@statelyai/inspect";
import type { Snapshot, StateValue } from "xstate";
import { visibleContext, visibleEvent } from "./allow-list.ts";

/** One committed step, as `activity.ofProject` gives it. */
export interface LoggedStep {
  readonly actor: string;
  readonly sequence: number;
  /** JSON, as stored. */
  readonly event: string;
  readonly cause: { readonly kind: string; readonly name: string };
  /** Dotted leaf states, one per region. */
  readonly to: string;
  readonly at: number;
}

/** An actor's row, as `actors.get` gives it. */
export interface StoredActor {
  readonly address: string;
  readonly sequence: number;
  readonly status: "active" | "done" | "parked";
  /** JSON, as its machine persists it. */
  readonly snapshot: string;
}

/** The package's version whose shapes these are. */
const VERSION = "0.7.2";

export const positionOf = (step: Pick<LoggedStep, "actor" | "sequence">): string => `${step.actor}@${step.sequence}`;

/** @param now ms: a stored actor does not say when it was born */
export function actorMessage(actor: StoredActor, now: number): StatelyActorEvent {
  const { address } = actor;
  return {
    type: "@xstate.actor",
    ...base(address, `${address}@${actor.sequence}`, now),
    name: address.slice(address.lastIndexOf("/") + 1),
    parentId: actorKind(address) === "project" ? undefined : address.slice(0, address.lastIndexOf("/")),
    definition: definitionOf(address),
    snapshot: shown(actor),
  };
}

export function eventMessage(step: LoggedStep): StatelyEventEvent {
  return {
    type: "@xstate.event",
    ...base(step.actor, positionOf(step), step.at),
    event: visibleEvent(parse(step.event)),
    // Whoever is no actor is told by what it is; its name may be a person's.
    sourceId: step.cause.kind === "actor" ? step.cause.name : step.cause.kind,
  };
}

/** @param actor its row, when one was read: its context belongs to its own sequence and to no other step */
export function snapshotMessage(step: LoggedStep, actor: StoredActor | null): StatelySnapshotEvent {
  const snapshot =
    actor !== null && actor.sequence === step.sequence
      ? shown(actor)
      : { status: "active", value: stateValueOf(step.to), context: {} };
  return {
    type: "@xstate.snapshot",
    ...base(step.actor, positionOf(step), step.at),
    event: visibleEvent(parse(step.event)),
    snapshot: snapshot as unknown as Snapshot<unknown>,
  };
}

/** "work.coder.working hold.running" as XState's value: {work: {coder: "working"}, hold: "running"}. */
export function stateValueOf(leaves: string): StateValue {
  const regions = leaves.split(" ").map((path) => nested(path.split(".")));
  const [first = ""] = regions;
  if (regions.length === 1) return first;
  return Object.assign({}, ...regions.map((region) => (typeof region === "string" ? { [region]: {} } : region)));
}

function nested([name = "", ...below]: readonly string[]): StateValue {
  return below.length === 0 ? name : { [name]: nested(below) };
}

function base(address: string, id: string, at: number) {
  const rootId = address.split("/").slice(0, 2).join("/");
  return { rootId, sessionId: address, id, createdAt: String(at), _version: VERSION };
}

function shown({ address, status, snapshot }: StoredActor) {
  const stored = parse(snapshot) as { value?: StateValue; context?: unknown } | null;
  return {
    status: status === "done" ? ("done" as const) : ("active" as const),
    value: stored?.value,
    context: visibleContext(actorKind(address), stored?.context),
  };
}

/** A machine's definition is the same for all its actors: written once. */
const definitions = new Map<string, string>();
function definitionOf(address: string): string {
  const kind = actorKind(address);
  let definition = definitions.get(kind);
  if (definition === undefined) {
    definition = JSON.stringify(MACHINES[kind].config, (_, value: unknown) =>
      typeof value === "function" ? { type: value.name } : value,
    );
    definitions.set(kind, definition);
  }
  return definition;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null; // a damaged row is shown without its content; the host parks its actor
  }
}
