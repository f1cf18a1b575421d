// Linear's two budgets per credential, as leaky buckets: requests and complexity points, refilled evenly over an hour.
// They are counted and told in the headers, and never enforced: a local benchmark may ask far more than a real
// workspace allows. To see a client meet the limit, order the `ratelimited` fault.
import type { User } from "./store/entities.ts";

interface Budget {
  level: number;
  atMs: number;
}

const HOUR_MS = 3_600_000;

/** Limits per hour: an app has more requests and fewer points than a personal key. */
const limitsOf = (user: User) =>
  user.app ? { requests: 5_000, complexity: 2_000_000 } : { requests: 2_500, complexity: 3_000_000 };

export class RateLimits {
  private readonly buckets = new Map<string, { requests: Budget; complexity: Budget }>();

  constructor(private readonly nowMs: () => number) {}

  /** Takes one request of `points` from the user's budgets. @returns Linear's headers; resets are in epoch ms */
  spend(user: User, points: number): Record<string, string> {
    const limits = limitsOf(user);
    const now = this.nowMs();
    const buckets = this.buckets.get(user.id) ?? {
      requests: { level: limits.requests, atMs: now },
      complexity: { level: limits.complexity, atMs: now },
    };
    this.buckets.set(user.id, buckets);
    const requestsLeft = take(buckets.requests, limits.requests, 1, now);
    const pointsLeft = take(buckets.complexity, limits.complexity, points, now);
    return {
      "x-complexity": String(points),
      ...headers("requests", limits.requests, requestsLeft, now),
      ...headers("complexity", limits.complexity, pointsLeft, now),
    };
  }

  /** The headers of a refusal: nothing left. */
  exhausted(user: User): Record<string, string> {
    const now = this.nowMs();
    return {
      ...headers("requests", limitsOf(user).requests, 0, now),
      ...headers("complexity", limitsOf(user).complexity, 0, now),
    };
  }
}

function take(budget: Budget, limit: number, amount: number, nowMs: number): number {
  const refilled = Math.min(limit, budget.level + ((nowMs - budget.atMs) * limit) / HOUR_MS);
  budget.level = Math.max(0, refilled - amount);
  budget.atMs = nowMs;
  return Math.floor(budget.level);
}

function headers(name: string, limit: number, left: number, nowMs: number): Record<string, string> {
  const fullAtMs = nowMs + Math.ceil(((limit - left) * HOUR_MS) / limit);
  const prefix = `x-ratelimit-${name}`;
  return { [`${prefix}-limit`]: String(limit), [`${prefix}-remaining`]: String(left), [`${prefix}-reset`]: String(fullAtMs) };
}
