// Random events, sensible or not, at each machine alone: no machine throws, loses its shape, grows without bound or breaks its own
// numbered promises. A failing seed is named and repeats.

import { describe, expect, test } from "bun:test";
import type { SnapshotFrom } from "xstate";
import { accepting } from "./accepted.ts";
import type { AgentEvent } from "./agent/agent-events.ts";
import { agentMachine } from "./agent/agent-machine.ts";
import { agentView } from "./agent/agent-view.ts";
import type { FeatureEvent } from "./feature/feature-events.ts";
import { featureMachine } from "./feature/feature-machine.ts";
import { FEATURE_REQUESTS, featureView } from "./feature/feature-view.ts";
import { agentAddress } from "./ids.ts";
import type { ProjectEvent } from "./project/project-events.ts";
import { projectMachine } from "./project/project-machine.ts";
import { PROJECT_REQUESTS, projectView } from "./project/project-view.ts";
import { ROLES } from "./roles.ts";
import { type Asked, begin, persist, restore, step, type TimerEvent } from "./step.ts";
import { AGENT, aTicket, FEATURE, featureOf, PROJECT, someLimits, someSettings } from "./testing/builders.ts";
import { type Choices, seeded } from "./testing/seeded.ts";

const SEEDS = 60;
const STEPS = 120;
/** Bun's own limit is 5 s, too close on a machine that does much else. */
const LONG_MS = 30_000;
const STRANGE = ["", "x".repeat(20_000), "\uD83C", "\0\0", "__proto__", '{"type":"stop"}'] as const;

const anAgentEvent = (choices: Choices, armed: readonly string[]): AgentEvent | TimerEvent => {
  const at = choices.below(1e9);
  const attempt = 1 + choices.below(4);
  const reason = choices.pick(STRANGE);
  if (armed.length > 0 && choices.chance(0.2)) return { type: choices.pick(armed) as TimerEvent["type"], at };
  return choices.pick<AgentEvent>([
    { type: "task.accepted", at, attempt, taskArn: reason },
    { type: "task.refused", at, attempt, class: choices.pick(["infrastructure", "agent"]), reason },
    ...(choices.chance(0.2)
      ? [
          {
            type: "task.refused",
            at,
            attempt,
            class: "budget",
            reason,
            budget: choices.pick(["feature", "project"] as const),
          } as const,
        ]
      : []),
    { type: "task.running", at, attempt, taskArn: reason },
    {
      type: "task.stopped",
      at,
      attempt,
      taskArn: reason,
      exitCode: choices.pick([null, 0, 1, 2, 137, 143, 255]),
      stopCode: choices.pick(["UserInitiated", "TaskFailedToStart", "?"]),
      reason,
      costUsd: choices.pick([1, -1, Number.NaN]),
      turns: choices.pick([3, Number.POSITIVE_INFINITY]),
    },
    { type: "launch.heldBack", at, attempt, reason },
    { type: "agent.claimed", at, attempt },
    {
      type: "agent.reported",
      at,
      attempt,
      exitCode: choices.pick([0, 1, 2]),
      class: choices.pick([null, "agent", "verdict", "infrastructure", "budget"]),
      reason,
      costUsd: choices.pick([1, -1, Number.NaN, Number.POSITIVE_INFINITY]),
      headSha: null,
    },
    { type: "progress.checked", at, attempt, silentMs: choices.pick([-1, 0, 1e12, Number.NaN]) },
    { type: "task.lost", at, attempt },
    ...(choices.chance(0.2) ? [{ type: "stop", at, reason } as const] : []),
    { type: "effect.failed", at, kind: choices.pick(["runTask", "stopTask", "checkProgress"]), reason },
  ]);
};

