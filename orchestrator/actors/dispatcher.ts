// Performs committed effects, oldest first, at least once each, until they are settled.
//   D1. Only what was handed to `enqueue` after its commit is performed (P4).
//   D2. An effect is in flight at most once a holding.
//   D3. Every effect ends settled, done or failed, or is dropped with its holding (whose next owner performs it again).
//   D4. What a lost holding still has in flight is aborted, and its outcome is for nobody.
//   D5. Being told to wait (a rate limit, a full cluster) is no attempt and no failure: the effect keeps its turn, however long it takes.
//   D6. What must follow one another (moves of one ticket) does: a younger one waits until the older one is settled.

import type { PerformedEffect } from "@omakase/machines/effects";
import type { PendingEffect, Settled } from "../../convex/steps.ts";
import { OmakaseError, reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { RateLimited } from "../rates/rate-limited.ts";
import { Fenced, type HostStore } from "../store/host-store.ts";
import { Breaker, type Health } from "./breaker.ts";
import { type Clock, wait } from "./clock.ts";
import type { Holding } from "./holding.ts";
import {
  CONCURRENCY,
  type EffectContext,
  FAULT_ATTEMPTS,
  type FarSide,
  type Performed,
  type PerformedKind,
  PerformerFault,
  type Performers,
  RETRY_POLICIES,
} from "./performer.ts";
import { type Ending, Settling, type SettlingDeps } from "./settling.ts";
import { Turns, type Waiting } from "./turns.ts";

interface Lane {
  readonly breaker: Breaker;
  readonly turns: Turns;
  inFlight: number;
  /** When the lane is to be looked at again, by `clock.elapsed()`, and how that is called off. */
  waking: { readonly at: number; readonly cancel: () => void } | null;
}

export interface DispatcherDeps {
  readonly store: HostStore;
  readonly clock: Clock;
  readonly performers: Performers;
  readonly log: Log;
  /** A settlement is stored: the mail it made is for memory. */
  readonly onSettled: (settled: Settled, effect: PendingEffect, holding: Holding) => void;
  readonly onFenced: (holding: Holding) => void;
  /** What waits to be stepped: endings give way to a backlog. */
  readonly inbox: SettlingDeps["inbox"];
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

/** Why effects of a far side are not sent just now: for metrics, and for "why is it not running?". */
export interface FarSideWait {
  readonly farSide: FarSide;
  /** The budget that is spent; null: the far side does not answer. */
  readonly budget: string | null;
  /** In words, without the time. */
  readonly reason: string;
  /** ms since the epoch. */
  readonly until: number;
  readonly effects: number;
  /** `createdAt` of the longest waiting, ms. */
  readonly since: number;
}

/** The same, of one effect. */
export interface EffectWait {
  readonly effectId: string;
  readonly kind: PerformedKind;
  readonly reason: string;
  readonly until: number;
  readonly since: number;
}

/** An effect that waits, and who asked for it. */
export interface HeldBack extends EffectWait {
  readonly actor: string;
  /** Of the agent, for a launch; 0 for what has none. */
  readonly attempt: number;
}

const DRAIN_POLL_MS = 10;

export class Dispatcher {
  private readonly lanes: Record<FarSide, Lane>;
  private readonly settling: Settling;
  /** Effects waiting, in flight or backing off. */
  private readonly held = new Map<string, Waiting>();
  /** D6: by actor and kind, the one whose turn it is first. */
  private readonly files = new Map<string, Waiting[]>();
  private arrivals = 0;
  private stopped = false;

  constructor(private readonly deps: DispatcherDeps) {
    const lane = (): Lane => ({ breaker: new Breaker(deps.clock), turns: new Turns(deps.clock), inFlight: 0, waking: null });
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
    const policy = Object.hasOwn(RETRY_POLICIES, effect.kind) ? RETRY_POLICIES[effect.kind as PerformedKind] : undefined;
    if (!policy) {
      // Asked for by another build: its row stays pending for one that knows the kind.
      this.deps.log.error("effect.unknown_kind", { effectId: effect.effectId, kind: effect.kind });
      return;
    }
    const waiting = { effect, holding, policy, order: this.arrivals++, attempt: 0, budget: null, isBegun: false };
    this.held.set(effect.effectId, waiting);
    if (this.isFirstInFile(waiting)) this.lanes[policy.farSide].turns.line(waiting);
    this.work(policy.farSide);
  }

  /** D6. */
  private isFirstInFile(waiting: Waiting): boolean {
    if (!waiting.policy.isInOrder) return true;
    const name = fileOf(waiting);
    const file = this.files.get(name) ?? [];
    this.files.set(name, [...file, waiting]);
    return file.length === 0;
  }

  /** It is settled, or not ours any more. */
  private release(waiting: Waiting): void {
    this.held.delete(waiting.effect.effectId);
    const name = fileOf(waiting);
    const file = this.files.get(name);
    if (!file) return;
    const rest = file.filter((other) => other !== waiting);
    if (rest.length > 0) this.files.set(name, rest);
    else this.files.delete(name);
    const next = rest[0];
    if (file[0] !== waiting || !next || next.holding.isLost) return;
    this.lanes[next.policy.farSide].turns.line(next);
    this.work(next.policy.farSide);
  }

  /** What is waited for at the far sides, one entry for each budget and each far side that does not answer. */
  waits(): FarSideWait[] {
    return (Object.entries(this.lanes) as [FarSide, Lane][]).flatMap(([farSide, { turns, breaker }]) => {
      const waits = turns.waits().map((wait) => ({ farSide, ...wait }));
      const { size, since } = turns;
      const until = this.deps.clock.now() + breaker.waitMs();
      const down = { farSide, budget: null, reason: `${NAMES[farSide]} does not answer`, until, effects: size, since };
      return breaker.isOpen && size > 0 ? [...waits, down] : waits;
    });
  }

  /** What the effects of one actor wait for. */
  waitsOf(actor: string): EffectWait[] {
    return Object.values(this.lanes).flatMap(({ turns }) => turns.waitsOf(actor));
  }

  /** There is news of a budget (a task has ended): whoever waits for it asks again. */
  reopen(budget: string): void {
    for (const [farSide, { turns }] of Object.entries(this.lanes) as [FarSide, Lane][])
      if (turns.open(budget)) this.work(farSide);
  }

  /** Effects of a kind that are kept waiting for longer than that: at most `limit`, the oldest first. */
  heldBack(kind: PerformedKind, olderThanMs: number, limit: number): HeldBack[] {
    const before = this.deps.clock.now() - olderThanMs;
    return Object.values(this.lanes).flatMap(({ turns }) => turns.heldBack(kind, before, limit));
  }

  /** D4. */
  forget(holding: Holding): void {
    for (const { turns } of Object.values(this.lanes)) turns.drop((waiting) => waiting.holding === holding);
    for (const waiting of this.held.values()) if (waiting.holding === holding) this.release(waiting);
    this.settling.look();
  }

  /** Resolves when what is in flight of a holding that was closed has been settled or `graceMs` has passed. */
  async finish(holding: Holding, graceMs: number): Promise<void> {
    this.settling.look();
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
    while (!this.stopped && lane.inFlight < CONCURRENCY[farSide]) {
      const waitMs = lane.turns.size > 0 ? lane.breaker.waitMs() : 0;
      const next = waitMs > 0 ? undefined : lane.turns.next();
      if (next) {
        if (next.holding.isOpen && this.isHeld(next)) void this.perform(next, lane);
      } else {
        const openAt = waitMs > 0 ? this.deps.clock.elapsed() + waitMs : lane.turns.nextOpening();
        if (openAt !== null) this.wakeLater(lane, farSide, openAt);
        return;
      }
    }
  }

  /** The earliest wish counts. */
  private wakeLater(lane: Lane, farSide: FarSide, at: number): void {
    if (lane.waking && lane.waking.at <= at) return;
    lane.waking?.cancel();
    const cancel = this.deps.clock.after(at - this.deps.clock.elapsed(), () => {
      lane.waking = null;
      this.work(farSide);
    });
    lane.waking = { at, cancel };
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
      health = this.isHeld(waiting) ? healthIn(performed) : "unknown"; // what we aborted says nothing about it
    }
    ended(health);
    lane.inFlight--;
    if (this.isHeld(waiting)) this.proceed(waiting, performed);
    this.work(waiting.policy.farSide);
  }

  private async call({ effect, holding, attempt, budget }: Waiting): Promise<Performed> {
    await this.deps.allowed(effect.kind, holding);
    const perform = this.deps.performers[effect.kind as PerformedKind] as (
      effect: PerformedEffect,
      context: EffectContext,
    ) => Promise<Performed>;
    return perform(JSON.parse(effect.payload) as PerformedEffect, {
      effectId: effect.effectId,
      actor: effect.actor,
      epochs: [holding.epoch],
      askedAt: effect.createdAt,
      isRepeated: attempt > 1 || budget !== null,
      signal: holding.signal,
    });
  }

  private proceed(waiting: Waiting, performed: Performed | OmakaseError): void {
    const { effect, holding } = waiting;
    if (performed instanceof Fenced) this.deps.onFenced(holding);
    else if (performed instanceof RateLimited) this.holdBack(waiting, performed);
    else if (performed instanceof OmakaseError) this.retryOrGiveUp(waiting, performed);
    else if (performed.kind === "answer") {
      const answer = performed.event ? JSON.stringify({ ...performed.event, at: this.deps.clock.now() }) : null;
      this.settle(waiting, { state: "done", error: null, answer, launch: performed.launch ?? null });
    } else {
      this.release(waiting);
      this.deps.onSettled(performed.settled, effect, holding);
    }
  }

  /** D5. */
  private holdBack(waiting: Waiting, limited: RateLimited): void {
    const { turns } = this.lanes[waiting.policy.farSide];
    const openAt = this.deps.clock.elapsed() + limited.retryAfterMs;
    if (turns.close(limited.budget, { reason: limited.reason, openAt }))
      this.deps.log.info("far_side.wait", {
        budget: limited.budget,
        reason: limited.reason,
        ms: Math.round(limited.retryAfterMs),
      });
    waiting.attempt--;
    waiting.isBegun = false;
    waiting.budget = limited.budget;
    turns.line(waiting);
  }

  private retryOrGiveUp(waiting: Waiting, error: OmakaseError): void {
    const { effect, attempt, policy } = waiting;
    const reason = reasonOf(error);
    const fields = { effectId: effect.effectId, kind: effect.kind, attempt, code: error.code, reason };
    // A bug of ours would not be seen for a day.
    const attempts = error instanceof PerformerFault ? Math.min(policy.attempts, FAULT_ATTEMPTS) : policy.attempts;
    if (error.retryable && attempt < attempts) {
      waiting.isBegun = false;
      const ceiling = Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1));
      const delayMs = Math.max(error.retryAfterMs ?? 0, this.deps.clock.random() * ceiling);
      this.deps.log[attempt === 1 ? "info" : "warn"]("effect.retry", { ...fields, delayMs: Math.round(delayMs) });
      this.deps.clock.after(delayMs, () => {
        if (!this.isHeld(waiting) || this.stopped) return;
        this.lanes[policy.farSide].turns.line(waiting);
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
      ended: () => {
        if (this.isHeld(waiting)) this.release(waiting);
      },
      again: () => {
        if (!this.isHeld(waiting) || this.stopped) return;
        waiting.isBegun = false;
        this.lanes[waiting.policy.farSide].turns.line(waiting);
        this.work(waiting.policy.farSide);
      },
    });
  }
}

const NAMES: Readonly<Record<FarSide, string>> = { ecs: "ECS", linear: "Linear", github: "GitHub", convex: "Convex" };

const fileOf = ({ effect }: Waiting): string => `${effect.kind} ${effect.actor}`;

/** An answer that says no, or not now, is an answer: the far side is up. */
function healthIn(error: OmakaseError): Health {
  if (error instanceof Fenced) return "unknown";
  return error.retryable && !(error instanceof RateLimited) ? "down" : "up";
}

const failed = ({ kind }: PendingEffect, reason: string, at: number): Ending => ({
  state: "failed",
  error: reason,
  answer: JSON.stringify({ type: "effect.failed", at, kind, reason }),
  launch: null,
});
