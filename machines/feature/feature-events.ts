// What a feature can be told, and what it is born with.

import type { EffectFailed } from "../effects.ts";
import type { AgentAddress, FeatureAddress } from "../ids.ts";
import type { AgentOutcome, BudgetLevel, PipelineSettings, Role } from "../roles.ts";

/** Linear's workflow state types. */
export type IssueStateType = "triage" | "backlog" | "unstarted" | "started" | "completed" | "canceled" | "duplicate";

/** What the pipeline needs of a ticket. The description stays in the `tickets` table: a stranger may make it a megabyte. */
export interface TicketFacts {
  /** Linear's issue UUID. */
  readonly issueId: string;
  /** "OMA-12": may change when the issue moves to another team. */
  readonly key: string;
  /** Cut to MAX_TEXT. */
  readonly title: string;
  readonly url: string;
  /** Linear's: 0 none, 1 urgent, 2 high, 3 medium, 4 low. */
  readonly priority: number;
  readonly labels: readonly string[];
  readonly stateType: IssueStateType;
  /** Linear's, ms: news may overtake each other on their way, older ones change nothing. */
  readonly updatedAt: number;
}

export interface Blocker {
  /** Null when the blocking ticket is not one of this project's features. */
  readonly feature: FeatureAddress | null;
  readonly issueId: string;
  readonly key: string;
  readonly state: "met" | "unmet";
  /** The branch to build on while the blocker is met but not merged. */
  readonly branch: string | null;
}

export interface FeatureInput {
  readonly address: FeatureAddress;
  readonly ticket: TicketFacts;
  readonly settings: PipelineSettings;
}

export type FeatureEvent =
  /** The ticket as Linear has it now. Moving it to `unstarted` (Todo) starts or retries; to `canceled` cancels. */
  | { readonly type: "ticket.changed"; readonly at: number; readonly ticket: TicketFacts }
  | { readonly type: "start"; readonly at: number; readonly by: string }
  | { readonly type: "pause"; readonly at: number; readonly by: string; readonly mode: "drain" | "now"; readonly reason?: string }
  | { readonly type: "resume"; readonly at: number; readonly by: string }
  /** From `failing`, `needsHuman` or `cancelled`; `from` defaults to the stage that failed; the note reaches the next agent. */
  | { readonly type: "retry"; readonly at: number; readonly by: string; readonly from?: Role; readonly note?: string }
  | { readonly type: "cancel"; readonly at: number; readonly by: string; readonly reason?: string }
  /** A budget it may have been stopped by was raised: it goes on where it was stopped. */
  | { readonly type: "budget.raised"; readonly at: number; readonly by: string }
  | { readonly type: "approve"; readonly at: number; readonly by: string }
  /** The plan is refused: the architect plans again with the note. */
  | { readonly type: "reject"; readonly at: number; readonly by: string; readonly note: string }
  | {
      readonly type: "dependencies.resolved";
      readonly at: number;
      readonly blockers: readonly Blocker[];
      readonly cycle: readonly string[] | null;
    }
  | {
      readonly type: "dependency.changed";
      readonly at: number;
      readonly feature: FeatureAddress;
      readonly state: "met" | "unmet";
      readonly branch: string | null;
    }
  | {
      readonly type: "permit.granted";
      readonly at: number;
      readonly role: Role;
      readonly settings: PipelineSettings;
      /** Whether a place comes with it. False answers `permit.requested`: the place is the one the feature already holds. */
      readonly admits: boolean;
    }
  /** Answers `permit.requested` when the project grants nothing any more: the place is gone too, queue again. */
  | { readonly type: "permit.refused"; readonly at: number; readonly role: Role }
  | {
      readonly type: "agent.finished";
      readonly at: number;
      readonly agent: AgentAddress;
      readonly role: Role;
      readonly outcome: AgentOutcome;
      /** One line for a person; cut to MAX_TEXT. */
      readonly reason: string;
      readonly costUsd: number;
      readonly turns?: number;
      /** With outcome `overBudget`: whose. */
      readonly budget?: BudgetLevel;
      /** The branch's head after the run, when it is known. */
      readonly headSha: string | null;
    }
  | { readonly type: "pullRequest.opened"; readonly at: number; readonly number: number; readonly url: string }
  | { readonly type: "pullRequest.merged"; readonly at: number; readonly by: string; readonly number?: number }
  | { readonly type: "pullRequest.closed"; readonly at: number; readonly by: string; readonly number?: number }
  /** GitHub does not know the pull request any more. */
  | { readonly type: "pullRequest.missing"; readonly at: number; readonly number: number }
  /** A failing check or a human review asks for changes on the open pull request. */
  | {
      readonly type: "rework.requested";
      readonly at: number;
      readonly by: string;
      readonly source: "review" | "checks";
      readonly summary: string;
    }
  | EffectFailed;
