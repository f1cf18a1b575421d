// How long an agent waits: between two attempts, and for answers that may never come.

import { hashFraction } from "../hash.ts";
import type { AgentContext } from "./agent-context.ts";

const FIRST_BACK_OFF_MS = 10_000;
const LONGEST_BACK_OFF_MS = 5 * 60_000;

/** RunTask's answer, and from there the container's first sign of life. */
export const LAUNCH_MS = 10 * 60_000;
/** From a stored report to the end of its task. */
export const REPORT_GRACE_MS = 60_000;
/** From the request to stop to the end of the task. Fargate kills after 2 minutes at most. */
export const STOP_MS = 5 * 60_000;
/** Shortest wait before silence is looked at again. */
const SHORTEST_CHECK_MS = 1_000;

/**
 * Wait in ms after the n-th failed attempt: min(10 s * 2^(n-1), 5 min), of which between half and all, by a hash of the agent and
 * the attempt. Agents that failed together come back apart, and a replayed step waits exactly as long as the first time.
 */
export function backOffMs({ address, attempt }: Pick<AgentContext, "address" | "attempt">): number {
  const ceiling = Math.min(FIRST_BACK_OFF_MS * 2 ** (attempt - 1), LONGEST_BACK_OFF_MS);
  return Math.round(ceiling * (0.5 + hashFraction(`${address}#${attempt}`) / 2));
}

/** A container that has not claimed its code by then never will; no wait is longer than the wall clock of the whole run. */
export const provisioningMs = ({ limits }: Pick<AgentContext, "limits">): number => Math.min(LAUNCH_MS, limits.wallClockMs);

/** What is left of the wall clock, in ms, when the run begins at `at`: counted from the accepted task. */
export const wallClockLeftMs = ({ limits, acceptedAt }: Pick<AgentContext, "limits" | "acceptedAt">, at: number): number =>
  Math.max(SHORTEST_CHECK_MS, limits.wallClockMs - Math.max(0, at - (acceptedAt ?? at)));

/** When to look at the silence again, in ms. */
export const nextCheckMs = ({ limits }: Pick<AgentContext, "limits">, silentMs: number): number =>
  Math.max(SHORTEST_CHECK_MS, limits.stallMs - silentMs);
