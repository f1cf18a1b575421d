// The write side of the host: takes events from the inbox, computes their steps, commits them in groups, publishes what was
// stored. One commit is in flight; what arrives meanwhile is the next one.
//   H1. Nothing is published (dispatched, armed, queued, told to listeners) before its commit is stored.
//   H2. An event's key is consumed at most once: the receipt decides, memory only saves the attempt.
//   H3. A step is computed on the stored snapshot, or on the step before it in the same batch.
//   H5. An event that cannot be taken parks its own actor and nobody else.

import { shardOf } from "../../convex/shardOf.ts";
import type { Epoch, PendingEffect, Posted, Step, StepResult, TimerChange } from "../../convex/steps.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { Fenced, type HostStore, Unanswered } from "../store/host-store.ts";
import { ActorCache } from "./actor-cache.ts";
import { type Clock, wait } from "./clock.ts";
import { Inbox, type QueuedEvent } from "./inbox.ts";
import {
  type LiveActor,
  liveActor,
  machineVersionOf,
  type Outcome,
  PoisonEvent,
  takeStep,
  Unrestorable,
} from "./machine-step.ts";

/** One stored step, as listeners (inspection, metrics) hear of it. */
export interface StoredStep {
  readonly actor: string;
  readonly sequence: number;
  readonly eventType: string;
  readonly from: string;
  readonly to: string;
  readonly at: number;
}

export interface StepperDeps {
  readonly store: HostStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly epochOf: (shard: number) => Epoch | null;
  readonly onFenced: (shard: number) => void;
  readonly onEffect: (effect: PendingEffect, shard: number) => void;
  readonly onTimer: (actor: string, change: TimerChange, armedSequence: number) => void;
  readonly onStored: (steps: readonly StoredStep[]) => void;
  /** Actors kept in memory. @default 2,000 */
  readonly cacheLimit?: number;
}

/** Steps in one commit, and their size: a batch stays far below Convex's 16 MiB of arguments and its second of run time. */
const MAX_STEPS = 64;
const MAX_BATCH_CHARS = 1024 * 1024;
/** An event that is refused this often on its own is poison. */
const MAX_REFUSALS = 3;
const UNANSWERED_BASE_MS = 50;
const UNANSWERED_MAX_MS = 2_000;

interface Draft {
  readonly event: QueuedEvent;
  readonly step: Step;
  readonly outcome: Outcome;
}

export class Stepper {
  readonly inbox = new Inbox();
  private readonly cache: ActorCache;
  private readonly parked = new Set<string>();
  private readonly unknown = new Set<string>();
  private pumping: Promise<void> | null = null;
  private stopped = false;
  /** Halved when a commit is refused, so that the one to blame is found; restored by the next that is stored. */
  private groupLimit = MAX_STEPS;

  constructor(private readonly deps: StepperDeps) {
    this.cache = new ActorCache(deps.cacheLimit ?? 2_000);
  }

  get cached(): number {
    return this.cache.size;
  }

  get parkedActors(): readonly string[] {
    return [...this.parked];
  }

  /** Hands over an event whose row is stored. */
  add(event: QueuedEvent): void {
    if (this.parked.has(event.actor) || !this.inbox.add(event)) return;
    this.pump();
  }

  forget(shard: number): void {
    this.inbox.forgetShard(shard);
    this.cache.dropShard(shard);
    for (const actor of this.parked) if (shardOf(actor) === shard) this.parked.delete(actor);
  }

