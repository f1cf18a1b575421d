// The four roles, in the order a feature passes them, and what a run of each hands on.

export const ROLES = ["architect", "coder", "reviewer", "tester"] as const;
export type Role = (typeof ROLES)[number];

/** How one run of a role ended. `changesRequested` is the reviewer's and the tester's "back to the coder". */
export type AgentOutcome =
  | "succeeded"
  | "changesRequested"
  | "failed"
  | "timedOut"
  | "stalled"
  | "cancelled"
  | "lost"
  | "overBudget";

/** Whose budget stood in the way. `run` is the only one that is met inside a run; the others keep one from beginning. */
export type BudgetLevel = "run" | "feature" | "project" | "organization";

/** Per project; a feature gets the current ones with each permit. Times in ms. */
export interface PipelineSettings {
  /** How often a reviewer may send the work back before a person is asked. */
  readonly maxReviewRounds: number;
  /** How often a tester may send the work back before the feature is `failing`. */
  readonly maxTestRounds: number;
  /** How often a failing check or a human review may send a published feature back. */
  readonly maxReworkRounds: number;
  /** Whether a person approves the plan: never, always, or when the ticket carries `approvalLabel`. */
  readonly approval: "off" | "on" | "label";
  readonly approvalLabel: string;
  /** When a blocker counts as met: its pull request is open, or it is merged. */
  readonly dependencyMet: "passing" | "merged";
  /** Breaker: runs of one feature, of all roles, before a person is asked. A retry grants them anew. */
  readonly maxRuns: number;
  /** Breaker: dollars spent since a plan, a review or a test was last accepted, before a person is asked. */
  readonly maxUsdWithoutProgress: number;
  /** Breaker: the same in turns of the model. */
  readonly maxTurnsWithoutProgress: number;
  readonly agent: AgentLimits;
}

export interface AgentLimits {
  /** Wall clock of one run, from the accepted task to its end. */
  readonly wallClockMs: number;
  /** Silence (no output) after which a run is stopped as stalled. */
  readonly stallMs: number;
  /** Launches in all for infrastructure reasons (placement, capacity, spot, lost). */
  readonly maxInfrastructureAttempts: number;
  /** Runs in all for reasons of the agent itself (model error, nonsense, crash). A verdict is never retried. */
  readonly maxAgentAttempts: number;
  /** Ceilings handed to the runner: it stops inside the run. */
  readonly maxTurns: number;
  readonly maxBudgetUsd: number;
  /** Tokens of one run, read and written, cached or not. */
  readonly maxTokens: number;
}

export const DEFAULT_SETTINGS: PipelineSettings = {
  maxReviewRounds: 1,
  maxTestRounds: 1,
  maxReworkRounds: 2,
  approval: "off",
  approvalLabel: "needs-approval",
  dependencyMet: "passing",
  maxRuns: 24,
  maxUsdWithoutProgress: 20,
  maxTurnsWithoutProgress: 400,
  agent: {
    wallClockMs: 2 * 3_600_000,
    stallMs: 20 * 60_000,
    maxInfrastructureAttempts: 5,
    maxAgentAttempts: 2,
    maxTurns: 60,
    maxBudgetUsd: 5,
    maxTokens: 20_000_000,
  },
};

/** Longest reason, summary or title kept in a snapshot, in characters: a snapshot stays small whatever strangers write (P8). */
export const MAX_TEXT = 500;
