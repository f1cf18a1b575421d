// What a person sees of a project (P7).

import type { SnapshotFrom } from "xstate";
import { accepting } from "../accepted.ts";
import { leafPath, metaOf } from "../leaf.ts";
import type { Action, ProjectStateMeta, ProjectView } from "../view.ts";
import { placesOf } from "./places.ts";
import type { ProjectEvent } from "./project-events.ts";
import type { projectMachine } from "./project-machine.ts";

/** One event per thing a person may ask; `pause` has three modes, and any counts. */
export const PROJECT_REQUESTS: readonly (readonly [Action, ProjectEvent])[] = [
  ["pause", { type: "pause", at: 0, by: "", mode: "starts" }],
  ["pause", { type: "pause", at: 0, by: "", mode: "drain" }],
  ["pause", { type: "pause", at: 0, by: "", mode: "now" }],
  ["stop", { type: "stop", at: 0, by: "", reason: "" }],
  ["resume", { type: "resume", at: 0, by: "" }],
  ["archive", { type: "archive", at: 0, by: "" }],
];
const acceptedBy = accepting<Action, SnapshotFrom<typeof projectMachine>>(PROJECT_REQUESTS);

/** Pure, total, cheap: call it wherever a snapshot is shown. */
export function projectView(snapshot: SnapshotFrom<typeof projectMachine>): ProjectView {
  const meta = metaOf(snapshot.getMeta(), (found): found is ProjectStateMeta => "category" in found);
  const running = placesOf(snapshot.context.places).map(([feature]) => feature);
  const isBusy = meta.category === "ready" && running.length > 0;
  return {
    ...meta,
    ...(isBusy ? ({ category: "working", mood: "working" } as const) : {}),
    state: leafPath(snapshot.value),
    running,
    actions: snapshot.status === "active" ? acceptedBy(snapshot) : [],
  };
}
