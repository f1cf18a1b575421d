// GitHub's primary rate limit: so many requests an hour for each caller. Kept in memory: a restart forgives.
import { GitHubError } from "../errors.ts";

const HOUR_MS = 3_600_000;

interface Window {
  used: number;
  resetAtMs: number;
}

export interface Quota {
  readonly limit: number;
  readonly used: number;
  readonly resetAtMs: number;
}

export class RateLimits {
  readonly #windows = new Map<string, Window>();

  constructor(readonly limit: number) {}

  /** Counts one request of this caller. @throws {GitHubError} 403 when the hour's requests are used up */
  take(caller: string, nowMs: number): void {
    const window = this.#window(caller, nowMs);
    if (window.used >= this.limit)
      throw new GitHubError(403, `API rate limit exceeded for ${caller}.`, { headers: rateHeaders(this.peek(caller, nowMs)) });
    window.used += 1;
  }

  /** Gives the last request back: an answer of 304 is free. */
  giveBack(caller: string, nowMs: number): void {
    const window = this.#window(caller, nowMs);
    window.used = Math.max(0, window.used - 1);
  }

  peek(caller: string, nowMs: number): Quota {
    const { used, resetAtMs } = this.#window(caller, nowMs);
    return { limit: this.limit, used, resetAtMs };
  }

  #window(caller: string, nowMs: number): Window {
    const known = this.#windows.get(caller);
    if (known !== undefined && known.resetAtMs > nowMs) return known;
    const fresh = { used: 0, resetAtMs: nowMs + HOUR_MS };
    this.#windows.set(caller, fresh);
    return fresh;
  }
}

export const rateHeaders = (quota: Quota): Record<string, string> => ({
  "x-ratelimit-limit": String(quota.limit),
  "x-ratelimit-remaining": String(Math.max(0, quota.limit - quota.used)),
  "x-ratelimit-used": String(quota.used),
  "x-ratelimit-reset": String(Math.ceil(quota.resetAtMs / 1000)),
  "x-ratelimit-resource": "core",
});
