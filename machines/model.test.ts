// The machines as graphs: every state reached by XState's own path search over a reduced set of events, and checked where it ends.

import { describe, expect, test } from "bun:test";
import type { AnyStateMachine, SnapshotFrom } from "xstate";
import { getShortestPaths, getSimplePaths } from "xstate/graph";
import type { AgentEvent } from "./agent/agent-events.ts";
import { agentMachine } from "./agent/agent-machine.ts";
import type { FeatureEvent } from "./feature/feature-events.ts";
import { featureMachine } from "./feature/feature-machine.ts";
import { agentAddress } from "./ids.ts";
import { leafPath } from "./leaf.ts";
import type { ProjectEvent } from "./project/project-events.ts";
import { projectMachine } from "./project/project-machine.ts";
import { ROLES } from "./roles.ts";
import { persist, restore } from "./step.ts";
import { AGENT, aTicket, FEATURE, featureOf, leavesOf, PROJECT, someLimits, someSettings } from "./testing/builders.ts";

/** Bun's own limit is 5 s, which a machine that does much else needs for the largest graph alone. */
const LONG_MS = 30_000;
const whole = (machine: AnyStateMachine) => (state: SnapshotFrom<AnyStateMachine>) => persist(machine, state);
const timer = (name: string) => ({ type: `xstate.after.${name}`, at: 5 });

describe("the agent's graph", () => {
  const limits = someLimits({ maxAgentAttempts: 2, maxInfrastructureAttempts: 2 });
  const of = (attempt: number) =>
    [
      { type: "task.accepted", at: 1, attempt, taskArn: "arn" },
      { type: "task.refused", at: 1, attempt, class: "infrastructure", reason: "" },
      { type: "task.refused", at: 1, attempt, class: "budget", reason: "", budget: "project" },
      { type: "agent.claimed", at: 1, attempt },
      { type: "agent.reported", at: 1, attempt, exitCode: 0, class: null, reason: "", costUsd: 0, headSha: null },
      { type: "agent.reported", at: 1, attempt, exitCode: 2, class: null, reason: "", costUsd: 0, headSha: null },
      { type: "task.stopped", at: 1, attempt, taskArn: "arn", exitCode: 0, stopCode: "EssentialContainerExited", reason: "" },
      { type: "task.stopped", at: 1, attempt, taskArn: "arn", exitCode: 2, stopCode: "EssentialContainerExited", reason: "" },
      { type: "task.lost", at: 1, attempt },
      { type: "progress.checked", at: 1, attempt, silentMs: limits.stallMs },
    ] satisfies AgentEvent[];
  const events = [
    ...of(1),
    ...of(2),
    { type: "stop", at: 1, reason: "" } satisfies AgentEvent,
    timer("backOffMs.agent.backingOff"),
    timer("checkAfterMs.agent.running.listening"),
    timer("wallClockLeftMs.agent.running"),
    timer("stopMs.agent.stopping"),
  ] as AgentEvent[];
  const options = {
    events,
    input: { address: AGENT, role: "coder" as const, limits },
    serializeState: whole(agentMachine),
    limit: 60_000,
  };

  test("every state is reached, and no path leads to an inconsistent context", () => {
    const paths = getShortestPaths(agentMachine, options);
    const reached = new Set(paths.map(({ state }) => leafPath(state.value)));
    expect([...reached].sort()).toEqual(leavesOf(agentMachine).sort());
    for (const { state } of paths) {
      const { attempt, infrastructureFailures, agentFailures, cause, report } = state.context;
      const leaf = leafPath(state.value);
      expect(infrastructureFailures).toBeLessThanOrEqual(2);
      expect(agentFailures).toBeLessThanOrEqual(2);
      expect(attempt).toBeLessThanOrEqual(3);
      // An attempt begins with every failure of an earlier one counted.
      if (leaf === "launching" || leaf === "provisioning") expect(attempt).toBe(1 + infrastructureFailures + agentFailures);
      if (leaf === "stopping") expect(cause).not.toBeNull();
      if (leaf === "reported") expect(report).not.toBeNull();
      if (leaf === "succeeded") expect(report?.exitCode).toBe(0);
      if (leaf === "changesRequested") expect(report?.exitCode).toBe(2);
    }
  });

  test("from every living state the agent can still come to an end", () => {
    for (const { state } of getShortestPaths(agentMachine, options)) {
      if (state.status === "done") continue;
      const ends = getShortestPaths(agentMachine, {
        events: [{ type: "stop", at: 1, reason: "" }, timer("stopMs.agent.stopping") as never],
        fromState: state,
        toState: ({ status }) => status === "done",
      });
      expect({ leaf: leafPath(state.value), canEnd: ends.length > 0 }).toEqual({ leaf: leafPath(state.value), canEnd: true });
    }
  });
});

