import { describe, expect, test } from "bun:test";
import type { SnapshotFrom } from "xstate";
import { leafPath } from "../leaf.ts";
import { type Asked, begin, persist, restore, step, type TimerEvent } from "../step.ts";
import { AGENT, FEATURE, type Leaf, leavesOf, someLimits, stateValueOf } from "../testing/builders.ts";
import { type AgentContext, newAgent } from "./agent-context.ts";
import type { AgentEvent, AgentInput } from "./agent-events.ts";
import { agentMachine } from "./agent-machine.ts";

type State = Leaf<SnapshotFrom<typeof agentMachine>["value"]>;
type Type = AgentEvent["type"];

const ARN = "arn:aws:ecs:eu-west-1:1:task/omakase/1";
const anInput = (overrides: Partial<AgentInput> = {}): AgentInput => ({
  address: AGENT,
  role: "coder",
  limits: someLimits(),
  ...overrides,
});

/** One ordinary event of each type, all of attempt 1. */
const EVENTS: { [T in Type]: Extract<AgentEvent, { type: T }> } = {
  "task.accepted": { type: "task.accepted", at: 10, attempt: 1, taskArn: ARN },
  "task.refused": { type: "task.refused", at: 10, attempt: 1, class: "infrastructure", reason: "RESOURCE:MEMORY" },
  "task.running": { type: "task.running", at: 20, attempt: 1, taskArn: ARN },
  "task.stopped": {
    type: "task.stopped",
    at: 90,
    attempt: 1,
    taskArn: ARN,
    exitCode: 1,
    stopCode: "EssentialContainerExited",
    reason: "exited",
  },
  "agent.claimed": { type: "agent.claimed", at: 30, attempt: 1 },
  "agent.reported": {
    type: "agent.reported",
    at: 80,
    attempt: 1,
    exitCode: 0,
    class: null,
    reason: "All done",
    costUsd: 0.5,
    headSha: "abc",
  },
  "launch.heldBack": { type: "launch.heldBack", at: 16, attempt: 1, reason: "ECS has no room" },
  "progress.checked": { type: "progress.checked", at: 50, attempt: 1, silentMs: 0 },
  "task.lost": { type: "task.lost", at: 60, attempt: 1 },
  stop: { type: "stop", at: 70, reason: "Cancelled by Ada" },
  "effect.failed": { type: "effect.failed", at: 15, kind: "runTask", reason: "AccessDenied" },
};

/** Everything stays as it is, except what is named. */
const row = (state: State, moves: Partial<Record<Type, State>>): Record<Type, State> => {
  const types = Object.keys(EVENTS) as Type[];
  return Object.fromEntries(types.map((type) => [type, moves[type] ?? state])) as Record<Type, State>;
};
const ended = { "task.stopped": "backingOff", "task.lost": "backingOff", stop: "stopping" } as const;

// Every state by every event: a new state does not compile until somebody decides what it does.
const NEXT: Record<State, Record<Type, State>> = {
  launching: row("launching", {
    ...ended,
    "task.accepted": "provisioning",
    "task.running": "provisioning",
    "agent.claimed": "running.listening",
    "agent.reported": "reported",
    "task.refused": "backingOff",
    "effect.failed": "backingOff",
  }),
  provisioning: row("provisioning", { ...ended, "agent.claimed": "running.listening", "agent.reported": "reported" }),
  "running.listening": row("running.listening", { ...ended, "agent.reported": "reported" }),
  "running.checking": row("running.checking", {
    ...ended,
    "agent.reported": "reported",
    "progress.checked": "running.listening",
  }),
  // The report in the context says 0 and so does no exit code of 1: a contradiction is the agent's fault.
  reported: row("reported", { "task.stopped": "backingOff", "task.lost": "succeeded", stop: "stopping" }),
  backingOff: row("backingOff", { stop: "cancelled" }),
  stopping: row("stopping", {
    "task.stopped": "cancelled",
    "task.lost": "cancelled",
    "task.refused": "cancelled",
    "effect.failed": "cancelled",
  }),
  succeeded: row("succeeded", {}),
  changesRequested: row("changesRequested", {}),
  failed: row("failed", {}),
  timedOut: row("timedOut", {}),
  stalled: row("stalled", {}),
  cancelled: row("cancelled", {}),
  lost: row("lost", {}),
  overBudget: row("overBudget", {}),
};
const FINALS: readonly State[] = [
  "succeeded",
  "changesRequested",
  "failed",
  "timedOut",
  "stalled",
  "cancelled",
  "lost",
  "overBudget",
];
const LIVING = (Object.keys(NEXT) as State[]).filter((state) => !FINALS.includes(state));

