// What performs an effect, as the host sees it: one function per kind, total by type.

import type { PerformedEffect } from "@omakase/machines";
import type { Epoch, Settled, Settlement } from "../../convex/steps.ts";
import { OmakaseError } from "../errors.ts";

export interface EffectContext {
  /** The name the far side gets, hashed where it wants a short one (P5). */
  readonly effectId: string;
  readonly actor: string;
  /** Proof of ownership for performers that settle through a mutation of their own. */
  readonly epochs: readonly Epoch[];
  /** When the effect was committed, ms: doubtful when old, then reconcile before performing. */
  readonly askedAt: number;
  /** Whether this process has tried before, or was told to wait: meanwhile it may have become unwanted. */
  readonly isRepeated: boolean;
  /** Aborted when the shard is lost or the process drains. */
  readonly signal: AbortSignal;
}

export type Performed =
  /** The effect is done; `event` is what the actor is told, if anything. */
  | { readonly kind: "answer"; readonly event: { readonly type: string } | null; readonly launch?: Settlement["launch"] }
  /** The performer's own mutation has settled the effect and delivered its mail. */
  | { readonly kind: "settled"; readonly settled: Settled };

export type PerformedKind = PerformedEffect["kind"];

/** Safe to repeat: it may be called again after any failure, crash or lost answer. @throws {OmakaseError} `retryable` says whether to */
export type Performer<E extends PerformedEffect> = (effect: E, context: EffectContext) => Promise<Performed>;

export type Performers = { readonly [K in PerformedKind]: Performer<Extract<PerformedEffect, { kind: K }>> };

export type FarSide = "ecs" | "linear" | "github" | "convex";

export interface RetryPolicy {
  readonly farSide: FarSide;
  /** Somebody waits for the answer: it goes before what is only news to the far side. */
  readonly isAwaited?: boolean;
  /** The far side must see an actor's effects of this kind in the order in which they were asked for. */
  readonly isInOrder?: boolean;
  /** Calls in all before the actor hears `effect.failed`. */
  readonly attempts: number;
  /** First back-off, ms; doubled each time up to `maxMs`, with full jitter. */
  readonly baseMs: number;
  readonly maxMs: number;
}

/** A day of tries at the longest pause. */
const A_DAY = 720;
/** A performer that throws what it should not is tried as often as this, not for a day. */
export const FAULT_ATTEMPTS = 40;

/**
 * Three answers a far side can give beside yes, and what each comes to:
 * - wait (`RateLimited`): no attempt, no failure, however long;
 * - infrastructure (`retryable`: no answer, a server fault): again, with full jitter, `attempts` times;
 * - a verdict (not `retryable`: refused, malformed, not found): the actor hears `effect.failed` at once.
 *
 * What reaches a person's tools is tried for a day: an outage of Linear or GitHub must not fail a feature. A launch is given back to the
 * agent's machine sooner, which has its own back-off and counts infrastructure attempts.
 */
export const RETRY_POLICIES: Readonly<Record<PerformedKind, RetryPolicy>> = {
  resolveDependencies: { farSide: "linear", isAwaited: true, attempts: A_DAY, baseMs: 250, maxMs: 120_000 },
  moveIssue: { farSide: "linear", isInOrder: true, attempts: A_DAY, baseMs: 250, maxMs: 120_000 },
  commentOnIssue: { farSide: "linear", attempts: A_DAY, baseMs: 250, maxMs: 120_000 },
  openPullRequest: { farSide: "github", attempts: A_DAY, baseMs: 250, maxMs: 120_000 },
  closePullRequest: { farSide: "github", attempts: A_DAY, baseMs: 250, maxMs: 120_000 },
  runTask: { farSide: "ecs", attempts: 12, baseMs: 250, maxMs: 15_000 },
  // What costs money goes before what will.
  stopTask: { farSide: "ecs", isAwaited: true, attempts: 20, baseMs: 250, maxMs: 15_000 },
  checkProgress: { farSide: "convex", attempts: 20, baseMs: 50, maxMs: 5_000 },
};

/** Calls in flight at once per far side. How fast they follow each other is for the budgets (`rates/`). */
export const CONCURRENCY: Readonly<Record<FarSide, number>> = { ecs: 16, linear: 16, github: 4, convex: 32 };

/** A performer threw something that is not an OmakaseError: a bug of ours. Retried, since the effect must not be lost over it. */
export class PerformerFault extends OmakaseError {
  readonly code = "performer_fault";
  readonly retryable = true;
}
