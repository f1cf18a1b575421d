// The three things a machine may ask of its host, and how a machine's named actions are written. Nothing runs here:
// `transition()` hands the asks back as data and the host acts once the step is stored (P3, P4).

import { type EventObject, enqueueActions, type MachineContext, type ParameterizedObject } from "xstate";

/** Sends an event to another actor: a mailbox row in the sender's own commit. */
export interface Send<Event> {
  readonly to: string;
  readonly event: Event;
}

/** Creates an actor unless its address already has one; its initial transition belongs to the same commit. */
export interface Spawn<Input> {
  readonly address: string;
  readonly input: Input;
}

export const asks = <Effect, Sent, SpawnInput>() => ({
  effect: (_: unknown, _effect: Effect) => {},
  send: (_: unknown, _send: Send<Sent>) => {},
  spawn: (_: unknown, _spawn: Spawn<SpawnInput>) => {},
});

export type Ask<Effect, Sent, SpawnInput> =
  | { readonly type: "effect"; readonly params: Effect }
  | { readonly type: "send"; readonly params: Send<Sent> }
  | { readonly type: "spawn"; readonly params: Spawn<SpawnInput> };

/** What a named action comes to: what changes in the context, then what is asked for, in this order. */
export interface Plan<Context, A> {
  readonly set?: Partial<Context>;
  readonly ask?: readonly A[];
}

export const NOTHING: Plan<never, never> = {};

/**
 * How one machine writes its named actions: each is a pure function from context and event to a {@link Plan}. `act` takes any event;
 * `when` is for an action that only makes sense for one, and does nothing for another.
 */
export function actions<Context extends MachineContext, Event extends EventObject, Effect, Sent, SpawnInput>() {
  type A = Ask<Effect, Sent, SpawnInput>;
  const act = <Params extends ParameterizedObject["params"] | undefined = undefined>(
    plan: (context: Context, event: Event, params: Params) => Plan<Context, A>,
  ) =>
    enqueueActions<Context, Event, Params, Event, never, A, never>(({ context, event, enqueue }, params) => {
      const { set, ask } = plan(context, event, params);
      if (set) enqueue.assign(set);
      for (const asked of ask ?? []) enqueue(asked);
    });
  const when = <Type extends Event["type"]>(
    type: Type,
    plan: (context: Context, event: Extract<Event, { type: Type }>) => Plan<Context, A>,
  ) => act((context, event) => (isOf(event, type) ? plan(context, event) : NOTHING));
  return { act, when };
}

/** Whether an event is of one type, for actions and guards that see all of them. */
export const isOf = <Event extends EventObject, Type extends Event["type"]>(
  event: Event,
  type: Type,
): event is Extract<Event, { type: Type }> => event.type === type;