/** The machine in a state, as attempt 1 would have brought it there. */
function inState(state: State, overrides: Partial<AgentContext> = {}) {
  const report = state === "reported" ? { exitCode: 0 as const, class: null, reason: "All done" } : null;
  const cause = state === "stopping" ? ("cancelled" as const) : null;
  const taskArn = state === "launching" ? null : ARN;
  return agentMachine.resolveState({
    value: stateValueOf(state) as never,
    context: { ...newAgent(anInput()), attempt: 1, taskArn, acceptedAt: taskArn && 10, report, cause, ...overrides },
  });
}

/** A run of events from the start, through JSON after each, with all that was asked. */
function run(events: readonly (AgentEvent | TimerEvent)[], input = anInput()) {
  const first = begin(agentMachine, input);
  const asked: Asked[] = [...first.asked];
  let snapshot = first.snapshot;
  for (const event of events) {
    const next = step(agentMachine, restore(agentMachine, persist(agentMachine, snapshot)), event);
    snapshot = next.snapshot;
    asked.push(...next.asked);
  }
  return { snapshot, asked, state: leafPath(snapshot.value), context: snapshot.context };
}

const timer = (name: string, state: string, at = 1_000): TimerEvent => ({ type: `xstate.after.${name}.agent.${state}`, at });
const backOff = timer("backOffMs", "backingOff");
const effects = (asked: readonly Asked[], kind: string) =>
  asked.flatMap((ask) => (ask.type === "effect" && ask.effect.kind === kind ? [ask.effect] : []));
const finished = (asked: readonly Asked[]) => asked.flatMap((ask) => (ask.type === "send" ? [ask] : []));
const { "task.accepted": accepted, "agent.claimed": claimed, "agent.reported": reported, "task.stopped": stopped, stop } = EVENTS;
const again = <E extends AgentEvent & { attempt: number }>(event: E, attempt: number): E => ({ ...event, attempt });

