// What a step may not be, told before anything is written: too long, reaching outside its project, or contradicting itself.
// The host never makes such a step of a sound machine; a machine that grows without bound ends here, with its actor parked.

import { actorKind } from "@omakase/machines/ids";
import { isWithin, projectOf } from "./shardOf.ts";
import { type Effect, MAX_EVENT_CHARS, MAX_SNAPSHOT_CHARS, type Send, type Spawn, type WholeStep } from "./steps.ts";

/** Why the step cannot be stored, in words; null when it can. */
export function stepFault(step: WholeStep): string | null {
  const project = projectOf(step.actor);
  if (step.snapshot !== null && step.snapshot.length > MAX_SNAPSHOT_CHARS) return snapshotTooLong;
  if (step.source.kind === "timer") {
    const key = `timer:${step.source.timerId}:${step.source.armedSequence}`;
    if (step.eventId !== key) return `the event of its timer must have the key "${key}"`;
    if (step.event === undefined) return "the event of its timer is missing";
    if (step.event.length > MAX_EVENT_CHARS) return `its event is longer than ${MAX_EVENT_CHARS} characters`;
  }
  for (const spawn of step.spawns) {
    const fault = spawnFault(spawn, project);
    if (fault !== null) return `${fault} (spawning ${spawn.address})`;
  }
  return asksFault(step.actor, step, project);
}

const snapshotTooLong = `its snapshot is longer than ${MAX_SNAPSHOT_CHARS} characters`;

function spawnFault(spawn: Spawn, project: string): string | null {
  if (!isWithin(spawn.address, project)) return `an actor of ${project} cannot create one elsewhere`;
  if (kindOf(spawn.address) !== spawn.view.kind) return `the address is not a ${spawn.view.kind}'s`;
  if (spawn.snapshot.length > MAX_SNAPSHOT_CHARS) return snapshotTooLong;
  return asksFault(spawn.address, spawn, project);
}

function asksFault(
  actor: string,
  { sends, effects }: { sends: readonly Send[]; effects: readonly Effect[] },
  project: string,
): string | null {
  const indexes = [...sends, ...effects].map(({ index }) => index);
  if (new Set(indexes).size !== indexes.length) return "two of the things it asks for have the same index";
  for (const { to, event } of sends) {
    if (!isWithin(to, project)) return `it sends to ${to}, which is outside ${project}`;
    if (event.length > MAX_EVENT_CHARS) return `it sends an event longer than ${MAX_EVENT_CHARS} characters`;
  }
  for (const { kind, payload, run } of effects) {
    if (payload.length > MAX_EVENT_CHARS) return `the payload of its effect ${kind} is longer than ${MAX_EVENT_CHARS} characters`;
    if ((kind === "runTask") !== (run !== null)) return "an effect has a run exactly when its kind is runTask";
    if (run !== null && kindOf(actor) !== "agent") return "only an agent can run a task";
  }
  return null;
}

function kindOf(address: string): string | null {
  try {
    return actorKind(address);
  } catch {
    return null;
  }
}
