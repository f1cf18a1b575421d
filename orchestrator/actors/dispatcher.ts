// Performs committed effects, oldest first, at least once each, until they are settled.
//   D1. Only what was handed to `enqueue` after its commit is performed (P4).
//   D2. An effect is in flight at most once in this process.
//   D3. Every effect ends settled, done or failed, or is dropped with its shard (whose next owner performs it again).

import type { Effect, EffectKind } from "@omakase/machines";
import type { Epoch, PendingEffect, Settled, Settlement } from "../../convex/steps.ts";
import { OmakaseError, reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { Fenced, type HostStore, Refused } from "../store/host-store.ts";
import { Breaker } from "./breaker.ts";
import { type Clock, wait } from "./clock.ts";
import { CONCURRENCY, type FarSide, type Performed, PerformerFault, type Performers, RETRY_POLICIES } from "./performer.ts";

interface Waiting {
  readonly effect: PendingEffect;
  readonly shard: number;
  attempt: number;
}

interface Lane {
  readonly breaker: Breaker;
  readonly queue: Waiting[];
  inFlight: number;
  wake: (() => void) | null;
}

export interface DispatcherDeps {
  readonly store: HostStore;
  readonly clock: Clock;
  readonly performers: Performers;
  readonly log: Log;
  readonly epochOf: (shard: number) => Epoch | null;
  /** A settlement is stored: the mail it made is for memory. */
  readonly onSettled: (settled: Settled, shard: number) => void;
  readonly onFenced: (shard: number) => void;
}

export interface DispatcherStats {
  readonly waiting: number;
  readonly inFlight: number;
  readonly open: readonly FarSide[];
}

export class Dispatcher {
  private readonly lanes: Record<FarSide, Lane>;
  /** Effects waiting, in flight or backing off, by shard. */
  private readonly held = new Map<string, number>();
  private readonly abort = new Map<number, AbortController>();
  private settlements: { settlement: Settlement; shard: number; done: () => void }[] = [];
  private settling = false;
  private stopped = false;

  constructor(private readonly deps: DispatcherDeps) {
    const lane = (): Lane => ({ breaker: new Breaker(deps.clock), queue: [], inFlight: 0, wake: null });
    this.lanes = { ecs: lane(), linear: lane(), github: lane(), convex: lane() };
  }

  stats(): DispatcherStats {
    const lanes = Object.entries(this.lanes) as [FarSide, Lane][];
    const inFlight = lanes.reduce((sum, [, lane]) => sum + lane.inFlight, 0);
    return {
      waiting: this.held.size - inFlight,
      inFlight,
      open: lanes.filter(([, lane]) => lane.breaker.isOpen).map(([name]) => name),
    };
  }

  /** Safe to repeat: an effect that is held already is left alone. */
  enqueue(effect: PendingEffect, shard: number): void {
    if (this.stopped || this.held.has(effect.effectId)) return;
    this.held.set(effect.effectId, shard);
    const { farSide } = RETRY_POLICIES[effect.kind as EffectKind];
    this.lanes[farSide].queue.push({ effect, shard, attempt: 0 });
    this.work(farSide);
  }

  /** The shard belongs to somebody else: what is waiting is dropped, what is in flight aborted and not settled. */
  forget(shard: number): void {
    this.abort.get(shard)?.abort(new Fenced(shard));
    this.abort.delete(shard);
    for (const [effectId, of] of this.held) if (of === shard) this.held.delete(effectId);
  }

  /** Nothing new is begun; resolves when what is in flight has been settled or `graceMs` has passed. */
  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    const deadline = this.deps.clock.now() + graceMs;
    while (this.stats().inFlight > 0 && this.deps.clock.now() < deadline) await wait(this.deps.clock, 10);
    for (const controller of this.abort.values()) controller.abort();
  }

  private work(farSide: FarSide): void {
    const lane = this.lanes[farSide];
    while (!this.stopped && lane.inFlight < CONCURRENCY[farSide] && lane.queue.length > 0) {
      const waitMs = lane.breaker.waitMs();
      if (waitMs > 0) {
        this.wakeLater(lane, farSide, waitMs);
        return;
      }
      const next = lane.queue.shift();
      if (!next || !this.isHeld(next)) continue;
      lane.breaker.begin();
      lane.inFlight++;
      void this.perform(next, lane, farSide).finally(() => {
        lane.inFlight--;
        this.work(farSide);
      });
    }
  }

  private wakeLater(lane: Lane, farSide: FarSide, ms: number): void {
    if (lane.wake) return;
    lane.wake = this.deps.clock.after(ms, () => {
      lane.wake = null;
      this.work(farSide);
    });
  }

  private isHeld = (waiting: Waiting) => this.held.get(waiting.effect.effectId) === waiting.shard;

  private async perform(waiting: Waiting, lane: Lane, farSide: FarSide): Promise<void> {
    const { effect, shard } = waiting;
    const epoch = this.deps.epochOf(shard);
    if (!epoch) return;
    waiting.attempt++;
    try {
      const performed = await this.call(effect, epoch);
      lane.breaker.succeeded();
      await this.finish(waiting, performed);
    } catch (thrown) {
      if (thrown instanceof Fenced) {
        this.deps.onFenced(thrown.shard);
        return;
      }
      if (!this.isHeld(waiting)) return;
      const error = thrown instanceof OmakaseError ? thrown : new PerformerFault(reasonOf(thrown), { cause: thrown });
      // An answer that says no is an answer: the far side is up.
      if (error.retryable) lane.breaker.failed();
      else lane.breaker.succeeded();
      await this.retryOrGiveUp(waiting, error, farSide);
    }
  }

  private call(effect: PendingEffect, epoch: Epoch): Promise<Performed> {
    let controller = this.abort.get(epoch.shard);
    if (!controller) {
      controller = new AbortController();
      this.abort.set(epoch.shard, controller);
    }
    const perform = this.deps.performers[effect.kind as EffectKind] as (
      effect: Effect,
      context: Parameters<Performers["findReady"]>[1],
    ) => Promise<Performed>;
    return perform(JSON.parse(effect.payload) as Effect, {
      effectId: effect.effectId,
      actor: effect.actor,
      epochs: [epoch],
      askedAt: effect.createdAt,
      signal: controller.signal,
    });
  }

  private async finish({ effect, shard }: Waiting, performed: Performed): Promise<void> {
    if (performed.kind === "settled") {
      this.held.delete(effect.effectId);
      this.deps.onSettled(performed.settled, shard);
      return;
    }
    const answer = performed.event ? JSON.stringify({ ...performed.event, at: this.deps.clock.now() }) : null;
    await this.settle(
      { effectId: effect.effectId, state: "done", error: null, answer, taskArn: performed.taskArn ?? null },
      shard,
    );
  }

  private async retryOrGiveUp(waiting: Waiting, error: OmakaseError, farSide: FarSide): Promise<void> {
    const { effect, shard, attempt } = waiting;
    const policy = RETRY_POLICIES[effect.kind as EffectKind];
    const fields = { effectId: effect.effectId, kind: effect.kind, attempt, code: error.code, reason: reasonOf(error) };
    if (error.retryable && attempt < policy.attempts) {
      const ceiling = Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1));
      const delayMs = Math.max(error.retryAfterMs ?? 0, this.deps.clock.random() * ceiling);
      this.deps.log[attempt === 1 ? "info" : "warn"]("effect.retry", { ...fields, delayMs: Math.round(delayMs) });
      this.deps.clock.after(delayMs, () => {
        if (!this.isHeld(waiting) || this.stopped) return;
        this.lanes[farSide].queue.push(waiting);
        this.work(farSide);
      });
      return;
    }
    this.deps.log.error("effect.failed", fields);
    const answer = JSON.stringify({
      type: "effect.failed",
      at: this.deps.clock.now(),
      kind: effect.kind,
      reason: reasonOf(error),
    });
    await this.settle({ effectId: effect.effectId, state: "failed", error: reasonOf(error), answer, taskArn: null }, shard);
  }

  /** Settlements are grouped: one call in flight, what comes meanwhile fills the next. */
  private settle(settlement: Settlement, shard: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settlements.push({ settlement, shard, done: resolve });
    void this.settleAll();
    return promise;
  }

  private async settleAll(): Promise<void> {
    if (this.settling) return;
    this.settling = true;
    let groupLimit = MAX_SETTLEMENTS;
    while (this.settlements.length > 0) {
      const group = this.settlements.splice(0, groupLimit).filter(({ settlement, shard, done }) => {
        const owned = this.held.get(settlement.effectId) === shard && this.deps.epochOf(shard) !== null;
        if (!owned) done();
        return owned;
      });
      if (group.length === 0) continue;
      const epochs = [...new Set(group.map(({ shard }) => shard))].flatMap((shard) => this.deps.epochOf(shard) ?? []);
      try {
        const results = await this.deps.store.settle(
          epochs,
          group.map(({ settlement }) => settlement),
        );
        group.forEach(({ settlement, shard, done }, index) => {
          this.held.delete(settlement.effectId);
          const result = results[index];
          if (result) this.deps.onSettled(result, shard);
          done();
        });
      } catch (error) {
        if (error instanceof Refused && group.length === 1) {
          // Left pending: the next owner performs it again; the far side knows its name.
          this.deps.log.error("settle.refused", { effectId: group[0]!.settlement.effectId, reason: reasonOf(error) });
          this.held.delete(group[0]!.settlement.effectId);
          group[0]!.done();
          continue;
        }
        if (error instanceof Fenced) this.deps.onFenced(error.shard);
        else if (error instanceof Refused) groupLimit = 1;
        else {
          this.deps.log.warn("settle.retry", { count: group.length, reason: reasonOf(error) });
          await wait(this.deps.clock, SETTLE_RETRY_MS);
        }
        this.settlements.unshift(...group);
      }
    }
    this.settling = false;
  }
}

const MAX_SETTLEMENTS = 64;
const SETTLE_RETRY_MS = 100;
