// Brings actors into memory: their rows read together, restored, and parked when they cannot be. Whoever misses some
// waits for what is being read ahead first.

import { type Actor, MAX_ACTORS } from "../../convex/steps.ts";
import type { Log } from "../log.ts";
import { type HostStore, Refused } from "../store/host-store.ts";
import type { ActorCache } from "./actor-cache.ts";
import type { Holding } from "./holding.ts";
import type { QueuedEvent } from "./inbox.ts";
import { liveActor, Unrestorable } from "./machine-step.ts";
import type { Parking } from "./parking.ts";

type Wanted = readonly [address: string, holding: Holding];

export class ActorLoader {
  private readingAhead: Promise<void> | null = null;

  constructor(
    private readonly store: Pick<HostStore, "actors">,
    private readonly cache: ActorCache,
    private readonly parking: Pick<Parking, "has" | "found" | "park">,
    private readonly log: Log,
  ) {}

  /** Brings the actors of these events into the cache; those that cannot be used are parked. @throws when the store does not answer */
  async load(events: readonly QueuedEvent[]): Promise<void> {
    let wanted = this.missing(events);
    if (wanted.length > 0 && this.readingAhead) {
      await this.readingAhead;
      wanted = this.missing(events);
    }
    await this.read(wanted);
  }

  /** The same for events whose turn comes next. What cannot be read now is read when it is their turn. */
  readAhead(events: readonly QueuedEvent[]): void {
    this.readingAhead ??= this.read(this.missing(events))
      .catch(() => {})
      .then(() => {
        this.readingAhead = null;
      });
  }

  private missing(events: readonly QueuedEvent[]): Wanted[] {
    const missing = new Map<string, Holding>();
    for (const { actor, holding } of events) if (!this.cache.get(actor) && !this.parking.has(actor)) missing.set(actor, holding);
    return [...missing];
  }

  private async read(wanted: readonly Wanted[]): Promise<void> {
    for (let from = 0; from < wanted.length; ) from += await this.loadGroup(wanted.slice(from, from + MAX_ACTORS));
  }

  /** @returns how many of them it has seen to, from the first on */
  private async loadGroup(wanted: readonly Wanted[]): Promise<number> {
    try {
      const rows = await this.store.actors(wanted.map(([address]) => address));
      wanted.slice(0, rows.length).forEach(([address, holding], index) => {
        this.take(address, holding, rows[index] ?? null);
      });
      return rows.length;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const [only, ...others] = wanted;
      if (others.length > 0)
        await Promise.all(wanted.map((one) => this.loadGroup([one]))); // H5: which one is it?
      else if (only) void this.parking.park(only[0], only[1], error.message);
      return wanted.length;
    }
  }

  private take(address: string, holding: Holding, row: Actor | null): void {
    if (holding.isLost) return;
    // Its mail stays where it is: whoever takes the shard over next looks again.
    if (row === null) this.log.error("actor.unknown", { actor: address });
    else if (row.status === "parked") this.parking.found(address, holding);
    else this.revive(row, holding);
  }

  private revive({ id, address, shard, sequence, machineVersion, snapshot }: Actor, holding: Holding): void {
    if (this.cache.get(address)) return; // by a step that was stored since it was read
    try {
      this.cache.set(address, { id, shard, sequence, live: liveActor(address, machineVersion, snapshot) });
    } catch (error) {
      if (!(error instanceof Unrestorable)) throw error;
      void this.parking.park(address, holding, error.message);
    }
  }
}
