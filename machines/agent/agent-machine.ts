// The life of one agent: one run of one role. It launches a task, watches it, judges its end, and tries again when that was nobody's
// fault. Does not know what a task is, nor what the feature does with the outcome.
//
//   A1. Only entering `launching` asks for a task, exactly once per attempt; attempt numbers strictly increase.
//   A2. Infrastructure failures never pass `maxInfrastructureAttempts`, agent failures never pass `maxAgentAttempts`.
//   A3. `stop` is honoured in every living state: it ends in a final state, and a task that may live is asked to stop.
//   A4. Every final state tells the parent, exactly once; a final state hears nothing.
//   A5. No attempt is given up while its task may live without asking for that task to be stopped, however late it shows up.
//   A6. An event of another attempt changes nothing.
//   A7. Only a report makes a run succeed (or ask for changes); an exit code alone proves nothing.
//   A8. No state waits for ever: each living state has a timer, or is left by one of its parent.
//   A9. A launch that is held back (no room, a rate limit) is no failure: its timer begins anew as often as that is said, and no second
//       task is asked for.
//   A10. A run over its budget is not tried again: it ends in `overBudget`, and says whose budget it was.

import { and, setup } from "xstate";
import { asks } from "../asks.ts";
import type { AgentEffect } from "../effects.ts";
import type { FeatureEvent } from "../feature/feature-events.ts";
import type { AgentOutcome } from "../roles.ts";
import type { AgentStateMeta, Category, Mood } from "../view.ts";
import { agentActions } from "./agent-actions.ts";
import { type AgentContext, newAgent, type StopCause } from "./agent-context.ts";
import type { AgentEvent, AgentInput } from "./agent-events.ts";
import { backOffMs, LAUNCH_MS, provisioningMs, REPORT_GRACE_MS, STOP_MS } from "./back-off.ts";
import { DESTINATIONS, type Destination, endOf, finishedAnyway, type Silence } from "./judgement.ts";

/** Where the end of an attempt leads: one guarded transition per destination. */
const judge = (silence: Silence | null) =>
  DESTINATIONS.map((to) => ({
    guard: { type: "leadsTo" as const, params: { to, silence } },
    target: `#agent.${to}` as const,
    actions: { type: "conclude" as const, params: { silence } },
  }));

const giveUp = (cause: StopCause) => ({
  target: "#agent.stopping" as const,
  actions: { type: "giveUp" as const, params: { cause } },
});
const working = (label: string, mood: Mood) => ({ category: "working", label, mood }) as const;

const stopStray = { guard: "isOfAnEarlierAttempt", actions: "stopStray" } as const;
const noteTask = [{ guard: "isOfThisAttempt", actions: "noteTask" }, stopStray] as const;
const accepted = [{ guard: "isOfThisAttempt", target: "#agent.provisioning", actions: "noteTask" }, stopStray] as const;
const report = { guard: "isOfThisAttempt", target: "#agent.reported", actions: "noteReport" } as const;
const begin = [{ guard: "isOfThisAttempt", target: "#agent.running", actions: "beginRun" }, stopStray] as const;
const stopNamed = { guard: and(["isOfThisAttempt", "hasNoTask"]), actions: ["noteTask", "stopTask"] } as const;

/** What is the same wherever the attempt's task may be alive. */
const alive = {
  "task.accepted": noteTask,
  "task.running": noteTask,
  "agent.claimed": stopStray,
  "task.stopped": judge(null),
  "task.lost": judge(null),
  stop: giveUp("cancelled"),
} as const;

/** Once a task is stopping, its end means what it was stopped for, unless it had finished before (`finishedAnyway`). */
const stopped = [
  { guard: { type: "finishedAnyway", params: { as: "succeeded" } }, target: "#agent.succeeded", actions: "takeReport" },
  {
    guard: { type: "finishedAnyway", params: { as: "changesRequested" } },
    target: "#agent.changesRequested",
    actions: "takeReport",
  },
  { guard: { type: "stopsFor", params: { cause: "timedOut" } }, target: "#agent.timedOut", actions: "noteTime" },
  { guard: { type: "stopsFor", params: { cause: "stalled" } }, target: "#agent.stalled", actions: "noteTime" },
  { guard: { type: "stopsFor", params: { cause: "cancelled" } }, target: "#agent.cancelled", actions: "noteTime" },
] as const;

const final = <O extends AgentOutcome>(outcome: O, category: Category, label: string, mood: Mood) =>
  ({ type: "final", meta: { category, label, mood }, entry: { type: "tellParent", params: { outcome } } }) as const;

/** What ends `stopping`: its timer, or the news that the task has ended or never began. */
function endsStopping(context: AgentContext, event: AgentEvent): boolean {
  if (event.type === "effect.failed") return event.kind === "runTask";
  return !("attempt" in event) || event.attempt === context.attempt;
}

