// What limits and settings may be. A project that is told nonsense would stand still, or spend without end.

import type { ProjectLimits } from "@omakase/machines/project/project-events";
import type { PipelineSettings } from "@omakase/machines/roles";

const DAY_MS = 24 * 3_600_000;

/** Why limits cannot be used, in words; null when they can. */
export function limitsFault({ features, perRole }: ProjectLimits): string | null {
  const roles = Object.entries(perRole).map(([role, limit]) => outside(`the limit of ${role}s`, limit, 0, 1000));
  return outside("the number of features at once", features, 0, 1000) ?? roles.find((fault) => fault !== null) ?? null;
}

/** Why settings cannot be used, in words; null when they can. */
export function settingsFault(settings: PipelineSettings): string | null {
  const { agent } = settings;
  const faults = [
    outside("maxReviewRounds", settings.maxReviewRounds, 0, 20),
    outside("maxTestRounds", settings.maxTestRounds, 0, 20),
    outside("maxReworkRounds", settings.maxReworkRounds, 0, 20),
    outside("maxRuns", settings.maxRuns, 1, 1000),
    outside("maxTurnsWithoutProgress", settings.maxTurnsWithoutProgress, 1, 100_000),
    settings.maxUsdWithoutProgress > 0 && settings.maxUsdWithoutProgress <= 10_000
      ? null
      : "maxUsdWithoutProgress must be more than 0 and at most 10000",
    outside("maxTokens", agent.maxTokens, 1, 10_000_000_000),
    outside("wallClockMs", agent.wallClockMs, 1000, DAY_MS),
    outside("stallMs", agent.stallMs, 1000, DAY_MS),
    outside("maxInfrastructureAttempts", agent.maxInfrastructureAttempts, 1, 50),
    outside("maxAgentAttempts", agent.maxAgentAttempts, 1, 50),
    outside("maxTurns", agent.maxTurns, 1, 10_000),
    agent.maxBudgetUsd > 0 && agent.maxBudgetUsd <= 1000 ? null : "maxBudgetUsd must be more than 0 and at most 1000",
    settings.approvalLabel.length <= 80 ? null : "approvalLabel may have at most 80 characters",
  ];
  return faults.find((fault) => fault !== null) ?? null;
}

/** Why an allowance cannot be used, in words; null when it can. */
export function allowanceFault({ usd, tokens }: { readonly usd: number | null; readonly tokens: number | null }): string | null {
  if (usd !== null && !(usd >= 0 && usd <= 10_000_000)) return `dollars must be from 0 to 10,000,000, not ${usd}`;
  return outside("tokens", tokens ?? undefined, 0, 1e15);
}

function outside(name: string, value: number | undefined, least: number, most: number): string | null {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return null;
  return `${name} must be a whole number from ${least} to ${most}, not ${value}`;
}
