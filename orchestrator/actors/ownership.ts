// Which shards this process may commit for. The epoch in every commit is the fence; the lease only decides when somebody else may
// take over (facts: durable 5.6).
//   O1. At most one holding of a shard is alive in this process, the one with the highest epoch it was given.
//   O2. A holding ends the moment we know that the shard is not ours, and nothing revives it: the next claim makes a new one.
//   O3. Whoever is in doubt about what the store has takes the shard over again: recovery is the one way back to a known state.

import { SHARDS } from "../../convex/shardOf.ts";
import type { Epoch } from "../../convex/steps.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { HostStore } from "../store/host-store.ts";
import type { Clock } from "./clock.ts";
import { Holding } from "./holding.ts";

export const LEASE_TTL_MS = 10_000;
export const RENEW_EVERY_MS = 3_000;

export interface OwnershipDeps {
  readonly store: HostStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly onTaken: (holding: Holding) => void;
  readonly onLost: (holding: Holding) => void;
}

export class Ownership {
  private readonly held = new Map<number, Holding>();
  private cancelTick: (() => void) | null = null;
  private stopped = false;
  private asked = false;

  constructor(private readonly deps: OwnershipDeps) {}

  get holdings(): readonly Holding[] {
    return [...this.held.values()];
  }

  /** Whether the store has answered a claim: what is not held now belongs to somebody else. */
  get isSettled(): boolean {
    return this.asked;
  }

  /** Claims what can be claimed now and goes on doing so. */
  start(): Promise<void> {
    return this.tick();
  }

  /** O2: the store has refused us, somebody else took the shard. */
  lost(holding: Holding): void {
    if (holding.isLost) return;
    this.deps.log.warn("shard.lost", { shard: holding.shard, epoch: holding.epoch.epoch });
    this.end(holding);
  }

  /** O3. */
  retake(holding: Holding, reason: string): void {
    if (holding.isLost || this.stopped) return;
    this.deps.log.warn("shard.retaken", { shard: holding.shard, epoch: holding.epoch.epoch, reason });
    this.end(holding);
    void this.claim([holding.shard]).catch((error) => this.unanswered(error)); // the next tick tries again
  }

  /** Gives everything back at once, so that a successor need not wait for the leases to run out. Never fails. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelTick?.();
    const leases = this.holdings.map(({ epoch }) => epoch);
    for (const holding of this.holdings) this.end(holding);
    await this.release(leases);
  }

  private async tick(): Promise<void> {
    if (this.stopped) return;
    try {
      await this.renew();
      const wanted = Array.from({ length: SHARDS }, (_, shard) => shard).filter((shard) => !this.held.has(shard));
      if (wanted.length > 0 && !this.stopped) await this.claim(wanted);
    } catch (error) {
      this.unanswered(error);
    }
    if (!this.stopped) this.cancelTick = this.deps.clock.after(RENEW_EVERY_MS, () => void this.tick());
  }

  private async renew(): Promise<void> {
    const holdings = this.holdings;
    if (holdings.length === 0) return;
    const epochs = holdings.map(({ epoch }) => epoch);
    const lost = new Set(await this.deps.store.renew(epochs, LEASE_TTL_MS));
    for (const holding of holdings) if (lost.has(holding.shard)) this.lost(holding);
  }

  private async claim(shards: readonly number[]): Promise<void> {
    const taken = await this.deps.store.claim(shards, LEASE_TTL_MS);
    this.asked = true;
    if (this.stopped) return this.release(taken);
    for (const epoch of taken) this.take(epoch);
  }

  /** O1: two claims may have crossed. */
  private take(epoch: Epoch): void {
    const before = this.held.get(epoch.shard);
    if (before && before.epoch.epoch >= epoch.epoch) return;
    if (before) this.end(before);
    const holding = new Holding(epoch);
    this.held.set(epoch.shard, holding);
    this.deps.onTaken(holding);
  }

  private end(holding: Holding): void {
    holding.lose();
    if (this.held.get(holding.shard) === holding) this.held.delete(holding.shard);
    this.deps.onLost(holding);
  }

  private async release(leases: readonly Epoch[]): Promise<void> {
    if (leases.length === 0) return;
    try {
      await this.deps.store.release(leases);
    } catch (error) {
      this.unanswered(error); // they run out by themselves
    }
  }

  /** Without the store nothing can be done in any case; the fence keeps us harmless meanwhile. */
  private unanswered(error: unknown): void {
    this.deps.log.warn("ownership.unanswered", { reason: reasonOf(error) });
  }
}
