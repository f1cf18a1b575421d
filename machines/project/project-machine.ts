// A project: the scheduler of its features. It gives places and permits, and can be drained, paused and archived. It never knows the
// backlog: when there is room it asks who is ready, and the answer decides.
//
//   R1. A place is given only while there are fewer than `limits.features` (places.ts L1).
//   R2. A role's permit is given only while fewer than its limit are granted (L2).
//   R3. Whoever holds a place and waits for a permit is served before anybody new, in the order of the places (L3).
//   R4. At most one `findReady` is unanswered, even across a pause.
//   R5. Nobody is admitted unless `active`; a permit within a place is granted in `closed` too, else refused, and its place is free.
//   R6. No wake-up is lost: `active.idle` is left as soon as there is room and anything may have become ready since the last question.
//   R7. Releasing, returning and refusing are safe to repeat.
//   R8. Draining ends: nobody keeps a place who has no agent at work and nothing to publish.
//   R9. Whoever was paused with the project is resumed with it. It is archived only without places.
//   R10. What the organisation holds a person cannot resume for the project alone, and the reverse: it goes on when nobody holds it.
//   R11. A stop reaches every agent from every state, however it was held before.
//   R12. While a budget has no room nobody is asked for again at once: after a while, or when it is raised.
//   R13. A question says what each limited role has left: who waits for a full role hides nobody who could begin.

import { and, not, setup } from "xstate";
import { asks } from "../asks.ts";
import type { ProjectEffect } from "../effects.ts";
import type { FeatureEvent, FeatureInput } from "../feature/feature-events.ts";
import { isSegment } from "../ids.ts";
import type { ProjectStateMeta } from "../view.ts";
import { roomIn } from "./places.ts";
import { projectActions } from "./project-actions.ts";
import { newProject, type ProjectContext } from "./project-context.ts";
import type { ProjectEvent, ProjectInput } from "./project-events.ts";

/** After a question that could not be answered. */
const ASK_AGAIN_MS = 30_000;
/** While a budget has no room: runs end and months begin without telling the project. */
const LOOK_AT_BUDGET_MS = 60_000;

/** In every living state. */
const living = {
  "ticket.appeared": { guard: "isNameable", actions: "addFeature" },
  "settings.changed": { actions: "noteSettings" },
} as const;

/** While nobody is admitted: what may have become ready is noted, for later. */
const notAdmitting = {
  "feature.queued": { actions: "wakeUp" },
  "ready.found": { actions: "dropAnswer" },
  "budget.raised": { actions: "wakeUp" },
  "effect.failed": { guard: "isOfQuestion", actions: "dropAnswer" },
} as const;

/** While nothing is granted either. */
const holding = {
  ...notAdmitting,
  "permit.requested": { actions: "refusePermit" },
  "permit.returned": { actions: "freePermit" },
  "place.released": { actions: "freePlace" },
  "limits.changed": { actions: "noteLimits" },
} as const;

/** Whoever holds a place is served. */
const granting = {
  // A feature that has no place in these books cannot have an agent: it queues again.
  "permit.requested": [{ guard: "holdsPlace", actions: ["wantPermit", "grantWaiting"] }, { actions: "refusePermit" }],
  "permit.returned": { actions: ["freePermit", "grantWaiting"] },
  "place.released": { actions: ["freePlace", "grantWaiting"] },
  "limits.changed": { actions: ["noteLimits", "grantWaiting"] },
} as const;

const stopNow = { target: "#project.stopped", actions: ["noteHold", "pauseFeatures"] } as const;
const pauseNow = { guard: "isNow", target: "#project.paused", actions: ["noteHold", "pauseFeatures"] } as const;
const drain = { guard: "isDrain", target: "#project.draining", actions: ["noteHold", "refuseWaiting"] } as const;