  /** No new commit is begun; resolves when the one in flight has been answered. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.pumping;
  }

  private pump(): void {
    if (this.pumping || this.stopped) return;
    this.pumping = (async () => {
      // A turn of the loop first: what arrives together is committed together.
      await Promise.resolve();
      while (this.inbox.size > 0 && !this.stopped) await this.commitNext();
    })().finally(() => {
      this.pumping = null;
      if (this.inbox.size > 0 && !this.stopped) this.pump();
    });
  }

  private async commitNext(): Promise<void> {
    const events = this.inbox.take(this.groupLimit);
    let drafts: Draft[];
    try {
      await this.load(events);
      drafts = await this.draft(events);
    } catch (error) {
      this.inbox.putBack(events);
      if (error instanceof Fenced) this.deps.onFenced(error.shard);
      else {
        this.deps.log.warn("step.load_failed", { reason: reasonOf(error) });
        await wait(this.deps.clock, UNANSWERED_BASE_MS);
      }
      return;
    }
    if (drafts.length === 0) return;
    const epochs = this.epochsOf(drafts);
    if (!epochs) return; // a shard was lost while the actors were loaded: its events went with it
    try {
      const results = await this.send(
        epochs,
        drafts.map(({ step }) => step),
      );
      this.groupLimit = MAX_STEPS;
      this.publish(drafts, results);
    } catch (error) {
      await this.afterRefusal(drafts, error);
    }
  }

  /** The same batch again until there is an answer: receipts make a repeat harmless. */
  private async send(epochs: readonly Epoch[], steps: readonly Step[]): Promise<readonly StepResult[]> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.deps.store.commit(epochs, steps);
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        this.deps.log.warn("commit.unanswered", { attempt, steps: steps.length, reason: reasonOf(error) });
        await wait(this.deps.clock, Math.min(UNANSWERED_MAX_MS, UNANSWERED_BASE_MS * 2 ** attempt));
        const lost = epochs.find((epoch) => this.deps.epochOf(epoch.shard)?.epoch !== epoch.epoch);
        if (lost) throw new Fenced(lost.shard);
      }
    }
  }

  private async load(events: readonly QueuedEvent[]): Promise<void> {
    const missing = new Set(
      events.map(({ actor }) => actor).filter((actor) => !this.cache.get(actor) && !this.unknown.has(actor)),
    );
    await Promise.all(
      [...missing].map(async (address) => {
        const row = await this.deps.store.actor(address);
        if (!row) {
          this.unknown.add(address);
          this.deps.log.error("actor.unknown", { actor: address });
          return;
        }
        if (row.status === "parked") {
          this.parked.add(address);
          return;
        }
        try {
          this.cache.set(address, {
            id: row.id,
            shard: row.shard,
            sequence: row.sequence,
            live: liveActor(address, row.machineVersion, row.snapshot),
            done: row.status === "done",
          });
        } catch (error) {
          if (!(error instanceof Unrestorable)) throw error;
          await this.park(address, row.shard, error.message);
        }
      }),
    );
  }

  private async draft(events: readonly QueuedEvent[]): Promise<Draft[]> {
    const drafts: Draft[] = [];
    const ahead = new Map<string, { live: LiveActor; sequence: number }>();
    let chars = 0;
    for (const [index, event] of events.entries()) {
      const cached = this.cache.get(event.actor);
      if (!cached || this.parked.has(event.actor) || !this.deps.epochOf(event.shard)) {
        this.unknown.delete(event.actor); // looked up again with its next event
        this.inbox.forgetMail(event);
        continue;
      }
      const base = ahead.get(event.actor) ?? cached;
      let outcome: Outcome;
      try {
        outcome = takeStep(base.live, event.event, base.sequence + 1);
      } catch (error) {
        if (!(error instanceof PoisonEvent)) throw error;
        if (ahead.has(event.actor)) {
          // The steps before it are good: they are stored first, with this batch; then it comes up again, first on its actor.
          this.inbox.putBack(events.slice(index));
          break;
        }
        await this.park(event.actor, event.shard, `${event.eventId}: ${error.message}`);
        continue;
      }
      const step = toStep(event, cached.id, base.sequence, outcome);
      chars +=
        (step.snapshot?.length ?? 0) + step.event.length + step.spawns.reduce((sum, spawn) => sum + spawn.snapshot.length, 0);
      if (chars > MAX_BATCH_CHARS && drafts.length > 0) {
        this.inbox.putBack(events.slice(index));
        break;
      }
      ahead.set(event.actor, { live: outcome.next, sequence: base.sequence + 1 });
      drafts.push({ event, step, outcome });
    }
    return drafts;
  }

  private epochsOf(drafts: readonly Draft[]): Epoch[] | null {
    const epochs: Epoch[] = [];
    for (const shard of new Set(drafts.map(({ event }) => event.shard))) {
      const epoch = this.deps.epochOf(shard);
      if (!epoch) return null;
      epochs.push(epoch);
    }
    return epochs;
  }

  private publish(drafts: readonly Draft[], results: readonly StepResult[]): void {
    const stored: StoredStep[] = [];
    drafts.forEach((draft, index) => {
      const result = results[index];
      if (!result) return;
      this.inbox.forgetMail(draft.event);
      if (result.kind === "stale" || (result.kind === "duplicate" && !result.replay)) {
        this.cache.drop(draft.event.actor);
        return;
      }
      this.publishStep(draft, result);
      const { actor, eventType, from, to, at } = draft.step;
      stored.push({ actor, sequence: result.sequence, eventType, from, to, at });
    });
    if (stored.length > 0) this.deps.onStored(stored);
  }

  private publishStep({ event, step, outcome }: Draft, result: Extract<StepResult, { kind: "stored" | "duplicate" }>): void {
    const { shard } = event;
    this.cache.set(step.actor, { id: step.actorId, shard, sequence: result.sequence, live: outcome.next, done: outcome.done });
    const createdAt = this.deps.clock.now();
    const hand = (actor: string, sequence: number, part: Pick<Step, "effects" | "timers">) => {
      for (const change of part.timers) this.deps.onTimer(actor, change, sequence);
      for (const { index, kind, payload } of part.effects) {
        this.deps.onEffect({ effectId: `${actor}:${sequence}:${index}`, actor, kind, payload, createdAt }, shard);
      }
    };
    hand(step.actor, result.sequence, step);
    const letters = new Map<string, string>(
      step.sends.map((send) => [`${step.actor}:${result.sequence}:${send.index}`, send.event]),
    );
    for (const spawn of step.spawns) {
      const born = result.spawned.find(({ address }) => address === spawn.address);
      if (!born?.created) continue;
      const live = liveActor(spawn.address, spawn.machineVersion, spawn.snapshot);
      this.cache.set(spawn.address, { id: born.actorId, shard, sequence: 0, live, done: spawn.status === "done" });
      hand(spawn.address, 0, spawn);
      for (const send of spawn.sends) letters.set(`${spawn.address}:0:${send.index}`, send.event);
    }
    for (const posted of result.mail) this.post(posted, letters.get(posted.key), shard);
  }

  private post(posted: Posted, eventJson: string | undefined, shard: number): void {
    if (eventJson === undefined) return;
    this.add(queued(posted, shard, eventJson, { kind: "actor", name: posted.key.slice(0, posted.key.indexOf(":")) }));
  }

  private async afterRefusal(drafts: readonly Draft[], error: unknown): Promise<void> {
    const events = drafts.map(({ event }) => event);
    for (const { actor } of events) this.cache.drop(actor);
    this.inbox.putBack(events);
    if (error instanceof Fenced) {
      this.deps.onFenced(error.shard); // takes its shard's events out again
      return;
    }
    const only = events.length === 1 ? events[0] : undefined;
    if (only) only.refusals++;
    this.deps.log.warn("commit.refused", { steps: events.length, reason: reasonOf(error) });
    if (only && only.refusals >= MAX_REFUSALS) {
      await this.park(only.actor, only.shard, `${only.eventId} was refused ${only.refusals} times: ${reasonOf(error)}`);
      return;
    }
    this.groupLimit = Math.max(1, events.length >> 1);
  }

  /** Leaves the actor's row as it is, for a person, and stops taking its events. */
  private async park(actor: string, shard: number, reason: string): Promise<void> {
    const epoch = this.deps.epochOf(shard);
    this.parked.add(actor);
    this.cache.drop(actor);
    this.deps.log.error("actor.parked", { actor, reason });
    if (!epoch) return;
    try {
      await this.deps.store.park([epoch], actor, reason);
    } catch (error) {
      if (error instanceof Fenced) this.deps.onFenced(error.shard);
      else this.deps.log.error("actor.park_failed", { actor, reason: reasonOf(error) });
    }
  }
}

