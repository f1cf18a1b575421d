// What an agent's named actions come to: pure plans, no state names. The machine says when, this file says what.

import { actions } from "../asks.ts";
import type { AgentEffect } from "../effects.ts";
import type { FeatureEvent } from "../feature/feature-events.ts";
import { parentOf } from "../ids.ts";
import type { AgentOutcome, BudgetLevel } from "../roles.ts";
import { cut, duration, tally } from "../text.ts";
import type { AgentContext, StopCause } from "./agent-context.ts";
import type { AgentEvent } from "./agent-events.ts";
import { nextCheckMs, wallClockLeftMs } from "./back-off.ts";
import { endOf, type Silence } from "./judgement.ts";

const { act, when } = actions<AgentContext, AgentEvent, AgentEffect, FeatureEvent, never>();

/** A git object name in any hash git knows, with room to spare. */
const MAX_SHA = 80;

/** Timers carry `at` when the host adds it; the first transition carries none. */
const timeOf = (context: AgentContext, event: AgentEvent): number => ("at" in event ? event.at : context.heardAt);

/** A run that ended without a report cost what it was metered at. */
const metered = (context: AgentContext, event: AgentEvent): Partial<AgentContext> =>
  event.type === "task.stopped" && event.attempt === context.attempt && context.report === null
    ? { costUsd: context.costUsd + tally(event.costUsd ?? 0), turns: context.turns + tally(event.turns ?? 0) }
    : {};

/** A launch says whose budget refused it; a run that has begun can only have met its own. */
const levelOf = (event: AgentEvent): BudgetLevel => (event.type === "task.refused" && event.budget ? event.budget : "run");

const stopTask = (context: AgentContext, reason: string) =>
  ({
    type: "effect",
    params: { kind: "stopTask", attempt: context.attempt, taskArn: context.taskArn, reason: cut(reason) },
  }) as const;

export const agentActions = {
  /** The next attempt begins: nothing of the last one is left. Unless the one under way merely waits on (A9). */
  launch: act((context, event) => {
    if (context.heldBack?.again) return { set: { heldBack: null, heardAt: timeOf(context, event) } };
    const attempt = context.attempt + 1;
    const { address, role, limits } = context;
    return {
      set: {
        attempt,
        taskArn: null,
        acceptedAt: null,
        report: null,
        heldBack: null,
        cause: null,
        heardAt: timeOf(context, event),
      },
      ask: [{ type: "effect", params: { kind: "runTask", agent: address, role, attempt, limits } }],
    };
  }),

  noteTask: act((context, event) =>
    event.type === "task.accepted" || event.type === "task.running"
      ? { set: { taskArn: cut(event.taskArn), acceptedAt: context.acceptedAt ?? event.at, heardAt: event.at } }
      : {},
  ),

  noteHeldBack: when("launch.heldBack", (_, { reason, at }) => ({
    set: { heldBack: { reason: cut(reason), again: false }, reason: cut(reason), heardAt: at },
  })),

  waitOn: act(({ heldBack }) => ({ set: { heldBack: { reason: heldBack?.reason ?? "", again: true } } })),

  /** A task of an attempt that is over: whoever launched it late, it must not work beside the next one. */
  stopStray: act((_, event) => {
    if (!("attempt" in event)) return {};
    const taskArn = "taskArn" in event ? cut(event.taskArn) : null;
    return {
      ask: [{ type: "effect", params: { kind: "stopTask", attempt: event.attempt, taskArn, reason: "This attempt is over" } }],
    };
  }),

  beginRun: when("agent.claimed", (context, { at }) => ({
    set: {
      acceptedAt: context.acceptedAt ?? at,
      wallClockLeftMs: wallClockLeftMs(context, at),
      checkAfterMs: context.limits.stallMs,
      heardAt: at,
    },
  })),

  noteReport: when("agent.reported", (context, event) => ({
    set: {
      report: { exitCode: event.exitCode, class: event.class, reason: cut(event.reason) },
      costUsd: context.costUsd + tally(event.costUsd),
      turns: context.turns + tally(event.turns ?? 0),
      headSha: event.headSha === null ? context.headSha : cut(event.headSha, MAX_SHA),
      acceptedAt: context.acceptedAt ?? event.at,
      heardAt: event.at,
    },
  })),

  askProgress: act((context) => ({ ask: [{ type: "effect", params: { kind: "checkProgress", attempt: context.attempt } }] })),

  checkLater: act((context, event) => ({
    set: { checkAfterMs: nextCheckMs(context, event.type === "progress.checked" ? event.silentMs : 0) },
  })),

  /** Why the task is about to be stopped. */
  giveUp: act((context, event, { cause }: { cause: StopCause }) => {
    const { wallClockMs, stallMs } = context.limits;
    const reasons: Record<StopCause, string> = {
      cancelled: event.type === "stop" ? cut(event.reason) : "Stopped",
      timedOut: `Ran longer than ${duration(wallClockMs)}`,
      stalled: `No output for ${duration(stallMs)}`,
    };
    return { set: { cause, reason: reasons[cause], heardAt: timeOf(context, event) } };
  }),

  stopTask: act((context) => ({ ask: [stopTask(context, context.reason)] })),

  /** The attempt is over: who is charged, what is said, and, if its task may still live, that it must stop (A5). */
  conclude: act((context, event, { silence }: { silence: Silence | null }) => {
    const ending = endOf(context, event, silence);
    if (!ending) return {};
    const { to, reason, charge, mayLive } = ending;
    return {
      set: {
        reason,
        infrastructureFailures: context.infrastructureFailures + (charge === "infrastructure" ? 1 : 0),
        agentFailures: context.agentFailures + (charge === "agent" ? 1 : 0),
        budget: to === "overBudget" ? levelOf(event) : context.budget,
        heardAt: timeOf(context, event),
        ...metered(context, event),
      },
      ask: mayLive ? [stopTask(context, reason)] : [],
    };
  }),

  /** The run was done before the request to stop reached it: what it said about itself counts. */
  takeReport: act((context, event) => ({
    set: { reason: context.report?.reason ?? context.reason, heardAt: timeOf(context, event) },
  })),

  noteTime: act((context, event) => ({ set: { heardAt: timeOf(context, event), ...metered(context, event) } })),

  tellParent: act((context, event, { outcome }: { outcome: AgentOutcome }) => {
    const { address, role, reason, costUsd, turns, headSha } = context;
    const at = timeOf(context, event);
    return {
      ask: [
        {
          type: "send",
          params: {
            to: parentOf(address),
            event: {
              type: "agent.finished",
              at,
              agent: address,
              role,
              outcome,
              reason,
              costUsd,
              turns,
              headSha,
              ...(outcome === "overBudget" && context.budget !== null ? { budget: context.budget } : {}),
            },
          },
        },
      ],
    };
  }),
};
