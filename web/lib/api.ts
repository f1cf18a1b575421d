// The door to the functions in `convex/`: the one place that knows where their generated names lie.

import type { FunctionReturnType } from "convex/server";
import { api } from "../../convex/_generated/api";

export type { Id } from "../../convex/_generated/dataModel";
export { api };

/** A project as the list shows it. */
export type ProjectCard = FunctionReturnType<typeof api.projects.list>["projects"][number];
/** A project with its limits and settings. */
export type ProjectDetails = NonNullable<FunctionReturnType<typeof api.projects.get>>;
/** A feature as the board shows it. */
export type FeatureCard = FunctionReturnType<typeof api.features.board>["cards"][number];
export type MembershipRole = ProjectCard["role"];