describe("the feature's graph", () => {
  const granted = ROLES.map(
    (role) => ({ type: "permit.granted", at: 1, role, settings: someSettings({ approval: "on" }), admits: true }) as const,
  );
  const finished = ROLES.flatMap((role) =>
    (["succeeded", "changesRequested", "failed", "cancelled"] as const).map(
      (outcome) =>
        ({
          type: "agent.finished",
          at: 1,
          agent: agentAddress(FEATURE, role, 1),
          role,
          outcome,
          reason: "",
          costUsd: 0,
          headSha: null,
        }) as const,
    ),
  );
  const events: FeatureEvent[] = [
    { type: "start", at: 1, by: "" },
    { type: "ticket.changed", at: 1, ticket: aTicket({ stateType: "completed" }) },
    { type: "cancel", at: 1, by: "" },
    { type: "pause", at: 1, by: "", mode: "now" },
    { type: "pause", at: 1, by: "", mode: "drain" },
    { type: "resume", at: 1, by: "" },
    { type: "approve", at: 1, by: "" },
    { type: "dependencies.resolved", at: 1, blockers: [], cycle: null },
    {
      type: "dependencies.resolved",
      at: 1,
      blockers: [{ feature: featureOf("OMA-2"), issueId: "2", key: "OMA-2", state: "unmet", branch: null }],
      cycle: null,
    },
    { type: "dependency.changed", at: 1, feature: featureOf("OMA-2"), state: "met", branch: null },
    ...granted,
    ...finished,
    { type: "pullRequest.opened", at: 1, number: 1, url: "u" },
    { type: "pullRequest.merged", at: 1, by: "" },
    { type: "effect.failed", at: 1, kind: "resolveDependencies", reason: "" },
  ];
  const input = { address: FEATURE, ticket: aTicket(), settings: someSettings({ approval: "on" }) };

  test(
    "every state of both regions is reached, and no path leads to an inconsistent context",
    () => {
      const paths = getShortestPaths(featureMachine, {
        events,
        input,
        // Only the first run of each role is in the events: deeper rounds add nothing but numbers.
        stopWhen: ({ context }) => Object.values(context.runs).some((runs) => runs > 1),
        // Nor do more runs: what trips a breaker is in breakers.test.ts.
        serializeState: (state) => whole(featureMachine)({ ...state, context: { ...state.context, burn: null } } as never),
        limit: 150_000,
      });
      const reached = new Set(paths.flatMap(({ state }) => [`work.${leafPath(state.value.work)}`, `hold.${state.value.hold}`]));
      expect([...reached].sort()).toEqual(leavesOf(featureMachine).sort());
      for (const { state } of paths) {
        const { placed, agent, next, failure, pullRequest } = state.context;
        const leaf = leafPath(state.value.work);
        const [stage, phase] = leaf.split(".");
        const where = { leaf, hold: state.value.hold };
        expect({ ...where, placed }).toEqual({
          ...where,
          placed: ["requesting", "working", "stopping"].includes(phase ?? "") || leaf === "publishing",
        });
        if (phase === "working" || phase === "stopping")
          expect({ ...where, hasAgent: agent !== null }).toEqual({ ...where, hasAgent: true });
        if (phase === "requesting") expect({ ...where, agent }).toEqual({ ...where, agent: null });
        if (phase !== undefined && stage !== "waiting")
          expect({ ...where, next }).toEqual({ ...where, next: stage as typeof next });
        // F5: nothing is requested, and no agent works on undisturbed, while paused.
        if (state.value.hold !== "running") expect({ ...where, asks: phase === "requesting" }).toEqual({ ...where, asks: false });
        if (state.value.hold === "paused") expect({ ...where, works: phase === "working" }).toEqual({ ...where, works: false });
        if (state.value.hold === "draining") expect({ ...where, hasAgent: agent !== null }).toEqual({ ...where, hasAgent: true });
        if (leaf === "failing" || leaf === "needsHuman") expect(failure).not.toBeNull();
        if (leaf === "passing") expect(pullRequest).not.toBeNull();
      }
    },
    LONG_MS,
  );

  test("there is one way to a pull request that nobody disturbs, and it passes every stage in order", () => {
    const undisturbed: FeatureEvent[] = [
      { type: "start", at: 1, by: "" },
      { type: "dependencies.resolved", at: 1, blockers: [], cycle: null },
      ...granted,
      ...finished.filter(({ outcome }) => outcome === "succeeded"),
      { type: "approve", at: 1, by: "" },
      { type: "pullRequest.opened", at: 1, number: 1, url: "u" },
    ];
    const paths = getSimplePaths(featureMachine, {
      events: undisturbed,
      input,
      // Where it is, not what it has counted: a place given back twice is no other way.
      serializeState: (state) => JSON.stringify([state.value, state.context.next, state.context.agent]),
      toState: (state) => state.matches({ work: "passing" }),
    });
    const ways = new Set(paths.map(({ steps }) => [...new Set(steps.map(({ state }) => leafPath(state.value.work)))].join(" ")));
    expect([...ways].map((way) => way.split(" "))).toEqual([
      [
        "pending",
        "waiting.reading",
        "queued",
        "architect.working",
        "approval",
        "coder.working",
        "reviewer.requesting",
        "reviewer.working",
        "tester.requesting",
        "tester.working",
        "publishing",
        "passing",
      ],
    ]);
  });
});

