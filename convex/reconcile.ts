// What the orchestrator asks before it acts at a far side, and when it compares a far side with our memory: is this launch still
// wanted, whose is this task, what did a lost task leave behind, which pull requests should be there. Reads only, but for `swept`.
// For the orchestrator alone.

import { cut } from "@omakase/machines/text";
import { v } from "convex/values";
import type { DatabaseReader } from "./_generated/server";
import { serviceMutation, serviceQuery } from "./access.ts";
import { refuse } from "./errors.ts";
import { findMark } from "./pulls.ts";
import { findRun, overBecause } from "./settling.ts";
import { projectOf } from "./shardOf.ts";
import { vFarSide, vRole } from "./validators.ts";

const MAX_TASKS = 100;

/** Whether a launch is still wanted, as stored now: `over` says why not. */
export const launch = serviceQuery({
  args: { effectId: v.string() },
  returns: v.object({ over: v.union(v.string(), v.null()) }),
  handler: async ({ db }, { effectId }) => {
    return { over: await overBecause(db, await findRun(db, effectId)) };
  },
});

/** Of tasks that ECS runs, by `startedBy`: whose they are, and why nobody wants them when nobody does. At most 100. @throws {ConvexError} `tooLarge` */
export const tasks = serviceQuery({
  args: { startedBy: v.array(v.string()) },
  returns: v.array(
    v.union(
      v.object({
        startedBy: v.string(),
        /** The effect id. */
        run: v.string(),
        agent: v.string(),
        project: v.string(),
        taskArn: v.union(v.string(), v.null()),
        /** Null: its agent wants it. */
        over: v.union(v.string(), v.null()),
      }),
      v.null(),
    ),
  ),
  handler: async ({ db }, { startedBy }) => {
    if (startedBy.length > MAX_TASKS) refuse({ code: "tooLarge", message: `At most ${MAX_TASKS} tasks fit one call.` });
    return Promise.all(
      startedBy.map(async (name) => {
        const run = await db
          .query("agentRuns")
          .withIndex("by_started_by", (q) => q.eq("startedBy", name))
          .unique();
        if (run === null) return null;
        const { effectId, agent, taskArn } = run;
        return { startedBy: name, run: effectId, agent, project: projectOf(agent), taskArn, over: await overBecause(db, run) };
      }),
    );
  },
});

/** What is known of a run whose task has disappeared, to infer how it ended; null when there is no such run. */
export const lostRun = serviceQuery({
  args: { effectId: v.string() },
  returns: v.union(
    v.object({
      role: vRole,
      project: v.string(),
      /** "owner/name" */
      repository: v.string(),
      branch: v.string(),
      hasReported: v.boolean(),
      isClaimed: v.boolean(),
    }),
    v.null(),
  ),
  handler: async ({ db }, { effectId }) => {
    const run = await findRun(db, effectId);
    const project = run && (await db.get(run.project));
    const feature = run && (await featureAt(db, run.feature));
    if (run === null || project === null || feature === null) return null;
    return {
      role: run.role,
      project: project.address,
      repository: project.repository,
      branch: feature.branch,
      hasReported: run.reportedAt !== null,
      isClaimed: run.claimId !== null,
    };
  },
});

/** A sweep has seen everything up to `until` (ms, the far side's clock). It never goes back. Safe to repeat. */
export const swept = serviceMutation({
  args: { project: v.string(), farSide: vFarSide, until: v.number() },
  returns: v.null(),
  handler: async ({ db }, { project, farSide, until }) => {
    const mark = await findMark(db, project, farSide);
    if (mark === null) await db.insert("sweepMarks", { project, farSide, until });
    else if (mark.until < until) await db.patch(mark._id, { until });
    return null;
  },
});

const MAX_FEATURES = 500;

/** Features of a project whose pull request should be open, with it; at most 500, the oldest first. */
export const passing = serviceQuery({
  args: { project: v.string() },
  returns: v.array(
    v.object({ feature: v.string(), branch: v.string(), number: v.union(v.number(), v.null()), since: v.number() }),
  ),
  handler: async ({ db }, { project }) => {
    const row = await db
      .query("projects")
      .withIndex("by_address", (q) => q.eq("address", project))
      .unique();
    if (row === null) return [];
    const features = await db
      .query("features")
      .withIndex("by_open_pull", (q) => q.eq("hasOpenPull", true).eq("project", row._id))
      .filter((q) => q.eq(q.field("state"), "passing"))
      .take(MAX_FEATURES);
    return features.map(({ address, branch, pullRequest, stateSince }) => ({
      feature: address,
      branch,
      number: pullRequest?.number ?? null,
      since: stateSince,
    }));
  },
});

/** Why a feature's pull request is not wanted any more; null when it is. */
export const publishing = serviceQuery({
  args: { feature: v.string() },
  returns: v.object({ over: v.union(v.string(), v.null()) }),
  handler: async ({ db }, { feature }) => {
    const row = await featureAt(db, feature);
    if (row === null) return { over: "Its feature does not exist" };
    return { over: row.state === "cancelled" ? cut(row.failure ?? "The feature was cancelled") : null };
  },
});

const featureAt = (db: DatabaseReader, address: string) =>
  db
    .query("features")
    .withIndex("by_address", (q) => q.eq("address", address))
    .unique();
