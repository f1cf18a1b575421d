// The four stages and what follows each: the shape that is the same in all of them, written once.

import { and } from "xstate";
import type { Role } from "../roles.ts";
import type { Mood } from "../view.ts";
import type { FailureKind } from "./feature-actions.ts";

type Ending = "hasSucceeded" | "mayReviewAgain" | "mayTestAgain";

/** Where each stage sits on the board, and what it is called while its agent works. */
const STAGES = {
  architect: { column: "architect", label: "Planning", mood: "thinking" },
  coder: { column: "code", label: "Writing code", mood: "working" },
  reviewer: { column: "review", label: "Reviewing", mood: "working" },
  tester: { column: "test", label: "Testing", mood: "testing" },
} as const satisfies Record<Role, { column: string; label: string; mood: Mood }>;

export const columnOf = (role: Role) => STAGES[role].column;

export const fail = (because: FailureKind) => ({ type: "fail", params: { because } }) as const;

/** F12: what would have launched another agent stops instead, at the stage that was to come. */
const breaker = (guard: Ending | "isStoppedForPause", actions: readonly BreakerAction[]) =>
  ({
    guard: and([guard, "isTripping"]),
    target: "#feature.work.needsHuman",
    actions: [...actions, fail("breaker")],
  }) as const;
type BreakerAction = "noteRun" | "countReview" | "countTest" | { type: "setNext"; params: { role: Role } };

/** On to a stage: within the same place, unless the feature is held by now; then it gives its place up and queues. */
const onTo = (role: Role, guard: Ending, counted: "countReview" | "countTest" | null) => {
  const noted = counted === null ? (["noteRun"] as const) : (["noteRun", counted] as const);
  return [
    breaker(guard, [...noted, { type: "setNext", params: { role } }]),
    {
      guard: and([guard, "isHeld"]),
      target: "#feature.work.queued" as const,
      actions: [...noted, { type: "setNext" as const, params: { role } }, "giveUpPlace" as const],
    },
    { guard, target: `#feature.work.${role}` as const, actions: [...noted, "returnPermit" as const] },
  ] as const;
};

/** An end that no stage has a use for. A stop that a pause asked for puts the stage back; anything else fails the feature. */
const otherwise = [
  // F13: a project's or an organisation's budget is waited for in the queue; its own needs a person.
  { guard: "isOutOfSharedBudget", target: "#feature.work.queued", actions: ["noteRun", "giveUpPlace"] },
  { guard: "isOutOfBudget", target: "#feature.work.needsHuman", actions: ["noteRun", "noteBudget", fail("budget")] },
  breaker("isStoppedForPause", ["noteRun"]),
  { guard: "isStoppedForPause", target: "#feature.work.queued", actions: ["noteRun", "giveUpPlace"] },
  { target: "#feature.work.failing", actions: ["noteRun", fail("agent")] },
] as const;

/** F3: only the current agent decides; another one's end only costs. */
const notCurrent = { guard: "isOfAnotherAgent", actions: "noteRun" } as const;

/** What the end of each role's agent leads to. */
export const finished = {
  architect: [
    notCurrent,
    { guard: "needsApproval", target: "#feature.work.approval", actions: "noteRun" },
    ...onTo("coder", "hasSucceeded", null),
    ...otherwise,
  ],
  coder: [notCurrent, ...onTo("reviewer", "hasSucceeded", null), ...otherwise],
  reviewer: [
    notCurrent,
    ...onTo("tester", "hasSucceeded", null),
    ...onTo("coder", "mayReviewAgain", "countReview"),
    { guard: "wantsChanges", target: "#feature.work.needsHuman", actions: ["noteRun", fail("review")] },
    ...otherwise,
  ],
  tester: [
    notCurrent,
    { guard: "hasSucceeded", target: "#feature.work.publishing", actions: ["noteRun", "returnPermit"] },
    ...onTo("coder", "mayTestAgain", "countTest"),
    { guard: "wantsChanges", target: "#feature.work.failing", actions: ["noteRun", fail("tests")] },
    ...otherwise,
  ],
} as const;

const working = <R extends Role>(role: R) => {
  const { column, label, mood } = STAGES[role];
  return {
    working: {
      meta: { category: "working", column, label, mood },
      entry: { type: "launchAgent", params: { role } },
      on: { pause: { guard: "isNow", target: "stopping" } },
    },
    stopping: {
      meta: { category: "working", column, label: "Stopping", mood: "waiting" },
      entry: "stopAgent",
    },
  } as const;
};

/** The first stage's inside: `working`, or `stopping` for a pause. Its permit always comes with its place, so it never asks for one. */
export const firstStage = { initial: "working", states: working("architect") } as const;

/** Any later stage's inside: `requesting` a permit within the place it has, `working`, or `stopping` for a pause. */
export const laterStage = <R extends Exclude<Role, "architect">>(role: R) =>
  ({
    initial: "requesting",
    states: {
      requesting: {
        meta: { category: "ready", column: STAGES[role].column, label: `Waiting for a free ${role}`, mood: "waiting" },
        entry: { type: "requestPermit", params: { role } },
        on: {
          "permit.granted": [
            { guard: { type: "isPermitFor", params: { role } }, target: "working", actions: "takePermit" },
            { actions: { type: "requestPermit", params: { role } } },
          ],
          "permit.refused": { target: "#feature.work.queued", actions: "losePlace" },
          pause: { target: "#feature.work.queued", actions: "giveUpPlace" },
        },
      },
      ...working(role),
    },
  }) as const;
