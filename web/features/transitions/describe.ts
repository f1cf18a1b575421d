// A recorded step in words. Pure.

import type { Transition } from "../feature/data.ts";
import { eventTitle, words } from "../statechart/words.ts";

/** Where a step led, region by region. */
export interface Change {
  readonly region: string | null;
  readonly from: string;
  readonly to: string;
}

/** The regions that moved; empty when the step changed no state. Regions are told apart only when the machine has several. */
export function changesOf({ from, to }: Pick<Transition, "from" | "to">): readonly Change[] {
  const before = from.split(" ");
  const after = to.split(" ");
  const hasRegions = before.length > 1 || after.length > 1;
  return after.flatMap((leaf, index): Change[] => {
    const was = before[index] ?? "";
    if (was === leaf) return [];
    if (!hasRegions) return [{ region: null, from: was, to: leaf }];
    const region = leaf.slice(0, leaf.indexOf("."));
    return [{ region, from: within(region, was), to: within(region, leaf) }];
  });
}

const within = (region: string, leaf: string): string => (leaf.startsWith(`${region}.`) ? leaf.slice(region.length + 1) : leaf);

type CauseKind = Transition["cause"]["kind"];
const SOURCE: Record<CauseKind, string> = {
  person: "Person",
  linear: "Linear",
  github: "GitHub",
  ecs: "ECS",
  agent: "Agent",
  actor: "Actor",
  timer: "Timer",
  effect: "Effect",
  sweep: "Check",
};

/** Who caused it: "Dana", "coder-1", "GitHub". */
export function causeWords({ kind, name }: Transition["cause"]): string {
  switch (kind) {
    case "person":
      return name;
    case "agent":
    case "actor":
      return lastPart(name);
    case "timer":
      return "its timer";
    case "effect":
      return "an answer it asked for";
    case "linear":
    case "github":
    case "ecs":
    case "sweep":
      return SOURCE[kind];
    default:
      return kind satisfies never;
  }
}

export const causeSource = (kind: CauseKind): string => SOURCE[kind];

/** The actor within its project: "oma-1", "coder-2" and the project's own name. */
export const lastPart = (address: string): string => address.slice(address.lastIndexOf("/") + 1);

/** "effect runTask" to "run task", "send o/p feature.queued" as it is. */
export function actionText(action: string): string {
  const [kind, ...rest] = action.split(" ");
  return kind === "effect" ? `asks for: ${words(rest.join(" "))}` : action;
}

/** The whole step in one sentence, for a screen reader. */
export function stepText(step: Transition): string {
  const moved = changesOf(step)
    .map(({ from, to }) => `${words(from)} to ${words(to)}`)
    .join(", ");
  const outcome = step.ignored ? "ignored" : moved === "" ? "stayed where it was" : moved;
  return `${lastPart(step.actor)}, step ${step.sequence}: ${eventTitle(step.eventType)} by ${causeWords(step.cause)}, ${outcome}`;
}

/** JSON with two spaces, or the text as it is when it is none. */
export function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
