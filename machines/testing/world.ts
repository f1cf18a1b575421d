// A host in memory, for tests: mailboxes, timers, an outbox and a virtual clock around the pure steps of all three machines.
// Every snapshot goes through JSON at every step. What may happen next is a list; the test, or a seed, chooses from it.
//
// It keeps the orders the real host keeps: one mailbox per actor, first in, first out; a step's asks are stored with it; an effect
// begins after its step and its answer arrives later, in any order with everything else.

import type { SnapshotFrom } from "xstate";
import {
  type ActorAddress,
  type ActorKind,
  type AgentAddress,
  actorKind,
  type FeatureAddress,
  type ProjectAddress,
} from "../ids.ts";
import {
  type AgentEvent,
  type Asked,
  type agentMachine,
  begin,
  type Effect,
  type FeatureEvent,
  type featureMachine,
  featureView,
  MACHINES,
  type ProjectEvent,
  type ProjectInput,
  persist,
  type projectMachine,
  restore,
  type Step,
  step,
  type TimerEvent,
} from "../index.ts";
import { PROJECT } from "./builders.ts";

type Mail = { readonly type: string };
type Machine = typeof projectMachine | typeof featureMachine | typeof agentMachine;
type Restored = SnapshotFrom<Machine>;

interface Actor {
  readonly address: ActorAddress;
  json: string;
  /** What the JSON restores to: every step goes through it. */
  restored: Restored;
  readonly mailbox: Mail[];
  readonly timers: Map<string, { readonly event: string; readonly dueAt: number }>;
}

/** One thing that can happen next. Timers are not among them: see `nextTimer`. */
export interface Possible {
  readonly name: string;
  readonly run: () => void;
}

/** One step of an actor, as it was taken. */
export interface Taken {
  readonly address: ActorAddress;
  /** What it was born with, when this was its first step. */
  readonly input: unknown;
  /** Null for its first step. */
  readonly event: Mail | null;
  /** The snapshot before, as stored; empty for its first step. */
  readonly before: string;
  readonly after: string;
  readonly asked: readonly Asked[];
}

/** What the far ends do about an effect: at once, or as further possible things. */
export type Perform = (world: World, actor: ActorAddress, effect: Effect) => void;

export class World {
  nowMs = 1_000;
  readonly actors = new Map<string, Actor>();
  /** Every effect asked for, in order. */
  readonly effects: { readonly actor: ActorAddress; readonly effect: Effect }[] = [];
  readonly sent: { readonly from: ActorAddress; readonly to: string; readonly event: Mail }[] = [];
  readonly #pending: Possible[] = [];
  readonly #perform: Perform;
  readonly #onStep: (taken: Taken) => void;

  constructor(input: Omit<ProjectInput, "address">, perform: Perform, onStep: (taken: Taken) => void = () => {}) {
    this.#perform = perform;
    this.#onStep = onStep;
    this.#spawn(PROJECT, { ...input, address: PROJECT });
  }

  project = () => this.#actor(PROJECT).restored as SnapshotFrom<typeof projectMachine>;
  feature = (address: FeatureAddress) => this.#actor(address).restored as SnapshotFrom<typeof featureMachine>;
  agent = (address: AgentAddress) => this.#actor(address).restored as SnapshotFrom<typeof agentMachine>;
  view = (address: FeatureAddress) => featureView(this.feature(address));

  addresses<A extends ActorAddress>(kind: ActorKind): A[] {
    return [...this.actors.values()].flatMap(({ address }) => (actorKind(address) === kind ? [address as A] : []));
  }

  /** Puts an event into an actor's mailbox; `at` is the world's clock. */
  send(to: ProjectAddress, event: WithoutAt<ProjectEvent>): void;
  send(to: FeatureAddress, event: WithoutAt<FeatureEvent>): void;
  send(to: AgentAddress, event: WithoutAt<AgentEvent>): void;
  send(to: ActorAddress, event: Mail): void {
    this.#actor(to).mailbox.push({ ...event, at: this.nowMs } as Mail);
  }