/** An event of a mailbox row, as the inbox keeps it. */
export function queued(mail: Posted, shard: number, eventJson: string, cause: QueuedEvent["cause"]): QueuedEvent {
  return {
    actor: mail.actor,
    shard,
    source: { kind: "mail", id: mail.id },
    eventId: mail.key,
    event: JSON.parse(eventJson) as QueuedEvent["event"],
    eventJson,
    cause,
    refusals: 0,
  };
}

function toStep(event: QueuedEvent, actorId: string, expectedSequence: number, outcome: Outcome): Step {
  return {
    actor: event.actor,
    actorId: actorId as Step["actorId"],
    expectedSequence,
    source: event.source,
    eventId: event.eventId,
    eventType: event.event.type,
    event: event.eventJson,
    cause: event.cause,
    at: event.event.at,
    snapshot: outcome.changed ? outcome.next.snapshotJson : null,
    machineVersion: machineVersionOf(outcome.next.kind),
    status: outcome.done ? "done" : "active",
    from: outcome.from,
    to: outcome.to,
    microsteps: [...outcome.microsteps],
    actions: [...outcome.actions],
    ignored: outcome.ignored,
    view: outcome.view,
    sends: [...outcome.sends],
    effects: [...outcome.effects],
    timers: [...outcome.timers],
    spawns: [...outcome.spawns],
  };
}
