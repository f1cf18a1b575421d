// The shapes this part of the dashboard reads from Convex, under names of their own.

import type { Role } from "@omakase/machines/roles";
import type { FunctionReturnType } from "convex/server";
import type { api } from "../../lib/api.ts";

/** A feature with all that belongs to it. */
export type FeatureDetails = NonNullable<FunctionReturnType<typeof api.features.get>>;
export type RunCard = FeatureDetails["runs"][number];
export type Transition = FunctionReturnType<typeof api.transitions.ofFeature>["page"][number];
/** An actor's stored snapshot. */

export const ROLE_WORDS: Record<Role, string> = {
  architect: "Architect",
  coder: "Coder",
  reviewer: "Reviewer",
  tester: "Tester",
};