const aFeatureEvent = (choices: Choices): FeatureEvent => {
  const at = choices.below(1e9);
  const by = choices.pick(STRANGE);
  const role = choices.pick(ROLES);
  const feature = featureOf(choices.pick(["OMA-2", "OMA-3"]));
  const state = choices.pick(["met", "unmet"] as const);
  const many = Array.from({ length: choices.pick([0, 1, 120]) }, (_, index) => ({
    feature: featureOf(`OMA-${index + 2}`),
    issueId: by,
    key: by,
    state,
    branch: by,
  }));
  const stateType = choices.pick(["triage", "backlog", "unstarted", "started", "completed", "canceled", "duplicate"] as const);
  return choices.pick<FeatureEvent>([
    { type: "ticket.changed", at, ticket: aTicket({ stateType, title: by, labels: Array.from({ length: 50 }, () => by) }) },
    { type: "start", at, by },
    { type: "pause", at, by, mode: choices.pick(["now", "drain"]), reason: by },
    { type: "resume", at, by },
    { type: "retry", at, by, from: role, note: by },
    ...(choices.chance(0.3) ? [{ type: "cancel", at, by, reason: by } as const] : []),
    { type: "budget.raised", at, by },
    { type: "approve", at, by },
    { type: "reject", at, by, note: by },
    { type: "dependencies.resolved", at, blockers: many, cycle: choices.chance(0.2) ? [by, by] : null },
    { type: "dependency.changed", at, feature, state, branch: by },
    { type: "permit.granted", at, role, settings: someSettings(), admits: choices.chance(0.7) },
    { type: "permit.granted", at, role, settings: someSettings({ approval: "on" }), admits: choices.chance(0.7) },
    { type: "permit.refused", at, role },
    {
      type: "agent.finished",
      at,
      agent: agentAddress(FEATURE, role, 1 + choices.below(3)),
      role,
      outcome: choices.pick(["succeeded", "changesRequested", "failed", "cancelled", "lost", "overBudget"]),
      reason: by,
      budget: choices.pick(["run", "feature", "project", "organization"]),
      turns: choices.pick([10, Number.NaN]),
      costUsd: choices.pick([1, Number.NaN]),
      headSha: by,
    },
    { type: "pullRequest.opened", at, number: 1, url: by },
    ...(choices.chance(0.1) ? [{ type: "pullRequest.merged", at, by } as const] : []),
    { type: "pullRequest.closed", at, by },
    { type: "pullRequest.missing", at, number: choices.pick([1, 2]) },
    { type: "rework.requested", at, by, source: choices.pick(["review", "checks"]), summary: by },
    { type: "effect.failed", at, kind: choices.pick(["openPullRequest", "resolveDependencies", "moveIssue"]), reason: by },
  ]);
};

const aProjectEvent = (choices: Choices): ProjectEvent => {
  const at = choices.below(1e9);
  const by = choices.pick(STRANGE);
  const role = choices.pick(ROLES);
  const feature = featureOf(`OMA-${choices.below(5)}`);
  const scope = choices.pick(["project", "organization"] as const);
  return choices.pick<ProjectEvent>([
    { type: "ticket.appeared", at, featureId: by, ticket: aTicket({ title: by }) },
    { type: "feature.queued", at, feature },
    { type: "permit.requested", at, feature, role },
    { type: "permit.returned", at, feature },
    { type: "place.released", at, feature },
    {
      type: "ready.found",
      at,
      candidates: Array.from({ length: 8 }, (_, index) => ({ feature: featureOf(`OMA-${index}`), role })),
    },
    { type: "ready.found", at, candidates: [], outOf: choices.pick(["project", "organization"]) },
    { type: "pause", at, by, mode: choices.pick(["now", "drain", "starts"]), reason: by, scope },
    { type: "stop", at, by, reason: by, scope },
    { type: "resume", at, by, scope },
    { type: "budget.raised", at, by },
    ...(choices.chance(0.05) ? [{ type: "archive", at, by } as const] : []),
    {
      type: "limits.changed",
      at,
      by,
      limits: { features: choices.pick([0, 3, -1, Number.NaN]), perRole: { coder: choices.below(3) } },
    },
    { type: "settings.changed", at, by, settings: someSettings() },
    { type: "effect.failed", at, kind: "findReady", reason: by },
  ]);
};

const ofKind = (asked: readonly Asked[], kind: string) =>
  asked.flatMap((ask) => (ask.type === "effect" && ask.effect.kind === kind ? [ask.effect] : []));
const toParent = (asked: readonly Asked[]) => asked.filter((ask) => ask.type === "send" && ask.event.type === "agent.finished");

/** What XState says of each, asked one by one. */
const can = <Name extends string, Event>(
  snapshot: { can(event: Event): boolean },
  requests: readonly (readonly [Name, Event])[],
) => [...new Set(requests.filter(([, event]) => snapshot.can(event)).map(([name]) => name))];
/** Nobody asks an agent anything; whether its answers are kept rightly can be seen on it all the same. */
const AGENT_REQUESTS: readonly (readonly [AgentEvent["type"], AgentEvent])[] = [
  ["stop", { type: "stop", at: 0, reason: "" }],
  ["agent.claimed", { type: "agent.claimed", at: 0, attempt: 1 }],
  ["agent.claimed", { type: "agent.claimed", at: 0, attempt: 2 }],
  ["task.lost", { type: "task.lost", at: 0, attempt: 1 }],
  ["progress.checked", { type: "progress.checked", at: 0, attempt: 1, silentMs: 1e12 }],
];
const acceptedByAgent = accepting<AgentEvent["type"], SnapshotFrom<typeof agentMachine>>(AGENT_REQUESTS);

