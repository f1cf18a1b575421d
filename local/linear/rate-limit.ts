// Linear's two budgets per credential, as leaky buckets: requests and complexity points, refilled evenly over an hour.
// They are counted and told in the headers. They are enforced when a limit of requests was given, and else only told: a local
// benchmark may ask far more than a real workspace allows. To see a client meet the limit otherwise, order the `ratelimited` fault.
import type { User } from "./store/entities.ts";

interface Budget {
  level: number;
  atMs: number;
}

const HOUR_MS = 3_600_000;

export class RateLimits {
  private readonly buckets = new Map<string, { requests: Budget; complexity: Budget }>();

  /** @param requestsPerHour of everybody, enforced; null: Linear's own numbers, told only */
  constructor(
    private readonly nowMs: () => number,
    private readonly requestsPerHour: number | null = null,
  ) {}

  /** Whether a request of this user's is refused. */
  isSpent(user: User): boolean {
    if (this.requestsPerHour === null) return false;
    const bucket = this.buckets.get(user.id)?.requests;
    return bucket !== undefined && levelOf(bucket, this.requestsPerHour, this.nowMs()) < 1;
  }

  /** Takes one request of `points` from the user's budgets. @returns Linear's headers; resets are in epoch ms */
  spend(user: User, points: number): Record<string, string> {
    const limits = this.limitsOf(user);
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
      ...headers("requests", this.limitsOf(user).requests, 0, now),
      ...headers("complexity", this.limitsOf(user).complexity, 0, now),
    };
  }

  /** Limits per hour: an app has more requests and fewer points than a personal key. */
  private limitsOf(user: User): { requests: number; complexity: number } {
    const own = user.app ? { requests: 5_000, complexity: 2_000_000 } : { requests: 2_500, complexity: 3_000_000 };
    return this.requestsPerHour === null ? own : { requests: this.requestsPerHour, complexity: this.requestsPerHour * 1_000 };
  }
}

const levelOf = (budget: Budget, limit: number, nowMs: number): number =>
  Math.min(limit, budget.level + ((nowMs - budget.atMs) * limit) / HOUR_MS);

function take(budget: Budget, limit: number, amount: number, nowMs: number): number {
  budget.level = Math.max(0, levelOf(budget, limit, nowMs) - amount);
  budget.atMs = nowMs;
  return Math.floor(budget.level);
}

function headers(name: string, limit: number, left: number, nowMs: number): Record<string, string> {
  const fullAtMs = nowMs + Math.ceil(((limit - left) * HOUR_MS) / limit);
  const prefix = `x-ratelimit-${name}`;
  return { [`${prefix}-limit`]: String(limit), [`${prefix}-remaining`]: String(left), [`${prefix}-reset`]: String(fullAtMs) };
}