describe("agent machine", () => {
  test("the table knows every state the machine has", () => {
    expect(Object.keys(NEXT).sort()).toEqual(leavesOf(agentMachine).sort());
  });

  for (const [state, moves] of Object.entries(NEXT) as [State, Record<Type, State>][]) {
    test(`${state}: each event leads where the table says`, () => {
      const found = Object.fromEntries(
        (Object.keys(EVENTS) as Type[]).map((type) => [
          type,
          leafPath(step(agentMachine, inState(state), EVENTS[type]).snapshot.value),
        ]),
      );
      expect(found).toEqual(moves);
    });
  }

  test("A1: each attempt asks for one task, and attempts strictly increase", () => {
    const { asked, context } = run([
      EVENTS["task.refused"],
      backOff,
      again(accepted, 2),
      again(EVENTS["task.lost"], 2),
      backOff,
      again(accepted, 3),
      again(claimed, 3),
    ]);
    expect(effects(asked, "runTask")).toMatchObject([{ attempt: 1 }, { attempt: 2 }, { attempt: 3 }]);
    expect(context).toMatchObject({ attempt: 3, infrastructureFailures: 2, agentFailures: 0 });
  });

  test("A9: a launch that is held back for an hour is asked for once and charged to nobody; its answer is taken as ever", () => {
    const waitedOut = timer("launchMs", "launching");
    const hour = Array.from({ length: 6 }, () => [EVENTS["launch.heldBack"], waitedOut]).flat();
    const held = run(hour);
    expect(held.state).toBe("launching");
    expect(held.context).toMatchObject({ attempt: 1, infrastructureFailures: 0, reason: "ECS has no room" });
    const launched = run([...hour, accepted]);
    expect([launched.state, effects(launched.asked, "runTask").length]).toEqual(["provisioning", 1]);
  });

  test("A9: a launch of which nobody says any more that it is held back fails as one that was never answered", () => {
    const waitedOut = timer("launchMs", "launching");
    const { state, context, asked } = run([EVENTS["launch.heldBack"], waitedOut, waitedOut, backOff]);
    expect([state, context.attempt, context.infrastructureFailures]).toEqual(["launching", 2, 1]);
    expect(effects(asked, "runTask")).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
  });

  test("A2: the last infrastructure attempt ends in `failed`, having said how often it was tried", () => {
    const refused = EVENTS["task.refused"];
    const limits = someLimits({ maxInfrastructureAttempts: 3 });
    const { state, asked } = run([refused, backOff, again(refused, 2), backOff, again(refused, 3)], anInput({ limits }));
    expect(state).toBe("failed");
    expect(finished(asked)).toMatchObject([
      { to: FEATURE, event: { outcome: "failed", reason: "Given up after 3 attempts: RESOURCE:MEMORY" } },
    ]);
  });

  test("A2: an agent failure does not use up infrastructure attempts, nor the other way round", () => {
    const limits = someLimits({ maxInfrastructureAttempts: 2, maxAgentAttempts: 2 });
    const { state, context } = run([stopped, backOff, again(EVENTS["task.lost"], 2), backOff], anInput({ limits }));
    expect(state).toBe("launching");
    expect(context).toMatchObject({ agentFailures: 1, infrastructureFailures: 1, attempt: 3 });
  });

  test("A2: a task that is lost for the last time ends in `lost`", () => {
    expect(run([accepted, EVENTS["task.lost"]], anInput({ limits: someLimits({ maxInfrastructureAttempts: 1 }) })).state).toBe(
      "lost",
    );
  });

  for (const state of LIVING) {
    test(`A3: stopping in ${state} ends in \`cancelled\`, and a task that may live is asked to stop`, () => {
      const first = step(agentMachine, inState(state, { report: null }), stop);
      const mayLive = state !== "backingOff";
      const last = step(agentMachine, first.snapshot, timer("stopMs", "stopping"));
      expect(leafPath(last.snapshot.value)).toBe("cancelled");
      if (mayLive && state !== "stopping") expect(effects(first.asked, "stopTask")).toHaveLength(1);
    });
  }

  test("A3: stopping before the launch is answered waits for the answer, and stops the task by its name then", () => {
    const { asked, state } = run([stop, accepted, { ...stopped, exitCode: 143, stopCode: "UserInitiated" }]);
    expect(effects(asked, "stopTask")).toMatchObject([{ taskArn: null }, { taskArn: ARN }]);
    expect(state).toBe("cancelled");
    expect(finished(asked)).toMatchObject([{ event: { outcome: "cancelled", reason: "Cancelled by Ada" } }]);
  });

  test("A3: work that was done before the stop arrived is not thrown away", () => {
    const { state, asked } = run([accepted, claimed, stop, reported, { ...stopped, exitCode: 143 }]);
    expect(state).toBe("succeeded");
    expect(finished(asked)).toMatchObject([{ event: { outcome: "succeeded", reason: "All done", headSha: "abc" } }]);
  });

  test("A4: a final state changes nothing and says nothing, whatever it hears", () => {
    for (const state of FINALS) {
      for (const event of Object.values(EVENTS)) {
        const { snapshot, asked } = step(agentMachine, inState(state), event);
        expect(asked).toEqual([]);
        expect(persist(agentMachine, snapshot)).toBe(persist(agentMachine, inState(state)));
      }
    }
  });

  test("A5: a launch given up for silence asks for its task to be stopped, and stops it by name when it shows up late", () => {
    const late = { ...accepted, at: 2_000 };
    const { asked, state } = run([timer("launchMs", "launching"), late, backOff, late]);
    expect(effects(asked, "stopTask")).toMatchObject([
      { attempt: 1, taskArn: null },
      { attempt: 1, taskArn: ARN },
      { attempt: 1, taskArn: ARN },
    ]);
    expect(state).toBe("launching");
  });

  test("A5: a lost task is asked to stop before another is launched", () => {
    const { asked } = run([accepted, claimed, EVENTS["task.lost"], backOff]);
    const kinds = asked.flatMap((ask) => (ask.type === "effect" ? [ask.effect.kind] : []));
    expect(kinds).toEqual(["runTask", "stopTask", "runTask"]);
  });

  test("A6: in no living state does an event of another attempt change anything, except to stop a stray task", () => {
    for (const state of LIVING) {
      for (const event of Object.values(EVENTS)) {
        if (!("attempt" in event)) continue;
        for (const attempt of [1, 3]) {
          const before = inState(state, { attempt: 2 });
          const { snapshot, asked } = step(agentMachine, before, { ...event, attempt });
          expect(persist(agentMachine, snapshot)).toBe(persist(agentMachine, before));
          for (const ask of asked) expect(ask).toMatchObject({ effect: { kind: "stopTask", attempt: 1 } });
        }
      }
    }
  });

  test("A7: exiting 0 without a report is a failure of the agent", () => {
    const { asked, state } = run(
      [accepted, claimed, { ...stopped, exitCode: 0 }],
      anInput({ limits: someLimits({ maxAgentAttempts: 1 }) }),
    );
    expect(state).toBe("failed");
    expect(finished(asked)).toMatchObject([{ event: { reason: "The agent exited 0 without a result" } }]);
  });

  test("A7: a report and an exit code that contradict each other are a failure", () => {
    const { state, context } = run(
      [accepted, claimed, reported, { ...stopped, exitCode: 1 }],
      anInput({ limits: someLimits({ maxAgentAttempts: 1 }) }),
    );
    expect(state).toBe("failed");
    expect(context.reason).toBe("The agent reported exit code 0 but its container exited with 1");
  });

  test("A8: each living state has a timer of its own or of its parent; `checking` is under the wall clock", () => {
    const late: Partial<Record<State, TimerEvent>> = {
      launching: timer("launchMs", "launching"),
      provisioning: timer("provisioningMs", "provisioning"),
      "running.listening": timer("wallClockLeftMs", "running"),
      "running.checking": timer("wallClockLeftMs", "running"),
      reported: timer("reportGraceMs", "reported"),
      backingOff: backOff,
      stopping: timer("stopMs", "stopping"),
    };
    for (const state of LIVING) {
      const event = late[state];
      if (!event) throw new Error(`${state} has no timer`);
      expect(leafPath(step(agentMachine, inState(state), event).snapshot.value)).not.toBe(state);
    }
  });

  test("whatever order its events come in, a successful run succeeds once and costs once", () => {
    const orders = [
      [accepted, EVENTS["task.running"], claimed, reported],
      [EVENTS["task.running"], claimed, accepted, reported],
      [claimed, reported, accepted, EVENTS["task.running"]],
      [reported, accepted, claimed, EVENTS["task.running"]],
      [reported, reported, claimed, accepted],
    ];
    for (const events of orders) {
      const { state, asked } = run([...events, { ...stopped, exitCode: 0 }]);
      expect(state).toBe("succeeded");
      expect(finished(asked)).toMatchObject([{ event: { outcome: "succeeded", costUsd: 0.5, agent: AGENT } }]);
      expect(effects(asked, "runTask")).toHaveLength(1);
    }
  });

  test("a task that ends before its launch is answered is judged all the same", () => {
    expect(run([reported, { ...stopped, exitCode: 0 }]).state).toBe("succeeded");
    expect(
      run([{ ...stopped, exitCode: null, stopCode: "TaskFailedToStart", reason: "CannotPullContainerError" }]).context,
    ).toMatchObject({
      infrastructureFailures: 1,
      reason: "CannotPullContainerError",
    });
  });

  test("a report whose task never ends is judged after a minute, and the task is asked to stop", () => {
    const { state, asked } = run([accepted, claimed, reported, timer("reportGraceMs", "reported")]);
    expect(state).toBe("succeeded");
    expect(effects(asked, "stopTask")).toHaveLength(1);
    expect(finished(asked)).toHaveLength(1);
  });

  test("silence is asked about, and only a long one stops the run", () => {
    const look = timer("checkAfterMs", "running.listening");
    const short = { ...EVENTS["progress.checked"], silentMs: 60_000 };
    const { asked, context } = run([accepted, claimed, look, short]);
    expect(effects(asked, "checkProgress")).toHaveLength(1);
    expect(context.checkAfterMs).toBe(19 * 60_000);
    const long = run([accepted, claimed, look, { ...short, silentMs: 20 * 60_000 }, { ...stopped, exitCode: 143 }]);
    expect(long.state).toBe("stalled");
    expect(long.context.reason).toBe("No output for 20 minutes");
  });

  test("the wall clock counts from the accepted task, and a timed-out run ends in `timedOut`", () => {
    const { asked, state, context } = run([
      { ...accepted, at: 0 },
      { ...claimed, at: 3_600_000 },
      timer("wallClockLeftMs", "running"),
      { ...stopped, exitCode: 143 },
    ]);
    expect(asked).toContainEqual(expect.objectContaining({ type: "timer.set", delayMs: 3_600_000 }));
    expect(state).toBe("timedOut");
    expect(context.reason).toBe("Ran longer than 2 hours");
  });

  test("costs of all attempts add up, and what is no cost counts as nothing", () => {
    const report = { ...reported, exitCode: 1 as const, class: "agent" as const };
    const { asked } = run([
      accepted,
      claimed,
      report,
      stopped,
      backOff,
      again({ ...report, costUsd: Number.NaN }, 2),
      again(stopped, 2),
    ]);
    expect(finished(asked)).toMatchObject([{ event: { outcome: "failed", costUsd: 0.5 } }]);
  });

  test("a megabyte of reason is cut before it is kept", () => {
    const report = { ...reported, exitCode: 1 as const, class: "verdict" as const, reason: "é".repeat(1_000_000) };
    const { snapshot } = run([accepted, claimed, report, stopped]);
    expect(persist(agentMachine, snapshot).length).toBeLessThan(2_500);
  });

  test("A10: a launch that a budget refuses, and a run that ends over its own, are not tried again", () => {
    const refused = { ...EVENTS["task.refused"], class: "budget", budget: "project", reason: "$9 of $10" } as const;
    const report = { ...EVENTS["agent.reported"], exitCode: 1, class: "budget", reason: "$5 of $5" } as const;
    const ends: [AgentEvent[], string][] = [
      [[refused], "project"],
      [[EVENTS["agent.claimed"], report, { ...EVENTS["task.stopped"], exitCode: 1 }], "run"],
    ];
    for (const [events, budget] of ends) {
      const { state, asked } = run(events);
      expect(state).toBe("overBudget");
      expect(asked).toContainEqual(
        expect.objectContaining({ event: expect.objectContaining({ type: "agent.finished", outcome: "overBudget", budget }) }),
      );
    }
  });

  test("A10: a run that was cut off costs what it was metered at; one that reported costs what it reported, once", () => {
    const cut = { ...EVENTS["task.stopped"], exitCode: 137, costUsd: 0.75, turns: 4 };
    const again = run([EVENTS["agent.claimed"], cut]);
    expect(again.context).toMatchObject({ costUsd: 0.75, turns: 4 });
    const told = run([EVENTS["agent.claimed"], { ...EVENTS["agent.reported"], turns: 3 }, { ...cut, exitCode: 0 }]);
    expect(told.context).toMatchObject({ costUsd: 0.5, turns: 3 });
  });
});
