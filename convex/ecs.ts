// ECS's way in: what became of tasks, told to the agents whose runs they are; and which runs the sweep should ask about.
// For the orchestrator alone.

import type { AgentEvent } from "@omakase/machines/agent/agent-events";
import { cut } from "@omakase/machines/text";
import { type Infer, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { serviceMutation, serviceQuery } from "./access.ts";
import { refuse } from "./errors.ts";
import { deliver, findActor } from "./mail.ts";
import { type Bill, settleRun } from "./reservations.ts";
import { vRunState } from "./validators.ts";

/** A task's state as ECS told it, by event or by `DescribeTasks`. */
export const vTaskEvent = v.object({
  taskArn: v.string(),
  startedBy: v.string(),
  /** ECS's counter per task: an event not newer than the last one is dropped. */
  version: v.number(),
  lastStatus: v.string(),
  /** Null when the container never ran. */
  exitCode: v.union(v.number(), v.null()),
  stopCode: v.union(v.string(), v.null()),
  reason: v.union(v.string(), v.null()),
  /** ms. */
  at: v.number(),
});
export type TaskEvent = Infer<typeof vTaskEvent>;

const MAX_EVENTS = 100;
const MOST_WATCHED = 100;

/** Records task states and tells the agents. Safe to repeat, in any order. At most 100 events. @throws {ConvexError} `tooLarge` */
export const receive = serviceMutation({
  args: { events: v.array(vTaskEvent) },
  returns: v.object({ told: v.number(), dropped: v.number(), unknown: v.array(v.string()) }),
  handler: async (ctx, { events }) => {
    if (events.length > MAX_EVENTS) refuse({ code: "tooLarge", message: `At most ${MAX_EVENTS} task events fit one call.` });
    const answer = { told: 0, dropped: 0, unknown: [] as string[] };
    for (const event of events) {
      const run = await findByStartedBy(ctx.db, event.startedBy);
      if (run === null) answer.unknown.push(event.taskArn);
      else if (event.version <= run.taskVersion) answer.dropped++;
      else if (await take(ctx.db, run, event)) answer.told++;
    }
    return answer;
  },
});

/** Runs that have not ended and of which nothing was heard since `before` (ms): at most 100 a state, the longest silent first. */
export const watched = serviceQuery({
  args: { before: v.number() },
  returns: v.array(
    v.object({
      /** The effect id: what the container knows its run by. */
      runId: v.string(),
      taskArn: v.union(v.string(), v.null()),
      startedBy: v.string(),
      agent: v.string(),
      attempt: v.number(),
      state: vRunState,
    }),
  ),
  handler: async (ctx, { before }) => {
    const silent = await Promise.all(LIVING.map((state) => silentSince(ctx.db, state, before)));
    return silent.flat().map(({ effectId, taskArn, startedBy, agent, attempt, state }) => ({
      runId: effectId,
      taskArn,
      startedBy,
      agent,
      attempt,
      state,
    }));
  },
});

const LIVING = ["requested", "launched", "claimed", "reported"] as const;

/** Never heard of sorts first and by age; the others by when they were last heard of. */
async function silentSince(db: DatabaseReader, state: (typeof LIVING)[number], before: number): Promise<Doc<"agentRuns">[]> {
  const [unheard, quiet] = await Promise.all([
    db
      .query("agentRuns")
      .withIndex("by_state", (q) => q.eq("state", state).eq("lastSeenAt", null))
      .take(MOST_WATCHED),
    db
      .query("agentRuns")
      .withIndex("by_state", (q) => q.eq("state", state).gt("lastSeenAt", null).lt("lastSeenAt", before))
      .take(MOST_WATCHED),
  ]);
  return [...unheard.filter((run) => run.createdAt < before), ...quiet].slice(0, MOST_WATCHED);
}

/** @returns whether the agent was told something new */
async function take(db: DatabaseWriter, run: Doc<"agentRuns">, event: TaskEvent): Promise<boolean> {
  const { taskArn, version, lastStatus, exitCode, stopCode, at } = event;
  const isStopped = lastStatus === "STOPPED";
  const reason = event.reason === null ? null : cut(event.reason);
  await db.patch(run._id, {
    taskArn,
    taskVersion: version,
    ...(run.state === "requested" ? { state: "launched" as const } : {}),
    ...(isStopped
      ? { state: "ended" as const, endedAt: at, stopCode, endReason: reason, exitCode: exitCode ?? run.exitCode }
      : {}),
  });
  const bill = isStopped ? await settleRun(db, run) : null;
  const told = newsOf(event, run.attempt, reason, bill);
  const actor = told === null ? null : await findActor(db, run.agent);
  if (told === null || actor === null) return false;
  const letter = {
    key: `ecs:${taskArn}:${lastStatus}`,
    event: JSON.stringify(told),
    cause: { kind: "ecs", name: "ECS" } as const,
  };
  return (await deliver(db, actor, letter)) === "stored";
}

function newsOf(
  { taskArn, lastStatus, exitCode, stopCode, at }: TaskEvent,
  attempt: number,
  reason: string | null,
  bill: Bill | null,
): AgentEvent | null {
  switch (lastStatus) {
    case "RUNNING":
      return { type: "task.running", at, attempt, taskArn };
    case "STOPPED":
      return { type: "task.stopped", at, attempt, taskArn, exitCode, stopCode: stopCode ?? "", reason: reason ?? "", ...bill };
    default:
      return null;
  }
}

const findByStartedBy = (db: DatabaseReader, startedBy: string) =>
  db
    .query("agentRuns")
    .withIndex("by_started_by", (q) => q.eq("startedBy", startedBy))
    .unique();
