// The one part of the checker that runs the machines: what an actor's log makes of its birth, and what it asked for on the way (I3).
// Needs no host: births come from what the parent's own log spawns, so a whole family is folded from the seeded project down.

import { type Asked, actorKind, begin, MACHINE_VERSIONS, MACHINES, persist, step } from "@omakase/machines";
import { type ActorRow, type StepRow, type Tables, type Violation, violation } from "./history.ts";

export interface AskedEffect {
  readonly actor: string;
  readonly sequence: number;
  readonly kind: string;
  /** JSON. */
  readonly payload: string;
}

export interface AskedSend {
  readonly from: string;
  readonly sequence: number;
  readonly to: string;
  /** JSON, as the receiver gets it. */
  readonly event: string;
}

/** What the logs of all actors come to. */
export interface Folded {
  /** By effect id. */
  readonly effects: Map<string, AskedEffect>;
  /** By mailbox key. */
  readonly sends: Map<string, AskedSend>;
  /** Armed and neither fired nor cancelled: "actor timer" to the sequence that armed it. */
  readonly timers: Map<string, { readonly actor: string; readonly timerId: string; readonly sequence: number }>;
  readonly violations: readonly Violation[];
}

/** A machine of any kind. */
type Machine = Parameters<typeof begin>[0];

interface Birth {
  readonly input: unknown;
  readonly bornOf: string | null;
  /** When its parent took the step, ms. */
  readonly at: number;
}

const TIMER = /^timer:(.*):(\d+)$/;

export function foldLogs(tables: Tables, logs: ReadonlyMap<string, readonly StepRow[]>): Folded {
  const fold = new Fold(tables, logs);
  fold.run();
  return fold;
}

/** The same JSON, in whatever order its fields were stored: a table does not keep the order of a project's settings. */
export const isSame = (one: string, other: string): boolean => one === other || canonical(one) === canonical(other);

const canonical = (json: string): string =>
  JSON.stringify(JSON.parse(json), (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );

class Fold implements Folded {
  readonly effects = new Map<string, AskedEffect>();
  readonly sends = new Map<string, AskedSend>();
  readonly timers = new Map<string, { readonly actor: string; readonly timerId: string; readonly sequence: number }>();
  readonly violations: Violation[] = [];
  private readonly births = new Map<string, Birth>();
  private readonly actors: ReadonlyMap<string, ActorRow>;

  constructor(
    private readonly tables: Tables,
    private readonly logs: ReadonlyMap<string, readonly StepRow[]>,
  ) {
    this.actors = new Map(tables.actors.map((actor) => [actor.address, actor]));
  }

  run(): void {
    for (const { address, settings } of this.tables.projects) {
      // Seeded with room for nobody; its limits are its first event.
      this.births.set(address, { input: { address, limits: { features: 0, perRole: {} }, settings }, bornOf: null, at: 0 });
    }
    // A map goes on with what is added while it is gone through: parents come before their children.
    for (const [address, birth] of this.births) {
      const actor = this.actors.get(address);
      if (!actor) this.wrong(address, null, "was spawned and is not there");
      else this.foldOne(actor, birth);
    }
    for (const address of this.actors.keys()) if (!this.births.has(address)) this.wrong(address, null, "nobody spawned it");
  }

  private foldOne(actor: ActorRow, { input, bornOf, at }: Birth): void {
    const { address } = actor;
    if (actor.bornOf !== bornOf) this.wrong(address, 0, `says that ${actor.bornOf} bore it, and it was ${bornOf}`);
    const kind = actorKind(address);
    const machine: Machine = MACHINES[kind];
    if (actor.machineVersion !== MACHINE_VERSIONS[kind]) {
      this.wrong(address, null, `is of version ${actor.machineVersion}: check it with the build that has that version`);
      return;
    }
    const born = begin(machine, input as never);
    let { snapshot } = born;
    // What a seeded actor's initial transition asks for, nobody carries out: seeding refuses one that asks for anything.
    if (bornOf !== null) this.note(address, 0, at, born.asked);
    for (const row of this.logs.get(address) ?? []) {
      const timer = TIMER.exec(row.eventId);
      if (timer) this.fire(row, timer[1] ?? "", Number(timer[2]));
      const taken = step(machine, snapshot, JSON.parse(row.event));
      snapshot = taken.snapshot;
      this.note(address, row.sequence, row.at, taken.asked);
    }
    if (!isSame(persist(machine, snapshot), actor.snapshot))
      this.wrong(address, actor.sequence, "its log does not lead to its snapshot");
  }

  private fire(row: StepRow, timerId: string, armedSequence: number): void {
    const key = `${row.actor} ${timerId}`;
    if (this.timers.get(key)?.sequence !== armedSequence) {
      const says = `took the timer ${timerId} of step ${armedSequence}, which was not armed any more`;
      this.violations.push(violation("I6", says, { actor: row.actor, sequence: row.sequence }));
    }
    this.timers.delete(key);
  }

  private note(actor: string, sequence: number, at: number, asked: readonly Asked[]): void {
    asked.forEach((ask, index) => {
      const key = `${actor}:${sequence}:${index}`;
      switch (ask.type) {
        case "effect":
          this.effects.set(key, { actor, sequence, kind: ask.effect.kind, payload: JSON.stringify(ask.effect) });
          return;
        case "send":
          this.sends.set(key, { from: actor, sequence, to: ask.to, event: JSON.stringify({ ...ask.event, at }) });
          return;
        case "spawn":
          // An address that exists is left alone.
          if (!this.births.has(ask.address))
            this.births.set(ask.address, { input: ask.input, bornOf: `${actor}:${sequence}`, at });
          return;
        case "timer.set":
          this.timers.set(`${actor} ${ask.id}`, { actor, timerId: ask.id, sequence });
          return;
        case "timer.cancel":
          this.timers.delete(`${actor} ${ask.id}`);
          return;
        default:
          ask satisfies never;
      }
    });
  }

  private wrong(actor: string, sequence: number | null, says: string): void {
    this.violations.push(violation("I3", says, { actor, sequence }));
  }
}
