// Which states a snapshot is in, and which way the last step took: facts about a chart that change with every step.

import type { Chart, ChartState, ChartTransition } from "./chart.ts";

/** Ids of every state that is active, ancestors included. Total: names the machine does not have are left out. @param value of a snapshot */
export function activeIn({ root }: Chart, value: unknown): ReadonlySet<string> {
  const active = new Set<string>([root.id]);
  const enter = (state: ChartState, inner: unknown) => {
    const entries: readonly (readonly [string, unknown])[] =
      typeof inner === "string" ? [[inner, undefined]] : typeof inner === "object" && inner !== null ? Object.entries(inner) : [];
    for (const [key, next] of entries) {
      const child = state.children.find((each) => each.key === key);
      if (child === undefined) continue;
      active.add(child.id);
      enter(child, next);
    }
  };
  enter(root, value);
  return active;
}

/** The same from a transition's words: "work.coder.working hold.running". */
export function activeInLeaves(chart: Chart, leaves: string): ReadonlySet<string> {
  const active = new Set<string>([chart.root.id]);
  for (const leaf of leaves.split(" ")) {
    const parts = leaf.split(".");
    for (let length = 1; length <= parts.length; length++) {
      const id = [chart.root.id, ...parts.slice(0, length)].join(".");
      if (chart.states.has(id)) active.add(id);
    }
  }
  return active;
}

/** A step as the log has it. */
export interface LastStep {
  readonly eventType: string;
  readonly from: string;
  readonly to: string;
  readonly microsteps: readonly string[];
}

/** Ids of the transitions the step went through; empty when it moved nothing. The first by its event, those after it by themselves (`always`). */
export function wayOf(chart: Chart, { eventType, from, to, microsteps }: LastStep): ReadonlySet<string> {
  const taken = new Set<string>();
  const stops = [from, ...microsteps, to];
  for (const [index, stop] of stops.slice(1).entries()) {
    const before = activeInLeaves(chart, stops[index] ?? "");
    const after = activeInLeaves(chart, stop);
    const type = index === 0 ? eventType : "";
    const moved = (id: string, here: ReadonlySet<string>, there: ReadonlySet<string>) => here.has(id) && !there.has(id);
    const isTaken = ({ source, target, type: wanted }: ChartTransition) =>
      wanted === type &&
      before.has(source) &&
      after.has(target) &&
      // Something below or at the target is new, or the state was entered again.
      (moved(target, after, before) || source === target || entersBelow(chart, target, before, after));
    for (const transition of chart.transitions.filter(isTaken)) taken.add(transition.id);
  }
  return taken;
}

const entersBelow = (chart: Chart, id: string, before: ReadonlySet<string>, after: ReadonlySet<string>): boolean =>
  chart.states.get(id)?.children.some((child) => after.has(child.id) && !before.has(child.id)) ?? false;
