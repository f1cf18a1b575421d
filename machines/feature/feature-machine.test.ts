import { describe, expect, test } from "bun:test";
import { agentAddress } from "../ids.ts";
import { type Asked, persist, restore, step } from "../step.ts";
import { AGENT, aTicket, FEATURE, featureOf, leavesOf, PROJECT, someSettings } from "../testing/builders.ts";
import {
  aBlocker,
  EVENTS,
  finish,
  grant,
  type Hold,
  hasPlace,
  inState,
  next,
  type State,
  said,
  TYPES,
  type Type,
  URL,
} from "../testing/feature-fixtures.ts";
import { MAX_BLOCKERS } from "./blockers.ts";
import type { Blocker, FeatureEvent } from "./feature-events.ts";
import { featureMachine } from "./feature-machine.ts";

/** Everything stays as it is, except what is named. */
const row = (state: State, moves: Partial<Record<Type, State>>): Record<Type, State> =>
  Object.fromEntries(TYPES.map((type) => [type, moves[type] ?? state])) as Record<Type, State>;
const begun = { cancel: "cancelled", "pullRequest.merged": "merged", "pullRequest.closed": "cancelled" } as const;
const resting = { retry: "waiting.reading", "ticket.changed": "waiting.reading", "pullRequest.merged": "merged" } as const;
const requesting = { ...begun, pause: "queued", "permit.refused": "queued" } as const;

// Every state by every event: a new state does not compile until somebody decides what it does.
const NEXT: Record<State, Record<Type, State>> = {
  pending: row("pending", { start: "waiting.reading", "ticket.changed": "waiting.reading", cancel: "cancelled" }),
  "waiting.reading": row("waiting.reading", { cancel: "cancelled", "dependencies.resolved": "queued" }),
  "waiting.blocked": row("waiting.blocked", { cancel: "cancelled", "dependency.changed": "queued" }),
  queued: row("queued", { ...begun, "permit.granted": "coder.working" }),
  "architect.working": row("architect.working", { ...begun, pause: "architect.stopping", "agent.finished": "coder.requesting" }),
  "architect.stopping": row("architect.stopping", { ...begun, "agent.finished": "coder.requesting" }),
  approval: row("approval", { ...begun, approve: "queued", reject: "queued" }),
  "coder.requesting": row("coder.requesting", { ...requesting, "permit.granted": "coder.working" }),
  "coder.working": row("coder.working", { ...begun, pause: "coder.stopping", "agent.finished": "reviewer.requesting" }),
  "coder.stopping": row("coder.stopping", { ...begun, "agent.finished": "reviewer.requesting" }),
  "reviewer.requesting": row("reviewer.requesting", requesting),
  "reviewer.working": row("reviewer.working", { ...begun, pause: "reviewer.stopping", "agent.finished": "tester.requesting" }),
  "reviewer.stopping": row("reviewer.stopping", { ...begun, "agent.finished": "tester.requesting" }),
  "tester.requesting": row("tester.requesting", requesting),
  "tester.working": row("tester.working", { ...begun, pause: "tester.stopping", "agent.finished": "publishing" }),
  "tester.stopping": row("tester.stopping", { ...begun, "agent.finished": "publishing" }),
  publishing: row("publishing", { ...begun, "pullRequest.opened": "passing", "effect.failed": "failing" }),
  passing: row("passing", { ...begun, "rework.requested": "queued" }),
  failing: row("failing", { ...resting, cancel: "cancelled", "pullRequest.closed": "cancelled" }),
  needsHuman: row("needsHuman", { ...resting, cancel: "cancelled", "pullRequest.closed": "cancelled" }),
  cancelled: row("cancelled", resting),
  merged: row("merged", {}),
  closed: row("closed", {}),
};
const STATES = Object.keys(NEXT) as State[];

// The same for the other region, which hears of nothing but these.
const HOLD: Record<Hold, Record<"drain" | "now" | "resume", Hold>> = {
  running: { drain: "draining", now: "paused", resume: "running" },
  draining: { drain: "draining", now: "paused", resume: "running" },
  paused: { drain: "paused", now: "paused", resume: "running" },
};

