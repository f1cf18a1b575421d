// The write side of the host: takes events from the inbox, computes their steps, commits them in groups, publishes what was
// stored. One commit is in flight and the next is filling, on what that one will leave behind.
//   H1. Nothing is published (dispatched, armed, queued, told to listeners) before its commit is stored.
//   H2. An event's key is consumed at most once: the receipt decides, memory only saves the attempt.
//   H3. A step is computed on the stored snapshot, or on a step before it in the same batch or the one in flight; when that one is not
//       stored as it was computed, nothing that was computed on it is sent.
//   H5. An event that cannot be taken, three times over (trials.ts), parks its own actor and nobody else.
//   H6. A batch of which nobody can say whether it was stored is never taken apart: sent again whole, or its shards are retaken.

import type { PendingEffect, Posted, Settled, StepResult, TimerChange } from "../../convex/steps.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { Conflict, Fenced, type HostStore, Refused, Unanswered } from "../store/host-store.ts";
import { ActorCache } from "./actor-cache.ts";
import { ActorLoader } from "./actor-loader.ts";
import { Batch, type Draft } from "./batch.ts";
import { type Clock, wait } from "./clock.ts";
import type { Holding } from "./holding.ts";
import { Inbox, type QueuedEvent } from "./inbox.ts";
import type { Outcome } from "./machine-step.ts";
import { Parking } from "./parking.ts";
import { Trials } from "./trials.ts";

/** How storing a batch goes, for whoever fills the next meanwhile. */
interface Pass {
  isOver: boolean;
  /** What was filled in is given back already. */
  isAbandoned: boolean;
}

type CommitAnswer =
  | { readonly kind: "stored"; readonly results: readonly StepResult[] }
  | { readonly kind: "refused"; readonly error: unknown; readonly isDoubtful: boolean }
  /** Nobody knows, and the shards are to be taken over again. */
  | { readonly kind: "abandoned" };

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
  readonly onFenced: (holding: Holding) => void;
  /** The holding is to be taken over again. */
  readonly onDoubt: (holding: Holding, reason: string) => void;
  readonly onEffect: (effect: PendingEffect, holding: Holding) => void;
  /** An effect that its own commit has settled: the mail it made is for memory. */
  readonly onSettled: (settled: Settled, effect: PendingEffect, holding: Holding) => void;
  readonly onTimer: (actor: string, change: TimerChange, armedSequence: number, holding: Holding) => void;
  readonly onStored: (steps: readonly StoredStep[]) => void;
  /** Actors kept in memory. @default 2,000 */
  readonly cacheLimit?: number;
}

/** Steps of a commit: few enough that nobody waits long for those he was stored with. */
const USUAL_STEPS = 64;
/** When thousands wait, as after an outage, a large commit is cheaper, and they have waited already: up to a quarter of them at once. */
const MAX_STEPS = 256;
/** A process that has just begun is slow: the first of those who wait shall not wait for 64. */
const FIRST_STEPS = 8;
const RETRY_BASE_MS = 50;
const RETRY_MAX_MS = 2_000;

export class Stepper {
  readonly inbox = new Inbox();
  readonly parking: Parking;
  private readonly trials: Trials;
  private readonly cache: ActorCache;
  private readonly loader: ActorLoader;
  private pumping: Promise<void> | null = null;
  private committing: Promise<void> = Promise.resolve();
  private wakeFiller: (() => void) | null = null;
  private stopped = false;
  /** Halved when a commit is refused, so that the one to blame is found; doubled by each that is stored. */
  private groupLimit = FIRST_STEPS;
  /** Loads and lone conflicts in a row that came to nothing. */
  private failures = 0;

  constructor(private readonly deps: StepperDeps) {
    this.cache = new ActorCache(deps.cacheLimit ?? 2_000);
    this.parking = new Parking(deps);
    this.trials = new Trials({
      ...deps,
      parking: this.parking,
      onDue: () => this.pump(),
      onLeft: (events) => {
        for (const event of events) this.inbox.leave(event);
      },
    });
    this.loader = new ActorLoader(deps.store, this.cache, this.parking, deps.log);
  }

  get cached(): number {
    return this.cache.size;
  }

  /** Hands over an event whose row is stored. */
  add(event: QueuedEvent): void {
    if (this.parking.has(event.actor) || !this.inbox.add(event)) return;
    this.wakeFiller?.();
    this.pump();
  }

  forget(holding: Holding): void {
    this.cache.dropShard(holding.shard);
    this.parking.forget(holding);
    this.trials.forget(holding);
  }

