// Brings actors into memory: their rows read together, restored, and parked when they cannot be.

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
  constructor(
    private readonly store: Pick<HostStore, "actors">,
    private readonly cache: ActorCache,
    private readonly parking: Parking,
    private readonly log: Log,
  ) {}

  /** Brings the actors of these events into the cache; those that cannot be used are parked. @throws when the store does not answer */
  async load(events: readonly QueuedEvent[]): Promise<void> {
    const missing = new Map<string, Holding>();
    for (const { actor, holding } of events) if (!this.cache.get(actor) && !this.parking.has(actor)) missing.set(actor, holding);
    const wanted: Wanted[] = [...missing];
    const groups = Array.from({ length: Math.ceil(wanted.length / MAX_ACTORS) }, (_, index) =>
      wanted.slice(index * MAX_ACTORS, (index + 1) * MAX_ACTORS),
    );
    await Promise.all(groups.map((group) => this.loadGroup(group)));
  }

  private async loadGroup(wanted: readonly Wanted[]): Promise<void> {
    const rows = new Map<string, Actor>();
    try {
      for (const row of await this.store.actors(wanted.map(([address]) => address))) rows.set(row.address, row);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const [only, ...others] = wanted;
      if (others.length > 0)
        await Promise.all(wanted.map((one) => this.loadGroup([one]))); // H5: which one is it?
      else if (only) void this.parking.park(only[0], only[1], error.message);
      return;
    }
    for (const [address, holding] of wanted) {
      if (holding.isLost) continue;
      const row = rows.get(address);
      // Its mail stays where it is: whoever takes the shard over next looks again.
      if (!row) this.log.error("actor.unknown", { actor: address });
      else if (row.status === "parked") this.parking.found(address, holding);
      else this.revive(row, holding);
    }
  }

  private revive({ id, address, shard, sequence, machineVersion, snapshot }: Actor, holding: Holding): void {
    try {
      this.cache.set(address, { id, shard, sequence, live: liveActor(address, machineVersion, snapshot) });
    } catch (error) {
      if (!(error instanceof Unrestorable)) throw error;
      void this.parking.park(address, holding, error.message);
    }
  }
}
