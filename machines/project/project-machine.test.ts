import { describe, expect, test } from "bun:test";
import type { SnapshotFrom } from "xstate";
import type { FeatureAddress } from "../ids.ts";
import { leafPath } from "../leaf.ts";
import { type Asked, begin, persist, step, type TimerEvent } from "../step.ts";
import { aTicket, FEATURE, featureOf, type Leaf, leavesOf, PROJECT, someSettings, stateValueOf } from "../testing/builders.ts";
import { admit, grantWaiting, type Places, roomIn } from "./places.ts";
import { newProject, type ProjectContext } from "./project-context.ts";
import type { ProjectEvent } from "./project-events.ts";
import { projectMachine } from "./project-machine.ts";
import { projectView } from "./project-view.ts";

type State = Leaf<SnapshotFrom<typeof projectMachine>["value"]>;
type Type = ProjectEvent["type"];

const BY = "Ada";
const EVENTS: { [T in Type]: Extract<ProjectEvent, { type: T }> } = {
  "ticket.appeared": { type: "ticket.appeared", at: 10, featureId: "oma-1", ticket: aTicket() },
  "feature.queued": { type: "feature.queued", at: 10, feature: FEATURE },
  "permit.requested": { type: "permit.requested", at: 10, feature: FEATURE, role: "coder" },
  "permit.returned": { type: "permit.returned", at: 10, feature: FEATURE },
  "place.released": { type: "place.released", at: 10, feature: FEATURE },
  "ready.found": { type: "ready.found", at: 10, candidates: [] },
  pause: { type: "pause", at: 10, by: BY, mode: "now" },
  resume: { type: "resume", at: 10, by: BY },
  stop: { type: "stop", at: 10, by: BY, reason: "Leak" },
  "budget.raised": { type: "budget.raised", at: 10, by: BY },
  archive: { type: "archive", at: 10, by: BY },
  "limits.changed": { type: "limits.changed", at: 10, by: BY, limits: { features: 5, perRole: {} } },
  "settings.changed": { type: "settings.changed", at: 10, by: BY, settings: someSettings({ maxReviewRounds: 3 }) },
  "effect.failed": { type: "effect.failed", at: 10, kind: "findReady", reason: "Overloaded" },
};
const TYPES = Object.keys(EVENTS) as Type[];

const row = (state: State, moves: Partial<Record<Type, State>>): Record<Type, State> =>
  Object.fromEntries(TYPES.map((type) => [type, moves[type] ?? state])) as Record<Type, State>;
const wakes = {
  "feature.queued": "active.asking",
  "permit.returned": "active.asking",
  "place.released": "active.asking",
} as const;

const held = { pause: "paused", stop: "stopped" } as const;

// Every state by every event, for a project with room for two and one place taken by another feature.
const NEXT: Record<State, Record<Type, State>> = {
  // A permit asked for by a feature without a place is refused, and that feature will be ready.
  "active.idle": row("active.idle", {
    ...wakes,
    "permit.requested": "active.asking",
    "limits.changed": "active.asking",
    "budget.raised": "active.asking",
    ...held,
  }),
  "active.asking": row("active.asking", { "ready.found": "active.idle", "effect.failed": "active.backingOff", ...held }),
  "active.backingOff": row("active.backingOff", held),
  "active.outOfBudget": row("active.outOfBudget", { "budget.raised": "active.asking", ...held }),
  closed: row("closed", { ...held, resume: "active.asking" }),
  draining: row("draining", { ...held, resume: "active.asking" }),
  paused: row("paused", { stop: "stopped", resume: "active.asking" }),
  stopped: row("stopped", { resume: "active.asking" }),
  archived: row("archived", {}),
};
const STATES = Object.keys(NEXT) as State[];
const OTHER = featureOf("OMA-2");

function inState(state: State, overrides: Partial<ProjectContext> = {}) {
  const fresh = newProject({ address: PROJECT, limits: { features: 2, perRole: {} }, settings: someSettings() });
  return projectMachine.resolveState({
    value: stateValueOf(state) as never,
    context: {
      ...fresh,
      places: { [OTHER]: { role: "coder", granted: true } } as Places,
      // `paused` as it was entered while a question was open.
      asked: state === "active.asking" || state === "paused",
      holds: { project: state.startsWith("active") ? null : { by: BY, reason: null }, organization: null },
      ...overrides,
    },
  });
}