  /** No new commit is begun; resolves when the one in flight has been answered or `graceMs` has passed. */
  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    if (this.pumping) await Promise.race([this.pumping, wait(this.deps.clock, graceMs)]);
  }

  /** Resolves when the commit in flight, if there is one, has been answered. */
  committed(): Promise<void> {
    return this.committing;
  }

  private pump(): void {
    if (this.pumping || this.stopped) return;
    this.pumping = this.run().finally(() => {
      this.pumping = null;
      this.pumpMore();
    });
  }

  private pumpMore(): void {
    if (this.inbox.size > 0 || this.trials.isDue) this.pump();
  }

  /** Most steps of the next commit. */
  private get limit(): number {
    const backlog = Math.max(USUAL_STEPS, Math.min(MAX_STEPS, this.inbox.size >> 2));
    return Math.min(this.groupLimit, backlog);
  }

  private async run(): Promise<void> {
    // A turn of the loop first: what arrives together is committed together.
    await Promise.resolve();
    let batch = await this.firstBatch();
    while (batch && !this.stopped) batch = (await this.storeAndFill(batch)) ?? (await this.firstBatch());
  }

  /** A batch on what is stored; null when there is nothing to do. */
  private async firstBatch(): Promise<Batch | null> {
    this.tryAgain();
    while (this.inbox.size > 0 && !this.stopped) {
      const batch = new Batch(this.inbox, this.cache, this.parking, this.trials, null);
      if (await this.draft(batch, this.limit)) {
        batch.close();
        if (batch.drafts.length > 0) return batch;
      }
    }
    return null;
  }

  /** Stores a batch, and meanwhile fills the next. @returns that one; null when there is none, or it cannot be sent as it is */
  private async storeAndFill(batch: Batch): Promise<Batch | null> {
    this.tryAgain();
    const next = new Batch(this.inbox, this.cache, this.parking, this.trials, batch);
    const pass: Pass = { isOver: false, isAbandoned: false };
    const storing = this.store(batch, next, pass);
    this.committing = storing;
    await this.fill(next, pass);
    await storing;
    if (pass.isAbandoned || next.size === 0) return null;
    // A shard that is being handed over begins nothing new.
    if (next.drafts.some(({ event }) => !event.holding.isOpen)) {
      next.giveBack();
      return null;
    }
    next.close();
    return next.drafts.length > 0 ? next : null;
  }

  /** Q5: only while no batch is being filled, so that nothing of the actor is anywhere but in the inbox, behind these. */
  private tryAgain(): void {
    if (this.trials.isDue) this.inbox.putBack(this.trials.release());
  }

  /** Until the commit in flight is answered, or no more fits. */
  private async fill(next: Batch, pass: Pass): Promise<void> {
    while (!pass.isOver && !next.isFull && next.size < this.limit) {
      if (this.inbox.size === 0) {
        await new Promise<void>((resolve) => {
          this.wakeFiller = resolve;
        });
      } else if (!(await this.draft(next, this.limit - next.size, pass))) return;
    }
    // What comes after the next batch is to be known when that one is sent: nobody waits for reads then.
    if (!next.isFull) this.loader.readAhead(this.inbox.peek(this.limit));
  }

  /** @returns whether their actors could be loaded; when not, it has waited */
  private async draft(batch: Batch, count: number, pass: Pass | null = null): Promise<boolean> {
    const events = batch.take(count);
    try {
      await this.loader.load(events);
    } catch (error) {
      if (!pass?.isAbandoned) batch.untake(events);
      this.deps.log.warn("step.load_failed", { reason: reasonOf(error) });
      await this.waitLonger();
      return false;
    }
    if (!pass?.isAbandoned) batch.draft(events, this.deps.clock.now());
    return true;
  }

  private async store(batch: Batch, next: Batch, pass: Pass): Promise<void> {
    const answer = await this.send(batch.drafts);
    pass.isOver = true;
    this.wakeFiller?.();
    // Only what left the actors as they were computed is good to go on from.
    pass.isAbandoned = answer.kind !== "stored" || !answer.results.every(isAsComputed);
    if (pass.isAbandoned) next.giveBack();
    if (answer.kind === "stored") {
      this.groupLimit = Math.min(MAX_STEPS, this.groupLimit * 2);
      this.failures = 0;
      this.publish(batch.drafts, answer.results);
    } else if (answer.kind === "refused") await this.afterRefusal(batch.drafts, answer.error, answer.isDoubtful);
  }

  /** The same batch again until there is an answer: receipts make a repeat harmless. */
  private async send(drafts: readonly Draft[]): Promise<CommitAnswer> {
    const holdings = [...new Set(drafts.map(({ event }) => event.holding))];
    const epochs = holdings.map(({ epoch }) => epoch);
    const steps = drafts.map(({ step }) => step);
    let isDoubtful = false;
    for (let attempt = 0; ; attempt++) {
      try {
        return { kind: "stored", results: await this.deps.store.commit(epochs, steps) };
      } catch (error) {
        if (!(error instanceof Unanswered)) return { kind: "refused", error, isDoubtful };
        isDoubtful = true;
        this.deps.log.warn("commit.unanswered", { attempt, steps: steps.length, reason: reasonOf(error) });
        await wait(this.deps.clock, backOffMs(attempt));
        if (holdings.some(({ isLost }) => isLost)) {
          // H6: it cannot be sent whole again.
          for (const holding of holdings) this.deps.onDoubt(holding, "a commit was never answered");
          return { kind: "abandoned" };
        }
      }
    }
  }

  private publish(drafts: readonly Draft[], results: readonly StepResult[]): void {
    const stored: StoredStep[] = [];
    drafts.forEach((draft, index) => {
      const result = results[index];
      // Whoever takes a lost shard over loads what this left behind, also when it is us again.
      if (!result || draft.event.holding.isLost) return;
      this.inbox.consumed(draft.event);
      if (result.kind === "stale" || (result.kind === "duplicate" && !result.replay)) {
        this.cache.drop(draft.event.actor);
        return;
      }
      this.publishStep(draft, result);
      const { actor, at } = draft.step;
      const { eventType, from, to } = draft.outcome;
      stored.push({ actor, sequence: result.sequence, eventType, from, to, at });
    });
    if (stored.length > 0) this.deps.onStored(stored);
  }

  private publishStep({ event, step, outcome }: Draft, result: Extract<StepResult, { kind: "stored" | "duplicate" }>): void {
    const { holding } = event;
    const { shard } = holding;
    this.cache.set(step.actor, { id: step.actorId, shard, sequence: result.sequence, live: outcome.next });
    const effects = this.handOut(step.actor, result.sequence, outcome, holding);
    const letters = new Map<string, string>(
      outcome.sends.map((send) => [`${step.actor}:${result.sequence}:${send.index}`, send.event]),
    );
    outcome.spawns.forEach((spawn, index) => {
      const born = result.spawned.find(({ address }) => address === spawn.address);
      const live = outcome.born[index];
      if (!born?.created || !live) return;
      this.cache.set(spawn.address, { id: born.actorId, shard, sequence: 0, live });
      effects.push(...this.handOut(spawn.address, 0, spawn, holding));
      for (const send of spawn.sends) letters.set(`${spawn.address}:0:${send.index}`, send.event);
    });
    for (const posted of result.mail) this.post(posted, letters.get(posted.key), holding);
    const settled = new Map(result.settled.map((one) => [one.effectId, one]));
    for (const effect of effects) {
      const ended = settled.get(effect.effectId);
      if (ended) this.deps.onSettled(ended, effect, holding);
      else this.deps.onEffect(effect, holding);
    }
  }

  /** Timers to memory. @returns the effects, as their rows have them */
  private handOut(
    actor: string,
    sequence: number,
    asked: Pick<Outcome, "effects" | "timers">,
    holding: Holding,
  ): PendingEffect[] {
    for (const change of asked.timers) {
      this.inbox.supersede(actor, change.timerId);
      this.deps.onTimer(actor, change, sequence, holding);
    }
    const createdAt = this.deps.clock.now();
    return asked.effects.map(({ index, kind, payload }) => ({
      effectId: `${actor}:${sequence}:${index}`,
      actor,
      kind,
      payload,
      createdAt,
    }));
  }

  private post(posted: Posted, event: string | undefined, holding: Holding): void {
    const cause = { kind: "actor", name: posted.key.slice(0, posted.key.indexOf(":")) } as const;
    if (event !== undefined) this.add(queued(posted, event, cause, holding));
    else this.deps.onDoubt(holding, `the store has mail with the key ${posted.key} that we did not send`);
  }

  /** Nothing of the batch was stored, unless it `isDoubtful`. */
  private async afterRefusal(drafts: readonly Draft[], error: unknown, isDoubtful: boolean): Promise<void> {
    const events = drafts.map(({ event }) => event);
    for (const { actor } of events) this.cache.drop(actor);
    if (error instanceof Fenced) {
      for (const { holding } of events) {
        if (holding.shard === error.shard) this.deps.onFenced(holding);
        else if (isDoubtful) this.deps.onDoubt(holding, "a commit was not answered, then refused"); // H6
      }
      this.inbox.putBack(events); // those of a lost holding are passed over
      return;
    }
    this.deps.log.warn("commit.refused", { steps: events.length, reason: reasonOf(error) });
    this.groupLimit = Math.max(1, events.length >> 1);
    const only = events.length === 1 ? events[0] : undefined;
    if (only && error instanceof Refused && error.reason === "unknownEvent") {
      this.inbox.leave(only);
      this.deps.log.error("event.unknown", { actor: only.actor, eventId: only.eventId });
      return;
    }
    if (only && !(error instanceof Conflict)) {
      void this.trials.failed(only, `it was refused: ${reasonOf(error)}`);
      return;
    }
    this.inbox.putBack(events);
    if (only) return this.waitLonger(); // it was read before somebody moved it: read again
  }

  private waitLonger(): Promise<void> {
    return wait(this.deps.clock, backOffMs(this.failures++));
  }
}

/** Whether the actor now is what its step made of it. */
const isAsComputed = (result: StepResult): boolean => result.kind === "stored" || (result.kind === "duplicate" && result.replay);

const backOffMs = (attempt: number): number => Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(attempt, 10));

/** An event of a mailbox row, as the inbox keeps it. */
export function queued(mail: Posted, event: string, cause: QueuedEvent["cause"], holding: Holding): QueuedEvent {
  return { actor: mail.actor, holding, source: { kind: "mail", id: mail.id }, eventId: mail.key, event, cause };
}
