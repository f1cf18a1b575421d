// How fast tasks are launched. ECS has no headers to read: RunTask on Fargate takes 20 calls a second, burst and sustained
// (https://docs.aws.amazon.com/AmazonECS/latest/userguide/throttling.html), for the whole account, so other processes are noticed by
// being throttled: then we halve our pace and win it back. The account's vCPU ceiling has no number either: it answers, and we probe.
//
//   L1. Never more than `perSecond` calls a second, nor more than that at once.
//   L2. A throttled call halves the pace; each quiet 5 s give a tenth back.
//   L3. While the cluster has no room one launch at a time asks again, after 1 s, 2 s, ... at most 30 s, or as soon as a task has ended.

import type { Clock } from "../actors/clock.ts";
import type { Wait } from "./rate-budget.ts";
import { RateLimited } from "./rate-limited.ts";

export const RUN_TASK_PER_SECOND = 20;

const SLOWEST_PER_SECOND = 1;
const RECOVER_EVERY_MS = 5_000;
const FIRST_PROBE_MS = 1_000;
const LONGEST_PROBE_MS = 30_000;
export const LAUNCHES = "ecs/launches";
const NAME = LAUNCHES;

export class LaunchPace {
  #rate: number;
  #tokens: number;
  #at: number;
  #throttledAt = Number.NEGATIVE_INFINITY;
  #full: { readonly reason: string; readonly probeMs: number; readonly until: number; readonly isProbed: boolean } | null = null;

  constructor(
    private readonly clock: Pick<Clock, "elapsed">,
    private readonly perSecond: number = RUN_TASK_PER_SECOND,
  ) {
    this.#rate = perSecond;
    this.#tokens = perSecond;
    this.#at = clock.elapsed();
  }

  /** Counts a launch that is about to be sent. @throws {RateLimited} when it may not be */
  take(): void {
    const wait = this.wait();
    if (wait) throw new RateLimited(NAME, wait.reason, Math.max(1, wait.openAt - this.clock.elapsed()));
    this.#tokens -= 1;
    // L3: this one is the probe; the others wait for what it is told.
    if (this.#full) this.#full = { ...this.#full, isProbed: true, until: this.clock.elapsed() + LONGEST_PROBE_MS };
  }

  /** It was not sent after all. */
  giveBack(): void {
    this.#tokens = Math.min(this.#rate, this.#tokens + 1);
  }

  /** ECS has placed a task: there is room. */
  placed(): void {
    this.#full = null;
  }

  /** A task has ended: its vCPUs are free. */
  freed(): void {
    if (this.#full && !this.#full.isProbed) this.#full = { ...this.#full, probeMs: FIRST_PROBE_MS, until: this.clock.elapsed() };
  }

  /** ECS has throttled a call (L2). @returns what to throw */
  throttled(cause: unknown): RateLimited {
    const now = this.clock.elapsed();
    this.#refill(now);
    // One wave of refusals is one sign.
    if (now - this.#throttledAt > 1_000) this.#rate = Math.max(SLOWEST_PER_SECOND, this.#rate / 2);
    this.#throttledAt = now;
    this.#tokens = Math.min(0, this.#tokens);
    return new RateLimited(NAME, "ECS throttles launches", Math.ceil((1 - this.#tokens) * (1000 / this.#rate)), { cause });
  }

  /** ECS has no room for a task (L3). @returns what to throw */
  full(reason: string, cause: unknown): RateLimited {
    const now = this.clock.elapsed();
    const known = this.#full;
    // What was sent beside the probe, or before the first refusal was heard, says nothing new.
    if (!known || known.isProbed) {
      const probeMs = known ? Math.min(LONGEST_PROBE_MS, known.probeMs * 2) : FIRST_PROBE_MS;
      this.#full = { reason, probeMs, until: now + probeMs, isProbed: false };
    }
    return new RateLimited(NAME, reason, Math.max(1, (this.#full?.until ?? now) - now), { cause });
  }

  wait(): Wait | null {
    const now = this.clock.elapsed();
    if (this.#full && this.#full.until > now) return { budget: NAME, reason: this.#full.reason, openAt: this.#full.until };
    this.#refill(now);
    if (this.#tokens >= 1) return null;
    const ms = Math.ceil(((1 - this.#tokens) * 1000) / this.#rate);
    return { budget: NAME, reason: `ECS takes ${this.perSecond} launches a second`, openAt: now + ms };
  }

  /** Launches a second at the moment. */
  get rate(): number {
    return this.#rate;
  }

  #refill(now: number): void {
    const passed = Math.max(0, now - this.#at);
    this.#at = now;
    if (now - this.#throttledAt > RECOVER_EVERY_MS) {
      this.#rate = Math.min(this.perSecond, this.#rate + (passed / RECOVER_EVERY_MS) * (this.perSecond / 10));
    }
    this.#tokens = Math.min(this.#rate, this.#tokens + (passed * this.#rate) / 1000);
  }
}
