// A feature: one ticket on its way to a merged pull request. It decides what comes next; it does not know how an agent runs, who else
// wants a place, or what GitHub is. `work` is the way, `hold` is whether it may go on.
//
//   F1. At most one agent of a feature lives: none is launched before the last one has ended.
//   F2. An agent works only within a place of the project. Every place given is used or given back, exactly once.
//   F3. Only the current agent's end decides; another one's, however late, only adds its cost.
//   F4. Review, test and rework rounds never pass their limits; the last one ends in `needsHuman` or `failing`, with the reason.
//   F5. While held nothing is requested and no agent is launched; resuming queues for the stage that was held.
//   F6. `cancel` is honoured wherever the work is not over, and stops the agent.
//   F7. Merged by anyone means `merged`, closed unmerged means `cancelled`, whenever the news arrives.
//   F8. It is queued only after its dependencies were read, without a circle, and all met; news that crosses the reading makes it read again.
//   F9. `failing` and `needsHuman` always have a reason; the ticket gets it as a comment.
//   F10. What we did to the ticket ourselves comes back as `ticket.changed` and moves nothing.
//   F11. An account of the ticket that is older than the one known changes nothing.
//   F12. No agent is launched past a breaker (breakers.ts): the feature needs a person, with the figures.
//   F13. Its own budget spent, it needs a person and goes on when the budget is raised; the project's or the organisation's, it queues.
//   F14. A pull request that is open when its feature is cancelled is asked to be closed; that end of it is no news, whenever it comes.

import { and, not, or, setup, stateIn } from "xstate";
import type { AgentEvent, AgentInput } from "../agent/agent-events.ts";
import { asks } from "../asks.ts";
import type { EffectKind, FeatureEffect } from "../effects.ts";
import type { ProjectEvent } from "../project/project-events.ts";
import { ROLES, type Role } from "../roles.ts";
import type { HoldMeta, StateMeta } from "../view.ts";
import { afterChange, areMet } from "./blockers.ts";
import { burnAfter, tripped } from "./breakers.ts";
import { featureActions } from "./feature-actions.ts";
import { type FeatureContext, newFeature } from "./feature-context.ts";
import type { FeatureEvent, FeatureInput } from "./feature-events.ts";
import { fail, finished, firstStage, laterStage } from "./pipeline.ts";
import { isDropped } from "./ticket.ts";

/** Another attempt, asked for by a person or by moving the ticket back to Todo. The dependencies are read again. */
const again = {
  retry: { target: "waiting", actions: "beginAgain" },
  "ticket.changed": { guard: "isBackInTodo", target: "waiting", actions: ["noteTicket", "beginAgain"] },
} as const;

const setNext = (role: Role) => ({ type: "setNext", params: { role } }) as const;

/** F11. */
const isNews = (context: FeatureContext, event: FeatureEvent): event is Extract<FeatureEvent, { type: "ticket.changed" }> =>
  event.type === "ticket.changed" && event.ticket.updatedAt >= context.ticket.updatedAt;

