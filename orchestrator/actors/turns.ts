// Whose turn it is at one far side: what somebody waits for before what is only news, and the oldest first within each; whoever's
// budget is spent keeps its place and is passed over until there is some again.

import type { PendingEffect } from "../../convex/steps.ts";
import type { Clock } from "./clock.ts";
import type { EffectWait, HeldBack } from "./dispatcher.ts";
import type { Holding } from "./holding.ts";
import type { PerformedKind, RetryPolicy } from "./performer.ts";

export interface Waiting {
  readonly effect: PendingEffect;
  readonly holding: Holding;
  readonly policy: RetryPolicy;
  /** Of arrival, among those that were asked for in the same millisecond. */
  readonly order: number;
  attempt: number;
  /** Being performed or settled. */
  isBegun: boolean;
  /** The budget it was told to wait for, last time; null when it never was. */
  budget: string | null;
}

interface Closed {
  readonly reason: string;
  /** By `clock.elapsed()`. */
  readonly openAt: number;
}

export class Turns {
  #queue: Waiting[] = [];
  readonly #closed = new Map<string, Closed>();

  constructor(private readonly clock: Pick<Clock, "now" | "elapsed">) {}

  get size(): number {
    return this.#queue.length;
  }

  /** `createdAt` of the oldest; now when nothing waits. */
  get since(): number {
    return this.#queue.reduce((least, { effect }) => Math.min(least, effect.createdAt), this.clock.now());
  }

  /** Safe to call for one that has waited before: it gets the same place again. */
  line(waiting: Waiting): void {
    let [from, to] = [0, this.#queue.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (goesBefore(waiting, this.#queue[middle])) to = middle;
      else from = middle + 1;
    }
    this.#queue.splice(from, 0, waiting);
  }

  drop(isOver: (waiting: Waiting) => boolean): void {
    this.#queue = this.#queue.filter((waiting) => !isOver(waiting));
  }

  /** The first whose budget is not spent, taken out of the queue. */
  next(): Waiting | undefined {
    const now = this.clock.elapsed();
    for (const [budget, { openAt }] of this.#closed) if (openAt <= now) this.#closed.delete(budget);
    const at = this.#queue.findIndex(({ budget }) => budget === null || !this.#closed.has(budget));
    return at < 0 ? undefined : this.#queue.splice(at, 1)[0];
  }

  /** A budget is spent. @returns whether that is news */
  close(budget: string, closed: Closed): boolean {
    const known = this.#closed.get(budget);
    if (!known || known.openAt < closed.openAt) this.#closed.set(budget, closed);
    return known === undefined && closed.openAt - this.clock.elapsed() >= NEWS_MS;
  }

  /** @returns whether it was closed */
  open(budget: string): boolean {
    return this.#closed.delete(budget);
  }

  /** When the first of what waits may go, by `clock.elapsed()`; null when nothing waits for a budget. */
  nextOpening(): number | null {
    if (this.#queue.length === 0 || this.#closed.size === 0) return null;
    return Math.min(...[...this.#closed.values()].map(({ openAt }) => openAt));
  }

  waits() {
    return [...this.#closed].flatMap(([budget, { reason, openAt }]) => {
      const kept = this.#queue.filter((waiting) => waiting.budget === budget);
      if (openAt <= this.clock.elapsed() || kept.length === 0) return [];
      const until = this.#timeOf(openAt);
      return [{ budget, reason, until, effects: kept.length, since: Math.min(...kept.map(({ effect }) => effect.createdAt)) }];
    });
  }

  waitsOf(actor: string): EffectWait[] {
    return this.#queue.filter(({ effect }) => effect.actor === actor).flatMap((waiting) => this.#waitOf(waiting));
  }

  heldBack(kind: PerformedKind, before: number, limit: number): HeldBack[] {
    return this.#queue
      .filter(({ effect }) => effect.kind === kind && effect.createdAt < before)
      .slice(0, limit)
      .flatMap((waiting) => {
        const { actor, payload } = waiting.effect;
        const { attempt = 0 } = JSON.parse(payload) as { attempt?: number };
        return this.#waitOf(waiting).map((wait) => ({ ...wait, actor, attempt }));
      });
  }

  /** For people: a moment in ms since the epoch. */
  #timeOf = (openAt: number): number => this.clock.now() + (openAt - this.clock.elapsed());

  #waitOf({ effect, budget }: Waiting): EffectWait[] {
    const closed = budget === null ? undefined : this.#closed.get(budget);
    if (!closed) return [];
    const { effectId, kind, createdAt } = effect;
    return [
      { effectId, kind: kind as PerformedKind, reason: closed.reason, until: this.#timeOf(closed.openAt), since: createdAt },
    ];
  }
}

/** Shorter waits are the ordinary pace of a far side. */
const NEWS_MS = 1_000;

function goesBefore(one: Waiting, other: Waiting | undefined): boolean {
  if (!other) return false;
  const [first, second] = [Boolean(one.policy.isAwaited), Boolean(other.policy.isAwaited)];
  if (first !== second) return first;
  return one.effect.createdAt === other.effect.createdAt
    ? one.order < other.order
    : one.effect.createdAt < other.effect.createdAt;
}
