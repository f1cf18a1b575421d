// From a person's command to the event of the machine that takes it.

import type { FeatureEvent } from "@omakase/machines/feature/feature-events";
import type { ActorKind } from "@omakase/machines/ids";
import type { ProjectEvent } from "@omakase/machines/project/project-events";
import type { Role } from "@omakase/machines/roles";
import type { Action } from "@omakase/machines/view";
import { v } from "convex/values";

export const vAction = v.union(
  v.literal("start"),
  v.literal("pause"),
  v.literal("resume"),
  v.literal("stop"),
  v.literal("retry"),
  v.literal("cancel"),
  v.literal("approve"),
  v.literal("reject"),
  v.literal("archive"),
);

export interface Command {
  readonly action: Action;
  readonly at: number;
  readonly by: string;
  readonly reason: string | null;
  readonly note: string | null;
  readonly mode: "starts" | "drain" | "now";
  readonly from: Role | null;
}

/** Who may: archiving ends a project for everybody, and an emergency is an admin's to declare and to lift. */
export const leastRole = (action: string, state = ""): "developer" | "admin" =>
  action === "archive" || action === "stop" || (action === "resume" && state === "stopped") ? "admin" : "developer";

/** The event, or null when this kind of actor has none for the command, or the command lacks what the event needs. */
export function commandEvent(kind: ActorKind, command: Command): ProjectEvent | FeatureEvent | null {
  switch (kind) {
    case "project":
      return projectEvent(command);
    case "feature":
      return featureEvent(command);
    case "agent":
      // A person speaks to the feature, which stops its agent.
      return null;
    default:
      return kind satisfies never;
  }
}

function projectEvent({ action, at, by, mode, reason }: Command): ProjectEvent | null {
  switch (action) {
    case "pause":
      return { type: action, at, by, mode, ...(reason === null ? {} : { reason }) };
    case "stop":
      return reason === null || reason.trim() === "" ? null : { type: action, at, by, reason };
    case "resume":
    case "archive":
      return { type: action, at, by };
    default:
      return null;
  }
}

function featureEvent({ action, at, by, mode, reason, note, from }: Command): FeatureEvent | null {
  switch (action) {
    case "start":
    case "resume":
    case "approve":
      return { type: action, at, by };
    case "pause":
      // A feature has no starts to hold back: what is at work finishes.
      return { type: action, at, by, mode: mode === "now" ? "now" : "drain", ...(reason === null ? {} : { reason }) };
    case "cancel":
      return { type: action, at, by, ...(reason === null ? {} : { reason }) };
    case "retry":
      return { type: action, at, by, ...(from === null ? {} : { from }), ...(note === null ? {} : { note }) };
    case "reject":
      return note === null ? null : { type: action, at, by, note };
    case "archive":
    case "stop":
      return null;
    default:
      return action satisfies never;
  }
}
