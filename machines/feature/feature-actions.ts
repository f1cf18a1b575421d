// What a feature's named actions come to: pure plans, no state names. The machine says when, this file says what.

import type { AgentEvent, AgentInput } from "../agent/agent-events.ts";
import { actions } from "../asks.ts";
import type { FeatureEffect } from "../effects.ts";
import { agentAddress, parentOf } from "../ids.ts";
import type { ProjectEvent } from "../project/project-events.ts";
import type { Role } from "../roles.ts";
import { count, cut, tally } from "../text.ts";
import { afterChange, baseOf, circleInWords, keepBlockers } from "./blockers.ts";
import { burnAfter, NO_BURN, tripped } from "./breakers.ts";
import type { FeatureContext } from "./feature-context.ts";
import type { FeatureEvent } from "./feature-events.ts";
import { cutTicket, newer } from "./ticket.ts";

const { act, when } = actions<FeatureContext, FeatureEvent, FeatureEffect, ProjectEvent | AgentEvent, AgentInput>();

/** A git object name in any hash git knows, with room to spare. */
const MAX_SHA = 80;

const effect = (params: FeatureEffect) => ({ type: "effect", params }) as const;
const tellProject = ({ address }: FeatureContext, event: ProjectEvent) =>
  ({ type: "send", params: { to: parentOf(address), event } }) as const;
const comment = ({ ticket }: FeatureContext, body: string) =>
  effect({ kind: "commentOnIssue", issueId: ticket.issueId, body: cut(body) });
const move = ({ ticket }: FeatureContext, stateType: "started" | "completed", preferredName: string | null) =>
  effect({ kind: "moveIssue", issueId: ticket.issueId, stateType, preferredName });
const announce = (state: "met" | "unmet", branch: string | null) => effect({ kind: "announceToDependents", state, branch });

const reasonOf = (event: FeatureEvent): string => ("reason" in event && event.reason ? event.reason : "no reason was given");
const both = (one: string | null, other: string | null): string | null =>
  one && other ? cut(`${one}\n${other}`) : (one ?? other);

/** Why a feature stops, in words. The last word is the agent's, the effect's or the reviewer's own. */
const FAILURES = {
  agent: (_: FeatureContext, event: FeatureEvent) =>
    event.type === "agent.finished" ? `The ${event.role}: ${event.reason}` : reasonOf(event),
  review: ({ reviewRounds }: FeatureContext, event: FeatureEvent) =>
    `The reviewer still asks for changes after ${count(reviewRounds, "round")}: ${reasonOf(event)}`,
  tests: ({ testRounds }: FeatureContext, event: FeatureEvent) =>
    `The tests still fail after ${count(testRounds, "round")}: ${reasonOf(event)}`,
  rework: ({ reworkRounds, rework }: FeatureContext) =>
    `The pull request still needs changes after ${count(reworkRounds, "round")} of rework: ${rework ?? ""}`,
  breaker: ({ burn, settings }: FeatureContext) => `Stopped before it burns more: ${tripped(burn, settings) ?? "its limits"}`,
  budget: (_: FeatureContext, event: FeatureEvent) => `Out of budget: ${reasonOf(event)}`,
  cycle: (_: FeatureContext, event: FeatureEvent) =>
    `Its dependencies go in a circle: ${event.type === "dependencies.resolved" ? circleInWords(event.cycle ?? []) : ""}`,
  dependencies: (_: FeatureContext, event: FeatureEvent) => `Its dependencies could not be read: ${reasonOf(event)}`,
  publishing: (_: FeatureContext, event: FeatureEvent) => `The pull request could not be opened: ${reasonOf(event)}`,
};
export type FailureKind = keyof typeof FAILURES;

