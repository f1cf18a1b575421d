// What a person sees of a feature (P7), and what the scheduler sees of it: whether it wants a place.
//
//   V1. `actions` are exactly the events of a person that the machine accepts now.
//   V2. A paused feature shows as paused in its stage's column, unless it is over or waits for a person: that must not be hidden.
//   V3. `wants` is set exactly when a permit for that role would be used.

import type { SnapshotFrom } from "xstate";
import { accepting } from "../accepted.ts";
import { leafPath, metaOf } from "../leaf.ts";
import { ROLES, type Role } from "../roles.ts";
import type { Action, Category, FeatureView, HoldMeta, StateMeta, WaitReason } from "../view.ts";
import { unmetOf } from "./blockers.ts";
import type { FeatureContext } from "./feature-context.ts";
import type { FeatureEvent } from "./feature-events.ts";
import type { featureMachine } from "./feature-machine.ts";
import { columnOf } from "./pipeline.ts";

/** One event per thing a person may ask; `pause` has two modes, and either counts. */
export const FEATURE_REQUESTS: readonly (readonly [Action, FeatureEvent])[] = [
  ["start", { type: "start", at: 0, by: "" }],
  ["approve", { type: "approve", at: 0, by: "" }],
  ["reject", { type: "reject", at: 0, by: "", note: "" }],
  ["retry", { type: "retry", at: 0, by: "" }],
  ["pause", { type: "pause", at: 0, by: "", mode: "drain" }],
  ["pause", { type: "pause", at: 0, by: "", mode: "now" }],
  ["resume", { type: "resume", at: 0, by: "" }],
  ["cancel", { type: "cancel", at: 0, by: "" }],
];
const acceptedBy = accepting<Action, SnapshotFrom<typeof featureMachine>>(FEATURE_REQUESTS);

/** Whether being held changes what a person sees first. */
const SHOWS_PAUSE: Record<Category, boolean> = {
  queued: true,
  ready: true,
  blocked: true,
  working: true,
  waitingForRetry: true,
  paused: true,
  needsYou: false,
  failed: false,
  done: false,
  cancelled: false,
};

/** Pure, total, cheap: call it wherever a snapshot is shown. */
export function featureView(snapshot: SnapshotFrom<typeof featureMachine>): FeatureView {
  const { context } = snapshot;
  const all = snapshot.getMeta();
  const meta = metaOf(all, (found): found is StateMeta => "category" in found);
  const { hold } = metaOf(all, (found): found is HoldMeta => "hold" in found);
  const state = leafPath(snapshot.value.work);
  const stage = state === "queued" ? context.next : (ROLES.find((role) => state.startsWith(`${role}.`)) ?? null);
  return {
    ...meta,
    ...(hold === "paused" && SHOWS_PAUSE[meta.category] ? ({ category: "paused", label: `Paused: ${meta.label}` } as const) : {}),
    // Work that was begun waits in its stage's column, not at the back of the queue.
    column: state === "queued" && context.startedAt !== null ? columnOf(context.next) : meta.column,
    state,
    hold,
    stage,
    wants: state === "queued" && hold === "running" && context.agent === null ? context.next : null,
    reasons: reasonsOf(state, stage, hold, context),
    failure: state === "failing" || state === "needsHuman" ? context.failure : null,
    actions: acceptedBy(snapshot),
  };
}

/** Everything that keeps it from moving, at once; empty while something moves it. */
function reasonsOf(state: string, stage: Role | null, hold: HoldMeta["hold"], context: FeatureContext): readonly WaitReason[] {
  const reasons: WaitReason[] = [];
  if (hold !== "running" && state !== "merged" && state !== "closed") {
    const who = context.pausedBy === null ? "" : ` by ${context.pausedBy}`;
    const why = context.pauseReason === null ? "" : `: ${context.pauseReason}`;
    reasons.push({ kind: "hold", text: `${hold === "paused" ? "Paused" : "Pausing after this stage"}${who}${why}` });
  }
  if (state === "pending") reasons.push({ kind: "notStarted", text: "Not started: move the ticket to Todo, or start it here" });
  if (state === "waiting.blocked")
    for (const { key } of unmetOf(context.blockers)) reasons.push({ kind: "dependency", text: `Waits for ${key}` });
  if (state === "queued" && context.agent !== null) reasons.push({ kind: "slot", text: "Waits for its last agent to stop" });
  else if (state === "queued") reasons.push({ kind: "slot", text: "Waits for a free place in the project" });
  if (state.endsWith(".requesting")) reasons.push({ kind: "role", text: `Waits for a free ${stage ?? "agent"}` });
  if (state === "approval") reasons.push({ kind: "approval", text: "Waits for somebody to approve the plan" });
  if (state === "passing") reasons.push({ kind: "person", text: "Waits for somebody to merge the pull request" });
  if (state === "needsHuman" && context.overBudget !== null)
    reasons.push({ kind: "budget", text: context.failure ?? "Its budget is spent" });
  else if (state === "needsHuman" || state === "failing")
    reasons.push({ kind: "person", text: context.failure ?? "Waits for somebody to look at it" });
  return reasons;
}
