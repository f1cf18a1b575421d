// A project: the scheduler of its features. It gives places and permits, and can be drained, paused and archived. It never knows the
// backlog: when there is room it asks who is ready, and the answer decides.
//
//   R1. A place is given only while there are fewer than `limits.features` (places.ts L1).
//   R2. A role's permit is given only while fewer than its limit are granted (L2).
//   R3. Whoever holds a place and waits for a permit is served before anybody new, in the order of the places (L3).
//   R4. At most one `findReady` is unanswered, even across a pause.
//   R5. Nothing is granted unless `active`; a permit asked for otherwise is refused, and its place is free.
//   R6. No wake-up is lost: `active.idle` is left as soon as there is room and anything may have become ready since the last question.
//   R7. Releasing, returning and refusing are safe to repeat.
//   R8. Draining ends: nobody keeps a place who has no agent at work and nothing to publish.
//   R9. Whoever was paused with the project is resumed with it. It is archived only without places.

import { and, setup } from "xstate";
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

/** In every living state. */
const living = {
  "ticket.appeared": { guard: "isNameable", actions: "addFeature" },
  "settings.changed": { actions: "noteSettings" },
} as const;

/** While nothing is granted: everything that frees something is noted, for later. */
const granting = {
  "feature.queued": { actions: "wakeUp" },
  "permit.requested": { actions: "refusePermit" },
  "permit.returned": { actions: "freePermit" },
  "place.released": { actions: "freePlace" },
  "limits.changed": { actions: "noteLimits" },
  "ready.found": { actions: "dropAnswer" },
  "effect.failed": { guard: "isOfQuestion", actions: "dropAnswer" },
} as const;

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
    isOfQuestion: ({ context, event }) => event.type === "effect.failed" && event.kind === "findReady" && context.asked,
  },
  delays: { askAgainMs: ASK_AGAIN_MS },
}).createMachine({
  id: "project",
  version: "1",
  context: ({ input }) => newProject(input),
  initial: "active",
  states: {
    active: {
      initial: "idle",
      on: {
        ...living,
        "feature.queued": { actions: "wakeUp" },
        // A feature that has no place in these books cannot have an agent: it queues again.
        "permit.requested": [{ guard: "holdsPlace", actions: ["wantPermit", "grantWaiting"] }, { actions: "refusePermit" }],
        "permit.returned": { actions: ["freePermit", "grantWaiting"] },
        "place.released": { actions: ["freePlace", "grantWaiting"] },
        "limits.changed": { actions: ["noteLimits", "grantWaiting"] },
        pause: [
          { guard: "isNow", target: "paused", actions: ["notePause", "pauseFeatures"] },
          { target: "draining", actions: ["notePause", "refuseWaiting"] },
        ],
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
            "ready.found": { target: "idle", actions: "admitReady" },
            "effect.failed": { guard: "isOfQuestion", target: "backingOff", actions: "dropAnswer" },
          },
        },
        backingOff: {
          meta: { category: "waitingForRetry", label: "Waiting to look for work again", mood: "waiting" },
          after: { askAgainMs: "idle" },
        },
      },
    },
    draining: {
      meta: { category: "working", label: "Draining", mood: "waiting" },
      always: { guard: "isEmpty", target: "paused" },
      on: {
        ...living,
        ...granting,
        pause: { guard: "isNow", target: "paused", actions: ["notePause", "pauseFeatures"] },
        resume: resumed(),
      },
    },
    paused: {
      meta: { category: "paused", label: "Paused", mood: "waiting" },
      on: { ...living, ...granting, resume: resumed(), archive: { guard: "isEmpty", target: "archived" } },
    },
    archived: { type: "final", meta: { category: "cancelled", label: "Archived", mood: "offline" } },
  },
});

/** Back to work; a question still unanswered is waited for, not asked twice (R4). */
function resumed() {
  return [
    { guard: "isAsked", target: "#project.active.asking", actions: "resumeFeatures" },
    { target: "#project.active.idle", actions: "resumeFeatures" },
  ] as const;
}