describe("whatever arrives", () => {
  test("an agent launches each attempt once, stays small, and tells its feature of its end exactly once (A1, A2, A4)", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const choices = seeded(seed);
      const limits = someLimits({ maxAgentAttempts: 3, maxInfrastructureAttempts: 3 });
      let { snapshot, asked } = begin(agentMachine, { address: AGENT, role: "coder", limits });
      const all = [...asked];
      const armed = new Set<string>();
      for (let count = 0; count < STEPS; count++) {
        for (const ask of asked) {
          if (ask.type === "timer.set") armed.add(ask.event);
          if (ask.type === "timer.cancel") armed.delete(ask.id);
        }
        ({ snapshot, asked } = step(
          agentMachine,
          restore(agentMachine, persist(agentMachine, snapshot)),
          anAgentEvent(choices, [...armed]),
        ));
        all.push(...asked);
        agentView(snapshot);
        expect(persist(agentMachine, snapshot)).toBe(JSON.stringify(agentMachine.getPersistedSnapshot(snapshot)));
        expect({ seed, accepted: acceptedByAgent(snapshot) }).toEqual({ seed, accepted: can(snapshot, AGENT_REQUESTS) });
        const { infrastructureFailures, agentFailures } = snapshot.context;
        expect({ seed, isWithin: infrastructureFailures <= 3 && agentFailures <= 3 }).toEqual({ seed, isWithin: true });
      }
      const attempts = ofKind(all, "runTask").map((effect) => ("attempt" in effect ? effect.attempt : 0));
      expect({ seed, attempts }).toEqual({ seed, attempts: attempts.map((_, index) => index + 1) });
      expect({ seed, told: toParent(all).length }).toEqual({ seed, told: snapshot.status === "done" ? 1 : 0 });
      expect({ seed, isSmall: persist(agentMachine, snapshot).length < 3_000 }).toEqual({ seed, isSmall: true });
    }
  });

  test(
    "a feature launches an agent only when none lives, and every place it is given is used or given back (F1, F2)",
    () => {
      for (let seed = 1; seed <= SEEDS * 3; seed++) {
        const choices = seeded(seed);
        let { snapshot } = begin(featureMachine, { address: FEATURE, ticket: aTicket(), settings: someSettings() });
        let places = 0;
        for (let count = 0; count < STEPS; count++) {
          const event = aFeatureEvent(choices);
          // The project never gives a second place, nor answers a request nobody made.
          if (event.type === "permit.granted" && (event.admits ? places > 0 : !snapshot.context.placed)) continue;
          if (event.type === "permit.refused" && places === 0) continue;
          const lived = snapshot.context.agent;
          const ended = event.type === "agent.finished" && event.agent === lived;
          const next = step(featureMachine, restore(featureMachine, persist(featureMachine, snapshot)), event);
          if (event.type === "permit.granted" && event.admits) places += 1;
          if (event.type === "permit.refused" && snapshot.context.placed && !next.snapshot.context.placed) places -= 1;
          places -= next.asked.filter((ask) => ask.type === "send" && ask.event.type === "place.released").length;
          const spawned = next.asked.filter((ask) => ask.type === "spawn").length;
          if (spawned > 0 && lived !== null && !ended) throw new Error(`F1: seed ${seed}: a second agent beside ${lived}`);
          expect({ seed, count, places }).toEqual({ seed, count, places: next.snapshot.context.placed ? 1 : 0 });
          snapshot = next.snapshot;
          expect(persist(featureMachine, snapshot)).toBe(JSON.stringify(featureMachine.getPersistedSnapshot(snapshot)));
          const accepted = featureView(snapshot).actions;
          expect({ seed, count, accepted }).toEqual({ seed, count, accepted: can(snapshot, FEATURE_REQUESTS) });
        }
        const json = persist(featureMachine, snapshot);
        expect(json.isWellFormed()).toBe(true);
        expect({ seed, isSmall: json.length < 12_000 }).toEqual({ seed, isSmall: true });
      }
    },
    LONG_MS,
  );

  test("a project never has two questions open, and grants nothing unless it is active or closed (R4, R5)", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const choices = seeded(seed);
      let { snapshot } = begin(projectMachine, {
        address: PROJECT,
        limits: { features: 3, perRole: {} },
        settings: someSettings(),
      });
      let open = 0;
      for (let count = 0; count < STEPS; count++) {
        const event = aProjectEvent(choices);
        if (event.type === "ready.found" || event.type === "effect.failed") {
          if (open === 0) continue;
          open -= 1;
        }
        const next = step(projectMachine, restore(projectMachine, persist(projectMachine, snapshot)), event);
        open += ofKind(next.asked, "findReady").length;
        const grants = next.asked.filter((ask) => ask.type === "send" && ask.event.type === "permit.granted").length;
        const mayServe = snapshot.matches("active") || snapshot.matches("closed");
        expect({ seed, count, open: open <= 1, mayGrant: grants === 0 || mayServe }).toEqual({
          seed,
          count,
          open: true,
          mayGrant: true,
        });
        snapshot = next.snapshot;
        expect(persist(projectMachine, snapshot)).toBe(JSON.stringify(projectMachine.getPersistedSnapshot(snapshot)));
        const accepted = projectView(snapshot).actions;
        const mayAsk = snapshot.status === "active" ? can(snapshot, PROJECT_REQUESTS) : [];
        expect({ seed, count, accepted }).toEqual({ seed, count, accepted: mayAsk });
      }
    }
  });
});
