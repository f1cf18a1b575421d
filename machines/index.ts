// What the rest of Omakase sees of the machines. Pure: it imports xstate and nothing that could touch a disk, a socket or a clock.

import type { AnyStateMachine } from "xstate";
import { agentMachine } from "./agent/agent-machine.ts";
import { featureMachine } from "./feature/feature-machine.ts";
import type { ActorKind } from "./ids.ts";
import { projectMachine } from "./project/project-machine.ts";

export * from "./agent/agent-context.ts";
export * from "./agent/agent-events.ts";
export { agentMachine } from "./agent/agent-machine.ts";
export { agentView } from "./agent/agent-view.ts";
export { definitionHash } from "./definition-hash.ts";
export * from "./effects.ts";
export * from "./feature/feature-context.ts";
export * from "./feature/feature-events.ts";
export { featureMachine } from "./feature/feature-machine.ts";
export { featureView } from "./feature/feature-view.ts";
export * from "./ids.ts";
export type { Place, Places } from "./project/places.ts";
export * from "./project/project-context.ts";
export * from "./project/project-events.ts";
export { projectMachine } from "./project/project-machine.ts";
export { projectView } from "./project/project-view.ts";
export { impurities } from "./purity.ts";
export * from "./roles.ts";
export * from "./step.ts";
export * from "./view.ts";

/** The machine of each kind of actor. */
export const MACHINES = {
  project: projectMachine,
  feature: featureMachine,
  agent: agentMachine,
} as const satisfies Record<ActorKind, AnyStateMachine>;

/** The version new actors are born with. A stored actor keeps its own until it is migrated. */
export const MACHINE_VERSIONS: Record<ActorKind, string> = {
  project: versionOf(projectMachine),
  feature: versionOf(featureMachine),
  agent: versionOf(agentMachine),
};

function versionOf(machine: AnyStateMachine): string {
  if (machine.version === undefined) throw new Error(`The ${machine.id} machine has no version`);
  return machine.version;
}
