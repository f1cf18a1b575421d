// What stops a feature that only burns: too many runs in all, or too much spent without anything being accepted. Arithmetic only.
//
//   B1. A run that never began (refused by a budget at launch) burns nothing.
//   B2. An accepted plan, review or test is progress; a commit is not, until somebody has accepted it.
//   B3. Runs are counted until a person grants them anew, whatever was accepted.

import type { PipelineSettings } from "../roles.ts";
import { count, inDollars, tally } from "../text.ts";
import type { FeatureContext } from "./feature-context.ts";
import type { FeatureEvent } from "./feature-events.ts";

export interface Burn {
  /** Runs since it was started, or since a person last retried it. */
  readonly runs: number;
  /** Since the last progress. */
  readonly costUsd: number;
  readonly turns: number;
}

export const NO_BURN: Burn = { runs: 0, costUsd: 0, turns: 0 };

/** The burn once an event is taken into account. */
export function burnAfter({ burn }: FeatureContext, event: FeatureEvent): Burn {
  if (event.type !== "agent.finished") return burn;
  const hasBegun = event.outcome !== "overBudget" || event.budget === undefined || event.budget === "run";
  if (!hasBegun) return burn; // B1
  const runs = burn.runs + 1;
  if (event.outcome === "succeeded" && event.role !== "coder") return { ...NO_BURN, runs }; // B2, B3
  return { runs, costUsd: burn.costUsd + tally(event.costUsd), turns: burn.turns + tally(event.turns ?? 0) };
}

type Limits = Pick<PipelineSettings, "maxRuns" | "maxUsdWithoutProgress" | "maxTurnsWithoutProgress">;

/** Why no further agent may be launched, with the figures; null while one may. */
export function tripped({ runs, costUsd, turns }: Burn, limits: Limits): string | null {
  if (runs >= limits.maxRuns) return `It has had ${count(runs, "run")}, and may have ${limits.maxRuns}`;
  const since = "since a plan, a review or a test was last accepted";
  if (costUsd >= limits.maxUsdWithoutProgress)
    return `${inDollars(costUsd)} were spent ${since}; the limit is ${inDollars(limits.maxUsdWithoutProgress)}`;
  if (turns >= limits.maxTurnsWithoutProgress)
    return `${count(turns, "turn")} were taken ${since}; the limit is ${limits.maxTurnsWithoutProgress}`;
  return null;
}