const next = (snapshot: SnapshotFrom<typeof projectMachine>, event: ProjectEvent | TimerEvent) => {
  const done = step(projectMachine, snapshot, event);
  return { ...done, state: leafPath(done.snapshot.value) as State, context: done.snapshot.context };
};
const questions = (asked: readonly Asked[]) => asked.flatMap((ask) => (ask.type === "effect" ? [ask.effect] : []));
const sends = (asked: readonly Asked[]) => asked.flatMap((ask) => (ask.type === "send" ? [[ask.to, ask.event.type]] : []));
const ready = (keys: readonly string[], role: "architect" | "coder" = "architect"): ProjectEvent => ({
  type: "ready.found",
  at: 10,
  candidates: keys.map((key) => ({ feature: featureOf(key), role })),
});

describe("project machine", () => {
  test("the table knows every state the machine has", () => {
    expect([...STATES].sort() as string[]).toEqual(leavesOf(projectMachine).sort());
  });

  for (const state of STATES) {
    test(`${state}: each event leads where the table says`, () => {
      expect(Object.fromEntries(TYPES.map((type) => [type, next(inState(state), EVENTS[type]).state])) as unknown).toEqual(
        NEXT[state],
      );
    });
  }

  test("a new ticket makes a feature, which also hears of its ticket; a name that cannot be an address makes none", () => {
    const { asked } = next(inState("paused"), EVENTS["ticket.appeared"]);
    expect(asked.map((ask) => ask.type)).toEqual(["spawn", "send"]);
    expect(asked[0]).toMatchObject({ address: FEATURE, input: { address: FEATURE, settings: someSettings() } });
    for (const featureId of ["", "OMA-1", "a/b", "ü", "-a", "a".repeat(65)])
      expect(next(inState("paused"), { ...EVENTS["ticket.appeared"], featureId }).asked).toEqual([]);
  });

  test("R1, R2: the answer is taken best first, as far as both limits go", () => {
    const limits = { features: 4, perRole: { architect: 2 } };
    const { asked, context } = next(inState("active.asking", { limits }), ready(["OMA-3", "OMA-4", "OMA-5", "OMA-6"]));
    expect(sends(asked)).toEqual([
      [featureOf("OMA-3"), "permit.granted"],
      [featureOf("OMA-4"), "permit.granted"],
    ]);
    expect(Object.keys(context.places)).toEqual([OTHER, featureOf("OMA-3"), featureOf("OMA-4")]);
  });

  test("R1: a limit lowered below what is running admits nobody until there is room again", () => {
    const places = Object.fromEntries(
      ["OMA-2", "OMA-3"].map((key) => [featureOf(key), { role: "coder", granted: true }]),
    ) as Places;
    const lowered = next(inState("active.idle", { places }), {
      ...EVENTS["limits.changed"],
      limits: { features: 1, perRole: {} },
    });
    expect(lowered.state).toBe("active.idle");
    const one = next(lowered.snapshot, { ...EVENTS["place.released"], feature: featureOf("OMA-2") });
    expect(one.state).toBe("active.idle");
    expect(next(one.snapshot, { ...EVENTS["place.released"], feature: featureOf("OMA-3") }).state).toBe("active.asking");
  });

  test("R2, R3: a freed permit goes to whoever waits for it, in the order of the places, before anybody new", () => {
    const limits = { features: 5, perRole: { coder: 1 } };
    let { snapshot } = next(inState("active.idle", { limits }), EVENTS["settings.changed"]);
    for (const key of ["OMA-3", "OMA-4"]) {
      ({ snapshot } = next(inState("active.asking", { ...snapshot.context, asked: true }), ready([key])));
      ({ snapshot } = next(snapshot, { ...EVENTS["permit.requested"], feature: featureOf(key) }));
    }
    expect(Object.values(snapshot.context.places).map((place) => place.granted)).toEqual([true, false, false]);
    const freed = next(snapshot, { ...EVENTS["permit.returned"], feature: OTHER });
    expect(sends(freed.asked)).toEqual([[featureOf("OMA-3"), "permit.granted"]]);
    expect(freed.asked[0]).toMatchObject({ event: { admits: false, role: "coder" } });
    const gone = next(freed.snapshot, { ...EVENTS["place.released"], feature: featureOf("OMA-3") });
    expect(sends(gone.asked)).toEqual([[featureOf("OMA-4"), "permit.granted"]]);
  });

  test("R4: a question open when the project is paused is waited for, not asked again", () => {
    const paused = next(inState("active.asking"), EVENTS.pause);
    const resumed = next(paused.snapshot, EVENTS.resume);
    expect([resumed.state, ...questions(resumed.asked)]).toEqual(["active.asking"]);
    const answered = next(resumed.snapshot, ready(["OMA-3"]));
    expect(sends(answered.asked)).toEqual([[featureOf("OMA-3"), "permit.granted"]]);
  });

  test("R5: nothing is granted while draining or paused, and a permit asked for is refused with its place", () => {
    for (const state of ["draining", "paused"] as const) {
      const places = { [FEATURE]: { role: null, granted: false }, [OTHER]: { role: "coder", granted: true } } as Places;
      const answered = next(inState(state, { asked: true, places }), ready(["OMA-3"]));
      expect([answered.state, answered.asked, answered.context.again]).toEqual([state, [], true]);
      const refused = next(inState(state, { places }), EVENTS["permit.requested"]);
      expect(sends(refused.asked)).toEqual([[FEATURE, "permit.refused"]]);
      expect(Object.keys(refused.context.places)).toEqual([OTHER]);
    }
  });

  test("R6: whatever happens during a question, another follows if there is room", () => {
    for (const type of ["feature.queued", "permit.returned", "place.released", "limits.changed"] as const) {
      const woken = next(inState("active.asking"), EVENTS[type]);
      expect(questions(woken.asked)).toEqual([]);
      const answered = next(woken.snapshot, ready([]));
      expect({ type, kinds: questions(answered.asked).map(({ kind }) => kind) }).toEqual({ type, kinds: ["findReady"] });
    }
    expect(next(inState("active.asking"), ready([])).state).toBe("active.idle");
  });

  test("R6: a wake-up without room, or while nothing is granted, is kept until there is", () => {
    const full = inState("active.idle", { limits: { features: 1, perRole: {} } });
    const woken = next(full, EVENTS["feature.queued"]);
    expect(woken.state).toBe("active.idle");
    expect(next(woken.snapshot, { ...EVENTS["place.released"], feature: OTHER }).state).toBe("active.asking");
    const paused = next(inState("paused", { asked: false }), EVENTS["feature.queued"]);
    expect(next(paused.snapshot, EVENTS.resume).state).toBe("active.asking");
  });

  test("R6: a question that failed is asked again after a while", () => {
    const failed = next(inState("active.asking"), EVENTS["effect.failed"]);
    expect(failed.asked).toContainEqual(expect.objectContaining({ type: "timer.set", delayMs: 30_000 }));
    const again = next(failed.snapshot, { type: "xstate.after.askAgainMs.project.active.backingOff", at: 1 });
    expect([again.state, ...questions(again.asked)]).toEqual([
      "active.asking",
      { kind: "findReady", limit: 1, excluding: [OTHER], permits: {} },
    ]);
  });

  test("R13: the question says what each limited role has left, so that nobody is named who cannot be admitted", () => {
    const limits = { features: 6, perRole: { architect: 2, coder: 1, tester: 0 } };
    const places = {
      [OTHER]: { role: "coder", granted: true },
      [featureOf("OMA-3")]: { role: "coder", granted: false },
      [featureOf("OMA-4")]: { role: "architect", granted: true },
      [featureOf("OMA-5")]: { role: null, granted: false },
    } as Places;
    const [question] = questions(next(inState("active.idle", { limits, places }), EVENTS["feature.queued"]).asked);
    expect(question).toMatchObject({ kind: "findReady", limit: 2, permits: { architect: 1, coder: 0, tester: 0 } });
  });

  test("R7: releasing and returning twice change nothing more", () => {
    for (const type of ["place.released", "permit.returned"] as const) {
      const once = next(inState("paused"), { ...EVENTS[type], feature: OTHER });
      const twice = next(once.snapshot, { ...EVENTS[type], feature: OTHER });
      expect(persist(projectMachine, twice.snapshot)).toBe(persist(projectMachine, once.snapshot));
    }
  });

  test("R8: draining refuses whoever waits, lets the others finish, and ends in `paused` with the last place", () => {
    const places = { [FEATURE]: { role: "coder", granted: false }, [OTHER]: { role: "coder", granted: true } } as Places;
    const draining = next(inState("active.idle", { places }), { ...EVENTS.pause, mode: "drain" });
    expect([draining.state, ...sends(draining.asked)] as unknown).toEqual(["draining", [FEATURE, "permit.refused"]]);
    expect(next(draining.snapshot, { ...EVENTS["place.released"], feature: OTHER }).state).toBe("paused");
    expect(next(inState("active.idle", { places: {} }), { ...EVENTS.pause, mode: "drain" }).state).toBe("paused");
  });

  test("R9: pausing now pauses whoever holds a place, and resuming resumes exactly those", () => {
    const paused = next(inState("active.idle"), { ...EVENTS.pause, reason: "Budget" });
    expect(paused.asked).toEqual([
      {
        type: "send",
        to: OTHER,
        event: { type: "pause", at: 10, by: "the project", mode: "now", reason: "Budget" } as { type: string },
      },
    ]);
    const released = next(paused.snapshot, { ...EVENTS["place.released"], feature: OTHER });
    const resumed = next(released.snapshot, EVENTS.resume);
    expect(sends(resumed.asked)).toEqual([[OTHER, "resume"]]);
    expect(resumed.context.held).toEqual([]);
  });

  test("R9: a project with a place taken is not archived; one without is, and then hears nothing", () => {
    expect(next(inState("active.idle"), EVENTS.archive).state).toBe("active.idle");
    expect(next(inState("active.idle", { places: {} }), EVENTS.archive).state).toBe("archived");
    expect(next(inState("paused", { places: {} }), EVENTS.archive).state).toBe("archived");
    for (const type of TYPES) expect(next(inState("archived"), EVENTS[type])).toMatchObject({ state: "archived", asked: [] });
  });

  test("it is born idle, asking nothing", () => {
    const { snapshot, asked } = begin(projectMachine, {
      address: PROJECT,
      limits: { features: 1, perRole: {} },
      settings: someSettings(),
    });
    expect([leafPath(snapshot.value), asked]).toEqual(["active.idle", []]);
  });
});

