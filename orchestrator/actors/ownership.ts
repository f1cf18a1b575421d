// Which shards this process may commit for. The epoch in every commit is the fence; the lease only decides when somebody else may
// take over (facts: durable 5.6).

import { SHARDS } from "../../convex/shardOf.ts";
import type { Epoch } from "../../convex/steps.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { HostStore } from "../store/host-store.ts";
import type { Clock } from "./clock.ts";

export const LEASE_TTL_MS = 10_000;
export const RENEW_EVERY_MS = 3_000;

export interface OwnershipDeps {
  readonly store: HostStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly onTaken: (epoch: Epoch) => void;
  readonly onLost: (shard: number) => void;
}

export class Ownership {
  private readonly held = new Map<number, Epoch>();
  private cancelTick: (() => void) | null = null;
  private stopped = false;

  constructor(private readonly deps: OwnershipDeps) {}

  epochOf = (shard: number): Epoch | null => this.held.get(shard) ?? null;

  get shards(): readonly number[] {
    return [...this.held.keys()];
  }

  /** Claims what can be claimed now and goes on doing so. */
  async start(): Promise<void> {
    await this.tick();
  }

  /** The store has refused us: somebody else took the shard. */
  fenced(shard: number): void {
    if (!this.held.delete(shard)) return;
    this.deps.log.warn("shard.lost", { shard });
    this.deps.onLost(shard);
  }

  /** Gives everything back at once, so that a successor need not wait for the leases to run out. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelTick?.();
    const leases = [...this.held.values()];
    this.held.clear();
    if (leases.length > 0) await this.deps.store.release(leases);
  }

  private async tick(): Promise<void> {
    if (this.stopped) return;
    try {
      if (this.held.size > 0) {
        const lost = await this.deps.store.renew([...this.held.values()], LEASE_TTL_MS);
        for (const shard of lost) this.fenced(shard);
      }
      const wanted = Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => !this.held.has(shard));
      if (wanted.length > 0 && !this.stopped) {
        for (const epoch of await this.deps.store.claim(wanted, LEASE_TTL_MS)) {
          this.held.set(epoch.shard, epoch);
          this.deps.onTaken(epoch);
        }
      }
    } catch (error) {
      // Without the store nothing can be done in any case; the fence keeps us harmless meanwhile.
      this.deps.log.warn("ownership.unanswered", { reason: reasonOf(error) });
    }
    if (!this.stopped) this.cancelTick = this.deps.clock.after(RENEW_EVERY_MS, () => void this.tick());
  }
}
