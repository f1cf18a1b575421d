// The life of a run as its container tells it: claimed once, logged without gaps, reported once. runs.ts is the door.
//
//   R1. The first claim wins; the same claim may repeat; every other container is told to go.
//   R2. Log events are stored once and in order: a repeat is passed over, a gap is refused by naming the next one wanted.
//   R3. The runner's last word is stored once, whatever came of its task meanwhile.
//   R4. A run that the gateway refused for its budget has failed over its budget, whatever the container calls it.

import type { AgentEvent } from "@omakase/machines/agent/agent-events";
import type { RunTask } from "@omakase/machines/effects";
import { cut } from "@omakase/machines/text";
import { type Infer, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { basesOf, findTicket } from "./blockers.ts";
import { refuse } from "./errors.ts";
import { type Cause, deliver, findActor } from "./mail.ts";
import { reservationOf, settleRun } from "./reservations.ts";
import { resultsOf, vResults } from "./results.ts";
import { findRun } from "./settling.ts";
import { vFailureClass, vRole, vSettings, vUsage } from "./validators.ts";

/** Bytes of one log chunk, which is one call's events. */
const MAX_CHUNK_BYTES = 256 * 1024;
const MAX_EVENTS = 256;
const MAX_RESULT_BYTES = 64 * 1024;

export const vClaim = v.union(
  v.object({
    kind: v.literal("assignment"),
    run: v.string(),
    agent: v.string(),
    role: vRole,
    attempt: v.number(),
    round: v.number(),
    ticket: v.object({
      key: v.string(),
      title: v.string(),
      description: v.string(),
      url: v.string(),
      labels: v.array(v.string()),
    }),
    repository: v.object({
      /** "owner/name" */
      name: v.string(),
      defaultBranch: v.string(),
      branch: v.string(),
      bases: v.array(v.string()),
    }),
    limits: vSettings.fields.agent,
    testCommand: v.union(v.string(), v.null()),
    handover: v.object({ results: vResults, note: v.union(v.string(), v.null()) }),
  }),
  v.object({ kind: v.literal("taken") }),
  v.object({ kind: v.literal("over") }),
  v.object({ kind: v.literal("unknown") }),
);

/** R1. */
export async function claimRun(
  db: DatabaseWriter,
  effectId: string,
  claimId: string,
  model: string,
): Promise<Infer<typeof vClaim>> {
  const run = await findRun(db, effectId);
  if (run === null) return { kind: "unknown" };
  if (run.claimId !== null && run.claimId !== claimId) return { kind: "taken" };
  if (run.endedAt !== null || run.reportedAt !== null || (await whyStop(db, run)) !== null) return { kind: "over" };
  const assignment = await assignmentOf(db, run);
  if (assignment === null) return { kind: "over" };
  if (run.claimId === null) {
    const now = Date.now();
    await db.patch(run._id, { state: "claimed", claimId, claimedAt: now, lastSeenAt: now, model });
    await tellAgent(db, run, `claim:${effectId}`, { type: "agent.claimed", at: now, attempt: run.attempt });
  }
  return assignment;
}

/** R2. `from` is the sequence number of the first event, which are numbered from 1. `at` in ms. */
export async function appendEvents(
  db: DatabaseWriter,
  {
    effectId,
    from,
    events,
    usage,
    at,
  }: { effectId: string; from: number; events: string[]; usage: Doc<"agentRuns">["usage"]; at: number },
): Promise<{ next: number; stop: { reason: string } | null }> {
  const run = await knownRun(db, effectId);
  if (!Number.isInteger(from) || from < 1 || events.length > MAX_EVENTS) {
    refuse({ code: "badArgument", message: `Events are numbered from 1 and come at most ${MAX_EVENTS} at a time.` });
  }
  const seen = { lastSeenAt: Math.max(at, run.lastSeenAt ?? 0), usage: most(run.usage, usage) };
  const isGap = from > run.logSequence + 1;
  const fresh = isGap ? [] : fitting(events.slice(run.logSequence + 1 - from));
  const to = run.logSequence + fresh.length;
  if (fresh.length > 0) {
    await db.insert("runLogs", { run: run._id, from: run.logSequence + 1, to, events: asArray(fresh) });
    await db.patch(run._id, { ...seen, lastOutputAt: Math.max(at, run.lastOutputAt ?? 0), logSequence: to });
  } else {
    await db.patch(run._id, seen);
  }
  const reason = await whyStop(db, run);
  return { next: to + 1, stop: reason === null ? null : { reason } };
}

export const vReport = {
  effectId: v.string(),
  exitCode: v.union(v.literal(0), v.literal(1), v.literal(2)),
  class: v.union(vFailureClass, v.null()),
  reason: v.string(),
  /** JSON of the role's structured result, at most 64 KiB. */
  result: v.union(v.string(), v.null()),
  headSha: v.union(v.string(), v.null()),
  usage: vUsage,
};
const vReportArgs = v.object(vReport);

/** R3. */
export async function storeReport(db: DatabaseWriter, report: Infer<typeof vReportArgs>): Promise<{ stored: boolean }> {
  const { effectId, exitCode, result, headSha } = report;
  const run = await knownRun(db, effectId);
  if (run.reportedAt !== null) return { stored: false };
  if (result !== null && bytesOf(result) > MAX_RESULT_BYTES) {
    refuse({ code: "tooLarge", message: `A result may have at most ${MAX_RESULT_BYTES} bytes of JSON.` });
  }
  const now = Date.now();
  const usage = most(run.usage, report.usage);
  const over = exitCode === 1 ? ((await reservationOf(db, effectId))?.overBudget ?? null) : null;
  const failure = over === null ? report.class : "budget"; // R4
  const reason = cut(over ?? report.reason);
  const isEnded = run.state === "ended";
  await db.patch(run._id, {
    reportedAt: now,
    lastSeenAt: now,
    result,
    headSha,
    exitCode,
    usage,
    ...(isEnded ? {} : { state: "reported" as const, endReason: reason === "" ? null : reason }),
  });
  const bill = await settleRun(db, { ...run, usage });
  await tellAgent(db, run, `report:${effectId}`, {
    type: "agent.reported",
    at: now,
    attempt: run.attempt,
    exitCode,
    class: failure,
    reason,
    ...(bill ?? { costUsd: usage.costUsd, turns: usage.turns }),
    headSha,
  });
  return { stored: true };
}

/** Why the run should stop now, or null: its agent is stopping it, has given it up or has ended. */
export async function whyStop(db: DatabaseReader, run: Doc<"agentRuns">): Promise<string | null> {
  const agent = await db
    .query("agents")
    .withIndex("by_address", (q) => q.eq("address", run.agent))
    .unique();
  if (agent === null) return "Its agent does not exist";
  if (agent.attempt > run.attempt) return "Another attempt has begun";
  if (agent.ended || agent.state === "stopping" || agent.state === "backingOff") return agent.reason ?? agent.label;
  return null;
}

async function assignmentOf(db: DatabaseReader, run: Doc<"agentRuns">) {
  const [project, effect, feature, actor] = await Promise.all([
    db.get(run.project),
    db
      .query("outbox")
      .withIndex("by_effect", (q) => q.eq("effectId", run.effectId))
      .unique(),
    db
      .query("features")
      .withIndex("by_address", (q) => q.eq("address", run.feature))
      .unique(),
    findActor(db, run.feature),
  ]);
  if (project === null || effect === null || feature === null) return null;
  const [ticket, bases, results] = await Promise.all([
    findTicket(db, feature.issueId),
    basesOf(db, project, feature.issueId),
    resultsOf(db, run.feature),
  ]);
  const { key, title, url, labels, branch } = feature;
  const { role, attempt, round, agent } = run;
  // The payload is our own machine's, frozen by the commit that asked for the task.
  const { limits } = JSON.parse(effect.payload) as RunTask;
  return {
    kind: "assignment" as const,
    run: run.effectId,
    agent,
    role,
    attempt,
    round,
    ticket: { key, title, description: ticket?.description ?? "", url, labels },
    repository: { name: project.repository, defaultBranch: project.defaultBranch, branch, bases },
    limits,
    testCommand: project.testCommand,
    handover: { results, note: actor === null ? null : noteIn(actor.snapshot) },
  };
}

/** What a person or a check wants the next agent to know: the feature keeps it until a run has used it. */
function noteIn(snapshot: string): string | null {
  const { context } = JSON.parse(snapshot) as { context?: { note?: unknown } };
  return typeof context?.note === "string" ? context.note : null;
}

async function tellAgent(db: DatabaseWriter, run: Doc<"agentRuns">, key: string, event: AgentEvent): Promise<void> {
  const actor = await findActor(db, run.agent);
  const cause: Cause = { kind: "agent", name: run.agent };
  if (actor !== null) await deliver(db, actor, { key, event: JSON.stringify(event), cause });
}

/** @throws {ConvexError} `notFound` */
async function knownRun(db: DatabaseReader, effectId: string): Promise<Doc<"agentRuns">> {
  const run = await findRun(db, effectId);
  return run ?? refuse({ code: "notFound", message: `There is no run ${effectId}.` });
}

/** As many of the events, from the first on, as one chunk holds: the answer's `next` asks for the others again. */
function fitting(events: readonly string[]): readonly string[] {
  let bytes = 2;
  for (const [index, event] of events.entries()) {
    bytes += bytesOf(event) + 1;
    if (bytes <= MAX_CHUNK_BYTES) continue;
    if (index === 0) refuse({ code: "tooLarge", message: `One log event may have at most ${MAX_CHUNK_BYTES} bytes of JSON.` });
    return events.slice(0, index);
  }
  return events;
}

/** The events as one JSON array; checked, since one that is not JSON would make the whole chunk unreadable. */
function asArray(events: readonly string[]): string {
  const joined = `[${events.join(",")}]`;
  let count = -1;
  try {
    const parsed: unknown = JSON.parse(joined);
    if (Array.isArray(parsed)) count = parsed.length;
  } catch {
    // Falls through: refused below, with a sentence instead of a position.
  }
  if (count !== events.length) refuse({ code: "badArgument", message: "Each log event must be one JSON value." });
  return joined;
}

/** Usage only grows: a repeat that comes late must not take it back. */
function most(stored: Doc<"agentRuns">["usage"], told: Doc<"agentRuns">["usage"]): Doc<"agentRuns">["usage"] {
  return {
    turns: Math.max(stored.turns, told.turns),
    inputTokens: Math.max(stored.inputTokens, told.inputTokens),
    outputTokens: Math.max(stored.outputTokens, told.outputTokens),
    cacheReadTokens: Math.max(stored.cacheReadTokens, told.cacheReadTokens),
    cacheCreationTokens: Math.max(stored.cacheCreationTokens, told.cacheCreationTokens),
    costUsd: Math.max(stored.costUsd, told.costUsd),
  };
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;