describe("project holds", () => {
  const org = { scope: "organization" } as const;

  test("R5: closed admits nobody, but serves whoever holds a place; resuming asks again", () => {
    const places = { [FEATURE]: { role: "architect", granted: false } } as Places;
    const closed = next(inState("active.idle", { places }), { ...EVENTS.pause, mode: "starts" });
    expect([closed.state, closed.asked]).toEqual(["closed", []]);
    const served = next(closed.snapshot, EVENTS["permit.requested"]);
    expect(sends(served.asked) as unknown).toEqual([[FEATURE, "permit.granted"]]);
    const woken = next(served.snapshot, { ...EVENTS["feature.queued"], feature: OTHER });
    expect([woken.state, woken.asked]).toEqual(["closed", []]);
    expect(next(woken.snapshot, EVENTS.resume).state).toBe("active.asking");
  });

  test("R5: an answer that arrives while closed admits nobody and is asked for again", () => {
    const closed = next(inState("active.asking", { places: {} }), { ...EVENTS.pause, mode: "starts" });
    const late = next(closed.snapshot, ready(["OMA-5"]));
    expect([late.state, late.asked, late.context.again]).toEqual(["closed", [], true]);
  });

  test("R10: what the organisation holds is not resumed for the project alone, nor the reverse", () => {
    const both = next(next(inState("active.idle"), EVENTS.pause).snapshot, { ...EVENTS.stop, ...org });
    expect(both.state).toBe("stopped");
    for (const [first, second] of [
      [EVENTS.resume, { ...EVENTS.resume, ...org }],
      [{ ...EVENTS.resume, ...org }, EVENTS.resume],
    ] as const) {
      const half = next(both.snapshot, first);
      expect([half.state, half.asked]).toEqual(["stopped", []]);
      expect(projectView(half.snapshot).actions.includes("resume")).toBe(half.context.holds.project !== null);
      const whole = next(half.snapshot, second);
      expect([whole.state, sends(whole.asked)] as unknown).toEqual(["active.asking", [[OTHER, "resume"]]]);
    }
  });

  test("R11: a stop reaches whoever holds a place, from every state that lets agents work", () => {
    for (const state of [
      "active.idle",
      "active.asking",
      "active.backingOff",
      "active.outOfBudget",
      "closed",
      "draining",
    ] as const) {
      const stopped = next(inState(state), EVENTS.stop);
      const pauses = stopped.asked.filter((ask) => ask.type === "send");
      expect([state, stopped.state, pauses.length]).toEqual([state, "stopped", 1]);
      expect(pauses[0]).toMatchObject({ to: OTHER, event: { type: "pause", mode: "now", reason: "Leak" } });
    }
  });

  test("R11: whoever an earlier pause held is resumed with those the stop held", () => {
    const paused = next(inState("active.idle"), EVENTS.pause);
    const gone = next(paused.snapshot, { ...EVENTS["place.released"], feature: OTHER });
    const stopped = next(gone.snapshot, EVENTS.stop);
    expect(sends(next(stopped.snapshot, EVENTS.resume).asked) as unknown).toEqual([[OTHER, "resume"]]);
  });

  test("R12: without budget it looks again after a minute, or when it is raised, and not before", () => {
    const asking = inState("active.asking", { places: {} });
    const poor = next(asking, { ...EVENTS["ready.found"], outOf: "project" });
    expect([poor.state, poor.context.outOf]).toEqual(["active.outOfBudget", "project"]);
    expect(poor.asked).toContainEqual(expect.objectContaining({ type: "timer.set", delayMs: 60_000 }));
    expect(next(poor.snapshot, EVENTS["feature.queued"]).state).toBe("active.outOfBudget");
    const due = { type: "xstate.after.lookAtBudgetMs.project.active.outOfBudget", at: 1 } as const;
    expect(next(poor.snapshot, due).state).toBe("active.asking");
    expect(next(poor.snapshot, EVENTS["budget.raised"]).state).toBe("active.asking");
  });
});