export const agentMachine = setup({
  types: {
    input: {} as AgentInput,
    context: {} as AgentContext,
    events: {} as AgentEvent,
    meta: {} as AgentStateMeta,
  },
  actions: { ...asks<AgentEffect, FeatureEvent, never>(), ...agentActions },
  guards: {
    isOfThisAttempt: ({ context, event }) => "attempt" in event && event.attempt === context.attempt,
    isOfAnEarlierAttempt: ({ context, event }) => "attempt" in event && event.attempt < context.attempt,
    isOfThisOrAnEarlierAttempt: ({ context, event }) => "attempt" in event && event.attempt <= context.attempt,
    isHeldBack: ({ context }) => context.heldBack !== null && !context.heldBack.again,
    hasNoTask: ({ context }) => context.taskArn === null,
    hasNoReport: ({ context }) => context.report === null,
    leadsTo: ({ context, event }, { to, silence }: { to: Destination; silence: Silence | null }) =>
      !("attempt" in event && event.attempt !== context.attempt) && endOf(context, event, silence)?.to === to,
    finishedAnyway: ({ context, event }, { as }: { as: Destination }) =>
      endsStopping(context, event) &&
      finishedAnyway(context.report, event.type === "task.stopped" ? event.exitCode : null) === as,
    stopsFor: ({ context, event }, { cause }: { cause: StopCause }) => endsStopping(context, event) && context.cause === cause,
    isSilentTooLong: ({ context, event }) => event.type === "progress.checked" && event.silentMs >= context.limits.stallMs,
    isFailedCheck: ({ event }) => event.type === "effect.failed" && event.kind === "checkProgress",
  },
  delays: {
    launchMs: LAUNCH_MS,
    provisioningMs: ({ context }) => provisioningMs(context),
    wallClockLeftMs: ({ context }) => context.wallClockLeftMs,
    checkAfterMs: ({ context }) => context.checkAfterMs,
    reportGraceMs: REPORT_GRACE_MS,
    backOffMs: ({ context }) => backOffMs(context),
    stopMs: STOP_MS,
  },
}).createMachine({
  id: "agent",
  version: "3",
  context: ({ input }) => newAgent(input),
  initial: "launching",
  states: {
    launching: {
      meta: working("Launching", "waiting"),
      entry: "launch",
      after: {
        launchMs: [{ guard: "isHeldBack", target: "launching", reenter: true, actions: "waitOn" }, ...judge("launch")],
      },
      on: {
        ...alive,
        "task.accepted": accepted,
        "task.running": accepted,
        "agent.claimed": begin,
        "agent.reported": report,
        "task.refused": judge(null),
        "effect.failed": judge(null),
        "launch.heldBack": { guard: "isOfThisAttempt", actions: "noteHeldBack" },
      },
    },
    provisioning: {
      meta: working("Starting its container", "waiting"),
      after: { provisioningMs: judge("launch") },
      on: { ...alive, "agent.claimed": begin, "agent.reported": report },
    },
    running: {
      after: { wallClockLeftMs: giveUp("timedOut") },
      on: { ...alive, "agent.reported": report },
      initial: "listening",
      states: {
        listening: {
          meta: working("Working", "working"),
          after: { checkAfterMs: "checking" },
        },
        /** Nobody has said that it is silent: heartbeats are not transitions, so the host is asked. */
        checking: {
          meta: working("Working", "working"),
          entry: "askProgress",
          on: {
            "progress.checked": [
              { guard: and(["isOfThisAttempt", "isSilentTooLong"]), ...giveUp("stalled") },
              { guard: "isOfThisAttempt", target: "listening", actions: "checkLater" },
            ],
            "effect.failed": { guard: "isFailedCheck", target: "listening", actions: "checkLater" },
          },
        },
      },
    },
    /** The run has said its last word; its task has still to end. */
    reported: {
      meta: working("Finishing", "working"),
      after: { reportGraceMs: judge("report") },
      on: alive,
    },
    backingOff: {
      meta: { category: "waitingForRetry", label: "Waiting to try again", mood: "waiting" },
      after: { backOffMs: "launching" },
      on: {
        // Also of the attempt just given up: its launch was answered too late.
        "task.accepted": { guard: "isOfThisOrAnEarlierAttempt", actions: "stopStray" },
        "task.running": { guard: "isOfThisOrAnEarlierAttempt", actions: "stopStray" },
        "agent.claimed": { guard: "isOfThisOrAnEarlierAttempt", actions: "stopStray" },
        stop: { target: "cancelled", actions: { type: "giveUp", params: { cause: "cancelled" } } },
      },
    },
    stopping: {
      meta: working("Stopping", "waiting"),
      entry: "stopTask",
      after: { stopMs: stopped },
      on: {
        "task.stopped": stopped,
        "task.lost": stopped,
        "task.refused": stopped,
        "effect.failed": stopped,
        // The task whose name was not known when it was asked to stop.
        "task.accepted": [stopNamed, stopStray],
        "task.running": [stopNamed, stopStray],
        "agent.claimed": stopStray,
        "agent.reported": { guard: and(["isOfThisAttempt", "hasNoReport"]), actions: "noteReport" },
      },
    },
    succeeded: final("succeeded", "done", "Done", "proud"),
    changesRequested: final("changesRequested", "done", "Asked for changes", "proud"),
    failed: final("failed", "failed", "Failed", "failed"),
    timedOut: final("timedOut", "failed", "Timed out", "failed"),
    stalled: final("stalled", "failed", "Stalled", "stuck"),
    cancelled: final("cancelled", "cancelled", "Cancelled", "idle"),
    lost: final("lost", "failed", "Lost", "offline"),
    overBudget: final("overBudget", "failed", "Out of budget", "stuck"),
  },
});
