// What a project can be told, and what it is born with.

import type { EffectFailed } from "../effects.ts";
import type { TicketFacts } from "../feature/feature-events.ts";
import type { FeatureAddress, ProjectAddress } from "../ids.ts";
import type { PipelineSettings, Role } from "../roles.ts";

export interface ProjectLimits {
  /** Features that may be in the pipeline at once. */
  readonly features: number;
  /** Agents of a role that may run at once; a missing role has no limit of its own. */
  readonly perRole: Partial<Record<Role, number>>;
}

/** Who holds it: somebody for this project (the default), or somebody for the whole organisation. */
export type HoldScope = "project" | "organization";

export interface ProjectInput {
  readonly address: ProjectAddress;
  readonly limits: ProjectLimits;
  readonly settings: PipelineSettings;
}

/** `at` is the host's or Convex's clock in ms when the event was stored; `by` the person (display name) or system that caused it. */
export type ProjectEvent =
  /** A ticket nobody has a feature for yet. */
  | { readonly type: "ticket.appeared"; readonly at: number; readonly featureId: string; readonly ticket: TicketFacts }
  /** A feature became queued: it may be admitted. */
  | { readonly type: "feature.queued"; readonly at: number; readonly feature: FeatureAddress }
  /** A feature that holds a place wants an agent of a role. Answer, now or later: `permit.granted` or `permit.refused`. */
  | { readonly type: "permit.requested"; readonly at: number; readonly feature: FeatureAddress; readonly role: Role }
  /** A feature's agent of the permitted role has ended, or was never launched; it keeps its place. */
  | { readonly type: "permit.returned"; readonly at: number; readonly feature: FeatureAddress }
  /** A feature left the pipeline (or was held): its place and permit are free. Safe to repeat. */
  | { readonly type: "place.released"; readonly at: number; readonly feature: FeatureAddress }
  /** Answer to `findReady`: best first, at most as many as asked for. */
  | {
      readonly type: "ready.found";
      readonly at: number;
      readonly candidates: readonly { readonly feature: FeatureAddress; readonly role: Role }[];
      /** Whose budget has no room for another run, so that nobody was named: asked again after a while, and when it is raised. */
      readonly outOf?: "project" | "organization" | null;
    }
  /** `starts`: nobody new is admitted; `drain`: no stage begins any more; `now`: the agents at work are stopped. */
  | {
      readonly type: "pause";
      readonly at: number;
      readonly by: string;
      readonly mode: "starts" | "drain" | "now";
      readonly reason?: string;
      readonly scope?: HoldScope;
    }
  /** Emergency: every agent is stopped now, and everything is held until somebody resumes. */
  | { readonly type: "stop"; readonly at: number; readonly by: string; readonly reason: string; readonly scope?: HoldScope }
  /** Lifts the hold of one scope; the project goes on when the other has none. */
  | { readonly type: "resume"; readonly at: number; readonly by: string; readonly scope?: HoldScope }
  /** A budget may have room again. */
  | { readonly type: "budget.raised"; readonly at: number; readonly by: string }
  | { readonly type: "archive"; readonly at: number; readonly by: string }
  | { readonly type: "limits.changed"; readonly at: number; readonly by: string; readonly limits: ProjectLimits }
  | { readonly type: "settings.changed"; readonly at: number; readonly by: string; readonly settings: PipelineSettings }
  | EffectFailed;
