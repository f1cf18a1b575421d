// What the end of an attempt means: whose fault it was, and where the agent goes from there. Arithmetic only.
//
//   J1. A report decides, unless the container's own exit code contradicts it.
//   J2. Being killed from outside (no exit code, 137, 143) contradicts no report: the report was stored first.
//   J3. A verdict is never retried. Infrastructure and the agent each have their own allowance.
//   J4. An exit code without a report proves nothing, not even 0.
//   J5. A spent budget is never retried: another attempt would spend as much again.

import { count, cut, duration } from "../text.ts";
import type { AgentContext, Report } from "./agent-context.ts";
import type { AgentEvent } from "./agent-events.ts";
import { LAUNCH_MS } from "./back-off.ts";

export const DESTINATIONS = ["succeeded", "changesRequested", "cancelled", "backingOff", "overBudget", "failed", "lost"] as const;
export type Destination = (typeof DESTINATIONS)[number];

/** Why an attempt is being judged when no event says so: its launch was never answered, or its task outlived its report. */
export type Silence = "launch" | "report";

export interface Ending {
  readonly to: Destination;
  readonly reason: string;
  /** Which allowance the attempt is charged to. */
  readonly charge: "infrastructure" | "agent" | null;
  /** Whether the task may still be alive, so that it must be asked to stop. */
  readonly mayLive: boolean;
}

type Fault =
  | { readonly kind: "none"; readonly to: "succeeded" | "changesRequested" | "cancelled" }
  | { readonly kind: "infrastructure" | "agent" | "verdict" | "budget" };

/** ECS's words for an end that is nobody's fault in the container. */
const INFRASTRUCTURE_STOPS: readonly string[] = [
  "TaskFailedToStart",
  "SpotInterruption",
  "InfrastructureHealth",
  "TerminationNotice",
  "ServiceSchedulerInitiated",
];
/** SIGKILL (also: out of memory) and SIGTERM. */
const KILLED_FROM_OUTSIDE: readonly number[] = [137, 143];

const wasKilled = (exitCode: number | null): boolean => exitCode === null || KILLED_FROM_OUTSIDE.includes(exitCode);

/** Where an attempt that has ended leads (J1-J4). `silence` names the missing event when a timer asks. */
export function endOf(context: AgentContext, event: AgentEvent, silence: Silence | null): Ending | null {
  if (silence === "report") return context.report && judged(context, byReport(context.report), context.report.reason, true);
  if (silence === "launch") {
    const waited = context.acceptedAt === null ? LAUNCH_MS : Math.min(LAUNCH_MS, context.limits.wallClockMs);
    return judged(context, { kind: "infrastructure" }, `The container did not start within ${duration(waited)}`, true);
  }
  switch (event.type) {
    case "task.stopped": {
      const { fault, reason } = ofStop(context.report, event);
      return judged(context, fault, reason, false);
    }
    case "task.refused":
      return judged(context, { kind: event.class }, event.reason, false);
    case "task.lost":
      if (context.report) return judged(context, byReport(context.report), context.report.reason, true);
      return judged(context, { kind: "infrastructure" }, "The task disappeared", true, "lost");
    case "effect.failed":
      // The launch may have happened although its answer never came.
      return event.kind === "runTask" ? judged(context, { kind: "infrastructure" }, event.reason, true) : null;
    default:
      return null;
  }
}

/** Whether the run had done its work before the request to stop reached it. */
export function finishedAnyway(report: Report | null, exitCode: number | null): "succeeded" | "changesRequested" | null {
  if (!report || report.exitCode === 1 || !agrees(report, exitCode)) return null;
  return report.exitCode === 0 ? "succeeded" : "changesRequested";
}

const agrees = (report: Report, exitCode: number | null): boolean => wasKilled(exitCode) || exitCode === report.exitCode;

type Stop = Extract<AgentEvent, { type: "task.stopped" }>;

function ofStop(report: Report | null, stop: Stop): { fault: Fault; reason: string } {
  const { exitCode, stopCode } = stop;
  const said = stop.reason || stopCode;
  if (report && !agrees(report, exitCode)) {
    const reason = `The agent reported exit code ${report.exitCode} but its container exited with ${exitCode}`;
    return { fault: { kind: "agent" }, reason };
  }
  if (report && report.exitCode !== 1) return { fault: byReport(report), reason: report.reason };
  if (stopCode === "UserInitiated") return { fault: { kind: "none", to: "cancelled" }, reason: `Stopped from outside: ${said}` };
  if (report) return { fault: byReport(report), reason: report.reason };
  if (INFRASTRUCTURE_STOPS.includes(stopCode)) return { fault: { kind: "infrastructure" }, reason: said };
  if (exitCode === null) return { fault: { kind: "infrastructure" }, reason: `The container never ran: ${said}` };
  if (exitCode === 137) return { fault: { kind: "infrastructure" }, reason: `Killed, probably out of memory: ${said}` };
  if (exitCode === 143) return { fault: { kind: "infrastructure" }, reason: `Terminated from outside: ${said}` };
  return { fault: { kind: "agent" }, reason: `The agent exited ${exitCode} without a result` };
}

function byReport(report: Report): Fault {
  switch (report.exitCode) {
    case 0:
      return { kind: "none", to: "succeeded" };
    case 2:
      return { kind: "none", to: "changesRequested" };
    case 1:
      return { kind: report.class ?? "agent" };
    default:
      return report.exitCode satisfies never;
  }
}

function judged(
  context: AgentContext,
  fault: Fault,
  text: string,
  mayLive: boolean,
  exhausted: "failed" | "lost" = "failed",
): Ending {
  const reason = cut(text);
  switch (fault.kind) {
    case "none":
      return { to: fault.to, reason, charge: null, mayLive };
    case "verdict":
      return { to: "failed", reason, charge: null, mayLive };
    case "budget":
      return { to: "overBudget", reason, charge: null, mayLive };
    case "infrastructure": {
      const hasMore = context.infrastructureFailures + 1 < context.limits.maxInfrastructureAttempts;
      return hasMore
        ? { to: "backingOff", reason, charge: "infrastructure", mayLive }
        : { to: exhausted, reason: gaveUp(reason, context.infrastructureFailures + 1), charge: "infrastructure", mayLive };
    }
    case "agent": {
      const hasMore = context.agentFailures + 1 < context.limits.maxAgentAttempts;
      return hasMore
        ? { to: "backingOff", reason, charge: "agent", mayLive }
        : { to: "failed", reason: gaveUp(reason, context.agentFailures + 1), charge: "agent", mayLive };
    }
    default:
      return fault satisfies never;
  }
}

/** The number of tries leads, so that a long reason cannot push it out. */
const gaveUp = (reason: string, attempts: number): string =>
  attempts === 1 ? reason : cut(`Given up after ${count(attempts, "attempt")}: ${reason}`);
