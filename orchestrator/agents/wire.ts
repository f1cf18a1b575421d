// What a claimed run is given, as JSON. The runner has its own copy as a Zod schema: the two meet in the tests of both.

import type { AgentLimits, Role } from "@omakase/machines";
import type { ArchitectResult, CoderResult, ReviewerResult, TesterResult } from "./results.ts";

export interface Assignment {
  readonly run: string;
  readonly agent: string;
  readonly role: Role;
  readonly attempt: number;
  /** 1 for the first run of this role on this feature. */
  readonly round: number;
  /** Proves the run to us: for its events, its report, the model gateway. */
  readonly token: string;
  readonly ticket: {
    readonly key: string;
    readonly title: string;
    readonly description: string;
    readonly url: string;
    readonly labels: readonly string[];
  };
  readonly repository: {
    readonly url: string;
    readonly defaultBranch: string;
    readonly branch: string;
    /** Branches of blockers that are not merged yet: the work starts from them. */
    readonly bases: readonly string[];
    readonly token: string;
    /** ms since the epoch. */
    readonly tokenExpiresAt: number;
  };
  readonly model: { readonly baseUrl: string; readonly name: string };
  readonly limits: AgentLimits;
  readonly testCommand: string | null;
  readonly handover: {
    readonly plan: ArchitectResult | null;
    readonly changes: CoderResult | null;
    readonly review: ReviewerResult | null;
    readonly tests: TesterResult | null;
    readonly note: string | null;
  };
}
