// What must hold in a whole world after every single step, whatever the order of things: checked from the outside, by counting.

import type { AgentAddress, FeatureAddress } from "../ids.ts";
import { parentOf } from "../ids.ts";
import { leafPath } from "../leaf.ts";
import { placesOf, roomIn } from "../project/places.ts";
import { ROLES } from "../roles.ts";
import type { FarEnds } from "./far-ends.ts";
import type { World } from "./world.ts";

/** Everything that is wrong now, one sentence each, with the invariant's name. */
export function broken(world: World, ends: FarEnds): string[] {
  const found: string[] = [];
  const project = world.project().context;
  const places = placesOf(project.places);
  if (places.length > project.limits.features) found.push(`R1: ${places.length} places, ${project.limits.features} allowed`);
  for (const role of ROLES) {
    const granted = places.filter(([, place]) => place.role === role && place.granted).length;
    if (granted > (project.limits.perRole[role] ?? Number.POSITIVE_INFINITY)) found.push(`R2: ${granted} permits for ${role}`);
  }
  if (ends.openQuestions > 1) found.push(`R4: ${ends.openQuestions} questions at once`);
  const livingAgents = world.addresses<AgentAddress>("agent").filter((agent) => world.agent(agent).status === "active");
  for (const feature of world.addresses<FeatureAddress>("feature")) {
    const living = livingAgents.filter((agent) => parentOf(agent) === feature);
    if (living.length > 1) found.push(`F1: ${living.join(" and ")} live at once`);
    if (ends.aliveTasks(feature).length > 1) found.push(`F1: ${feature} has ${ends.aliveTasks(feature).length} tasks at once`);
    const state = leafPath(world.feature(feature).value.work);
    const [stage, phase] = state.split(".");
    const place = project.places[feature];
    if ((phase === "working" || phase === "stopping") && !(place?.granted && place.role === stage))
      found.push(`F2: ${feature} is in ${state} without a permit: ${JSON.stringify(place)}`);
    const { failure } = world.feature(feature).context;
    if ((state === "failing" || state === "needsHuman") && !failure) found.push(`F9: ${feature} is in ${state} without a reason`);
  }
  return found;
}

/** What must hold besides once nothing more can happen by itself: nobody waits for something that is there. */
export function stuck(world: World, ends: FarEnds): string[] {
  const found: string[] = [];
  const project = world.project();
  const { places, limits, asked } = project.context;
  if (asked) found.push("R4: a question was never answered");
  for (const feature of world.addresses<FeatureAddress>("feature")) {
    const { state, wants } = world.view(feature);
    if (/requesting|working|stopping|publishing|reading/.test(state)) found.push(`${feature} is stuck in ${state}`);
    if (state === "waiting.blocked" && ends.isUnblocked(feature)) found.push(`F8: ${feature} waits, but what blocks it is met`);
    if (wants !== null && project.matches("active") && roomIn(places, limits) > 0)
      found.push(`R6: ${feature} wants a ${wants}, there is room`);
  }
  if (Object.keys(places).length > 0) found.push(`F2: places never given back: ${Object.keys(places).join()}`);
  if (project.matches("draining")) found.push("R8: draining never ended");
  for (const agent of world.addresses<AgentAddress>("agent"))
    if (world.agent(agent).status !== "done") found.push(`A8: ${agent} never ended`);
  return found;
}
