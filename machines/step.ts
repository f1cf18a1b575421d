// One step of an actor, pure: a snapshot and an event in, the next snapshot and what it asks for out. The host's whole view of
// XState: nobody else needs `transition()` or the shapes of its actions.
//
//   S1. The same snapshot and event give the same bytes and the same asks, in the same order.
//   S2. A snapshot that does not fit its machine is refused as it is, never repaired.
//   S3. An action that is not one of ours is refused: the host must not store a step it cannot carry out.

import {
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type EventFromLogic,
  type InputFrom,
  type SnapshotFrom,
} from "xstate";
import type { Effect } from "./effects.ts";

/** Something a step asks of its host. `delayMs` counts from the step; a timer arrives as an event of type `event`, with `at` added. */
export type Asked =
  | { readonly type: "effect"; readonly effect: Effect }
  | { readonly type: "send"; readonly to: string; readonly event: { readonly type: string } }
  | { readonly type: "spawn"; readonly address: string; readonly input: unknown }
  | { readonly type: "timer.set"; readonly id: string; readonly event: string; readonly delayMs: number }
  | { readonly type: "timer.cancel"; readonly id: string };

export interface Step<Machine extends AnyStateMachine> {
  readonly snapshot: SnapshotFrom<Machine>;
  /** In the order asked. A timer of the same id set after it was cancelled replaces it. */
  readonly asked: readonly Asked[];
  /** The snapshots a macrostep passed on its way to the last one, for the log; usually none. */
  readonly passed: readonly SnapshotFrom<Machine>[];
}

/** A stored snapshot or a step this build cannot understand: park the actor as it was, never overwrite it. */
export class SnapshotError extends Error {
  readonly code = "SNAPSHOT_UNREADABLE";
  override readonly name = "SnapshotError";
}

/** A machine asked for something the host has no word for: a fault in the machine, found by the start-up check. */
export class UnknownActionError extends Error {
  readonly code = "UNKNOWN_ACTION";
  override readonly name = "UnknownActionError";
}

/** An actor's first step. @throws {UnknownActionError} */
export function begin<Machine extends AnyStateMachine>(machine: Machine, input: InputFrom<Machine>): Step<Machine> {
  return observed(machine, (scope) => machine.getInitialSnapshot(scope, input));
}

/** What an event does. Ignored events give the same snapshot and ask for nothing. @throws {UnknownActionError} */
export function step<Machine extends AnyStateMachine>(
  machine: Machine,
  snapshot: SnapshotFrom<Machine>,
  event: EventFromLogic<Machine> | TimerEvent,
): Step<Machine> {
  // A finished actor hears nothing: `transition()` itself does not look at the status.
  if ((snapshot as AnyMachineSnapshot).status !== "active") return { snapshot, asked: [], passed: [] };
  return observed(machine, (scope) => machine.transition(snapshot, event as EventFromLogic<Machine>, scope));
}

function observed<Machine extends AnyStateMachine>(
  machine: Machine,
  move: (scope: AnyActorScope) => AnyMachineSnapshot,
): Step<Machine> {
  const { scope, microsteps } = stageOf(machine);
  microsteps.length = 0;
  const asked: Asked[] = [];
  const snapshot = move({
    ...scope,
    actionExecutor: (action) => asked.push(...read(action as { type: string; params: unknown })),
  });
  const passed = microsteps.slice(0, -1);
  return { snapshot: snapshot as SnapshotFrom<Machine>, asked, passed: passed as SnapshotFrom<Machine>[] };
}

interface Stage {
  readonly scope: Omit<AnyActorScope, "actionExecutor">;
  /** What XState's inspection reported since it was last emptied. */
  readonly microsteps: AnyMachineSnapshot[];
}

/**
 * What XState's `transition()` and `getMicrosteps()` build anew at every call, an actor that never runs, costs more than the
 * transition itself: measured, 55 of 65 us each. Our machines neither spawn nor send, so nothing of it changes and one per machine
 * will do; its inspection tells the microsteps of the same run, so that none is computed twice.
 */
const stages = new WeakMap<AnyStateMachine, Stage>();

function stageOf(machine: AnyStateMachine): Stage {
  let stage = stages.get(machine);
  if (!stage) {
    const microsteps: AnyMachineSnapshot[] = [];
    const self = createActor(machine, {
      inspect: (event) => {
        if (event.type === "@xstate.microstep") microsteps.push(event.snapshot as AnyMachineSnapshot);
      },
    });
    const nothing = () => {};
    const scope = {
      self,
      system: self.system,
      id: "",
      sessionId: "",
      logger: nothing,
      defer: nothing,
      stopChild: nothing,
      emit: nothing,
    };
    stage = { scope, microsteps };
    stages.set(machine, stage);
  }
  return stage;
}

