// What a claimed run is given, as JSON. The runner has its own copy as a Zod schema: the two meet in the tests of both.

import type { AgentLimits, Role } from "@omakase/machines";

export interface ArchitectResult {
  readonly summary: string;
  readonly plan: string;
  readonly steps: readonly string[];
  readonly acceptance: readonly string[];
  readonly files: readonly string[];
}

export interface CoderResult {
  readonly summary: string;
  readonly changes: readonly { readonly path: string; readonly why: string }[];
  readonly testsRun: string;
}

export interface ReviewerResult {
  readonly verdict: "approve" | "request_changes";
  readonly summary: string;
  readonly remarks: readonly {
    readonly path: string;
    readonly line: number | null;
    readonly severity: "blocker" | "major" | "minor" | "nit";
    readonly message: string;
  }[];
}

export interface TesterResult {
  readonly verdict: "pass" | "fail";
  readonly summary: string;
  readonly command: string;
  readonly evidence: readonly { readonly check: string; readonly passed: boolean; readonly output: string }[];
}

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
