// Runs: what their containers tell, by way of the orchestrator (rules in runLife.ts), and what people see of them.

import { v } from "convex/values";
import { memberQuery, serviceMutation, serviceQuery } from "./access.ts";
import { runCard, vRunCard } from "./cards.ts";
import { refuse } from "./errors.ts";
import { ofMetered, usdOf } from "./money.ts";
import { meter as meterRun, reservationOf } from "./reservations.ts";
import { appendEvents, claimRun, storeReport, vClaim, vReport, whyStop } from "./runLife.ts";
import { findRun } from "./settling.ts";
import { vAmount, vMetered, vReceipt, vRole, vRunState, vUsage } from "./validators.ts";

const MAX_LISTED = 200;
/** Chunks of one answer: up to 256 KiB each. */
const MAX_CHUNKS = 16;

/** A container takes its run: the first one does, and may ask again with the same `claimId`. `model` is the one it will use, shown with the run. */
export const claim = serviceMutation({
  args: { effectId: v.string(), claimId: v.string(), model: v.string() },
  returns: vClaim,
  handler: (ctx, { effectId, claimId, model }) => claimRun(ctx.db, effectId, claimId, model),
});

/**
 * Stores log events (JSON each, masked) that are new; an empty list is a heartbeat. `from` is the number of the first, counted from 1;
 * `next` is the one wanted next: more than was sent after a repeat, less after a gap or when not all fitted. Safe to repeat.
 * @throws {ConvexError} `notFound`, `badArgument`, `tooLarge`
 */
export const append = serviceMutation({
  args: { effectId: v.string(), from: v.number(), events: v.array(v.string()), usage: vUsage, at: v.number() },
  returns: v.object({ next: v.number(), stop: v.union(v.object({ reason: v.string() }), v.null()) }),
  handler: (ctx, args) => appendEvents(ctx.db, args),
});

/** The runner's last word. Stored once: `stored` is false for a repeat. @throws {ConvexError} `notFound`, `tooLarge` */
export const report = serviceMutation({
  args: vReport,
  returns: v.object({ stored: v.boolean() }),
  handler: (ctx, args) => storeReport(ctx.db, args),
});

/** How long a run has put nothing out, in ms, by the caller's clock: a query that read its own would be answered from a cache. @throws {ConvexError} `notFound` */
export const silence = serviceQuery({
  args: { effectId: v.string(), now: v.number() },
  returns: v.number(),
  handler: async ({ db }, { effectId, now }) => {
    const run = await findRun(db, effectId);
    if (run === null) return refuse({ code: "notFound", message: `There is no run ${effectId}.` });
    return Math.max(0, now - (run.lastOutputAt ?? run.claimedAt ?? run.createdAt));
  },
});

/** Whether a run may still work, on which repository ("owner/name"), and what it may spend and has; null when there is no such run. */
export const standing = serviceQuery({
  args: { effectId: v.string() },
  returns: v.union(
    v.object({
      live: v.boolean(),
      repository: v.string(),
      budget: v.union(v.object({ reserved: vAmount, spent: vAmount, over: v.union(v.string(), v.null()) }), v.null()),
    }),
    v.null(),
  ),
  handler: async ({ db }, { effectId }) => {
    const run = await findRun(db, effectId);
    const project = run && (await db.get(run.project));
    if (run === null || project === null) return null;
    const live = run.claimId !== null && run.endedAt === null && run.reportedAt === null && (await whyStop(db, run)) === null;
    const reservation = await reservationOf(db, effectId);
    const budget = reservation && {
      reserved: reservation.reserved,
      spent: ofMetered(reservation.metered),
      over: reservation.overBudget,
    };
    return { live, repository: project.repository, budget };
  },
});

/** Runs one call may tell of. */
const MOST_METERED = 100;

/**
 * Stores what one gateway process has metered of runs so far, in all: safe to repeat, in any order. `meter` names the process; a new
 * process is a new meter. Answers with each run's standing over all meters.
 * @throws {ConvexError} `tooLarge`
 */
