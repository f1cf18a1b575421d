// What a feature remembers between two events: plain JSON, small, bounded.

import { type AgentAddress, branchOf, type FeatureAddress } from "../ids.ts";
import { type BudgetLevel, DEFAULT_SETTINGS, type PipelineSettings, type Role } from "../roles.ts";
import { type Burn, NO_BURN } from "./breakers.ts";
import type { Blocker, FeatureInput, TicketFacts } from "./feature-events.ts";
import { cutTicket } from "./ticket.ts";

export interface FeatureContext {
  readonly address: FeatureAddress;
  readonly branch: string;
  readonly ticket: TicketFacts;
  /** As of the last permit. */
  readonly settings: PipelineSettings;
  /** The stage it is in, or queues for. */
  readonly next: Role;
  /** Whether it holds a place of the project, as far as it knows (F2). */
  readonly placed: boolean;
  /** The agent that has not ended yet, wherever the feature is by now (F1). */
  readonly agent: AgentAddress | null;
  readonly lastAgent: AgentAddress | null;
  /** Runs begun, per role: the next one's number follows. */
  readonly runs: Readonly<Record<Role, number>>;
  readonly reviewRounds: number;
  readonly testRounds: number;
  readonly reworkRounds: number;
  readonly costUsd: number;
  /** What the breakers count. */
  readonly burn: Burn;
  /** Whose budget stopped it; while it needs a person. */
  readonly overBudget: BudgetLevel | null;
  /** The branch's head, as the last agent left it. */
  readonly headSha: string | null;
  readonly startedAt: number | null;
  /** Whether the ticket was moved to In Progress since it was last started. */
  readonly inProgress: boolean;
  /** Unmet ones first, at most MAX_BLOCKERS; `moreBlockers` when some had to be left out. */
  readonly blockers: readonly Blocker[];
  readonly moreBlockers: boolean;
  /** A blocker changed while the dependencies were being read: the answer may be older than the change. */
  readonly outdated: boolean;
  readonly failure: string | null;
  readonly failedStage: Role | null;
  /** What a person, or a check, wants the next agent to know. */
  readonly note: string | null;
  /** A request for changes on the open pull request that no coder has been given yet. */
  readonly rework: string | null;
  readonly pullRequest: { readonly number: number; readonly url: string } | null;
  /** The pull request we have asked to be closed: its end is our own doing. */
  readonly retracted: number | null;
  readonly pausedBy: string | null;
  readonly pauseReason: string | null;
}

const NO_TICKET: TicketFacts = {
  issueId: "",
  key: "",
  title: "",
  url: "",
  priority: 0,
  labels: [],
  stateType: "backlog",
  updatedAt: 0,
};

/** Without an input (that is how `transition()` builds its throw-away actor) it is a feature nobody can reach. */
export function newFeature(input: FeatureInput | undefined): FeatureContext {
  const address = input?.address ?? ("" as FeatureAddress);
  return {
    address,
    branch: branchOf(address),
    ticket: cutTicket(input?.ticket ?? NO_TICKET),
    settings: input?.settings ?? DEFAULT_SETTINGS,
    next: "architect",
    placed: false,
    agent: null,
    lastAgent: null,
    runs: { architect: 0, coder: 0, reviewer: 0, tester: 0 },
    reviewRounds: 0,
    testRounds: 0,
    reworkRounds: 0,
    costUsd: 0,
    burn: NO_BURN,
    overBudget: null,
    headSha: null,
    startedAt: null,
    inProgress: false,
    blockers: [],
    moreBlockers: false,
    outdated: false,
    failure: null,
    failedStage: null,
    note: null,
    rework: null,
    pullRequest: null,
    retracted: null,
    pausedBy: null,
    pauseReason: null,
  };
}
