// What GitHub says of our budget (facts: services 7): a window of requests an hour for each installation, told with every answer
// (resets in epoch seconds), and secondary limits, told only by refusals.

import { reasonOf } from "../errors.ts";
import type { Standing } from "../rates/rate-budget.ts";

type Headers = Readonly<Record<string, string | number | undefined>>;

/** Null when the headers do not say. */
export function standingIn(headers: Headers): Standing | null {
  const read = (name: string) => Number(headers[`x-ratelimit-${name}`] ?? Number.NaN);
  const standing = { limit: read("limit"), remaining: read("remaining"), resetAt: read("reset") * 1000 };
  return standing.limit > 0 && standing.remaining >= 0 && standing.resetAt > 0 ? standing : null;
}

/** A secondary limit without a wait: GitHub asks for at least a minute. */
const SECONDARY_LIMIT_WAIT_MS = 60_000;

/** Whether an error is a rate limit, and how long GitHub wants us to wait. Null for anything else. */
export function rateLimitIn(error: unknown, now: number): { readonly reason: string; readonly waitMs: number } | null {
  const { status, response } = error as { status?: number; response?: { headers?: Headers } };
  if (status !== 429 && !(status === 403 && /rate limit/i.test(reasonOf(error)))) return null;
  const headers = response?.headers ?? {};
  const seconds = Number(headers["retry-after"]);
  if (seconds > 0) return { reason: "GitHub's secondary rate limit is reached", waitMs: seconds * 1000 };
  const standing = standingIn(headers);
  if (standing?.remaining === 0 && standing.resetAt > now) {
    return { reason: `GitHub's limit of ${standing.limit} requests an hour is reached`, waitMs: standing.resetAt - now };
  }
  return { reason: "GitHub's secondary rate limit is reached", waitMs: SECONDARY_LIMIT_WAIT_MS };
}