/** A timer that is due: its `event` from `timer.set`, and when it fired. */
export interface TimerEvent {
  readonly type: `xstate.after.${string}`;
  readonly at: number;
}

/** The snapshot as the JSON text to store; `createActor(machine, { snapshot })` takes it parsed, so a browser can run it too. */
export const persist = <Machine extends AnyStateMachine>(machine: Machine, snapshot: SnapshotFrom<Machine>): string =>
  JSON.stringify(plainSnapshot(snapshot) ?? machine.getPersistedSnapshot(snapshot));

/**
 * What XState's `getPersistedSnapshot` makes of a snapshot that has nothing in it but data, as ours do: the same members in the same
 * order, without its search for actors all through the context, which costs as much as writing the text. Null for any other.
 */
function plainSnapshot({ status, output, error, value, historyValue, context, children }: AnyMachineSnapshot): object | null {
  const isPlain = Object.keys(children).length === 0 && Object.keys(historyValue).length === 0;
  return isPlain ? { status, output, error, value, historyValue, context, children } : null;
}

/** The reverse of {@link persist}. Runs no action and arms no timer. @throws {SnapshotError} naming what does not fit (S2). */
export function restore<Machine extends AnyStateMachine>(machine: Machine, json: string): SnapshotFrom<Machine> {
  const stored = parse(json);
  if (stored.status !== "active" && stored.status !== "done")
    throw new SnapshotError(`The stored ${machine.id} has the status "${stored.status}": expected "active" or "done"`);
  for (const key of ["context", "children", "historyValue"] as const) {
    if (!isRecord(stored[key])) throw new SnapshotError(`The stored ${machine.id} has no ${key}`);
  }
  if (Object.keys(stored.children as object).length > 0)
    throw new SnapshotError(`The stored ${machine.id} has children inside it: actors are stored one by one`);
  checkValue(machine.root, stored.value, machine.id);
  // The scope is only looked at to restore children, and there are none.
  return machine.restoreSnapshot(stored as never, undefined as unknown as AnyActorScope) as SnapshotFrom<Machine>;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parse(json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new SnapshotError("The stored snapshot is not JSON", { cause });
  }
  if (!isRecord(value)) throw new SnapshotError("The stored snapshot is not an object");
  return value;
}

type Node = AnyStateMachine["root"];

/** Every region of a stored value must be a state the machine has, down to a leaf. */
function checkValue(node: Node, value: unknown, path: string): void {
  const children = node.states;
  if (Object.keys(children).length === 0) refuse(path);
  const branches: Record<string, unknown> =
    typeof value === "string" ? { [value]: null } : isRecord(value) ? value : refuse(path);
  const names = Object.keys(branches);
  const expected = node.type === "parallel" ? Object.keys(children).length : 1;
  if (names.length !== expected) refuse(path);
  for (const name of names) {
    const child = (Object.hasOwn(children, name) && children[name]) || refuse(`${path}.${name}`);
    const isLeaf = Object.keys(child.states).length === 0;
    const below = branches[name];
    const saysLeaf = below === null || (isRecord(below) && Object.keys(below).length === 0);
    if (isLeaf !== saysLeaf) refuse(`${path}.${name}`);
    if (!isLeaf) checkValue(child, below, `${path}.${name}`);
  }
}

function refuse(path: string): never {
  throw new SnapshotError(
    `The stored snapshot does not fit this version of the machine at "${path}": migrate it, or pin its version`,
  );
}

/** One of `transition()`'s actions as an ask. `assign` and the like never get here: they are already in the snapshot. */
function read({ type, params }: { type: string; params: unknown }): Asked[] {
  if (isRecord(params)) {
    if (type === "effect") return [{ type, effect: params as unknown as Effect }];
    if (type === "send" && typeof params.to === "string" && isRecord(params.event) && typeof params.event.type === "string")
      return [{ type, to: params.to, event: params.event as { type: string } }];
    if (type === "spawn" && typeof params.address === "string") return [{ type, address: params.address, input: params.input }];
    if (
      type === "xstate.raise" &&
      isRecord(params.event) &&
      typeof params.event.type === "string" &&
      typeof params.delay === "number"
    )
      return [{ type: "timer.set", id: String(params.id), event: params.event.type, delayMs: params.delay }];
    if (type === "xstate.cancel") return [{ type: "timer.cancel", id: String(params.sendId) }];
  }
  throw new UnknownActionError(`A machine asked for "${type}", which no host can do: use effect, send or spawn`);
}
