// The steps of one commit: computed in order, an actor's next on the one before it (H3), as far as they fit and can be computed.
// It is filled while the batch before it is being stored, on what that one will leave behind.

import type { Step } from "../../convex/steps.ts";
import type { ActorCache } from "./actor-cache.ts";
import { type Inbox, type QueuedEvent, timerKey } from "./inbox.ts";
import { type LiveActor, type Outcome, PoisonEvent, parseEvent, takeStep } from "./machine-step.ts";
import type { Parking } from "./parking.ts";
import type { Trials } from "./trials.ts";

/** An event with the step it makes, not yet stored. */
export interface Draft {
  readonly event: QueuedEvent;
  readonly step: Step;
  readonly outcome: Outcome;
}

/** A batch stays far below Convex's 16 MiB of arguments and its second of run time. */
const MAX_BATCH_CHARS = 1024 * 1024;

/** An actor as a step that is not stored yet has left it. */
interface Ahead {
  readonly live: LiveActor;
  readonly sequence: number;
}

export class Batch {
  readonly drafts: Draft[] = [];
  private readonly ahead = new Map<string, Ahead>();
  /** Timers that a step of this batch cancels or arms again. */
  private readonly superseded = new Set<string>();
  /** Events to be looked at again when this batch is sent, and their actors: nothing of theirs may overtake them. */
  private readonly deferred: QueuedEvent[] = [];
  private readonly waiting = new Set<string>();
  /** What was taken from the inbox and is still ours, in order of arrival; `draft` has been told of all but the last few. */
  private held: QueuedEvent[] = [];
  private chars = 0;

  /** @param before the batch that is being stored; null: everything before is stored */
  constructor(
    private readonly inbox: Inbox,
    private readonly cache: ActorCache,
    private readonly parking: Parking,
    private readonly trials: Trials,
    private before: Batch | null,
  ) {}

  get size(): number {
    return this.held.length;
  }

  /** Whether it can take no more. */
  get isFull(): boolean {
    return this.chars > MAX_BATCH_CHARS;
  }

  /** Takes up to `count` events out of the inbox, to be handed to {@link draft} once their actors are loaded. */
  take(count: number): readonly QueuedEvent[] {
    const taken = this.inbox.take(count);
    this.held.push(...taken);
    return taken;
  }

  /** Computes the steps of events that were taken. */
  draft(events: readonly QueuedEvent[], nowMs: number): void {
    for (const event of events) {
      if (this.isFull) this.defer(event);
      else this.add(event, nowMs);
    }
  }

  /** Nothing more is added: what did not go into it goes back into the inbox. */
  close(): void {
    this.inbox.putBack(this.deferred);
    this.before = null; // and with it everything before that
  }

  /** It will not be sent: everything goes back into the inbox as it was. Before {@link close} only. */
  giveBack(): void {
    this.inbox.putBack(this.held);
    this.held = [];
  }

  /** The last events taken could not be loaded. */
  untake(events: readonly QueuedEvent[]): void {
    this.held.length -= events.length;
    this.inbox.putBack(events);
  }

  private isSuperseded(timer: string): boolean {
    return this.superseded.has(timer) || this.before?.superseded.has(timer) === true;
  }

  private add(event: QueuedEvent, nowMs: number): void {
    const { actor, source } = event;
    if (this.trials.keep(event)) {
      this.letGo(event);
      return;
    }
    const cached = this.cache.get(actor);
    if (!cached || this.parking.has(actor) || !this.inbox.isCurrent(event)) {
      this.leave(event);
      return;
    }
    const base = this.ahead.get(actor) ?? this.before?.ahead.get(actor);
    // Whether the timer is void is known once the step before it is stored.
    const isInDoubt = source.kind === "timer" && this.isSuperseded(timerKey(actor, source.timerId));
    if (isInDoubt || this.waiting.has(actor)) {
      this.defer(event);
      return;
    }
    const { live, sequence } = base ?? cached;
    try {
      const outcome = takeStep(live, parseEvent(actor, event.event), sequence + 1, nowMs);
      const step = toStep(event, cached.id, sequence, outcome, nowMs);
      this.chars += sizeOf(event, outcome);
      this.ahead.set(actor, { live: outcome.next, sequence: sequence + 1 });
      for (const { timerId } of outcome.timers) this.superseded.add(timerKey(actor, timerId));
      this.drafts.push({ event, step, outcome });
    } catch (error) {
      if (!(error instanceof PoisonEvent)) throw error;
      // The steps before it are good and stored first; then it comes up again, first on its actor.
      if (base) this.defer(event);
      else this.fail(event, error);
    }
  }

  private fail(event: QueuedEvent, error: PoisonEvent): void {
    this.letGo(event);
    this.cache.drop(event.actor);
    void this.trials.failed(event, error.message);
  }

  private leave(event: QueuedEvent): void {
    this.letGo(event);
    this.inbox.leave(event);
  }

  /** It is not ours any more. */
  private letGo(event: QueuedEvent): void {
    this.held.splice(this.held.indexOf(event), 1);
  }

  private defer(event: QueuedEvent): void {
    this.deferred.push(event);
    this.waiting.add(event.actor);
  }
}

/** What is usual is left out: undefined does not reach the store. */
function toStep(event: QueuedEvent, actorId: string, expectedSequence: number, outcome: Outcome, at: number): Step {
  const { from, to } = outcome;
  return {
    actor: event.actor,
    actorId: actorId as Step["actorId"],
    expectedSequence,
    source: event.source,
    eventId: event.eventId,
    eventType: outcome.eventType,
    event: event.source.kind === "timer" ? event.event : undefined,
    at,
    snapshot: outcome.changed ? outcome.next.snapshotJson : null,
    machineVersion: outcome.migratesTo ?? undefined,
    status: outcome.done ? "done" : undefined,
    from,
    to: to === from ? undefined : to,
    microsteps: unlessEmpty(outcome.microsteps),
    actions: unlessEmpty(outcome.actions),
    ignored: outcome.ignored || undefined,
    view: outcome.view,
    sends: unlessEmpty(outcome.sends),
    effects: unlessEmpty(outcome.effects),
    timers: unlessEmpty(outcome.timers),
    spawns: unlessEmpty(outcome.spawns),
  };
}

const unlessEmpty = <Item>(list: readonly Item[]): Item[] | undefined => (list.length === 0 ? undefined : [...list]);

const sizeOf = ({ event }: QueuedEvent, { changed, next, sends, effects, spawns }: Outcome): number =>
  (changed ? next.snapshotJson.length : 0) +
  event.length +
  sends.reduce((sum, send) => sum + send.event.length, 0) +
  effects.reduce((sum, effect) => sum + effect.payload.length, 0) +
  spawns.reduce((sum, spawn) => sum + spawn.snapshot.length, 0);
