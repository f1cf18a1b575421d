import { describe, expect, test } from "bun:test";
import { AGENT, someLimits } from "../testing/builders.ts";
import { type AgentContext, newAgent, type Report } from "./agent-context.ts";
import type { AgentEvent } from "./agent-events.ts";
import { backOffMs } from "./back-off.ts";
import { endOf, finishedAnyway } from "./judgement.ts";

const anAgent = (overrides: Partial<AgentContext> = {}): AgentContext => ({
  ...newAgent({ address: AGENT, role: "coder", limits: someLimits() }),
  attempt: 1,
  ...overrides,
});
const aStop = (exitCode: number | null, stopCode = "EssentialContainerExited"): AgentEvent => ({
  type: "task.stopped",
  at: 1,
  attempt: 1,
  taskArn: "arn",
  exitCode,
  stopCode,
  reason: "",
});
const aReport = (exitCode: Report["exitCode"], kind: Report["class"] = null): Report => ({
  exitCode,
  class: kind,
  reason: "said so",
});

describe("the end of an attempt", () => {
  const CASES: readonly [string, Report | null, AgentEvent, string, string | null][] = [
    ["a report of 0 and exit code 0", aReport(0), aStop(0), "succeeded", null],
    ["a report of 2 and exit code 2", aReport(2), aStop(2), "changesRequested", null],
    ["J2: a report of 0 whose container was killed afterwards", aReport(0), aStop(137, "SpotInterruption"), "succeeded", null],
    ["J2: a report of 2 whose exit code is unknown", aReport(2), aStop(null), "changesRequested", null],
    ["J1: a report of 0 and exit code 2", aReport(0), aStop(2), "backingOff", "agent"],
    ["J1: a report of 1 and exit code 0", aReport(1, "verdict"), aStop(0), "backingOff", "agent"],
    ["J3: a verdict", aReport(1, "verdict"), aStop(1), "failed", null],
    ["a reported failure of the agent", aReport(1, "agent"), aStop(1), "backingOff", "agent"],
    ["a reported failure without a class", aReport(1), aStop(1), "backingOff", "agent"],
    ["a reported failure of the infrastructure", aReport(1, "infrastructure"), aStop(1), "backingOff", "infrastructure"],
    ["J4: exit code 0 without a report", null, aStop(0), "backingOff", "agent"],
    ["J4: exit code 2 without a report", null, aStop(2), "backingOff", "agent"],
    ["exit code 1 without a report", null, aStop(1), "backingOff", "agent"],
    ["a container that never ran", null, aStop(null), "backingOff", "infrastructure"],
    ["out of memory", null, aStop(137), "backingOff", "infrastructure"],
    ["TaskFailedToStart", null, aStop(null, "TaskFailedToStart"), "backingOff", "infrastructure"],
    ["SpotInterruption", null, aStop(143, "SpotInterruption"), "backingOff", "infrastructure"],
    ["InfrastructureHealth", null, aStop(1, "InfrastructureHealth"), "backingOff", "infrastructure"],
    ["TerminationNotice", null, aStop(1, "TerminationNotice"), "backingOff", "infrastructure"],
    ["ServiceSchedulerInitiated", null, aStop(1, "ServiceSchedulerInitiated"), "backingOff", "infrastructure"],
    ["stopped by somebody else", null, aStop(143, "UserInitiated"), "cancelled", null],
    ["stopped by somebody else, having said that it failed", aReport(1, "agent"), aStop(1, "UserInitiated"), "cancelled", null],
    ["stopped by somebody else after it had finished", aReport(0), aStop(143, "UserInitiated"), "succeeded", null],
  ];
  for (const [name, report, event, to, charge] of CASES) {
    test(`${name} leads to ${to}`, () => {
      expect(endOf(anAgent({ report }), event, null)).toMatchObject({ to, charge });
    });
  }

  test("an allowance of one means no second try", () => {
    const limits = someLimits({ maxAgentAttempts: 1, maxInfrastructureAttempts: 1 });
    expect(endOf(anAgent({ limits }), aStop(1), null)?.to).toBe("failed");
    expect(endOf(anAgent({ limits }), aStop(null), null)?.to).toBe("failed");
    expect(endOf(anAgent({ limits }), { type: "task.lost", at: 1, attempt: 1 }, null)?.to).toBe("lost");
  });

  test("a stop that came too late keeps what was finished, unless the exit code contradicts it", () => {
    expect(finishedAnyway(aReport(0), 143)).toBe("succeeded");
    expect(finishedAnyway(aReport(2), 2)).toBe("changesRequested");
    expect(finishedAnyway(aReport(0), 1)).toBeNull();
    expect(finishedAnyway(aReport(1), 1)).toBeNull();
    expect(finishedAnyway(null, 0)).toBeNull();
  });
});

describe("back-off", () => {
  test("doubles from 10 seconds to 5 minutes, and jitter takes away at most half", () => {
    const ceilings = [10, 20, 40, 80, 160, 300, 300].map((seconds) => seconds * 1_000);
    ceilings.forEach((ceiling, index) => {
      const waited = backOffMs(anAgent({ attempt: index + 1 }));
      expect(waited).toBeLessThanOrEqual(ceiling);
      expect(waited).toBeGreaterThanOrEqual(ceiling / 2);
    });
  });

  test("is the same for the same attempt, and spreads agents that failed together", () => {
    const waits = Array.from({ length: 50 }, (_, index) =>
      backOffMs(anAgent({ address: `${AGENT}${index}` as AgentContext["address"] })),
    );
    expect(backOffMs(anAgent())).toBe(backOffMs(anAgent()));
    expect(new Set(waits).size).toBeGreaterThan(45);
  });
});
