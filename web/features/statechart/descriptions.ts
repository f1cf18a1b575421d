// Transitions and states in sentences: for screen readers, for the outline and for what is pointed at.

import type { Arrow } from "./arrows.ts";
import type { Chart, ChartState, ChartTransition, Reaction } from "./chart.ts";
import { nameOf } from "./drawing.ts";

/** "task.stopped, if leads to (failed): conclude" */
export function reactionText({ event, guard, effects }: Reaction): string {
  const condition = guard === null ? "" : `, if ${guard}`;
  return `${event}${condition}${effects.length === 0 ? "" : `: ${effects.join(", ")}`}`;
}

/** "From Ready to Planning on permit.granted, if …" */
export function arrowText(chart: Chart, { source, target, transitions }: Arrow): string {
  return `From ${nameOf(chart, source)} to ${nameOf(chart, target)} on ${transitions.map(reactionText).join("; or on ")}`;
}

export const transitionsFrom = (chart: Chart, id: string): readonly ChartTransition[] =>
  chart.transitions.filter(({ source }) => source === id);

const KIND_WORDS: Record<ChartState["kind"], string | null> = {
  atomic: null,
  compound: null,
  parallel: "regions side by side",
  final: "final",
  history: "history",
};

/** What is to be known of a state besides its name: "active", "initial", "final". */
export function marksOf({ kind, isInitial }: ChartState, isActive: boolean): readonly string[] {
  return [isActive ? "active" : null, isInitial ? "initial" : null, KIND_WORDS[kind]].filter((mark) => mark !== null);
}