describe("the project's graph", () => {
  const [one, two, three] = ["OMA-1", "OMA-2", "OMA-3"].map(featureOf);
  const all = [one, two, three].flatMap((feature) => (feature ? [feature] : []));
  const events: ProjectEvent[] = [
    { type: "feature.queued", at: 1, feature: all[0] ?? FEATURE },
    { type: "ready.found", at: 1, candidates: all.map((feature) => ({ feature, role: "coder" })) },
    { type: "effect.failed", at: 1, kind: "findReady", reason: "" },
    ...all.map((feature): ProjectEvent => ({ type: "place.released", at: 1, feature })),
    ...all.map((feature): ProjectEvent => ({ type: "permit.returned", at: 1, feature })),
    ...all.map((feature): ProjectEvent => ({ type: "permit.requested", at: 1, feature, role: "reviewer" })),
    { type: "pause", at: 1, by: "", mode: "now" },
    { type: "pause", at: 1, by: "", mode: "drain" },
    { type: "pause", at: 1, by: "", mode: "starts" },
    { type: "stop", at: 1, by: "", reason: "" },
    { type: "resume", at: 1, by: "" },
    { type: "ready.found", at: 1, candidates: [], outOf: "project" },
    { type: "archive", at: 1, by: "" },
    timer("askAgainMs.project.active.backingOff") as never,
    timer("lookAtBudgetMs.project.active.outOfBudget") as never,
  ];

  test("every state is reached, limits hold in all of them, and `idle` never sleeps through a wake-up", () => {
    const paths = getShortestPaths(projectMachine, {
      events,
      input: { address: PROJECT, limits: { features: 2, perRole: { reviewer: 1 } }, settings: someSettings() },
      serializeState: whole(projectMachine),
      limit: 150_000,
    });
    const reached = new Set(paths.map(({ state }) => leafPath(state.value)));
    expect([...reached].sort()).toEqual(leavesOf(projectMachine).sort());
    for (const { state } of paths) {
      const { places, again, asked } = state.context;
      const taken = Object.values(places);
      const leaf = leafPath(state.value);
      expect(taken.length).toBeLessThanOrEqual(2);
      expect(taken.filter(({ role, granted }) => granted && role === "reviewer").length).toBeLessThanOrEqual(1);
      if (leaf === "active.idle")
        expect({ leaf, sleeps: again && taken.length < 2, asked }).toEqual({ leaf, sleeps: false, asked: false });
      if (leaf === "active.asking") expect(asked).toBe(true);
      if (leaf === "draining") expect(taken.length).toBeGreaterThan(0);
      if (leaf === "archived") expect(taken).toEqual([]);
      // R8: nobody waits for a permit that is not given.
      if (!leaf.startsWith("active"))
        expect(taken.filter(({ role, granted }) => role !== null && !granted && leaf === "draining")).toEqual([]);
    }
  });

  test("every snapshot on every path survives JSON byte for byte", () => {
    const paths = getShortestPaths(projectMachine, {
      events,
      input: { address: PROJECT, limits: { features: 1, perRole: {} }, settings: someSettings() },
      serializeState: whole(projectMachine),
      limit: 20_000,
    });
    expect(paths.length).toBeGreaterThan(20);
    for (const { state } of paths) {
      const json = persist(projectMachine, state);
      expect(persist(projectMachine, restore(projectMachine, json))).toBe(json);
    }
  });
});
