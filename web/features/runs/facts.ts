// What a run's numbers say. Pure.

import { formatCost } from "../../elements/duration.ts";
import type { RunCard } from "../feature/data.ts";

/** From the container's first word, or the launch, to its end, in ms. @param now ms, for a run that has not ended */
export const durationMs = ({ claimedAt, createdAt, endedAt }: RunCard, now: number): number =>
  Math.max(0, (endedAt ?? now) - (claimedAt ?? createdAt));

/** Everything that went through the model. */
export const tokensOf = ({ usage }: Pick<RunCard, "usage">): number =>
  usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheCreationTokens;

/** "12.3k" */
export function formatCount(count: number): string {
  if (count < 1000) return String(count);
  if (count < 1_000_000) return `${(count / 1000).toFixed(1)}k`;
  return `${(count / 1_000_000).toFixed(2)}M`;
}

/** The id at the end of an ARN. */
export const taskId = (arn: string): string => arn.slice(arn.lastIndexOf("/") + 1);

export interface RunFact {
  readonly name: string;
  readonly text: string;
  /** Shown as an id. */
  readonly isCode?: boolean;
}

/** Everything that is known of a run besides its times, its log and its result. */
export function factsOf(run: RunCard): readonly RunFact[] {
  const { usage, taskArn, model, headSha, exitCode, stopCode, endReason } = run;
  const known: readonly (RunFact | null)[] = [
    model === null ? null : { name: "Model", text: model, isCode: true },
    { name: "Cost", text: formatCost(usage.costUsd) },
    { name: "Turns", text: String(usage.turns) },
    {
      name: "Tokens",
      text: `${formatCount(usage.inputTokens)} in, ${formatCount(usage.outputTokens)} out, ${formatCount(usage.cacheReadTokens)} from cache`,
    },
    exitCode === null ? null : { name: "Exit code", text: String(exitCode) },
    stopCode === null ? null : { name: "Stopped by", text: stopCode, isCode: true },
    endReason === null ? null : { name: "Reason", text: endReason },
    headSha === null ? null : { name: "Commit", text: headSha.slice(0, 12), isCode: true },
    taskArn === null ? null : { name: "ECS task", text: taskId(taskArn), isCode: true },
  ];
  return known.filter((fact) => fact !== null);
}
