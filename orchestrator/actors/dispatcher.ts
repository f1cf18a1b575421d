// Performs committed effects, oldest first, at least once each, until they are settled.
//   D1. Only what was handed to `enqueue` after its commit is performed (P4).
//   D2. An effect is in flight at most once a holding.
//   D3. Every effect ends settled, done or failed, or is dropped with its holding (whose next owner performs it again).
//   D4. What a lost holding still has in flight is aborted, and its outcome is for nobody.

import type { Effect, EffectKind } from "@omakase/machines";
import type { PendingEffect, Settled } from "../../convex/steps.ts";
import { OmakaseError, reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { Fenced, type HostStore } from "../store/host-store.ts";
import { Breaker, type Health } from "./breaker.ts";
import { type Clock, wait } from "./clock.ts";
import type { Holding } from "./holding.ts";
import {
  CONCURRENCY,
  type EffectContext,
  type FarSide,
  type Performed,
  PerformerFault,
  type Performers,
  RETRY_POLICIES,
  type RetryPolicy,
} from "./performer.ts";
import { type Ending, Settling } from "./settling.ts";

interface Waiting {
  readonly effect: PendingEffect;
  readonly holding: Holding;
  readonly policy: RetryPolicy;
  attempt: number;
  /** Being performed or settled. */
  isBegun: boolean;
}

interface Lane {
  readonly breaker: Breaker;
  readonly queue: Waiting[];
  inFlight: number;
  isWaking: boolean;
}

export interface DispatcherDeps {
  readonly store: HostStore;
  readonly clock: Clock;
  readonly performers: Performers;
  readonly log: Log;
  /** A settlement is stored: the mail it made is for memory. */
  readonly onSettled: (settled: Settled, effect: PendingEffect, holding: Holding) => void;
  readonly onFenced: (holding: Holding) => void;
  /** Resolves when an effect of the holding may be performed now. @throws {Fenced} when the holding is lost */
  readonly allowed: (kind: string, holding: Holding) => Promise<void>;
}

export interface DispatcherStats {
  /** Waiting for a turn or backing off. */
  readonly waiting: number;
  /** Being performed or settled. */
  readonly inFlight: number;
  /** Far sides that are not called at the moment. */
  readonly open: readonly FarSide[];
}

const DRAIN_POLL_MS = 10;

export class Dispatcher {
  private readonly lanes: Record<FarSide, Lane>;
  private readonly settling: Settling;
  /** Effects waiting, in flight or backing off. */
  private readonly held = new Map<string, Waiting>();
  private stopped = false;

  constructor(private readonly deps: DispatcherDeps) {
    const lane = (): Lane => ({ breaker: new Breaker(deps.clock), queue: [], inFlight: 0, isWaking: false });
    this.lanes = { ecs: lane(), linear: lane(), github: lane(), convex: lane() };
    this.settling = new Settling(deps);
  }

  stats(): DispatcherStats {
    const lanes = Object.entries(this.lanes) as [FarSide, Lane][];
    const inFlight = lanes.reduce((sum, [, lane]) => sum + lane.inFlight, this.settling.size);
    return {
      waiting: Math.max(0, this.held.size - inFlight),
      inFlight,
      open: lanes.filter(([, lane]) => lane.breaker.isOpen).map(([name]) => name),
    };
  }

  /** Safe to repeat: an effect that is held already is left alone. */
  enqueue(effect: PendingEffect, holding: Holding): void {
    if (this.stopped || !holding.isOpen || this.held.has(effect.effectId)) return;
    const policy = Object.hasOwn(RETRY_POLICIES, effect.kind) ? RETRY_POLICIES[effect.kind as EffectKind] : undefined;
    if (!policy) {
      // Asked for by another build: its row stays pending for one that knows the kind.
      this.deps.log.error("effect.unknown_kind", { effectId: effect.effectId, kind: effect.kind });
      return;
    }
    const waiting = { effect, holding, policy, attempt: 0, isBegun: false };
    this.held.set(effect.effectId, waiting);
    this.line(waiting);
    this.work(policy.farSide);
  }

  /** In the order asked for, but what somebody waits for before what is only news. */
  private line(waiting: Waiting): void {
    const { queue } = this.lanes[waiting.policy.farSide];
    const firstNews = waiting.policy.isAwaited ? queue.findIndex(({ policy }) => !policy.isAwaited) : -1;
    if (firstNews === -1) queue.push(waiting);
    else queue.splice(firstNews, 0, waiting);
  }

  /** D4. */
  forget(holding: Holding): void {
    for (const [effectId, waiting] of this.held) if (waiting.holding === holding) this.held.delete(effectId);
  }

  /** Resolves when what is in flight of a holding that was closed has been settled or `graceMs` has passed. */
  async finish(holding: Holding, graceMs: number): Promise<void> {
    const deadline = this.deps.clock.elapsed() + graceMs;
    const isBusy = () => [...this.held.values()].some((waiting) => waiting.holding === holding && waiting.isBegun);
    while (isBusy() && this.deps.clock.elapsed() < deadline) await wait(this.deps.clock, DRAIN_POLL_MS);
  }

  /** Nothing new is begun; resolves when what is in flight has been settled or `graceMs` has passed. */
  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    const deadline = this.deps.clock.elapsed() + graceMs;
    while (this.stats().inFlight > 0 && this.deps.clock.elapsed() < deadline) await wait(this.deps.clock, DRAIN_POLL_MS);
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
      if (next?.holding.isOpen && this.isHeld(next)) void this.perform(next, lane);
    }
  }

  private wakeLater(lane: Lane, farSide: FarSide, ms: number): void {
    if (lane.isWaking) return;
    lane.isWaking = true;
    this.deps.clock.after(ms, () => {
      lane.isWaking = false;
      this.work(farSide);
    });
  }

  private isHeld = (waiting: Waiting) => this.held.get(waiting.effect.effectId) === waiting;

  private async perform(waiting: Waiting, lane: Lane): Promise<void> {
    waiting.attempt++;
    waiting.isBegun = true;
    lane.inFlight++;
    const ended = lane.breaker.begin();
    let performed: Performed | OmakaseError;
    let health: Health = "up";
    try {
      performed = await this.call(waiting);
    } catch (thrown) {
      performed = thrown instanceof OmakaseError ? thrown : new PerformerFault(reasonOf(thrown), { cause: thrown });
      // An answer that says no is an answer: the far side is up. What we aborted says nothing about it.
      health = !this.isHeld(waiting) || performed instanceof Fenced ? "unknown" : performed.retryable ? "down" : "up";
    }
    ended(health);
    lane.inFlight--;
    if (this.isHeld(waiting)) this.proceed(waiting, performed);
    this.work(waiting.policy.farSide);
  }

  private async call({ effect, holding }: Waiting): Promise<Performed> {
    await this.deps.allowed(effect.kind, holding);
    const perform = this.deps.performers[effect.kind as EffectKind] as (
      effect: Effect,
      context: EffectContext,
    ) => Promise<Performed>;
    return perform(JSON.parse(effect.payload) as Effect, {
      effectId: effect.effectId,
      actor: effect.actor,
      epochs: [holding.epoch],
      askedAt: effect.createdAt,
      signal: holding.signal,
    });
  }

  private proceed(waiting: Waiting, performed: Performed | OmakaseError): void {
    const { effect, holding } = waiting;
    if (performed instanceof Fenced) this.deps.onFenced(holding);
    else if (performed instanceof OmakaseError) this.retryOrGiveUp(waiting, performed);
    else if (performed.kind === "answer") {
      const answer = performed.event ? JSON.stringify({ ...performed.event, at: this.deps.clock.now() }) : null;
      this.settle(waiting, { state: "done", error: null, answer, taskArn: performed.taskArn ?? null });
    } else {
      this.held.delete(effect.effectId);
      this.deps.onSettled(performed.settled, effect, holding);
    }
  }

  private retryOrGiveUp(waiting: Waiting, error: OmakaseError): void {
    const { effect, attempt, policy } = waiting;
    const reason = reasonOf(error);
    const fields = { effectId: effect.effectId, kind: effect.kind, attempt, code: error.code, reason };
    if (error.retryable && attempt < policy.attempts) {
      waiting.isBegun = false;
      const ceiling = Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1));
      const delayMs = Math.max(error.retryAfterMs ?? 0, this.deps.clock.random() * ceiling);
      this.deps.log[attempt === 1 ? "info" : "warn"]("effect.retry", { ...fields, delayMs: Math.round(delayMs) });
      this.deps.clock.after(delayMs, () => {
        if (!this.isHeld(waiting) || this.stopped) return;
        this.lanes[policy.farSide].queue.unshift(waiting); // older than whatever waits
        this.work(policy.farSide);
      });
      return;
    }
    this.deps.log.error("effect.failed", fields);
    this.settle(waiting, failed(effect, reason, this.deps.clock.now()));
  }

  private settle(waiting: Waiting, ending: Ending): void {
    const { effect, holding } = waiting;
    this.settling.add({
      effect,
      holding,
      ending,
      refused: (reason) => failed(effect, `its answer could not be stored: ${reason}`, this.deps.clock.now()),
      over: () => {
        if (this.isHeld(waiting)) this.held.delete(effect.effectId);
      },
    });
  }
}

const failed = ({ kind }: PendingEffect, reason: string, at: number): Ending => ({
  state: "failed",
  error: reason,
  answer: JSON.stringify({ type: "effect.failed", at, kind, reason }),
  taskArn: null,
});
