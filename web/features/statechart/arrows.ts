// A chart's transitions as a person reads them: one arrow per pair of states, and, for those told in words, one line per set of events.

import type { Chart, ChartTransition } from "./chart.ts";

/** All transitions between the same two states. */
export interface Arrow {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly transitions: readonly ChartTransition[];
}

/** Arrows that leave a state on the same events, told in words inside its box. */
export interface Exit {
  readonly id: string;
  readonly events: readonly string[];
  readonly arrows: readonly Arrow[];
}

export function arrowsOf({ transitions }: Chart): readonly Arrow[] {
  const groups = Map.groupBy(transitions, ({ source, target }) => `${source}>${target}`);
  return [...groups].map(([id, group]) => {
    const [first] = group;
    return { id, source: first?.source ?? "", target: first?.target ?? "", transitions: group };
  });
}

export const eventsOf = ({ transitions }: Pick<Arrow, "transitions">): readonly string[] => [
  ...new Set(transitions.map(({ event }) => event)),
];

/** @param arrows that leave one state */
export function exitsOf(arrows: readonly Arrow[]): readonly Exit[] {
  const groups = Map.groupBy(arrows, (arrow) => eventsOf(arrow).join());
  return [...groups.values()].map((group) => ({
    id: group.map(({ id }) => id).join(" "),
    events: group[0] ? eventsOf(group[0]) : [],
    arrows: group,
  }));
}
