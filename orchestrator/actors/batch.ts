// The steps of one commit: computed in order, an actor's next on the one before it (H3), as far as they fit and can be computed.

import type { Step } from "../../convex/steps.ts";
import type { ActorCache } from "./actor-cache.ts";
import { type Inbox, type QueuedEvent, timerKey } from "./inbox.ts";
import { type LiveActor, machineVersionOf, type Outcome, PoisonEvent, parseEvent, takeStep } from "./machine-step.ts";
import type { Parking } from "./parking.ts";

/** An event with the step it makes, not yet stored. */
export interface Draft {
  readonly event: QueuedEvent;
  readonly step: Step;
  readonly outcome: Outcome;
}

/** A batch stays far below Convex's 16 MiB of arguments and its second of run time. */
const MAX_BATCH_CHARS = 1024 * 1024;

export class Batch {
  private readonly drafts: Draft[] = [];
  /** How far an actor has come in this batch. */
  private readonly ahead = new Map<string, { readonly live: LiveActor; readonly sequence: number }>();
  /** Timers that a step of this batch cancels or arms again. */
  private readonly superseded = new Set<string>();
  /** Events to be looked at again when this batch is stored, and their actors: nothing of theirs may overtake them. */
  private readonly deferred: QueuedEvent[] = [];
  private readonly waiting = new Set<string>();
  private chars = 0;

  constructor(
    private readonly inbox: Inbox,
    private readonly cache: ActorCache,
    private readonly parking: Parking,
    private readonly nowMs: number,
  ) {}

  /** Puts back into the inbox what does not go into this batch. */
  draft(events: readonly QueuedEvent[]): readonly Draft[] {
    for (const [index, event] of events.entries()) {
      if (this.chars > MAX_BATCH_CHARS) {
        this.deferred.push(...events.slice(index));
        break;
      }
      this.add(event);
    }
    if (this.deferred.length > 0) this.inbox.putBack(this.deferred);
    return this.drafts;
  }

  private add(event: QueuedEvent): void {
    const { actor, source } = event;
    const cached = this.cache.get(actor);
    if (!cached || this.parking.has(actor) || !this.inbox.isCurrent(event)) {
      this.inbox.leave(event);
      return;
    }
    const base = this.ahead.get(actor);
    // Whether the timer is void is known once the step before it is stored.
    const isInDoubt = source.kind === "timer" && this.superseded.has(timerKey(actor, source.timerId));
    if (isInDoubt || this.waiting.has(actor)) {
      this.defer(event);
      return;
    }
    const { live, sequence } = base ?? cached;
    try {
      const outcome = takeStep(live, parseEvent(actor, event.event), sequence + 1, this.nowMs);
      const step = toStep(event, cached.id, sequence, outcome, this.nowMs);
      this.chars += sizeOf(step);
      this.ahead.set(actor, { live: outcome.next, sequence: sequence + 1 });
      for (const { timerId } of step.timers) this.superseded.add(timerKey(actor, timerId));
      this.drafts.push({ event, step, outcome });
    } catch (error) {
      if (!(error instanceof PoisonEvent)) throw error;
      // The steps before it are good and stored first; then it comes up again, first on its actor.
      if (base) this.defer(event);
      else this.park(event, error);
    }
  }

  private park(event: QueuedEvent, error: PoisonEvent): void {
    this.inbox.leave(event);
    this.cache.drop(event.actor);
    void this.parking.park(event.actor, event.holding, `${event.eventId}: ${error.message}`);
  }

  private defer(event: QueuedEvent): void {
    this.deferred.push(event);
    this.waiting.add(event.actor);
  }
}

function toStep(event: QueuedEvent, actorId: string, expectedSequence: number, outcome: Outcome, at: number): Step {
  return {
    actor: event.actor,
    actorId: actorId as Step["actorId"],
    expectedSequence,
    source: event.source,
    eventId: event.eventId,
    eventType: outcome.eventType,
    event: event.event,
    cause: event.cause,
    at,
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

const sizeOf = ({ snapshot, event, sends, effects, spawns }: Step): number =>
  (snapshot?.length ?? 0) +
  event.length +
  sends.reduce((sum, send) => sum + send.event.length, 0) +
  effects.reduce((sum, effect) => sum + effect.payload.length, 0) +
  spawns.reduce((sum, spawn) => sum + spawn.snapshot.length, 0);