export const featureMachine = setup({
  types: {
    input: {} as FeatureInput,
    context: {} as FeatureContext,
    events: {} as FeatureEvent,
    meta: {} as StateMeta | HoldMeta,
  },
  actions: { ...asks<FeatureEffect, ProjectEvent | AgentEvent, AgentInput>(), ...featureActions },
  guards: {
    isHeld: not(stateIn({ hold: "running" })),
    isOver: or([stateIn({ work: "merged" }), stateIn({ work: "closed" })]),
    isCancelled: stateIn({ work: "cancelled" }),
    mayCancel: not(or(["isOver", "isCancelled"])),
    mayPause: not(or(["isOver", "isCancelled", stateIn({ work: "failing" }), stateIn({ work: "needsHuman" })])),
    isNow: ({ event }) => event.type === "pause" && event.mode === "now",

    isTodo: ({ context, event }) => isNews(context, event) && event.ticket.stateType === "unstarted",
    isBackInTodo: ({ context, event }) =>
      isNews(context, event) && event.ticket.stateType === "unstarted" && context.ticket.stateType !== "unstarted",
    isDone: ({ context, event }) => isNews(context, event) && event.ticket.stateType === "completed",
    isDropped: ({ context, event }) => isNews(context, event) && isDropped(event.ticket),
    isNewlyDropped: ({ context, event }) => isNews(context, event) && isDropped(event.ticket) && !isDropped(context.ticket),

    isCircle: ({ event }) => event.type === "dependencies.resolved" && event.cycle !== null,
    isOutdated: ({ context }) => context.outdated,
    areAllMet: ({ event }) => event.type === "dependencies.resolved" && areMet(event.blockers),
    areKeptMet: ({ context, event }) => event.type === "dependency.changed" && areMet(afterChange(context.blockers, event)),
    hasMoreBlockers: ({ context }) => context.moreBlockers,
    losesDependency: ({ context, event }) =>
      event.type === "dependency.changed" && context.startedAt === null && !areMet(afterChange(context.blockers, event)),
    hasFailed: ({ event }, { kind }: { kind: EffectKind }) => event.type === "effect.failed" && event.kind === kind,

    mayBegin: ({ context, event }, { role }: { role: Role }) =>
      event.type === "permit.granted" && event.admits && event.role === role && context.next === role && context.agent === null,
    isPermitFor: ({ event }, { role }: { role: Role }) => event.type === "permit.granted" && event.role === role,
    isUnwantedPlace: ({ context, event }) => event.type === "permit.granted" && event.admits && !context.placed,

    isOfAnotherAgent: ({ context, event }) => event.type === "agent.finished" && event.agent !== context.agent,
    isOfItsAgent: ({ context, event }) => event.type === "agent.finished" && event.agent === context.agent,
    hasSucceeded: ({ event }) => event.type === "agent.finished" && event.outcome === "succeeded",
    needsApproval: ({ context: { settings, ticket }, event }) =>
      event.type === "agent.finished" &&
      event.outcome === "succeeded" &&
      (settings.approval === "on" || (settings.approval === "label" && ticket.labels.includes(settings.approvalLabel))),
    wantsChanges: ({ event }) => event.type === "agent.finished" && event.outcome === "changesRequested",
    mayReviewAgain: ({ context, event }) =>
      event.type === "agent.finished" &&
      event.outcome === "changesRequested" &&
      context.reviewRounds < context.settings.maxReviewRounds,
    mayTestAgain: ({ context, event }) =>
      event.type === "agent.finished" &&
      event.outcome === "changesRequested" &&
      context.testRounds < context.settings.maxTestRounds,
    isStopped: ({ event }) => event.type === "agent.finished" && event.outcome === "cancelled",
    isStoppedForPause: and(["isStopped", or(ROLES.map((role) => stateIn({ work: { [role]: "stopping" } })))]),

    isTripping: ({ context, event }) => tripped(burnAfter(context, event), context.settings) !== null,
    hasTripped: ({ context }) => tripped(context.burn, context.settings) !== null,
    isOutOfBudget: ({ event }) => event.type === "agent.finished" && event.outcome === "overBudget",
    isOutOfSharedBudget: ({ event }) =>
      event.type === "agent.finished" &&
      event.outcome === "overBudget" &&
      (event.budget === "project" || event.budget === "organization"),
    waitsForBudget: ({ context }) => context.overBudget !== null,

    isReview: ({ context, event }) =>
      event.type === "rework.requested" && event.source === "review" && context.pullRequest !== null,
    isItsPullRequest: ({ context, event }) =>
      event.type === "pullRequest.missing" && event.number === context.pullRequest?.number,
    isRetracted: ({ context, event }) =>
      event.type === "pullRequest.closed" && event.number !== undefined && event.number === context.retracted,
    hasRework: ({ context }) => context.rework !== null,
    mayReworkAgain: ({ context }) => context.rework !== null && context.reworkRounds < context.settings.maxReworkRounds,
    isAgentless: ({ context }) => context.agent === null,
    hasBegun: ({ context }) => context.startedAt !== null,
  },
}).createMachine({
  id: "feature",
  version: "4",
  context: ({ input }) => newFeature(input),
  type: "parallel",
  states: {
    work: {
      initial: "pending",
      on: {
        // F6, F7, F10, and F2 for a place that arrives where it cannot be used. What a state says itself goes first.
        cancel: { guard: "mayCancel", target: ".cancelled", actions: "noteCancel" },
        "ticket.changed": [
          { guard: and(["mayCancel", "isNewlyDropped"]), target: ".cancelled", actions: ["noteTicket", "noteCancel"] },
          { actions: "noteTicket" },
        ],
        "pullRequest.merged": { guard: and([not("isOver"), "hasBegun"]), target: ".merged" },
        "pullRequest.closed": {
          guard: and(["mayCancel", "hasBegun", not("isRetracted")]),
          target: ".cancelled",
          actions: "noteClosed",
        },
        "pullRequest.opened": { actions: "notePullRequest" },
        "rework.requested": { guard: and([not("isOver"), "isReview"]), actions: "noteRework" },
        "dependency.changed": { actions: "noteBlocker" },
        "agent.finished": { actions: "noteRun" },
        "permit.granted": { guard: "isUnwantedPlace", actions: "returnPlace" },
      },
      states: {
        pending: {
          meta: { category: "queued", column: "queued", label: "Not started", mood: "idle" },
          on: {
            start: "waiting",
            "ticket.changed": [
              { guard: "isTodo", target: "waiting", actions: "noteTicket" },
              { guard: "isDone", target: "closed", actions: "noteTicket" },
              { guard: "isDropped", target: "cancelled", actions: ["noteTicket", "noteCancel"] },
            ],
          },
        },
        waiting: {
          initial: "reading",
          states: {
            reading: {
              meta: { category: "blocked", column: "queued", label: "Reading its dependencies", mood: "waiting" },
              entry: "readDependencies",
              on: {
                "dependencies.resolved": [
                  { guard: "isCircle", target: "#feature.work.needsHuman", actions: fail("cycle") },
                  { guard: "isOutdated", target: "reading", reenter: true },
                  { guard: "areAllMet", target: "#feature.work.queued", actions: "noteDependencies" },
                  { target: "blocked", actions: "noteDependencies" },
                ],
                "effect.failed": {
                  guard: { type: "hasFailed", params: { kind: "resolveDependencies" } },
                  target: "#feature.work.needsHuman",
                  actions: fail("dependencies"),
                },
              },
            },
            blocked: {
              meta: { category: "blocked", column: "queued", label: "Waiting for dependencies", mood: "waiting" },
              on: {
                "dependency.changed": [
                  { guard: and(["areKeptMet", "hasMoreBlockers"]), target: "reading" },
                  { guard: "areKeptMet", target: "#feature.work.queued", actions: "noteBlocker" },
                ],
              },
            },
          },
        },
        queued: {
          meta: { category: "ready", column: "queued", label: "Ready", mood: "idle" },
          entry: "announceQueued",
          on: {
            "permit.granted": ROLES.map((role) => ({
              guard: and([not("isHeld"), { type: "mayBegin", params: { role } }]),
              target: `${role}.working`,
              actions: "takePlace" as const,
            })),
            "dependency.changed": { guard: "losesDependency", target: "waiting.blocked", actions: "noteBlocker" },
            // F1: until then no permit could be used.
            "agent.finished": { guard: "isOfItsAgent", actions: ["noteRun", "announceQueued"] },
            resume: { guard: "isHeld", actions: "announceQueued" },
          },
        },
        architect: { ...firstStage, on: { "agent.finished": finished.architect } },
        approval: {
          meta: { category: "needsYou", column: "needsYou", label: "The plan needs approval", mood: "waiting" },
          entry: "giveUpPlace",
          on: {
            approve: [
              { guard: "hasTripped", target: "needsHuman", actions: [setNext("coder"), fail("breaker")] },
              { target: "queued", actions: setNext("coder") },
            ],
            reject: { target: "queued", actions: ["noteRejection", setNext("architect")] },
          },
        },
        coder: { ...laterStage("coder"), on: { "agent.finished": finished.coder } },
        reviewer: { ...laterStage("reviewer"), on: { "agent.finished": finished.reviewer } },
        tester: { ...laterStage("tester"), on: { "agent.finished": finished.tester } },
        publishing: {
          meta: { category: "working", column: "test", label: "Opening the pull request", mood: "working" },
          entry: "openPullRequest",
          on: {
            "pullRequest.opened": { target: "passing", actions: "publish" },
            "effect.failed": {
              guard: { type: "hasFailed", params: { kind: "openPullRequest" } },
              target: "failing",
              actions: fail("publishing"),
            },
          },
        },
        passing: {
          meta: { category: "done", column: "done", label: "Pull request open", mood: "proud" },
          entry: ["giveUpPlace", "announcePassing"],
          always: [
            { guard: and(["hasRework", "hasTripped"]), target: "needsHuman", actions: fail("breaker") },
            { guard: "mayReworkAgain", target: "queued", actions: "beginRework" },
            { guard: "hasRework", target: "needsHuman", actions: fail("rework") },
          ],
          on: {
            "rework.requested": { actions: "noteRework" },
            "pullRequest.missing": { guard: "isItsPullRequest", actions: "openPullRequest" },
          },
        },
        failing: {
          meta: { category: "failed", column: "failed", label: "Failed", mood: "failed" },
          entry: ["giveUpPlace", "commentFailure", "announceUnmet"],
          on: again,
        },
        needsHuman: {
          meta: { category: "needsYou", column: "needsYou", label: "Needs a person", mood: "stuck" },
          entry: ["giveUpPlace", "commentNeedsHuman", "announceUnmet"],
          on: { ...again, "budget.raised": { guard: "waitsForBudget", target: "waiting", actions: "goOn" } },
        },
        cancelled: {
          meta: { category: "cancelled", column: "cancelled", label: "Cancelled", mood: "idle" },
          entry: ["giveUpPlace", "stopAgent", "announceUnmet", "retractPullRequest"],
          // One that was being opened meanwhile.
          on: { ...again, "pullRequest.opened": { actions: ["notePullRequest", "retractPullRequest"] } },
        },
        merged: {
          type: "final",
          meta: { category: "done", column: "done", label: "Merged", mood: "proud" },
          entry: ["giveUpPlace", "stopAgent", "announceMerged", "completeTicket"],
        },
        closed: {
          type: "final",
          meta: { category: "done", column: "done", label: "Done outside Omakase", mood: "proud" },
          entry: "announceMerged",
        },
      },
    },
    hold: {
      initial: "running",
      states: {
        running: {
          meta: { hold: "running", label: "Running" },
          on: {
            pause: [
              { guard: and(["mayPause", "isNow"]), target: "paused", actions: "notePause" },
              { guard: "mayPause", target: "draining", actions: "notePause" },
            ],
          },
        },
        draining: {
          meta: { hold: "draining", label: "Finishing the stage at work" },
          always: { guard: "isAgentless", target: "paused" },
          on: {
            pause: { guard: "isNow", target: "paused", actions: "notePause" },
            resume: { target: "running", actions: "noteResume" },
          },
        },
        paused: { meta: { hold: "paused", label: "Paused" }, on: { resume: { target: "running", actions: "noteResume" } } },
      },
    },
  },
});
