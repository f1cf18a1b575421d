import { describe, expect, test } from "bun:test";
import { someSettings } from "../testing/builders.ts";
import { EVENTS, finish, inState, next, type State, said } from "../testing/feature-fixtures.ts";
import { burnAfter, NO_BURN, tripped } from "./breakers.ts";
import type { FeatureEvent } from "./feature-events.ts";
import { featureView } from "./feature-view.ts";

const finished = (more: Partial<Extract<FeatureEvent, { type: "agent.finished" }>>): FeatureEvent => ({
  ...EVENTS["agent.finished"],
  ...more,
});
const settings = someSettings({ maxRuns: 3, maxUsdWithoutProgress: 10, maxTurnsWithoutProgress: 100 });

describe("burn", () => {
  const context = inState("coder.working", { burn: { runs: 1, costUsd: 4, turns: 30 } }).context;

  test("B1: a launch that a budget refused burns nothing; a run that was stopped by its own does", () => {
    for (const budget of ["feature", "project", "organization"] as const)
      expect(burnAfter(context, finished({ outcome: "overBudget", budget, costUsd: 9 }))).toEqual(context.burn);
    expect(burnAfter(context, finished({ outcome: "overBudget", budget: "run", costUsd: 5, turns: 9 }))).toEqual({
      runs: 2,
      costUsd: 9,
      turns: 39,
    });
  });

  test("B2, B3: an accepted plan, review or test begins the count of spend again, a commit does not; runs are always counted", () => {
    for (const role of ["architect", "reviewer", "tester"] as const)
      expect(burnAfter(context, finished({ role, costUsd: 3 }))).toEqual({ runs: 2, costUsd: 0, turns: 0 });
    expect(burnAfter(context, finished({ role: "coder", costUsd: 3, turns: 5 }))).toEqual({ runs: 2, costUsd: 7, turns: 35 });
    expect(burnAfter(context, finished({ role: "reviewer", outcome: "changesRequested", costUsd: 3 })).costUsd).toBe(7);
  });

  test("F12: each limit trips at its figure, and says it", () => {
    expect(tripped(NO_BURN, settings)).toBeNull();
    expect(tripped({ runs: 2, costUsd: 9.99, turns: 99 }, settings)).toBeNull();
    expect(tripped({ runs: 3, costUsd: 0, turns: 0 }, settings)).toContain("3 runs");
    expect(tripped({ runs: 1, costUsd: 10, turns: 0 }, settings)).toContain("$10.00");
    expect(tripped({ runs: 1, costUsd: 0, turns: 100 }, settings)).toContain("100 turns");
  });
});

describe("a feature at its limits", () => {
  const burning = (state: State, runs: number) => inState(state, { settings, burn: { ...NO_BURN, runs } });

  test("F12: whatever would launch another agent past a breaker needs a person instead, who may grant it anew", () => {
    const ways: readonly [State, FeatureEvent, string][] = [
      ["architect.working", finished({ role: "architect" }), "coder"],
      ["coder.working", finished({ role: "coder" }), "reviewer"],
      ["reviewer.working", finished({ role: "reviewer" }), "tester"],
      ["reviewer.working", finished({ role: "reviewer", outcome: "changesRequested" }), "coder"],
      ["tester.working", finished({ role: "tester", outcome: "changesRequested" }), "coder"],
      ["coder.stopping", finished({ outcome: "cancelled" }), "coder"],
    ];
    for (const [state, event, stage] of ways) {
      const stopped = next(burning(state, 2), event);
      expect([state, stopped.state, stopped.context.failedStage]).toEqual([state, "needsHuman", stage] as never);
      expect(stopped.context.failure).toContain("3 runs");
      expect(said(stopped.asked)).toEqual(["place.released", "commentOnIssue", "announceToDependents"]);
      const again = next(stopped.snapshot, EVENTS.retry);
      expect([again.state, again.context.next, again.context.burn.runs] as unknown).toEqual(["waiting.reading", stage, 0]);
      expect(next(burning(state, 1), event).state).not.toBe("needsHuman");
    }
  });

  test("F12: a rework and an approved plan stop at a breaker too; a pull request is opened all the same", () => {
    expect(next(burning("passing", 3), EVENTS["rework.requested"]).state).toBe("needsHuman");
    expect(next(burning("approval", 3), EVENTS.approve).state).toBe("needsHuman");
    expect(next(burning("tester.working", 2), finished({ role: "tester" })).state).toBe("publishing");
  });

  test("F13: its own budget spent, it needs a person, says why, and goes on at the same stage when the budget is raised", () => {
    for (const budget of ["run", "feature"] as const) {
      const reason = "$5.10 of $5.00";
      const spent = next(inState("coder.working"), finished({ outcome: "overBudget", budget, reason }));
      expect([spent.state, spent.context.failure, spent.context.overBudget]).toEqual([
        "needsHuman",
        `Out of budget: ${reason}`,
        budget,
      ]);
      expect(featureView(spent.snapshot).reasons).toEqual([{ kind: "budget", text: `Out of budget: ${reason}` }]);
      const on = next(spent.snapshot, EVENTS["budget.raised"]);
      expect([on.state, on.context.next, on.context.overBudget, on.context.failure]).toEqual([
        "waiting.reading",
        "coder",
        null,
        null,
      ]);
    }
  });

  test("F13: raising a budget moves nobody who was stopped by something else", () => {
    expect(next(inState("needsHuman"), EVENTS["budget.raised"])).toMatchObject({ state: "needsHuman", asked: [] });
    const retried = next(inState("needsHuman", { overBudget: "run" }), EVENTS.retry);
    expect(retried.context.overBudget).toBeNull();
  });

  test("F13: the project's or the organisation's budget spent, it gives its place back and queues for the same stage", () => {
    for (const budget of ["project", "organization"] as const) {
      const refused = next(inState("coder.working"), finished({ outcome: "overBudget", budget, costUsd: 0 }));
      expect([refused.state, refused.context.next, ...said(refused.asked)] as unknown).toEqual([
        "queued",
        "coder",
        "place.released",
        "feature.queued",
      ]);
      expect(refused.context.burn).toEqual(NO_BURN);
    }
    expect(next(inState("coder.working"), finish("failed")).state).toBe("failing");
  });
});
