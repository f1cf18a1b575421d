// Features as people see them: the board and one feature with all that belongs to it; and what a pull request is written from.

import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { memberQuery, serviceQuery } from "./access.ts";
import { basesOf, blockersOf, findFeature, findTicket } from "./blockers.ts";
import { agentCard, featureCard, runCard, vAgentCard, vFeatureCard, vRunCard } from "./cards.ts";
import { resultsOf, vResults } from "./results.ts";
import { projectOf } from "./shardOf.ts";
import { vCategory, vColumn, vStateType } from "./validators.ts";

/** Cards of the columns that are still moving, together. */
const MAX_LIVING = 900;
/** Newest cards of each column that has come to rest, so that they never crowd out the others: 1,000 cards in all. */
const MAX_RESTING = 50;
const MAX_LISTED = 100;

const LIVING = ["needsYou", "failed", "test", "review", "code", "architect", "queued"] as const;
const RESTING = ["done", "cancelled"] as const;

/** The cards of a project's board, at most 1,000. `cut` names the columns that have more than they show. */
export const board = memberQuery({
  needs: "viewer",
  args: { project: v.string() },
  returns: v.object({ cards: v.array(vFeatureCard), cut: v.array(vColumn) }),
  about: ({ project }) => project,
  handler: async ({ db, project }) => {
    const cards: Doc<"features">[] = [];
    const cut: Doc<"features">["column"][] = [];
    const add = async (column: Doc<"features">["column"], room: number) => {
      const rows = await newestOf(db, project, column, room + 1);
      if (rows.length > room) cut.push(column);
      cards.push(...rows.slice(0, room));
    };
    for (const column of LIVING) await add(column, MAX_LIVING - cards.length);
    for (const column of RESTING) await add(column, MAX_RESTING);
    return { cards: cards.map(featureCard), cut };
  },
});

/** One feature by its key, as it was when the ticket first appeared ("OMA-12"); null when there is none. Lists are bounded at 100. */
export const get = memberQuery({
  needs: "viewer",
  args: { project: v.string(), key: v.string() },
  returns: v.union(
    v.object({
      feature: vFeatureCard,
      ticket: v.union(
        v.object({
          key: v.string(),
          title: v.string(),
          description: v.string(),
          /** Before it was cut. */
          descriptionBytes: v.number(),
          url: v.string(),
          priority: v.number(),
          labels: v.array(v.string()),
          stateType: vStateType,
          stateName: v.string(),
        }),
        v.null(),
      ),
      blockedBy: v.array(
        v.object({
          key: v.string(),
          feature: v.union(v.string(), v.null()),
          state: v.union(v.literal("met"), v.literal("unmet")),
          branch: v.union(v.string(), v.null()),
        }),
      ),
      blocks: v.array(
        v.object({ key: v.string(), feature: v.union(v.string(), v.null()), category: v.union(vCategory, v.null()) }),
      ),
      agents: v.array(vAgentCard),
      runs: v.array(vRunCard),
    }),
    v.null(),
  ),
  about: ({ project }) => project,
  handler: async ({ db, project }, { key }) => {
    const feature = await findByAddress(db, `${project.address}/${key.toLowerCase()}`);
    if (feature === null) return null;
    const [ticket, blockers, blocks, agents, runs] = await Promise.all([
      findTicket(db, feature.issueId),
      blockersOf(db, project, feature.issueId),
      blockedBy(db, project, feature.issueId),
      db
        .query("agents")
        .withIndex("by_feature", (q) => q.eq("feature", feature.address))
        .order("desc")
        .take(MAX_LISTED),
      db
        .query("agentRuns")
        .withIndex("by_feature", (q) => q.eq("feature", feature.address))
        .order("desc")
        .take(MAX_LISTED),
    ]);
    return {
      feature: featureCard(feature),
      ticket: ticket === null ? null : ticketCard(ticket),
      blockedBy: blockers.map(({ key, feature, state, branch }) => ({ key, feature, state, branch })),
      blocks,
      agents: agents.reverse().map(agentCard),
      runs: runs.reverse().map(runCard),
    };
  },
});

/** What a feature's pull request is written from, or null. For the orchestrator. */
export const forPullRequest = serviceQuery({
  args: { address: v.string() },
  returns: v.union(
    v.object({
      ticket: v.object({ issueId: v.string(), key: v.string(), title: v.string(), description: v.string(), url: v.string() }),
      repository: v.string(),
      defaultBranch: v.string(),
      branch: v.string(),
      /** Branches it is stacked on. */
      bases: v.array(v.string()),
      results: vResults,
      costUsd: v.number(),
    }),
    v.null(),
  ),
  handler: async ({ db }, { address }) => {
    const feature = await findByAddress(db, address);
    const project = feature && (await db.get(feature.project));
    if (feature === null || project === null || project.address !== projectOf(address)) return null;
    const { issueId, key, title, url, branch, costUsd } = feature;
    const [ticket, bases, results] = await Promise.all([
      findTicket(db, issueId),
      basesOf(db, project, issueId),
      resultsOf(db, address),
    ]);
    return {
      ticket: { issueId, key, title, url, description: ticket?.description ?? "" },
      repository: project.repository,
      defaultBranch: project.defaultBranch,
      branch,
      bases,
      results,
      costUsd,
    };
  },
});

const findByAddress = (db: DatabaseReader, address: string) =>
  db
    .query("features")
    .withIndex("by_address", (q) => q.eq("address", address))
    .unique();

const newestOf = (db: DatabaseReader, project: Doc<"projects">, column: Doc<"features">["column"], rows: number) =>
  db
    .query("features")
    .withIndex("by_board", (q) => q.eq("project", project._id).eq("column", column))
    .order("desc")
    .take(rows);

/** What waits for a ticket. */
async function blockedBy(db: DatabaseReader, project: Doc<"projects">, issueId: string) {
  const edges = await db
    .query("dependencies")
    .withIndex("by_blocker", (q) => q.eq("project", project._id).eq("blocker", issueId))
    .take(MAX_LISTED);
  return Promise.all(
    edges.map(async ({ blocked, blockedKey }) => {
      const feature = await findFeature(db, project._id, blocked);
      return { key: blockedKey, feature: feature?.address ?? null, category: feature?.category ?? null };
    }),
  );
}

function ticketCard({ key, title, description, descriptionBytes, url, priority, labels, stateType, stateName }: Doc<"tickets">) {
  return { key, title, description, descriptionBytes, url, priority, labels, stateType, stateName };
}