describe("feature machine", () => {
  test("the tables know every state the machine has", () => {
    const expected = [...STATES.map((state) => `work.${state}`), ...Object.keys(HOLD).map((hold) => `hold.${hold}`)];
    expect(expected.sort()).toEqual(leavesOf(featureMachine).sort());
  });

  for (const state of STATES) {
    test(`${state}: each event leads where the table says`, () => {
      expect(Object.fromEntries(TYPES.map((type) => [type, next(inState(state), EVENTS[type]).state])) as unknown).toEqual(
        NEXT[state],
      );
    });
  }

  test("hold: pausing and resuming lead where the table says, while an agent works", () => {
    for (const [hold, moves] of Object.entries(HOLD) as [Hold, (typeof HOLD)[Hold]][]) {
      const held = inState("coder.working", {}, hold);
      const go = (event: FeatureEvent) => step(featureMachine, held, event).snapshot.value.hold;
      const pause = EVENTS.pause;
      expect({ drain: go({ ...pause, mode: "drain" }), now: go(pause), resume: go(EVENTS.resume) }).toEqual(moves);
    }
  });

  test("hold: draining is paused as soon as no agent works", () => {
    expect(next(inState("queued"), { ...EVENTS.pause, mode: "drain" }).snapshot.value.hold).toBe("paused");
    expect(next(inState("coder.working", {}, "draining"), finish("succeeded")).snapshot.value).toEqual({
      work: "queued",
      hold: "paused",
    });
  });

  test("F1: a permit that arrives while the last agent still lives is given back, and it queues again when that one ends", () => {
    const early = next(inState("queued", { agent: AGENT }), EVENTS["permit.granted"]);
    expect([early.state, ...said(early.asked)]).toEqual(["queued", "place.released"]);
    const late = next(early.snapshot, finish("cancelled"));
    expect([late.state, ...said(late.asked)]).toEqual(["queued", "feature.queued"]);
  });

  test("F2: in every state a place that cannot be used is given back, once; one that is held already is kept", () => {
    for (const state of STATES) {
      const { asked } = next(inState(state), grant({ role: "tester" }));
      const given = said(asked).filter((type) => type === "place.released");
      expect({ state, times: given.length }).toEqual({ state, times: hasPlace(state) ? 0 : 1 });
    }
  });

  test("F2: an answer for a place that was given back meanwhile is dropped: another place may be on its way", () => {
    for (const state of STATES.filter((one) => !hasPlace(one))) {
      const { asked, state: after } = next(inState(state), grant({ admits: false }));
      expect({ state: after, asked }).toEqual({ state, asked: [] });
    }
  });

  test("F2: every state without a place is entered giving the place back, exactly once", () => {
    const leaving: readonly [State, FeatureEvent][] = [
      ["coder.working", EVENTS.cancel],
      ["coder.stopping", finish("cancelled")],
      ["coder.requesting", EVENTS.pause],
      ["reviewer.working", finish("failed")],
      ["tester.working", EVENTS["pullRequest.merged"]],
      ["publishing", EVENTS["pullRequest.opened"]],
      ["publishing", EVENTS["effect.failed"]],
    ];
    for (const [state, event] of leaving)
      expect(said(next(inState(state), event).asked).filter((type) => type === "place.released")).toHaveLength(1);
    const refused = next(inState("coder.requesting"), EVENTS["permit.refused"]);
    expect(said(refused.asked)).toEqual(["feature.queued"]);
    expect(refused.context.placed).toBe(false);
  });

  test("F3: the end of another agent only adds its cost", () => {
    const stranger = { ...EVENTS["agent.finished"], agent: agentAddress(FEATURE, "coder", 7) };
    for (const state of STATES) {
      const { asked, state: after, context } = next(inState(state), stranger);
      expect({ state: after, asked, cost: context.costUsd }).toEqual({ state, asked: [], cost: 0.5 });
    }
  });

  test("F4: review rounds are counted, and the last one asks for a person", () => {
    const first = next(inState("reviewer.working"), finish("changesRequested"));
    expect([first.state, first.context.reviewRounds]).toEqual(["coder.requesting", 1]);
    const last = next(inState("reviewer.working", { reviewRounds: 1 }), finish("changesRequested", "Still no"));
    expect([last.state, last.context.failure]).toEqual([
      "needsHuman",
      "The reviewer still asks for changes after 1 round: Still no",
    ]);
  });

  test("F4: test rounds are counted, and the last one fails", () => {
    const first = next(inState("tester.working"), finish("changesRequested"));
    expect([first.state, first.context.testRounds]).toEqual(["coder.requesting", 1]);
    const last = next(inState("tester.working", { testRounds: 1 }), finish("changesRequested", "1 of 9"));
    expect([last.state, last.context.failure]).toEqual(["failing", "The tests still fail after 1 round: 1 of 9"]);
  });

  test("a pull request that is missing at GitHub is opened again, and only the feature's own", () => {
    const passing = inState("passing", { pullRequest: { number: 7, url: URL } });
    const asked = (number: number) => next(passing, { type: "pullRequest.missing", at: 20, number }).asked;
    expect(asked(7)).toMatchObject([{ type: "effect", effect: { kind: "openPullRequest" } }]);
    expect(asked(6)).toEqual([]);
  });

  test("F4: rework takes the remarks along, dependents hear nothing, and the last round asks for a person", () => {
    const first = next(inState("passing"), EVENTS["rework.requested"]);
    expect([first.state, first.context.next, first.context.note]).toEqual(["queued", "coder", "Rename it"]);
    expect(said(first.asked)).toEqual(["feature.queued"]);
    const last = next(inState("passing", { reworkRounds: 2 }), EVENTS["rework.requested"]);
    expect([last.state, last.context.failure]).toEqual([
      "needsHuman",
      "The pull request still needs changes after 2 rounds of rework: Rename it",
    ]);
  });

  test("F4: a review that arrives during a rework reaches the next coder, or brings another round", () => {
    const pullRequest = { number: 1, url: URL };
    const queued = next(inState("queued", { pullRequest, note: "First" }), EVENTS["rework.requested"]);
    const working = next(queued.snapshot, EVENTS["permit.granted"]);
    expect([working.context.note, working.context.rework]).toEqual(["First\nRename it", null]);
    const late = next(inState("publishing", { pullRequest, rework: "Rename it" }), EVENTS["pullRequest.opened"]);
    expect([late.state, late.context.note]).toEqual(["queued", "Rename it"]);
    const check = { ...EVENTS["rework.requested"], source: "checks" as const };
    expect(next(inState("coder.working", { pullRequest }), check).context.rework).toBeNull();
  });

  test("F5: while held no stage begins, whatever permit arrives", () => {
    for (const hold of ["paused", "draining"] as const) {
      const { state, asked } = next(inState("queued", { agent: null }, hold), EVENTS["permit.granted"]);
      expect([state, ...said(asked)]).toEqual(["queued", "place.released"]);
    }
  });

  test("F5: resuming a held feature queues it again; resuming one that was not held says nothing", () => {
    expect(said(next(inState("queued", {}, "paused"), EVENTS.resume).asked)).toEqual(["feature.queued"]);
    expect(next(inState("queued"), EVENTS.resume).asked).toEqual([]);
  });

  test("F5: a stopped run puts its stage back in the queue; one nobody asked to stop fails the feature", () => {
    expect(next(inState("coder.stopping", {}, "paused"), finish("cancelled"))).toMatchObject({
      state: "queued",
      context: { next: "coder" },
    });
    expect(next(inState("coder.working"), finish("cancelled")).state).toBe("failing");
  });

  test("F6: cancelling stops the agent, frees the place and tells the dependents", () => {
    for (const state of ["architect.working", "coder.stopping", "tester.working"] as const)
      expect(said(next(inState(state), EVENTS.cancel).asked).sort()).toEqual(
        ["announceToDependents", "place.released", "stop"].sort(),
      );
    expect(next(inState("queued"), { ...EVENTS["ticket.changed"], ticket: aTicket({ stateType: "duplicate" }) }).state).toBe(
      "cancelled",
    );
  });

  test("F7: merging tells the dependents to build on the default branch and completes the ticket; an agent still at work is stopped", () => {
    const { asked } = next(inState("coder.working", { pullRequest: { number: 1, url: URL } }), EVENTS["pullRequest.merged"]);
    expect(asked).toContainEqual({ type: "effect", effect: { kind: "announceToDependents", state: "met", branch: null } });
    expect(asked).toContainEqual(
      expect.objectContaining({ effect: expect.objectContaining({ kind: "moveIssue", stateType: "completed" }) }),
    );
    expect(said(asked)).toContain("stop");
  });

  test("F8: one unmet blocker of many more than fit keeps it waiting, and when those kept are met it reads again", () => {
    const many = Array.from({ length: 80 }, (_, index) =>
      aBlocker({ feature: featureOf(`OMA-${index + 10}`), key: `OMA-${index + 10}` }),
    );
    let { snapshot, state } = next(inState("waiting.reading"), { ...EVENTS["dependencies.resolved"], blockers: many });
    expect([state, snapshot.context.blockers.length]).toEqual(["waiting.blocked", MAX_BLOCKERS]);
    for (const { feature } of snapshot.context.blockers)
      ({ snapshot, state } = next(snapshot, { ...EVENTS["dependency.changed"], feature: feature ?? FEATURE }));
    expect(state).toBe("waiting.reading");
  });

  test("F8: an unmet blocker named last, after more than fit, is the one that is kept", () => {
    const met = Array.from({ length: MAX_BLOCKERS * 2 }, (_, index) =>
      aBlocker({ feature: featureOf(`OMA-${index + 10}`), key: `OMA-${index + 10}`, state: "met" }),
    );
    const { snapshot, state } = next(inState("waiting.reading"), {
      ...EVENTS["dependencies.resolved"],
      blockers: [...met, aBlocker()],
    });
    expect([state, snapshot.context.blockers[0]?.key]).toEqual(["waiting.blocked", "OMA-9"]);
  });

  test("F8: a queued feature that has not begun goes back to waiting when a blocker fails; one that has begun goes on", () => {
    const unmet = { ...EVENTS["dependency.changed"], state: "unmet" as const, branch: null };
    const blockers = [aBlocker({ state: "met" })];
    expect(next(inState("queued", { blockers, startedAt: null }), unmet).state).toBe("waiting.blocked");
    expect(next(inState("queued", { blockers }), unmet).state).toBe("queued");
  });

  test("F8: a circle is named, closed, and asks for a person", () => {
    const circle = { ...EVENTS["dependencies.resolved"], cycle: ["OMA-2", "OMA-3"] };
    const { state, context, asked } = next(inState("waiting.reading"), circle);
    expect([state, context.failure]).toEqual(["needsHuman", "Its dependencies go in a circle: OMA-2 → OMA-3 → OMA-2"]);
    expect(said(asked)).toEqual(["commentOnIssue", "announceToDependents"]);
  });

  test("F9: dependencies that cannot be read ask for a person, with the reason", () => {
    const { state, context } = next(inState("waiting.reading"), {
      ...EVENTS["effect.failed"],
      kind: "resolveDependencies",
      reason: "Linear is down",
    });
    expect([state, context.failure]).toEqual(["needsHuman", "Its dependencies could not be read: Linear is down"]);
  });

  test("F9: each failed end of a run fails the feature with the role and the reason, and the ticket gets the comment", () => {
    for (const outcome of ["failed", "timedOut", "stalled", "lost"] as const) {
      const { state, context, asked } = next(inState("coder.working"), finish(outcome, "No output for 20 minutes"));
      expect([state, context.failure, context.failedStage]).toEqual(["failing", "The coder: No output for 20 minutes", "coder"]);
      expect(said(asked)).toEqual(["place.released", "commentOnIssue", "announceToDependents"]);
    }
  });

  test("F10: our own move to In Progress changes nothing but the facts, in no state", () => {
    const echo = { ...EVENTS["ticket.changed"], ticket: aTicket({ stateType: "started" }) };
    for (const state of STATES) {
      const { asked, state: after } = next(inState(state, { ticket: aTicket({ stateType: "unstarted" }) }), echo);
      expect({ state: after, asked }).toEqual({ state, asked: [] });
    }
  });

  test("F11: an older account of the ticket changes nothing, in no state", () => {
    for (const stateType of ["unstarted", "canceled", "completed"] as const) {
      const late = { ...EVENTS["ticket.changed"], ticket: aTicket({ stateType, title: "Older", updatedAt: 1 }) };
      for (const state of STATES) {
        const before = inState(state, { ticket: aTicket({ updatedAt: 2 }) });
        const { asked, state: after, context } = next(before, late);
        expect({ state: after, asked, title: context.ticket.title }).toEqual({ state, asked: [], title: aTicket().title });
      }
    }
  });

  test("a ticket edited while in Todo starts nothing again", () => {
    const edited = { ...EVENTS["ticket.changed"], ticket: aTicket({ stateType: "unstarted", title: "Another title" }) };
    for (const state of ["failing", "needsHuman", "cancelled"] as const)
      expect(next(inState(state, { ticket: aTicket({ stateType: "unstarted" }) }), edited).state).toBe(state);
  });

  test("a ticket completed by somebody before it began is closed, and its dependents may go on", () => {
    const { state, asked } = next(inState("pending"), {
      ...EVENTS["ticket.changed"],
      ticket: aTicket({ stateType: "completed" }),
    });
    expect(state).toBe("closed");
    expect(asked).toEqual([{ type: "effect", effect: { kind: "announceToDependents", state: "met", branch: null } }]);
  });

  test("a retry starts at the stage that failed unless it names one, with all rounds granted anew and its note kept", () => {
    const failed = inState("failing", { failedStage: "tester", reviewRounds: 1, testRounds: 1, reworkRounds: 2 });
    const { context } = next(failed, { ...EVENTS.retry, note: "Look at the time zone" });
    expect(context).toMatchObject({
      next: "tester",
      reviewRounds: 0,
      testRounds: 0,
      reworkRounds: 0,
      failure: null,
      note: "Look at the time zone",
    });
    expect(next(failed, { ...EVENTS.retry, from: "coder" }).context.next).toBe("coder");
    expect(next(inState("needsHuman", { failedStage: null }), EVENTS.retry).context.next).toBe("architect");
  });

  test("the plan waits for a person when the project or the ticket's label says so, without a place", () => {
    const on = inState("architect.working", { settings: someSettings({ approval: "on" }) });
    expect(said(next(on, finish("succeeded")).asked)).toEqual(["place.released"]);
    expect(next(on, finish("succeeded")).state).toBe("approval");
    const byLabel = { settings: someSettings({ approval: "label" }) };
    expect(next(inState("architect.working", byLabel), finish("succeeded")).state).toBe("coder.requesting");
    const labelled = { ...byLabel, ticket: aTicket({ labels: ["needs-approval"] }) };
    expect(next(inState("architect.working", labelled), finish("succeeded")).state).toBe("approval");
    expect(next(inState("approval"), EVENTS.reject).context).toMatchObject({ next: "architect", note: "Smaller steps" });
  });

  test("the pull request is stacked on the one unmerged blocker, and on none when there are several", () => {
    const baseFor = (blockers: Blocker[]) => {
      const { asked } = next(inState("tester.working", { blockers }), finish("succeeded"));
      return asked.flatMap((ask) => (ask.type === "effect" && ask.effect.kind === "openPullRequest" ? [ask.effect] : []))[0];
    };
    const open = aBlocker({ state: "met", branch: "agent/oma-9" });
    const merged = aBlocker({ feature: featureOf("OMA-8"), key: "OMA-8", state: "met" });
    const other = aBlocker({ feature: featureOf("OMA-7"), key: "OMA-7", state: "met", branch: "agent/oma-7" });
    expect(baseFor([open, merged])).toEqual({
      kind: "openPullRequest",
      branch: "agent/oma-1",
      base: "agent/oma-9",
      title: "OMA-1: Add a discount",
    });
    expect(baseFor([open, other])?.base).toBeNull();
    expect(baseFor([])?.base).toBeNull();
  });

  describe("a pull request that is open when its feature is cancelled", () => {
    const closings = (asked: readonly Asked[]) =>
      asked.flatMap((ask) => (ask.type === "effect" && ask.effect.kind === "closePullRequest" ? [ask.effect] : []));
    const open = { pullRequest: { number: 7, url: URL } };

    test("F14: is asked to be closed, whoever cancelled it and wherever its work was", () => {
      const dropped = { ...EVENTS["ticket.changed"], ticket: aTicket({ stateType: "canceled" }) };
      for (const state of ["passing", "coder.working", "needsHuman"] as const)
        for (const event of [EVENTS.cancel, dropped]) {
          const { asked, context } = next(inState(state, open), event);
          expect(closings(asked)).toEqual([
            { kind: "closePullRequest", branch: "agent/oma-1", number: 7, reason: context.failure ?? "" },
          ]);
        }
    });

    test("F14: is not, when a person has closed it, or when there is none", () => {
      const closed = next(inState("passing", open), { ...EVENTS["pullRequest.closed"], number: 7 });
      expect([closed.state, closings(closed.asked)]).toEqual(["cancelled", []]);
      expect(closings(next(inState("coder.working"), EVENTS.cancel).asked)).toEqual([]);
    });

    test("F14: is too, when it was being opened meanwhile", () => {
      const { snapshot } = next(inState("publishing"), EVENTS.cancel);
      const { asked, state } = next(snapshot, { ...EVENTS["pullRequest.opened"], number: 8 });
      expect([state, closings(asked).map(({ number }) => number)]).toEqual(["cancelled", [8]]);
    });

    test("F14: does not cancel the next attempt with the news of its end; another one's end does", () => {
      const { snapshot } = next(inState("passing", open), EVENTS.cancel);
      const again = next(snapshot, EVENTS.retry);
      expect(again.context.pullRequest).toBeNull();
      const late = next(again.snapshot, { ...EVENTS["pullRequest.closed"], number: 7 });
      expect(late.state).toBe(again.state);
      expect(next(again.snapshot, { ...EVENTS["pullRequest.closed"], number: 9 }).state).toBe("cancelled");
    });

    test("F14: is the feature's own again once it was opened again: then its end is news", () => {
      const again = inState("publishing", { ...open, retracted: 7 });
      const { snapshot, context } = next(again, { ...EVENTS["pullRequest.opened"], number: 7 });
      expect(context.retracted).toBeNull();
      expect(next(snapshot, { ...EVENTS["pullRequest.closed"], number: 7 }).state).toBe("cancelled");
    });
  });

  test("each run of a role has an address of its own, and the limits of the last permit", () => {
    const settings = someSettings({ agent: { ...someSettings().agent, maxTurns: 7 } });
    const { asked } = next(
      inState("coder.requesting", { runs: { architect: 1, coder: 2, reviewer: 1, tester: 0 } }),
      grant({ admits: false, settings }),
    );
    expect(asked).toEqual([
      {
        type: "spawn",
        address: `${FEATURE}/coder-3`,
        input: { address: agentAddress(FEATURE, "coder", 3), role: "coder", limits: settings.agent },
      },
    ]);
  });

  test("going from stage to stage returns the permit before it asks for the next, to its own project", () => {
    const { asked } = next(inState("coder.working"), finish("succeeded"));
    expect(asked as unknown).toEqual([
      { type: "send", to: PROJECT, event: { type: "permit.returned", at: 10, feature: FEATURE } },
      { type: "send", to: PROJECT, event: { type: "permit.requested", at: 10, feature: FEATURE, role: "reviewer" } },
    ]);
  });

  test("megabytes from strangers are cut before they are kept", () => {
    const huge = "\u{1F363}".repeat(500_000);
    const ticket = aTicket({ title: huge, url: huge, key: huge, labels: Array.from({ length: 5_000 }, () => huge) });
    let { snapshot } = next(inState("failing"), { ...EVENTS["ticket.changed"], ticket });
    ({ snapshot } = next(snapshot, { ...EVENTS.retry, note: huge }));
    const json = persist(featureMachine, snapshot);
    expect(json.length).toBeLessThan(8_000);
    expect(json.isWellFormed()).toBe(true);
    expect(persist(featureMachine, restore(featureMachine, json))).toBe(json);
  });
});
