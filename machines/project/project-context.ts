// What a project remembers between two events. Its places, never its backlog: that is a query (`findReady`).

import type { FeatureAddress, ProjectAddress } from "../ids.ts";
import { DEFAULT_SETTINGS, type PipelineSettings } from "../roles.ts";
import type { Places } from "./places.ts";
import type { HoldScope, ProjectInput, ProjectLimits } from "./project-events.ts";

/** Who paused, drained or stopped it, and why. */
export interface ProjectHold {
  readonly by: string;
  readonly reason: string | null;
}

export interface ProjectContext {
  readonly address: ProjectAddress;
  readonly limits: ProjectLimits;
  readonly settings: PipelineSettings;
  readonly places: Places;
  /** Somebody may be ready of whom the last `findReady` did not know. */
  readonly again: boolean;
  /** A `findReady` is not answered yet, whatever the state is by now. */
  readonly asked: boolean;
  /** The features this project paused, to be resumed with it. */
  readonly held: readonly FeatureAddress[];
  readonly holds: Readonly<Record<HoldScope, ProjectHold | null>>;
  /** Whose budget the last answer found spent. */
  readonly outOf: "project" | "organization" | null;
}

/** Without an input (that is how `transition()` builds its throw-away actor) it is a project nobody can reach, with room for nobody. */
export const newProject = (input: ProjectInput | undefined): ProjectContext => ({
  address: input?.address ?? ("" as ProjectAddress),
  limits: input?.limits ?? { features: 0, perRole: {} },
  settings: input?.settings ?? DEFAULT_SETTINGS,
  places: {},
  again: false,
  asked: false,
  held: [],
  holds: { project: null, organization: null },
  outOf: null,
});