export const meter = serviceMutation({
  args: { meter: v.string(), runs: v.array(v.object({ effectId: v.string(), metered: vMetered })) },
  returns: v.array(v.object({ effectId: v.string(), spent: vAmount, over: v.union(v.string(), v.null()) })),
  handler: async ({ db }, { meter, runs }) => {
    if (runs.length > MOST_METERED || meter.length > 100)
      refuse({ code: "tooLarge", message: `At most ${MOST_METERED} runs fit one call, and a meter's name 100 characters.` });
    const standings = [];
    for (const { effectId, metered } of runs) {
      const standing = await meterRun(db, effectId, meter, metered);
      if (standing !== null) standings.push({ effectId, ...standing });
    }
    return standings;
  },
});

/** What was checked when a run was launched, what it reserved, and what it came to; null for a run that reserved nothing. */
export const receipt = memberQuery({
  needs: "viewer",
  args: { run: v.id("agentRuns") },
  returns: v.union(
    v.object({
      ...vReceipt.fields,
      effectId: v.string(),
      reserved: vAmount,
      metered: vMetered,
      meteredUsd: v.number(),
      settled: v.union(vAmount, v.null()),
      overBudget: v.union(v.string(), v.null()),
    }),
    v.null(),
  ),
  about: async ({ run }, { db }) => (await db.get(run))?.agent ?? null,
  handler: async ({ db }, { run }) => {
    const row = await db.get(run);
    const reservation = row && (await reservationOf(db, row.effectId));
    if (!reservation) return null;
    const { effectId, reserved, metered, settled, overBudget, receipt } = reservation;
    return { ...receipt, effectId, reserved, metered, meteredUsd: usdOf(metered), settled, overBudget };
  },
});

/** The run of one attempt of an agent, or null. */
export const byAgent = serviceQuery({
  args: { agent: v.string(), attempt: v.number() },
  returns: v.union(
    v.object({
      effectId: v.string(),
      startedBy: v.string(),
      taskArn: v.union(v.string(), v.null()),
      state: vRunState,
      createdAt: v.number(),
    }),
    v.null(),
  ),
  handler: async ({ db }, { agent, attempt }) => {
    const run = await db
      .query("agentRuns")
      .withIndex("by_agent", (q) => q.eq("agent", agent).eq("attempt", attempt))
      .first();
    if (run === null) return null;
    const { effectId, startedBy, taskArn, state, createdAt } = run;
    return { effectId, startedBy, taskArn, state, createdAt };
  },
});

/** The runs of a feature, oldest first, at most the newest 200. */
export const ofFeature = memberQuery({
  needs: "viewer",
  args: { feature: v.string() },
  returns: v.array(vRunCard),
  about: ({ feature }) => feature,
  handler: async ({ db }, { feature }) => {
    const rows = await db
      .query("agentRuns")
      .withIndex("by_feature", (q) => q.eq("feature", feature))
      .order("desc")
      .take(MAX_LISTED);
    return rows.reverse().map(runCard);
  },
});

/**
 * A run's log from an event's sequence number on: chunks that begin at or after `from`, so pass 1 and then `next`.
 * `hasMore` when there are more chunks than one answer holds.
 */
export const logs = memberQuery({
  needs: "viewer",
  args: { run: v.id("agentRuns"), from: v.number() },
  returns: v.object({
    /** `events` is a JSON array. */
    chunks: v.array(v.object({ from: v.number(), to: v.number(), events: v.string() })),
    next: v.number(),
    hasMore: v.boolean(),
  }),
  about: async ({ run }, { db }) => (await db.get(run))?.agent ?? null,
  handler: async ({ db }, { run, from }) => {
    const rows = await db
      .query("runLogs")
      .withIndex("by_run", (q) => q.eq("run", run).gte("from", from))
      .take(MAX_CHUNKS + 1);
    const chunks = rows.slice(0, MAX_CHUNKS).map(({ from, to, events }) => ({ from, to, events }));
    return { chunks, next: (chunks.at(-1)?.to ?? from - 1) + 1, hasMore: rows.length > MAX_CHUNKS };
  },
});

/** A run's structured result as JSON, or null while there is none. */
export const result = memberQuery({
  needs: "viewer",
  args: { run: v.id("agentRuns") },
  returns: v.union(v.object({ role: vRole, result: v.string() }), v.null()),
  about: async ({ run }, { db }) => (await db.get(run))?.agent ?? null,
  handler: async ({ db }, { run }) => {
    const row = await db.get(run);
    return row === null || row.result === null ? null : { role: row.role, result: row.result };
  },
});