  /** Something the far ends will do some time. */
  later(name: string, run: () => void): void {
    this.#pending.push({ name, run });
  }

  /** Everything that can happen now. Effects and far ends in any order; of each mailbox only the first event. */
  possible(): Possible[] {
    const mails = [...this.actors.values()].flatMap((actor) => {
      const first = actor.mailbox[0];
      return first ? [{ name: `${actor.address} < ${first.type}`, run: () => this.#deliver(actor) }] : [];
    });
    const others = this.#pending.map((one) => ({
      name: one.name,
      run: () => {
        this.#pending.splice(this.#pending.indexOf(one), 1);
        one.run();
      },
    }));
    return [...mails, ...others];
  }

  /** The earliest timer, or the earliest of a kind, with the clock moved to it; undefined when none is armed. */
  nextTimer(isMeant = (_event: string) => true): Possible | undefined {
    const armed = [...this.actors.values()].flatMap((actor) => [...actor.timers].map(([id, timer]) => ({ actor, id, ...timer })));
    const all = armed.filter(({ event }) => isMeant(event));
    const first = all.sort((one, other) => one.dueAt - other.dueAt)[0];
    if (!first) return undefined;
    const { actor, id, event, dueAt } = first;
    return {
      name: `${actor.address} timer ${event}`,
      run: () => {
        this.nowMs = Math.max(this.nowMs, dueAt);
        actor.timers.delete(id);
        actor.mailbox.unshift({ type: event, at: this.nowMs } as Mail);
        this.#deliver(actor);
      },
    };
  }

  #actor(address: string): Actor {
    const actor = this.actors.get(address);
    if (!actor) throw new Error(`There is no actor "${address}"`);
    return actor;
  }

  #spawn(address: ActorAddress, input: unknown): void {
    if (this.actors.has(address)) return;
    const actor = { address, json: "", mailbox: [], timers: new Map() } as unknown as Actor;
    this.actors.set(address, actor);
    const machine = MACHINES[actorKind(address)] as typeof agentMachine;
    this.#store(actor, begin(machine, input as never), { input, event: null });
  }

  #deliver(actor: Actor): void {
    const event = actor.mailbox.shift() as TimerEvent;
    this.nowMs += 1;
    const machine = MACHINES[actorKind(actor.address)] as typeof agentMachine;
    this.#store(actor, step(machine, actor.restored as SnapshotFrom<typeof agentMachine>, event), { input: null, event });
  }

  // Which machine it is, the address says; that its snapshots and inputs are of that machine, the machines' own types have said.
  #store(actor: Actor, { snapshot, asked }: Step<typeof agentMachine>, cause: Pick<Taken, "input" | "event">): void {
    const machine = MACHINES[actorKind(actor.address)] as typeof agentMachine;
    const before = actor.json;
    actor.json = persist(machine, snapshot);
    this.#onStep({ address: actor.address, ...cause, before, after: actor.json, asked });
    actor.restored = restore(machine, actor.json);
    for (const ask of asked) this.#carryOut(actor, ask);
  }

  #carryOut(actor: Actor, ask: Asked): void {
    switch (ask.type) {
      case "effect":
        this.effects.push({ actor: actor.address, effect: ask.effect });
        this.later(`${actor.address} ! ${ask.effect.kind}`, () => this.#perform(this, actor.address, ask.effect));
        return;
      case "send":
        this.sent.push({ from: actor.address, to: ask.to, event: ask.event });
        this.#actor(ask.to).mailbox.push(ask.event);
        return;
      case "spawn":
        this.#spawn(ask.address as ActorAddress, ask.input);
        return;
      case "timer.set":
        actor.timers.set(ask.id, { event: ask.event, dueAt: this.nowMs + ask.delayMs });
        return;
      case "timer.cancel":
        actor.timers.delete(ask.id);
        return;
      default:
        ask satisfies never;
    }
  }
}

type WithoutAt<Event> = Event extends unknown ? Omit<Event, "at"> : never;
