// What of an actor may be seen through `/inspect`, field by field: a recording of it may be saved and shared. What is not listed is
// left out, also of fields somebody adds to a machine tomorrow. Free texts of people and strangers (notes, requests, ticket titles)
// stay out; reasons, which are needed to understand a failure, are cut and masked.

import type { ActorKind } from "@omakase/machines";
import { maskDeep } from "../agents/masking.ts";

const CONTEXT: Readonly<Record<ActorKind, readonly string[]>> = {
  project: ["address", "limits", "settings", "places", "again", "asked", "held", "holds", "outOf"],
  feature: [
    ...["address", "branch", "settings", "next", "placed", "agent", "lastAgent", "runs", "reviewRounds", "testRounds"],
    ...["reworkRounds", "costUsd", "headSha", "startedAt", "inProgress", "blockers", "moreBlockers", "outdated", "failure"],
    ...["failedStage", "pullRequest", "retracted", "pausedBy", "pauseReason", "burn", "overBudget"],
  ],
  agent: [
    ...[
      "address",
      "role",
      "limits",
      "attempt",
      "heldBack",
      "infrastructureFailures",
      "agentFailures",
      "acceptedAt",
      "report",
      "cause",
    ],
    ...["reason", "costUsd", "turns", "budget", "headSha", "wallClockLeftMs", "checkAfterMs", "heardAt"],
  ],
};

const EVENT: readonly string[] = [
  ...["type", "at", "by", "mode", "role", "from", "feature", "featureId", "agent", "state", "branch", "admits", "outcome"],
  ...["costUsd", "headSha", "number", "url", "source", "kind", "attempt", "exitCode", "class", "stopCode", "silentMs", "reason"],
  ...["blockers", "cycle", "candidates", "limits", "settings"],
];

const MAX_TEXT = 500;

export const visibleContext = (kind: ActorKind, context: unknown): Record<string, unknown> => pick(context, CONTEXT[kind]);

/** A ticket is told by its key alone. */
export function visibleEvent(event: unknown): { type: string } & Record<string, unknown> {
  const { ticket } = isRecord(event) ? event : {};
  const seen = pick(event, EVENT);
  return {
    ...seen,
    ...(isRecord(ticket) ? { ticket: pick(ticket, ["key", "stateType", "updatedAt"]) } : {}),
    type: typeof seen.type === "string" ? seen.type : "unknown",
  };
}

function pick(value: unknown, names: readonly string[]): Record<string, unknown> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(names.flatMap((name) => (name in value ? [[name, maskDeep(cut(value[name]))]] : [])));
}

/** Bounded before it is masked, deep enough for everything listed above. */
function cut(value: unknown, depth = 5): unknown {
  if (typeof value === "string") return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT - 1)}…` : value;
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return null;
  if (Array.isArray(value)) return value.slice(0, 200).map((item) => cut(item, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, cut(inner, depth - 1)]));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
