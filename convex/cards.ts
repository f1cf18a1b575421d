// What people are shown of a row: the same columns wherever it appears. Nothing here carries a claim id, a `startedBy` or a token.

import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import {
  vCategory,
  vCause,
  vColumn,
  vHold,
  vMembershipRole,
  vMood,
  vPullRequest,
  vReason,
  vRole,
  vRunState,
  vUsage,
} from "./validators.ts";

export const vFeatureCard = v.object({
  address: v.string(),
  key: v.string(),
  title: v.string(),
  url: v.string(),
  priority: v.number(),
  labels: v.array(v.string()),
  branch: v.string(),
  state: v.string(),
  hold: vHold,
  category: vCategory,
  column: vColumn,
  label: v.string(),
  mood: vMood,
  stage: v.union(vRole, v.null()),
  reasons: v.array(vReason),
  failure: v.union(v.string(), v.null()),
  actions: v.array(v.string()),
  pullRequest: v.union(vPullRequest, v.null()),
  costUsd: v.number(),
  stateSince: v.number(),
  sequence: v.number(),
  createdAt: v.number(),
});

export function featureCard(row: Doc<"features">) {
  const { _id, _creationTime, organization, project, issueId, wants, ready, hasOpenPull, priorityRank, unblocksRank, ...card } =
    row;
  return card;
}

export const vAgentCard = v.object({
  address: v.string(),
  feature: v.string(),
  role: vRole,
  state: v.string(),
  category: vCategory,
  column: vColumn,
  label: v.string(),
  mood: vMood,
  actions: v.array(v.string()),
  ended: v.boolean(),
  reason: v.union(v.string(), v.null()),
  attempt: v.number(),
  stateSince: v.number(),
  sequence: v.number(),
  createdAt: v.number(),
});

export function agentCard({ _id, _creationTime, organization, project, ...card }: Doc<"agents">) {
  return card;
}

export const vRunCard = v.object({
  id: v.id("agentRuns"),
  agent: v.string(),
  feature: v.string(),
  role: vRole,
  attempt: v.number(),
  round: v.number(),
  state: vRunState,
  taskArn: v.union(v.string(), v.null()),
  claimedAt: v.union(v.number(), v.null()),
  lastSeenAt: v.union(v.number(), v.null()),
  lastOutputAt: v.union(v.number(), v.null()),
  usage: vUsage,
  model: v.union(v.string(), v.null()),
  hasResult: v.boolean(),
  headSha: v.union(v.string(), v.null()),
  exitCode: v.union(v.number(), v.null()),
  stopCode: v.union(v.string(), v.null()),
  endReason: v.union(v.string(), v.null()),
  endedAt: v.union(v.number(), v.null()),
  createdAt: v.number(),
  logSequence: v.number(),
});

export function runCard(row: Doc<"agentRuns">) {
  const { _id, _creationTime, organization, project, effectId, startedBy, claimId, taskVersion, reportedAt, result, ...card } =
    row;
  return { id: _id, hasResult: result !== null, ...card };
}

export const vTransitionCard = v.object({
  actor: v.string(),
  sequence: v.number(),
  eventType: v.string(),
  /** JSON, as stored. */
  event: v.string(),
  cause: vCause,
  from: v.string(),
  to: v.string(),
  microsteps: v.array(v.string()),
  actions: v.array(v.string()),
  ignored: v.boolean(),
  at: v.number(),
});

export function transitionCard({ _id, _creationTime, project, feature, eventId, epoch, ...card }: Doc<"transitions">) {
  return card;
}

export const vProjectCard = v.object({
  address: v.string(),
  slug: v.string(),
  name: v.string(),
  organization: v.object({ slug: v.string(), name: v.string() }),
  /** The caller's. */
  role: vMembershipRole,
  repository: v.string(),
  linearTeamKey: v.string(),
  state: v.string(),
  category: vCategory,
  label: v.string(),
  mood: vMood,
  actions: v.array(v.string()),
  running: v.array(v.string()),
});

export function projectCard(row: Doc<"projects">, { slug, name }: Doc<"organizations">, role: Doc<"memberships">["role"]) {
  const { address, repository, linearTeamKey, view } = row;
  return { address, slug: row.slug, name: row.name, organization: { slug, name }, role, repository, linearTeamKey, ...view };
}