export const projectMachine = setup({
  types: {
    input: {} as ProjectInput,
    context: {} as ProjectContext,
    events: {} as ProjectEvent,
    meta: {} as ProjectStateMeta,
  },
  actions: { ...asks<ProjectEffect, FeatureEvent, FeatureInput>(), ...projectActions },
  guards: {
    isNameable: ({ event }) => event.type === "ticket.appeared" && isSegment(event.featureId),
    holdsPlace: ({ context, event }) => event.type === "permit.requested" && Object.hasOwn(context.places, event.feature),
    hasRoom: ({ context }) => roomIn(context.places, context.limits) > 0,
    isWoken: ({ context }) => context.again,
    isAsked: ({ context }) => context.asked,
    isEmpty: ({ context }) => Object.keys(context.places).length === 0,
    isNow: ({ event }) => event.type === "pause" && event.mode === "now",
    isDrain: ({ event }) => event.type === "pause" && event.mode === "drain",
    isOfOrganization: ({ event }) => "scope" in event && event.scope === "organization",
    isItsHold: ({ context, event }) => event.type === "resume" && context.holds[event.scope ?? "project"] !== null,
    isLastHold: ({ context, event }) =>
      event.type === "resume" && context.holds[event.scope === "organization" ? "project" : "organization"] === null,
    isOutOfBudget: ({ event }) => event.type === "ready.found" && (event.outOf ?? null) !== null,
    isOfQuestion: ({ context, event }) => event.type === "effect.failed" && event.kind === "findReady" && context.asked,
  },
  delays: { askAgainMs: ASK_AGAIN_MS, lookAtBudgetMs: LOOK_AT_BUDGET_MS },
}).createMachine({
  id: "project",
  version: "3",
  context: ({ input }) => newProject(input),
  initial: "active",
  states: {
    active: {
      initial: "idle",
      on: {
        ...living,
        ...granting,
        "feature.queued": { actions: "wakeUp" },
        "budget.raised": { actions: "wakeUp" },
        pause: [pauseNow, drain, { target: "closed", actions: "noteHold" }],
        stop: stopNow,
      },
      states: {
        idle: {
          meta: { category: "ready", label: "Active", mood: "idle" },
          always: { guard: and(["isWoken", "hasRoom"]), target: "asking", actions: "askWhoIsReady" },
          on: { archive: { guard: "isEmpty", target: "#project.archived" } },
        },
        asking: {
          meta: { category: "ready", label: "Looking for work", mood: "thinking" },
          on: {
            "ready.found": [
              { guard: "isOutOfBudget", target: "outOfBudget", actions: ["admitReady", "wakeUp"] },
              { target: "idle", actions: "admitReady" },
            ],
            "effect.failed": { guard: "isOfQuestion", target: "backingOff", actions: "dropAnswer" },
          },
        },
        backingOff: {
          meta: { category: "waitingForRetry", label: "Waiting to look for work again", mood: "waiting" },
          after: { askAgainMs: "idle" },
        },
        outOfBudget: {
          meta: { category: "waitingForRetry", label: "Waiting for budget", mood: "waiting" },
          after: { lookAtBudgetMs: "idle" },
          on: { "budget.raised": { target: "idle", actions: "wakeUp" } },
        },
      },
    },
    closed: {
      meta: { category: "working", label: "Starting nothing new", mood: "waiting" },
      on: {
        ...living,
        ...notAdmitting,
        ...granting,
        pause: [pauseNow, drain, { guard: "isOfOrganization", actions: "noteHold" }],
        stop: stopNow,
        resume: resumed("#project.closed"),
      },
    },
    draining: {
      meta: { category: "working", label: "Draining", mood: "waiting" },
      always: { guard: "isEmpty", target: "paused" },
      on: {
        ...living,
        ...holding,
        pause: [pauseNow, { guard: "isOfOrganization", actions: "noteHold" }],
        stop: stopNow,
        resume: resumed("#project.draining"),
      },
    },
    paused: {
      meta: { category: "paused", label: "Paused", mood: "waiting" },
      on: {
        ...living,
        ...holding,
        pause: { guard: "isOfOrganization", actions: "noteHold" },
        stop: stopNow,
        resume: resumed("#project.paused"),
        archive: { guard: "isEmpty", target: "archived" },
      },
    },
    stopped: {
      meta: { category: "paused", label: "Emergency stop", mood: "stuck" },
      on: {
        ...living,
        ...holding,
        pause: { guard: "isOfOrganization", actions: "noteHold" },
        stop: { guard: "isOfOrganization", actions: "noteHold" },
        resume: resumed("#project.stopped"),
        archive: { guard: "isEmpty", target: "archived" },
      },
    },
    archived: { type: "final", meta: { category: "cancelled", label: "Archived", mood: "offline" } },
  },
});

/** Back to work once nobody holds it any more (R10); a question still unanswered is waited for, not asked twice (R4). */
function resumed(held: "#project.closed" | "#project.draining" | "#project.paused" | "#project.stopped") {
  return [
    { guard: not("isItsHold"), actions: [] },
    { guard: and(["isLastHold", "isAsked"]), target: "#project.active.asking", actions: ["liftHold", "resumeFeatures"] },
    { guard: "isLastHold", target: "#project.active.idle", actions: ["liftHold", "resumeFeatures"] },
    { target: held, actions: "liftHold" },
  ] as const;
}
