// Actors taken out of service for a person to look at (H5). Their rows stay as they are, their mail is held in the store and comes
// from outside again once somebody has put them back.

import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { Fenced, type HostStore, Refused } from "../store/host-store.ts";
import { type Clock, wait } from "./clock.ts";
import type { Holding } from "./holding.ts";

interface Parked {
  readonly holding: Holding;
  /** The store knows. */
  isStored: boolean;
  isAsking: boolean;
  /** Something has come since the question that is under way was asked. */
  isAskedAgain: boolean;
}

export interface ParkingDeps {
  readonly store: HostStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly onFenced: (holding: Holding) => void;
  /** The shard is to be taken over again: its actor is back, with mail and timers that are not in memory. */
  readonly onDoubt: (holding: Holding, reason: string) => void;
}

const RETRY_MS = 500;
const LOOK_AGAIN_MS = 30_000;

export class Parking {
  private readonly parked = new Map<string, Parked>();

  constructor(private readonly deps: ParkingDeps) {}

  get actors(): readonly string[] {
    return [...this.parked.keys()];
  }

  has(actor: string): boolean {
    return this.parked.has(actor);
  }

  /** The row says so already, or said so: somebody may have put it back before we heard. */
  found(actor: string, holding: Holding): void {
    if (holding.isLost) return; // it says nothing of the period that came after
    const parked: Parked = { holding, isStored: true, isAsking: false, isAskedAgain: false };
    this.parked.set(actor, parked);
    void this.watch(actor, parked);
  }

  /** From now on its events are left alone; the store is told until it has answered. */
  async park(actor: string, holding: Holding, reason: string): Promise<void> {
    if (this.parked.has(actor) || holding.isLost) return;
    const parked: Parked = { holding, isStored: false, isAsking: false, isAskedAgain: false };
    this.parked.set(actor, parked);
    this.deps.log.error("actor.parked", { actor, reason });
    while (!parked.isStored && !holding.isLost) {
      try {
        await this.deps.store.park([holding.epoch], actor, reason);
        parked.isStored = true;
        void this.watch(actor, parked);
      } catch (error) {
        if (error instanceof Fenced) return this.deps.onFenced(holding);
        this.deps.log.error("actor.park_failed", { actor, reason: reasonOf(error) });
        if (error instanceof Refused) return;
        await wait(this.deps.clock, RETRY_MS);
      }
    }
  }

  /**
   * Mail of somebody who was put back is in the window, where held mail is not; but a window that looks as it did before is no news, and
   * it does when it is full of older mail, so the store is asked now and then, too.
   */
  private async watch(actor: string, parked: Parked): Promise<void> {
    while (this.parked.get(actor) === parked && !parked.holding.isLost) {
      await this.reconsider(actor);
      await wait(this.deps.clock, LOOK_AGAIN_MS);
    }
  }

  /**
   * Mail of a parked actor is in the window, where held mail is not, or we have only now heard that it is parked: somebody may have put
   * it back. Asks until the store has answered. Safe to repeat.
   */
  async reconsider(actor: string): Promise<void> {
    const parked = this.parked.get(actor);
    if (!parked?.isStored) return;
    parked.isAskedAgain = true;
    if (parked.isAsking) return;
    parked.isAsking = true;
    while (parked.isAskedAgain && this.parked.get(actor) === parked) {
      parked.isAskedAgain = false;
      try {
        const [row] = await this.deps.store.actors([actor]);
        if (row && row.status !== "parked") this.deps.onDoubt(parked.holding, `${actor} is back in service`);
      } catch (error) {
        this.deps.log.warn("actor.reconsider_failed", { actor, reason: reasonOf(error) });
        if (error instanceof Refused) break; // it cannot even be read
        parked.isAskedAgain = true;
        await wait(this.deps.clock, RETRY_MS);
      }
    }
    parked.isAsking = false;
  }

  forget(holding: Holding): void {
    for (const [actor, parked] of this.parked) if (parked.holding === holding) this.parked.delete(actor);
  }
}
