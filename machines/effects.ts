// Every kind of effect a machine may ask for, and the event that answers it. The orchestrator has one performer per kind
// (a missing one does not compile), but for the questions that our own memory answers. Payloads are frozen at commit, hold no secret, and stay small: what is long
// (ticket text, plans, diffs) is read by the performer from Convex.

import type { AgentAddress, FeatureAddress } from "./ids.ts";
import type { AgentLimits, Role } from "./roles.ts";

/** Asked for by a project. Answer: `ready.found`. */
export interface FindReady {
  readonly kind: "findReady";
  /** Most candidates wanted. */
  readonly limit: number;
  /** Features that already hold a place. */
  readonly excluding: readonly FeatureAddress[];
  /** What each limited role has left: nobody beyond that can be admitted. Version 2 of the project did not say. */
  readonly permits?: Permits;
}

/** Permits that are free; a role that is left out has no limit. */
export type Permits = Readonly<Partial<Record<Role, number>>>;

/** Reads the ticket's blockers again and looks for a cycle. Answer: `dependencies.resolved`, or `effect.failed`. */
export interface ResolveDependencies {
  readonly kind: "resolveDependencies";
  readonly issueId: string;
}

/** Tells the features this one blocks how it stands now (`dependency.changed` to each). No answer. */
export interface AnnounceToDependents {
  readonly kind: "announceToDependents";
  readonly state: "met" | "unmet";
  /** The branch dependents build on while this feature is not merged; null once it is, or when it is unmet. */
  readonly branch: string | null;
}

/** Moves the Linear issue to the first workflow state of a type, or to the named one of that type if the team has it. No answer. */
export interface MoveIssue {
  readonly kind: "moveIssue";
  readonly issueId: string;
  readonly stateType: "started" | "completed" | "unstarted";
  readonly preferredName: string | null;
}

/** Comments on the Linear issue. The comment's id is derived from the effect id. No answer. */
export interface CommentOnIssue {
  readonly kind: "commentOnIssue";
  readonly issueId: string;
  readonly body: string;
}

/** Opens the pull request of a branch, or finds the one that is open. Answer: `pullRequest.opened`, or `effect.failed`. */
export interface OpenPullRequest {
  readonly kind: "openPullRequest";
  readonly branch: string;
  /** The one branch to stack on; null: the repository's default branch. */
  readonly base: string | null;
  readonly title: string;
}

/** Closes the pull request of a cancelled feature, when it is ours and open. No answer. */
export interface ClosePullRequest {
  readonly kind: "closePullRequest";
  readonly branch: string;
  readonly number: number;
  /** In words, for whoever looks at it. */
  readonly reason: string;
}

/** Launches an agent's ECS task. Answer: `task.accepted` or `task.refused`. */
export interface RunTask {
  readonly kind: "runTask";
  readonly agent: AgentAddress;
  readonly role: Role;
  readonly attempt: number;
  readonly limits: AgentLimits;
}

/** Stops an agent's ECS task (SIGTERM, then SIGKILL after the stop time-out). No answer: ECS reports the stop. */
export interface StopTask {
  readonly kind: "stopTask";
  readonly attempt: number;
  /** Null when the launch has not been answered yet: the performer finds the task by the attempt's run record. */
  readonly taskArn: string | null;
  readonly reason: string;
}

/** Asks how long the current attempt has been silent. Answer: `progress.checked`. */
export interface CheckProgress {
  readonly kind: "checkProgress";
  readonly attempt: number;
}

export type ProjectEffect = FindReady;
export type FeatureEffect =
  | ResolveDependencies
  | AnnounceToDependents
  | MoveIssue
  | CommentOnIssue
  | OpenPullRequest
  | ClosePullRequest;
export type AgentEffect = RunTask | StopTask | CheckProgress;
export type Effect = ProjectEffect | FeatureEffect | AgentEffect;
export type EffectKind = Effect["kind"];

/** What our own memory answers in the commit that asks (`convex/questions.ts`): these have no performer. */
export type Question = FindReady | AnnounceToDependents;
export type PerformedEffect = Exclude<Effect, Question>;

/** What an actor hears when an effect was given up: after its last retry, or at once when retrying cannot help. */
export interface EffectFailed {
  readonly type: "effect.failed";
  readonly at: number;
  readonly kind: EffectKind;
  readonly reason: string;
}
