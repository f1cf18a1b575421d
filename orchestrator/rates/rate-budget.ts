// One budget of requests that everything in this process shares: performers, what follows a webhook, sweeps. Other processes spend
// the same one: what is left is learnt from the far side's own headers, not counted here.
//
//   B1. While the far side says wait, nothing is sent.
//   B2. A sweep leaves the last fifth to what people wait for.
//   B3. A wait is never a failure: it is `RateLimited`, with how long.

import type { Clock } from "../actors/clock.ts";
import { RateLimited } from "./rate-limited.ts";

/** `effect`: somebody sees it or waits for it. `sweep`: repair that may come later. */
export type Urgency = "effect" | "sweep";

/** What the far side's headers say of the budget. */
export interface Standing {
  /** Requests (or points) an hour. */
  readonly limit: number;
  readonly remaining: number;
  /** ms since the epoch: when all of it is there again. */
  readonly resetAt: number;
}

/** `evenly`: a leaky bucket, a little comes back all the time. `atOnce`: a window, all of it comes back at `resetAt`. */
export type Refill = "evenly" | "atOnce";

export interface Wait {
  readonly budget: string;
  readonly reason: string;
  /** By `clock.elapsed()`. */
  readonly openAt: number;
}

const HOUR_MS = 3_600_000;
const SWEEPS_LEAVE = 0.2;
/** When the budget is spent we come back for several requests, not for each. */
const REFILL_WANTED = 5;
/** Shortest wait, ms. */
const SHORTEST_MS = 100;
/** A clock that differs from the far side's must not make us wait for days. */
const LONGEST_MS = 2 * HOUR_MS;

export class RateBudget {
  /** With its times by `clock.elapsed()`: a clock that jumps must not open or close anything. */
  #told: (Standing & { readonly at: number }) | null = null;
  /** Sent since the far side last told; its answers are on their way. */
  #sent = 0;
  #closed: Wait | null = null;

  constructor(
    readonly name: string,
    private readonly refill: Refill,
    private readonly clock: Pick<Clock, "now" | "elapsed">,
  ) {}

  /** Counts one request that is about to be sent. @throws {RateLimited} when it may not be (B1, B2, B3) */
  take(urgency: Urgency): void {
    const wait = this.#waitFor(urgency);
    if (wait) throw new RateLimited(this.name, wait.reason, Math.max(SHORTEST_MS, wait.openAt - this.clock.elapsed()));
    this.#sent++;
  }

  /** What an answer's headers said; null when they said nothing. */
  told(standing: Standing | null): void {
    if (standing === null || !(standing.limit > 0) || !(standing.remaining >= 0)) return;
    const at = this.clock.elapsed();
    this.#told = { ...standing, resetAt: at + (standing.resetAt - this.clock.now()), at };
    this.#sent = 0;
  }

  /** The far side has refused a request for now. @returns what to throw */
  refused(reason: string, waitMs: number, cause: unknown): RateLimited {
    const ms = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, waitMs));
    const openAt = this.clock.elapsed() + ms;
    if (!this.#closed || this.#closed.openAt < openAt) this.#closed = { budget: this.name, reason, openAt };
    return new RateLimited(this.name, reason, ms, { cause });
  }

  /** What is waited for now, if anything. */
  wait(): Wait | null {
    return this.#waitFor("effect");
  }

  /** Requests left by our reckoning; null while the far side has not told. */
  get left(): number | null {
    const told = this.#told;
    if (!told) return null;
    const now = this.clock.elapsed();
    if (now >= told.resetAt) return told.limit;
    const back = this.refill === "evenly" ? ((now - told.at) * told.limit) / HOUR_MS : 0;
    return Math.max(0, Math.min(told.limit, told.remaining + back) - this.#sent);
  }

  #waitFor(urgency: Urgency): Wait | null {
    const now = this.clock.elapsed();
    if (this.#closed && this.#closed.openAt > now) return this.#closed;
    this.#closed = null;
    const told = this.#told;
    const left = this.left;
    if (!told || left === null) return null;
    const floor = urgency === "sweep" ? told.limit * SWEEPS_LEAVE : 0;
    if (left >= floor + 1) return null;
    const wanted = floor + Math.min(REFILL_WANTED, told.limit * 0.1) - left;
    const evenlyMs = Math.ceil((wanted * HOUR_MS) / told.limit);
    const untilReset = Math.max(SHORTEST_MS, told.resetAt - now);
    const ms = Math.min(LONGEST_MS, this.refill === "evenly" ? Math.min(evenlyMs, untilReset) : untilReset);
    return { budget: this.name, reason: `${this.name}: the budget of ${told.limit} an hour is spent`, openAt: now + ms };
  }
}
