// GitHub's way in: what happened to a pull request, told to the feature whose branch it is. For the orchestrator alone.

import type { FeatureEvent } from "@omakase/machines/feature/feature-events";
import { cut } from "@omakase/machines/text";
import { type Infer, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { serviceMutation } from "./access.ts";
import { firstTime } from "./deliveries.ts";
import { refuse } from "./errors.ts";
import { deliver, findActor } from "./mail.ts";
import { lastSegment } from "./shardOf.ts";

/** What happened to the pull request of a branch. */
export const vPullRequestChange = v.union(
  v.object({
    kind: v.union(v.literal("merged"), v.literal("closed")),
    branch: v.string(),
    number: v.number(),
    by: v.string(),
    /** When GitHub says it happened, ms: names the fact, however it reaches us. */
    at: v.number(),
  }),
  v.object({
    kind: v.literal("rework"),
    branch: v.string(),
    number: v.number(),
    by: v.string(),
    source: v.union(v.literal("review"), v.literal("checks")),
    summary: v.string(),
  }),
);
export type PullRequestChange = Infer<typeof vPullRequestChange>;

/** Projects that may share a repository. */
const MAX_PROJECTS = 16;

/** Stores a delivery and its consequence. Safe to repeat. `change` is null when the event is none of ours. */
export const receive = serviceMutation({
  args: { deliveryId: v.string(), event: v.string(), repository: v.string(), change: v.union(vPullRequestChange, v.null()) },
  returns: v.object({ outcome: v.string() }),
  handler: async (ctx, { deliveryId, event, repository, change }) =>
    firstTime(ctx.db, { source: "github", deliveryId, event }, async () => {
      if (change === null) return "ignored: not about a pull request's fate";
      const feature = await featureOfBranch(ctx.db, repository, change);
      if (feature === null) return `ignored: no feature works on ${cut(change.branch, 200)} of ${cut(repository, 200)}`;
      const actor = await findActor(ctx.db, feature.address);
      if (actor === null) return `ignored: ${feature.address} has no actor`;
      const cause = { kind: "github", name: cut(change.by, 100) } as const;
      return deliver(ctx.db, actor, { key: keyOf(change, deliveryId), event: JSON.stringify(eventOf(change)), cause });
    }),
});

const MAX_CHANGES = 100;

/**
 * Takes what a sweep saw of pull requests, at most 100; a fact that a delivery has told is not told again. `told` names the branches whose
 * features had not heard. Safe to repeat. @throws {ConvexError} `tooLarge`
 */
export const sync = serviceMutation({
  args: { repository: v.string(), changes: v.array(vPullRequestChange) },
  returns: v.object({ told: v.array(v.object({ feature: v.string(), number: v.number() })) }),
  handler: async (ctx, { repository, changes }) => {
    if (changes.length > MAX_CHANGES) refuse({ code: "tooLarge", message: `At most ${MAX_CHANGES} changes fit one call.` });
    const told: { feature: string; number: number }[] = [];
    for (const change of changes) {
      const feature = await featureOfBranch(ctx.db, repository, change);
      // Nobody knows whose life of the branch a closed one belongs to, unless the feature has said so.
      if (feature === null || OVER.has(feature.state) || (change.kind === "closed" && feature.pullRequest === null)) continue;
      const actor = await findActor(ctx.db, feature.address);
      if (actor === null || (change.kind === "closed" && feature.state === "cancelled")) continue;
      const letter = {
        key: keyOf(change, ""),
        event: JSON.stringify(eventOf(change)),
        cause: { kind: "sweep", name: "GitHub" } as const,
      };
      if ((await deliver(ctx.db, actor, letter)) === "stored") told.push({ feature: feature.address, number: change.number });
    }
    return { told };
  },
});

const OVER: ReadonlySet<string> = new Set(["merged", "closed"]);

/** A pull request's end has one name, whoever tells it; anything else is named after its delivery. */
const keyOf = (change: PullRequestChange, deliveryId: string): string =>
  change.kind === "rework" || change.at === 0 ? `github:${deliveryId}` : `pull:${change.number}:${change.kind}:${change.at}`;

/** The feature whose branch it is. A closed pull request of an earlier life of the branch is not the feature's. */
async function featureOfBranch(
  db: DatabaseReader,
  repository: string,
  change: PullRequestChange,
): Promise<Doc<"features"> | null> {
  const projects = await db
    .query("projects")
    .withIndex("by_repository", (q) => q.eq("repository", repository))
    .take(MAX_PROJECTS);
  for (const project of projects) {
    const feature = await db
      .query("features")
      .withIndex("by_address", (q) => q.eq("address", `${project.address}/${lastSegment(change.branch)}`))
      .unique();
    if (feature === null || feature.branch !== change.branch) continue;
    if (feature.pullRequest === null || feature.pullRequest.number === change.number) return feature;
  }
  return null;
}

function eventOf(change: PullRequestChange): FeatureEvent {
  const at = Date.now();
  const by = cut(change.by, 100);
  switch (change.kind) {
    case "merged":
      return { type: "pullRequest.merged", at, by, number: change.number };
    case "closed":
      return { type: "pullRequest.closed", at, by, number: change.number };
    case "rework":
      return { type: "rework.requested", at, by, source: change.source, summary: cut(change.summary) };
    default:
      return change satisfies never;
  }
}