describe("places", () => {
  test("L1: broken limits give no room", () => {
    expect(roomIn({}, { features: 2.9, perRole: {} })).toBe(2);
    expect(roomIn({}, { features: -1, perRole: {} })).toBe(0);
    expect(admit({}, { features: Number.NaN, perRole: {} }, [{ feature: FEATURE, role: "coder" }]).grants).toEqual([]);
  });

  test("L1: a candidate that holds a place already, or is named twice, gets no second one", () => {
    const twice = [FEATURE, FEATURE, OTHER].map((feature) => ({ feature, role: "coder" as const }));
    const { grants, places } = admit({}, { features: 9, perRole: {} }, twice);
    expect(grants.map(({ feature }) => feature)).toEqual([FEATURE, OTHER]);
    expect(admit(places, { features: 9, perRole: {} }, twice).grants).toEqual([]);
  });

  test("L3: the order of the places survives JSON", () => {
    const keys = ["z-1", "a-1", "10", "2"].map((id) => featureOf(id));
    const places = Object.fromEntries(keys.map((key) => [key, { role: "coder", granted: false }])) as Places;
    const stored = JSON.parse(JSON.stringify(places)) as Places;
    expect(grantWaiting(stored, { features: 9, perRole: {} }).grants.map(({ feature }) => feature)).toEqual(
      keys as FeatureAddress[],
    );
  });
});

describe("project view", () => {
  test("the actions are exactly the person's events that lead somewhere", () => {
    const view = (state: State, overrides: Partial<ProjectContext> = {}) =>
      projectView(inState(state, overrides)).actions as string[];
    expect(view("active.idle")).toEqual(["pause", "stop"]);
    expect(view("active.idle", { places: {} })).toEqual(["pause", "stop", "archive"]);
    expect(view("closed")).toEqual(["pause", "stop", "resume"]);
    expect(view("stopped")).toEqual(["resume"]);
    expect(view("draining")).toEqual(["pause", "stop", "resume"]);
    expect(view("paused")).toEqual(["stop", "resume"]);
    expect(view("paused", { places: {} })).toEqual(["stop", "resume", "archive"]);
    expect(view("archived")).toEqual([]);
  });

  test("a project with work shows it, and every state has words", () => {
    expect(projectView(inState("active.idle"))).toMatchObject({ category: "working", mood: "working", running: [OTHER] });
    expect(projectView(inState("active.idle", { places: {} }))).toMatchObject({ category: "ready", running: [] });
    for (const state of STATES) expect(projectView(inState(state)).label.length).toBeGreaterThan(0);
  });
});
