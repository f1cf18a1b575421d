// What an agent remembers between two events: plain JSON, small, bounded.

import type { AgentAddress } from "../ids.ts";
import { type AgentLimits, type BudgetLevel, DEFAULT_SETTINGS, type Role } from "../roles.ts";
import type { AgentInput, FailureClass } from "./agent-events.ts";

/** Why a task was asked to stop: decides which final state follows. */
export type StopCause = "cancelled" | "timedOut" | "stalled";

/** The runner's last word on the current attempt. */
export interface Report {
  readonly exitCode: 0 | 1 | 2;
  readonly class: FailureClass | null;
  readonly reason: string;
}

export interface AgentContext {
  readonly address: AgentAddress;
  readonly role: Role;
  readonly limits: AgentLimits;
  /** The launch under way or last made, from 1; 0 before the first. */
  readonly attempt: number;
  readonly infrastructureFailures: number;
  readonly agentFailures: number;
  /** The three below belong to the current attempt. */
  readonly taskArn: string | null;
  readonly acceptedAt: number | null;
  readonly report: Report | null;
  /** Why the launch under way has not been sent; `again`: the wait has been begun anew and nobody has said since that it goes on. */
  readonly heldBack: { readonly reason: string; readonly again: boolean } | null;
  /** Set while `stopping`. */
  readonly cause: StopCause | null;
  /** Why the last attempt ended, or is being ended, as it did. One line for a person. */
  readonly reason: string;
  /** Of all attempts. */
  readonly costUsd: number;
  readonly turns: number;
  /** Whose budget ended it, or kept it from beginning. */
  readonly budget: BudgetLevel | null;
  readonly headSha: string | null;
  /** How long `running` may last, and when silence is looked at next. */
  readonly wallClockLeftMs: number;
  readonly checkAfterMs: number;
  /** `at` of the last event that carried one. */
  readonly heardAt: number;
}

/** Without an input (that is how `transition()` builds its throw-away actor) it is an agent nobody can reach. */
export function newAgent(input: AgentInput | undefined): AgentContext {
  const limits = input?.limits ?? DEFAULT_SETTINGS.agent;
  return {
    address: input?.address ?? ("" as AgentAddress),
    role: input?.role ?? "coder",
    limits,
    attempt: 0,
    infrastructureFailures: 0,
    agentFailures: 0,
    taskArn: null,
    acceptedAt: null,
    report: null,
    heldBack: null,
    cause: null,
    reason: "",
    costUsd: 0,
    turns: 0,
    budget: null,
    headSha: null,
    wallClockLeftMs: limits.wallClockMs,
    checkAfterMs: limits.stallMs,
    heardAt: 0,
  };
}
