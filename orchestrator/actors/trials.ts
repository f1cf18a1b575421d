// Events whose step failed: the machine threw, or the store refused the step on its own. Each is tried three times in all (the store
// counts: convex/poison.ts Q1, Q2), then its actor waits for a person.
//
//   Q5. Between two tries its actor rests: nothing of the actor is taken, nothing of it overtakes the event. Others go on.
//   Q6. The actor is read anew for each try: what was wrong with our copy of it is not held against the event.
//   Q7. Nothing is tried again before the store has counted the try before.

import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { Fenced, type HostStore, Refused } from "../store/host-store.ts";
import { type Clock, wait } from "./clock.ts";
import type { Holding } from "./holding.ts";
import type { QueuedEvent } from "./inbox.ts";
import type { Parking } from "./parking.ts";

export interface TrialsDeps {
  readonly store: HostStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly parking: Parking;
  readonly onFenced: (holding: Holding) => void;
  /** `release` has something to give. */
  readonly onDue: () => void;
  /** They leave memory and stay where they are stored. */
  readonly onLeft: (events: readonly QueuedEvent[]) => void;
}

interface Rest {
  readonly holding: Holding;
  /** The one that failed, then what came for its actor meanwhile. */
  readonly events: QueuedEvent[];
  isOver: boolean;
}

/** After the first and the second failed try. */
const REST_MS = [500, 2_000] as const;
/** A store that does not answer is asked again. */
const RETRY_MS = 500;

export class Trials {
  private readonly resting = new Map<string, Rest>();
  /** Names each try: with the shard's epoch, among all owners' there ever were. */
  private attempts = 0;

  constructor(private readonly deps: TrialsDeps) {}

  /** Whether somebody has rested. */
  get isDue(): boolean {
    return [...this.resting.values()].some(({ isOver }) => isOver);
  }

  /** Takes an event whose actor rests. @returns whether it does */
  keep(event: QueuedEvent): boolean {
    const rest = this.resting.get(event.actor);
    rest?.events.push(event);
    return rest !== undefined;
  }

  /** What may be taken again: each actor's in order, older than anything of it that is in the inbox. */
  release(): readonly QueuedEvent[] {
    const released: QueuedEvent[] = [];
    for (const [actor, { events, isOver }] of this.resting) {
      if (!isOver) continue;
      this.resting.delete(actor);
      released.push(...events);
    }
    return released;
  }

  /** The first event of its actor has failed: what is for the actor is kept until that has rested, or until it is parked. */
  async failed(event: QueuedEvent, error: string): Promise<void> {
    const { actor, holding, eventId } = event;
    const rest: Rest = { holding, events: [event], isOver: false };
    this.resting.set(actor, rest);
    const counted = await this.count(event, error);
    const goesOn = counted !== null && !counted.isParked;
    if (goesOn) {
      this.deps.log.warn("event.failed", { actor, eventId, tries: counted.tries, reason: error });
      await wait(this.deps.clock, REST_MS[Math.min(counted.tries, REST_MS.length) - 1] ?? REST_MS[0]);
    }
    if (this.resting.get(actor) !== rest) return; // its shard was lost meanwhile
    rest.isOver = goesOn;
    if (goesOn) return this.deps.onDue();
    this.resting.delete(actor);
    this.deps.onLeft(rest.events);
  }

  forget(holding: Holding): void {
    for (const [actor, rest] of this.resting) {
      if (rest.holding !== holding) continue;
      this.resting.delete(actor);
      this.deps.onLeft(rest.events);
    }
  }

  /** Q7. Null: nothing more is to be done with it here. */
  private async count({ actor, holding, eventId, cause }: QueuedEvent, error: string) {
    const attempt = `${holding.epoch.epoch}:${++this.attempts}`;
    while (!holding.isLost) {
      try {
        const counted = await this.deps.store.fail([holding.epoch], actor, { eventId, sender: cause, error, attempt });
        if (counted.isParked) {
          this.deps.parking.found(actor, holding);
          this.deps.log.error("actor.parked", { actor, eventId, tries: counted.tries, reason: error });
        }
        return counted;
      } catch (fault) {
        if (fault instanceof Fenced) {
          this.deps.onFenced(holding);
          return null;
        }
        this.deps.log.error("event.not_counted", { actor, eventId, reason: reasonOf(fault) });
        if (fault instanceof Refused) {
          void this.deps.parking.park(actor, holding, `${eventId}: ${error}`);
          return null;
        }
        await wait(this.deps.clock, RETRY_MS);
      }
    }
    return null;
  }
}
