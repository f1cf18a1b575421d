// Brings actors into memory: their rows read together, restored, and parked when they cannot be. One read at a time: whoever wants
// actors waits for what is being read ahead.

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
    await this.readingAhead;
    await this.read(events);
  }

  /** The same for events whose turn comes next. What cannot be read now is read when it is their turn. */
  readAhead(events: readonly QueuedEvent[]): void {
    this.readingAhead ??= this.read(events)
      .catch(() => {})
      .then(() => {
        this.readingAhead = null;
      });
  }

  private async read(events: readonly QueuedEvent[]): Promise<void> {
    const missing = new Map<string, Holding>();
    for (const { actor, holding } of events) if (!this.cache.get(actor) && !this.parking.has(actor)) missing.set(actor, holding);
    let wanted: readonly Wanted[] = [...missing];
    while (wanted.length > 0) wanted = wanted.slice(await this.loadGroup(wanted.slice(0, MAX_ACTORS)));
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
