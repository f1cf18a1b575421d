// Budgets and paces alone, in virtual time.

import { describe, expect, test } from "bun:test";
import { LaunchPace } from "./launch-pace.ts";
import { RateBudget } from "./rate-budget.ts";
import { RateLimited } from "./rate-limited.ts";

function setup() {
  const clock = { nowMs: 1_700_000_000_000, now: () => clock.nowMs, elapsed: () => clock.nowMs - 1_700_000_000_000 };
  return clock;
}
const HOUR_MS = 3_600_000;

/** How long the call is told to wait; 0 when it went through. */
function waitOf(call: () => void): number {
  try {
    call();
    return 0;
  } catch (error) {
    if (error instanceof RateLimited) return error.retryAfterMs;
    throw error;
  }
}

describe("a request budget", () => {
  const aBudget = (refill: "evenly" | "atOnce" = "evenly") => {
    const clock = setup();
    return { clock, budget: new RateBudget("linear", refill, clock) };
  };

  test("of which nothing was told yet is not in anybody's way", () => {
    const { budget } = aBudget();
    for (let call = 0; call < 1_000; call++) expect(waitOf(() => budget.take("sweep"))).toBe(0);
  });

  test("B1: while the far side says wait nothing is sent, and then everything is", () => {
    const { clock, budget } = aBudget();
    expect(budget.refused("Linear's rate limit is reached", 30_000, null).retryAfterMs).toBe(30_000);
    clock.nowMs += 29_000;
    expect(waitOf(() => budget.take("effect"))).toBe(1_000);
    expect(budget.wait()).toMatchObject({ reason: "Linear's rate limit is reached" });
    clock.nowMs += 1_000;
    expect([waitOf(() => budget.take("effect")), budget.wait()]).toEqual([0, null]);
  });

  test("B2: a sweep leaves the last fifth to what people wait for", () => {
    const { clock, budget } = aBudget();
    budget.told({ limit: 100, remaining: 22, resetAt: clock.nowMs + HOUR_MS });
    const calls = (urgency: "sweep" | "effect") => {
      let made = 0;
      while (waitOf(() => budget.take(urgency)) === 0) made++;
      return made;
    };
    expect([calls("sweep"), calls("effect")]).toEqual([2, 20]);
  });

  test("that refills evenly is spent as it comes back: no more than its limit in any hour", () => {
    const { clock, budget } = aBudget();
    budget.told({ limit: 5_000, remaining: 0, resetAt: clock.nowMs + HOUR_MS });
    const end = clock.nowMs + HOUR_MS / 2;
    let sent = 0;
    while (clock.nowMs < end) {
      const ms = waitOf(() => budget.take("effect"));
      if (ms === 0) sent++;
      clock.nowMs += ms;
    }
    expect(sent).toBeGreaterThan(2_400);
    expect(sent).toBeLessThanOrEqual(2_505);
  });

  test("that comes back at once is waited for until then", () => {
    const { clock, budget } = aBudget("atOnce");
    budget.told({ limit: 5_000, remaining: 1, resetAt: clock.nowMs + 600_000 });
    expect([waitOf(() => budget.take("effect")), waitOf(() => budget.take("effect"))]).toEqual([0, 600_000]);
    clock.nowMs += 600_000;
    expect(waitOf(() => budget.take("effect"))).toBe(0);
  });

  test("learns from the far side what other processes have spent", () => {
    const { clock, budget } = aBudget("atOnce");
    budget.told({ limit: 5_000, remaining: 4_000, resetAt: clock.nowMs + HOUR_MS });
    budget.told({ limit: 5_000, remaining: 0, resetAt: clock.nowMs + HOUR_MS });
    expect(waitOf(() => budget.take("effect"))).toBe(HOUR_MS);
  });

  test("does not believe nonsense, nor a reset days away", () => {
    const { clock, budget } = aBudget();
    budget.told({ limit: Number.NaN, remaining: 0, resetAt: 0 });
    expect(waitOf(() => budget.take("effect"))).toBe(0);
    expect(budget.refused("wait", 1e12, null).retryAfterMs).toBe(2 * HOUR_MS);
    clock.nowMs += 2 * HOUR_MS;
    expect(waitOf(() => budget.take("effect"))).toBe(0);
  });
});

describe("the pace of launches", () => {
  const aPace = () => {
    const clock = setup();
    return { clock, pace: new LaunchPace(clock) };
  };
  /** Launches as fast as it may for so long. @returns how many in each second */
  const launchFor = (clock: ReturnType<typeof setup>, pace: LaunchPace, seconds: number): number[] => {
    const start = clock.nowMs;
    const made = Array.from({ length: seconds }, () => 0);
    while (clock.nowMs < start + seconds * 1_000) {
      const ms = waitOf(() => pace.take());
      if (ms === 0) made[Math.floor((clock.nowMs - start) / 1_000)]!++;
      clock.nowMs += ms;
    }
    return made;
  };

  test("L1: 20 at once and 20 a second, like ECS's own bucket", () => {
    const { clock, pace } = aPace();
    const made = launchFor(clock, pace, 10);
    expect(made[0]).toBeLessThanOrEqual(40);
    expect(made.slice(1).every((count) => count <= 21 && count >= 19)).toBe(true);
  });

  test("L2: a wave of throttles halves it once, quiet gives it back", () => {
    const { clock, pace } = aPace();
    launchFor(clock, pace, 2);
    for (let refusal = 0; refusal < 5; refusal++) pace.throttled(null);
    expect(pace.rate).toBe(10);
    clock.nowMs += 2_000;
    pace.throttled(null);
    expect(pace.rate).toBe(5);
    clock.nowMs += 120_000;
    pace.wait();
    expect(pace.rate).toBe(20);
  });

  test("L3: without room one launch at a time asks, ever more rarely; a task that ends opens it at once", () => {
    const { clock, pace } = aPace();
    for (let sent = 0; sent < 3; sent++) pace.take();
    expect([1, 2, 3].map(() => pace.full("no room", null).retryAfterMs)).toEqual([1_000, 1_000, 1_000]);
    const pauses: number[] = [];
    for (let probe = 0; probe < 7; probe++) {
      clock.nowMs += waitOf(() => pace.take());
      pace.take();
      expect(waitOf(() => pace.take())).toBeGreaterThan(0); // one at a time
      pauses.push(pace.full("no room", null).retryAfterMs);
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    pace.freed();
    expect(waitOf(() => pace.take())).toBe(0);
    pace.placed();
    expect([waitOf(() => pace.take()), waitOf(() => pace.take())]).toEqual([0, 0]);
  });
});
