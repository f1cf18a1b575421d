// What the feature's tests share: one event of each type, and the machine put into a state with the context the way there leaves.

import type { SnapshotFrom } from "xstate";
import { type FeatureContext, newFeature } from "../feature/feature-context.ts";
import type { Blocker, FeatureEvent } from "../feature/feature-events.ts";
import { featureMachine } from "../feature/feature-machine.ts";
import { leafPath } from "../leaf.ts";
import { type AgentOutcome, ROLES } from "../roles.ts";
import { type Asked, step } from "../step.ts";
import { AGENT, aTicket, FEATURE, featureOf, type Leaf, someSettings, stateValueOf } from "./builders.ts";

export type Value = SnapshotFrom<typeof featureMachine>["value"];
export type State = Leaf<Value["work"]>;
export type Hold = Value["hold"];
export type Type = FeatureEvent["type"];

export const BY = "Ada";
export const URL = "https://github.test/acme/shop/pull/1";
export const aBlocker = (overrides: Partial<Blocker> = {}): Blocker => ({
  feature: featureOf("OMA-9"),
  issueId: "9",
  key: "OMA-9",
  state: "unmet",
  branch: null,
  ...overrides,
});

/** One ordinary event of each type. */
export const EVENTS: { [T in Type]: Extract<FeatureEvent, { type: T }> } = {
  "ticket.changed": { type: "ticket.changed", at: 10, ticket: aTicket({ stateType: "unstarted" }) },
  start: { type: "start", at: 10, by: BY },
  pause: { type: "pause", at: 10, by: BY, mode: "now" },
  resume: { type: "resume", at: 10, by: BY },
  retry: { type: "retry", at: 10, by: BY },
  cancel: { type: "cancel", at: 10, by: BY },
  "budget.raised": { type: "budget.raised", at: 10, by: BY },
  approve: { type: "approve", at: 10, by: BY },
  reject: { type: "reject", at: 10, by: BY, note: "Smaller steps" },
  "dependencies.resolved": { type: "dependencies.resolved", at: 10, blockers: [], cycle: null },
  "dependency.changed": { type: "dependency.changed", at: 10, feature: featureOf("OMA-9"), state: "met", branch: "agent/oma-9" },
  "permit.granted": { type: "permit.granted", at: 10, role: "coder", settings: someSettings(), admits: true },
  "permit.refused": { type: "permit.refused", at: 10, role: "coder" },
  "agent.finished": {
    type: "agent.finished",
    at: 10,
    agent: AGENT,
    role: "coder",
    outcome: "succeeded",
    reason: "Done",
    costUsd: 0.5,
    headSha: "abc",
  },
  "pullRequest.opened": { type: "pullRequest.opened", at: 10, number: 1, url: URL },
  "pullRequest.missing": { type: "pullRequest.missing", at: 10, number: 1 },
  "pullRequest.merged": { type: "pullRequest.merged", at: 10, by: BY },
  "pullRequest.closed": { type: "pullRequest.closed", at: 10, by: BY },
  "rework.requested": { type: "rework.requested", at: 10, by: BY, source: "review", summary: "Rename it" },
  "effect.failed": { type: "effect.failed", at: 10, kind: "openPullRequest", reason: "Forbidden" },
};
export const TYPES = Object.keys(EVENTS) as Type[];

export const hasAgent = (state: State) => /working|stopping/.test(state);
export const hasPlace = (state: State) => /requesting|working|stopping|publishing/.test(state);
export const hasBegun = (state: State) => !/pending|waiting/.test(state);

/** The machine in a state, with what the way there would have left in its context. */
export function inState(state: State, overrides: Partial<FeatureContext> = {}, hold: Hold = "running") {
  const fresh = newFeature({ address: FEATURE, ticket: aTicket({ stateType: "started" }), settings: someSettings() });
  const stage = ROLES.find((role) => state.startsWith(role)) ?? "coder";
  return featureMachine.resolveState({
    value: { work: stateValueOf(state), hold } as never,
    context: {
      ...fresh,
      next: stage,
      placed: hasPlace(state),
      agent: hasAgent(state) ? AGENT : null,
      startedAt: hasBegun(state) ? 1 : null,
      inProgress: hasBegun(state),
      blockers: state === "waiting.blocked" ? [aBlocker()] : [],
      failure: state === "failing" || state === "needsHuman" ? "Because" : null,
      pullRequest: state === "passing" ? { number: 1, url: URL } : null,
      ...overrides,
    },
  });
}

export const workOf = (snapshot: SnapshotFrom<typeof featureMachine>) => leafPath(snapshot.value.work) as State;
export const next = (snapshot: SnapshotFrom<typeof featureMachine>, event: FeatureEvent) => {
  const done = step(featureMachine, snapshot, event);
  return { ...done, state: workOf(done.snapshot), context: done.snapshot.context };
};
/** What was said to the project and to agents, and what was asked of the far ends: types and kinds only. */
export const said = (asked: readonly Asked[]): string[] =>
  asked.map((ask) => (ask.type === "send" ? ask.event.type : ask.type === "effect" ? ask.effect.kind : ask.type));
export const finish = (outcome: AgentOutcome, reason = "Because"): FeatureEvent => ({
  ...EVENTS["agent.finished"],
  outcome,
  reason,
});
export const grant = (overrides: Partial<Extract<FeatureEvent, { type: "permit.granted" }>>): FeatureEvent => ({
  ...EVENTS["permit.granted"],
  ...overrides,
});
