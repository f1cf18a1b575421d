// What Linear says of our budgets (facts: services 6): requests and complexity points, each an hour's leaky bucket, told with every
// answer. `retry-after` is in seconds, resets are in epoch ms.

import type { RatelimitedLinearError } from "@linear/sdk";
import type { Standing } from "../rates/rate-budget.ts";

/** The scarcer of the two budgets, counted in requests; null when the headers do not say. */
export function standingIn(headers: Headers | undefined): Standing | null {
  const read = (name: string) => Number(headers?.get(`x-ratelimit-${name}`) ?? Number.NaN);
  const of = (budget: "requests" | "complexity") => ({
    limit: read(`${budget}-limit`),
    share: read(`${budget}-remaining`) / read(`${budget}-limit`),
    resetAt: read(`${budget}-reset`),
  });
  const [requests, complexity] = [of("requests"), of("complexity")];
  if (!(requests.share >= 0) || !(requests.resetAt > 0)) return null;
  const scarcer = complexity.share < requests.share && complexity.resetAt > 0 ? complexity : requests;
  return { limit: requests.limit, remaining: Math.floor(requests.limit * scarcer.share), resetAt: scarcer.resetAt };
}

/** A refusal without numbers: half a minute lets a few requests through again. */
const UNSAID_WAIT_MS = 30_000;
/** Requests that are worth coming back for. */
const WANTED = 5;

/** How long Linear wants us to wait: as it says, or until the spent bucket holds a few requests again. */
export function rateLimitWaitMs(limited: RatelimitedLinearError | null, now: number): number {
  if (limited?.retryAfter) return limited.retryAfter * 1000;
  const { requestsRemaining, requestsLimit, requestsResetAt } = limited ?? {};
  if (requestsRemaining === 0 && requestsLimit && requestsResetAt && requestsResetAt > now) {
    return Math.min(requestsResetAt - now, (WANTED * 3_600_000) / requestsLimit);
  }
  return UNSAID_WAIT_MS;
}