export const featureActions = {
  noteTicket: when("ticket.changed", (context, { ticket }) => ({ set: { ticket: newer(context.ticket, cutTicket(ticket)) } })),

  readDependencies: act(({ ticket }) => ({
    set: { outdated: false },
    ask: [effect({ kind: "resolveDependencies", issueId: ticket.issueId })],
  })),

  noteDependencies: when("dependencies.resolved", (_, { blockers }) => ({ set: keepBlockers(blockers) })),

  noteBlocker: when("dependency.changed", ({ blockers }, event) => ({
    set: { blockers: afterChange(blockers, event), outdated: true },
  })),

  announceQueued: act((context, { at }) => ({
    ask: [tellProject(context, { type: "feature.queued", at, feature: context.address })],
  })),

  setNext: act((_context, _event, { role }: { role: Role }) => ({ set: { next: role } })),

  /** The place that comes with a permit is taken, and the ticket moves: work begins. */
  takePlace: when("permit.granted", (context, { at, settings }) => ({
    set: { placed: true, settings, startedAt: context.startedAt ?? at, inProgress: true },
    ask: context.inProgress ? [] : [move(context, "started", "In Progress")],
  })),

  takePermit: when("permit.granted", (_, { settings }) => ({ set: { settings } })),

  /** F2: a place it cannot use goes back at once. */
  returnPlace: act((context, { at }) => ({
    ask: [tellProject(context, { type: "place.released", at, feature: context.address })],
  })),

  /** F2: the place it holds, if any, goes back exactly once. */
  giveUpPlace: act((context, { at }) =>
    context.placed
      ? { set: { placed: false }, ask: [tellProject(context, { type: "place.released", at, feature: context.address })] }
      : {},
  ),

  losePlace: act(() => ({ set: { placed: false } })),

  returnPermit: act((context, { at }) => ({
    ask: [tellProject(context, { type: "permit.returned", at, feature: context.address })],
  })),

  requestPermit: act((context, { at }, { role }: { role: Role }) => ({
    set: { next: role },
    ask: [tellProject(context, { type: "permit.requested", at, feature: context.address, role })],
  })),

  /** F1: only ever done while no other agent of this feature lives. A coder takes the requested changes along. */
  launchAgent: act((context, _event, { role }: { role: Role }) => {
    const run = context.runs[role] + 1;
    const address = agentAddress(context.address, role, run);
    const isCoder = role === "coder";
    return {
      set: {
        next: role,
        runs: { ...context.runs, [role]: run },
        agent: address,
        lastAgent: address,
        note: isCoder ? both(context.note, context.rework) : context.note,
        rework: isCoder ? null : context.rework,
      },
      ask: [{ type: "spawn", params: { address, input: { address, role, limits: context.settings.agent } } }],
    };
  }),

  stopAgent: act(({ agent }, event) =>
    agent === null
      ? {}
      : { ask: [{ type: "send", params: { to: agent, event: { type: "stop", at: event.at, reason: stopReason(event) } } }] },
  ),

  /** What a run cost counts whoever's it was; whether it has ended only matters of the current one. A note that was used is gone. */
  noteRun: when("agent.finished", (context, event) => {
    const isCurrent = event.agent === context.agent;
    const wasUsed = isCurrent && (event.outcome === "succeeded" || event.outcome === "changesRequested");
    return {
      set: {
        costUsd: context.costUsd + tally(event.costUsd),
        burn: burnAfter(context, event),
        agent: isCurrent ? null : context.agent,
        headSha: isCurrent && event.headSha !== null ? cut(event.headSha, MAX_SHA) : context.headSha,
        note: wasUsed ? null : context.note,
      },
    };
  }),

  noteBudget: when("agent.finished", (_, { budget }) => ({ set: { overBudget: budget ?? "run" } })),

  countReview: act(({ reviewRounds }) => ({ set: { reviewRounds: reviewRounds + 1 } })),
  countTest: act(({ testRounds }) => ({ set: { testRounds: testRounds + 1 } })),

  fail: act((context, event, { because }: { because: FailureKind }) => ({
    set: { failure: cut(FAILURES[because](context, event)), failedStage: context.startedAt === null ? null : context.next },
  })),

  noteCancel: act((context, event) => ({
    set: {
      failure: event.type === "ticket.changed" ? "The ticket was cancelled" : cut(`Cancelled by ${byOf(event)}${because(event)}`),
      failedStage: context.startedAt === null ? null : context.next,
    },
  })),

  noteClosed: act((_, event) => ({
    set: { failure: cut(`${byOf(event)} closed the pull request without merging it`), failedStage: null, pullRequest: null },
  })),

  commentFailure: act((context) => ({ ask: [comment(context, `Omakase stopped here. ${context.failure ?? ""}`)] })),
  commentNeedsHuman: act((context) => ({ ask: [comment(context, `Omakase needs a person here. ${context.failure ?? ""}`)] })),

  announceUnmet: act(() => ({ ask: [announce("unmet", null)] })),
  announcePassing: act(({ settings, branch }) => ({
    ask: [settings.dependencyMet === "passing" ? announce("met", branch) : announce("unmet", null)],
  })),
  announceMerged: act(() => ({ ask: [announce("met", null)] })),

  /** Another attempt: what failed is forgotten, every round is granted anew, the note goes along. */
  beginAgain: act((context, event) => ({
    set: {
      next: (event.type === "retry" ? event.from : undefined) ?? context.failedStage ?? "architect",
      note: event.type === "retry" && event.note !== undefined ? cut(event.note) : context.note,
      failure: null,
      failedStage: null,
      reviewRounds: 0,
      testRounds: 0,
      reworkRounds: 0,
      burn: NO_BURN,
      overBudget: null,
      inProgress: false,
      pullRequest: context.pullRequest?.number === context.retracted ? null : context.pullRequest,
    },
  })),

  /** The stage a budget stopped begins again; what was granted and used stays counted. */
  goOn: act(({ failedStage, next }) => ({
    set: { next: failedStage ?? next, failure: null, failedStage: null, overBudget: null, inProgress: false },
  })),

  noteRejection: when("reject", (_, { note }) => ({ set: { note: cut(note) } })),

  openPullRequest: act(({ branch, blockers, ticket }) => ({
    ask: [effect({ kind: "openPullRequest", branch, base: baseOf(blockers), title: cut(`${ticket.key}: ${ticket.title}`) })],
  })),

  /** The comment differs when the pull request was open before: it was reworked. */
  publish: when("pullRequest.opened", (context, { number, url }) => {
    const link = cut(url);
    const isNew = context.pullRequest?.url !== link;
    return {
      set: { pullRequest: { number, url: link }, retracted: null },
      ask: [comment(context, `Pull request ${isNew ? "opened" : "updated"}: ${link}`), move(context, "started", "In Review")],
    };
  }),

  notePullRequest: when("pullRequest.opened", (_, { number, url }) => ({ set: { pullRequest: { number, url: cut(url) } } })),

  /** F14: what nobody wants any more does not stay open. */
  retractPullRequest: act(({ pullRequest, branch, failure }) =>
    pullRequest === null
      ? {}
      : {
          set: { retracted: pullRequest.number },
          ask: [
            effect({
              ...{ kind: "closePullRequest", branch, number: pullRequest.number },
              reason: failure ?? "The feature was cancelled",
            }),
          ],
        },
  ),

  noteRework: when("rework.requested", ({ rework }, { summary }) => ({ set: { rework: both(rework, cut(summary)) } })),

  beginRework: act(({ reworkRounds, rework }) => ({
    set: { next: "coder", reworkRounds: reworkRounds + 1, note: rework, rework: null },
  })),

  completeTicket: act((context) => ({ ask: [move(context, "completed", null)] })),

  notePause: when("pause", (_, { by, reason }) => ({
    set: { pausedBy: cut(by), pauseReason: reason === undefined ? null : cut(reason) },
  })),
  noteResume: act(() => ({ set: { pausedBy: null, pauseReason: null } })),
};

const byOf = (event: FeatureEvent): string => ("by" in event ? event.by : "Somebody");
const because = (event: FeatureEvent): string => ("reason" in event && event.reason ? `: ${event.reason}` : "");

function stopReason(event: FeatureEvent): string {
  switch (event.type) {
    case "pause":
      return cut(`Paused by ${event.by}${because(event)}`);
    case "cancel":
      return cut(`Cancelled by ${event.by}${because(event)}`);
    case "pullRequest.merged":
      return "The pull request was merged";
    case "pullRequest.closed":
      return "The pull request was closed";
    default:
      return "The ticket was cancelled";
  }
}
