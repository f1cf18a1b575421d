// Which shards this process may commit for. The epoch in every commit is the fence; the lease only decides when somebody else may
// take over (facts: durable 5.6). Who gets how many is the store's to say (convex/shards.ts): here it is asked, and obeyed.
//   O1. At most one holding of a shard is alive in this process, the one with the highest epoch it was given.
//   O2. A holding ends the moment we know that the shard is not ours, and nothing revives it: the next one is new.
//   O3. Whoever is in doubt about what the store has takes the shard over again: recovery is the one way back to a known state.
//   O4. A shard is given back only once nothing of it is in flight, or that has taken too long to wait for.
//   O5. Nothing is begun at a far side while our own lease may have run out (`assured`): a process that was stopped for a while
//       hears first what has become of its shards.

import type { Attendance, Epoch } from "../../convex/steps.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { Fenced, type HostStore } from "../store/host-store.ts";
import { type Clock, wait } from "./clock.ts";
import { Holding } from "./holding.ts";

/** Three renewals, and a death is still noticed within 10 s. */
export const LEASE_TTL_MS = 9_000;

/** A runner's heartbeat comes every 10 s, and while we were away it asked again every 5 s. */
const SILENCE_GRACE_MS = 10_000;
/** How long an end waits for a call under way. */
const LAST_CALL_MS = 1_000;
/** Leases end on the store's clock: asked a moment later. */
const AFTER_END_MS = 10;

export interface OwnershipDeps {
  readonly store: HostStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly onTaken: (holding: Holding) => void;
  readonly onLost: (holding: Holding) => void;
  /** Resolves when nothing of a holding that was closed is in flight any more, or after a bound of its own. */
  readonly finish: (holding: Holding) => Promise<void>;
  /** Renewed three times within it. @default LEASE_TTL_MS */
  readonly leaseTtlMs?: number;
}

export class Ownership {
  private readonly held = new Map<number, Holding>();
  private readonly ttlMs: number;
  private cancelTick: (() => void) | null = null;
  private endWatch: () => void = () => {};
  private looking: Promise<void> | null = null;
  private isWanted = false;
  private stopped = false;
  /** When the last call that was answered was made, on the clock that cannot jump. */
  private attendedAt: number | null = null;
  private news = Promise.withResolvers<void>();

  constructor(private readonly deps: OwnershipDeps) {
    this.ttlMs = deps.leaseTtlMs ?? LEASE_TTL_MS;
  }

  get holdings(): readonly Holding[] {
    return [...this.held.values()];
  }

  /** Whether the store has ever answered: what is not held belongs to somebody else. */
  get isSettled(): boolean {
    return this.attendedAt !== null;
  }

  /** Whether our lease runs for certain (O5). */
  get isAssured(): boolean {
    return this.attendedAt !== null && this.deps.clock.elapsed() - this.attendedAt < this.ttlMs;
  }

  /** Asks for shards and goes on doing so. Resolves when the store has been asked once, answered or not. */
  start(): Promise<void> {
    this.endWatch = this.deps.store.watchRoster(() => void this.look());
    return this.look();
  }

  /** O5. @throws {Fenced} when the shard is not ours any more */
  async assured(holding: Holding): Promise<void> {
    if (!this.isAssured) void this.look();
    while (!this.isAssured && !holding.isLost) await this.news.promise;
    if (holding.isLost) throw new Fenced(holding.shard);
  }

  /** O2: the store has refused us, somebody else took the shard. */
  lost(holding: Holding): void {
    if (holding.isLost) return;
    this.deps.log.warn("shard.lost", { shard: holding.shard, epoch: holding.epoch.epoch });
    this.end(holding);
    void this.look();
  }

  /** O3. */
  retake(holding: Holding, reason: string): void {
    if (holding.isLost || this.stopped) return;
    this.deps.log.warn("shard.retaken", { shard: holding.shard, epoch: holding.epoch.epoch, reason });
    this.end(holding);
    void this.look(); // what is ours and not named as held is given to us anew
  }

  /** O4: gives everything back at once, so that a successor need not wait for the lease to run out. Never fails. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelTick?.();
    this.endWatch();
    if (this.looking) await Promise.race([this.looking, wait(this.deps.clock, LAST_CALL_MS)]);
    const leaving = this.holdings;
    for (const holding of leaving) holding.close();
    await Promise.all(leaving.map((holding) => this.deps.finish(holding)));
    for (const holding of this.holdings) this.end(holding);
    await this.release(
      leaving.map(({ epoch }) => epoch),
      true,
    );
  }

  /** Says that we are here. One call at a time: what asks for it meanwhile is answered by the next. */
  private look(): Promise<void> {
    this.isWanted = true;
    this.looking ??= this.lookAll().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  private async lookAll(): Promise<void> {
    while (this.isWanted && !this.stopped) {
      this.isWanted = false;
      this.cancelTick?.();
      const nextMs = await this.attend();
      if (!this.stopped) this.cancelTick = this.deps.clock.after(nextMs, () => void this.look());
    }
  }

  /** @returns when to do so again, ms */
  private async attend(): Promise<number> {
    const { store, clock, log } = this.deps;
    const renewMs = this.ttlMs / 3;
    const sent = this.holdings;
    const sentAt = clock.elapsed();
    const sinceMs = this.attendedAt === null ? null : sentAt - this.attendedAt;
    try {
      const answer = await store.attend(
        sent.map(({ epoch }) => epoch),
        this.ttlMs,
        sinceMs,
      );
      if (this.stopped) {
        await this.release(answer.taken, true);
        return renewMs;
      }
      this.attendedAt = sentAt;
      if (sinceMs !== null && sinceMs > this.ttlMs) this.resume(sent, sinceMs);
      this.obey(answer, sent);
      this.tell();
      return answer.nextEndMs === null ? renewMs : Math.min(renewMs, Math.max(0, answer.nextEndMs) + AFTER_END_MS);
    } catch (error) {
      // Without the store nothing can be done in any case; the fence keeps us harmless meanwhile.
      log.warn("ownership.unanswered", { reason: reasonOf(error) });
      return renewMs;
    }
  }

  private obey({ isReplaced, lost, taken, surplus }: Attendance, sent: readonly Holding[]): void {
    if (isReplaced) {
      this.deps.log.warn("ownership.replaced", { reason: "another process has begun under this name: going on under a new one" });
      this.isWanted = true;
    }
    for (const holding of sent) if (lost.includes(holding.shard)) this.lost(holding);
    for (const { unattendedMs, ...epoch } of taken) this.take(epoch, unattendedMs);
    for (const holding of sent) if (surplus.includes(holding.shard)) void this.handOver(holding);
  }

  /** O1. */
  private take(epoch: Epoch, unattendedMs: number | null): void {
    const before = this.held.get(epoch.shard);
    if (before && before.epoch.epoch >= epoch.epoch) return;
    if (before) this.end(before);
    const holding = new Holding(epoch);
    if (unattendedMs === null || unattendedMs > this.ttlMs) holding.graceUntil = this.deps.clock.elapsed() + SILENCE_GRACE_MS;
    this.held.set(epoch.shard, holding);
    this.deps.onTaken(holding);
  }

  /** Back after an outage in which nobody took our shards: whoever could not be heard has a heartbeat's time to be. */
  private resume(holdings: readonly Holding[], awayMs: number): void {
    this.deps.log.warn("ownership.resumed", { awayMs: Math.round(awayMs) });
    for (const holding of holdings) holding.graceUntil = this.deps.clock.elapsed() + SILENCE_GRACE_MS;
  }

  /** O4. Others are to have it. */
  private async handOver(holding: Holding): Promise<void> {
    if (!holding.isOpen || this.stopped) return;
    holding.close();
    await this.deps.finish(holding);
    if (holding.isLost || this.stopped) return;
    this.deps.log.info("shard.handed_over", { shard: holding.shard, epoch: holding.epoch.epoch });
    this.end(holding);
    await this.release([holding.epoch], false);
  }

  private end(holding: Holding): void {
    holding.lose();
    if (this.held.get(holding.shard) === holding) this.held.delete(holding.shard);
    this.deps.onLost(holding);
    this.tell();
  }

  private tell(): void {
    this.news.resolve();
    this.news = Promise.withResolvers();
  }

  private async release(leases: readonly Epoch[], isLeaving: boolean): Promise<void> {
    if (leases.length === 0 && !isLeaving) return;
    try {
      await this.deps.store.release(leases, isLeaving);
    } catch (error) {
      // Given to us anew with the next look, or run out.
      this.deps.log.warn("ownership.unanswered", { reason: reasonOf(error) });
    }
  }
}
