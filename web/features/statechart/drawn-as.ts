// Which arrows become lines and which become words in the box they leave. A statechart in which everything leads to `failed` and
// `cancelled` is a tangle when all of it is lines; the way forward is what a person looks for first.
//   L1. Every arrow is exactly one of the two.

import type { Arrow } from "./arrows.ts";
import type { Chart, ChartState } from "./chart.ts";

/** In regions of this many states everything is lines. */
const SMALL_REGION = 4;
/** Lines that end in one state. */
const MAX_LINES_IN = 2;
/** In states, as they are written down: what is further away is said in words. */
const MAX_REACH = 8;

/** Ids of the arrows drawn as lines. Machines are written in the order of life: the nearest earlier states are where one comes from. */
export function linesOf(chart: Chart, arrows: readonly Arrow[]): ReadonlySet<string> {
  const place = new Map([...chart.states.keys()].map((id, index) => [id, index]));
  const placeOf = (id: string) => place.get(id) ?? 0;
  const parents = parentsIn(chart.root);
  const lines = new Set<string>();
  const into = Map.groupBy(arrows, ({ target }) => target);
  for (const [target, group] of into) {
    const candidates = group.filter(({ source }) => !isInside(source, target, parents));
    const before = candidates
      .filter(({ source }) => placeOf(source) <= placeOf(target) && placeOf(target) - placeOf(source) <= MAX_REACH)
      .sort((one, other) => placeOf(other.source) - placeOf(one.source));
    const after = candidates.filter(({ source }) => placeOf(source) > placeOf(target));
    const chosen = before.length > 0 ? before.slice(0, MAX_LINES_IN) : after.slice(0, 1);
    for (const { id } of chosen) lines.add(id);
    const region = parents.get(target);
    if (region === undefined || region.children.length > SMALL_REGION) continue;
    for (const { id, source } of candidates) if (parents.get(source) === region) lines.add(id);
  }
  return lines;
}

function parentsIn(root: ChartState): ReadonlyMap<string, ChartState> {
  const parents = new Map<string, ChartState>();
  const visit = (state: ChartState) => {
    for (const child of state.children) {
      parents.set(child.id, state);
      visit(child);
    }
  };
  visit(root);
  return parents;
}

/** Whether one of the two is the other's ancestor: a line from a box into itself says nothing. */
function isInside(one: string, other: string, parents: ReadonlyMap<string, ChartState>): boolean {
  const holds = (outer: string, inner: string) => {
    for (let at = parents.get(inner); at !== undefined; at = parents.get(at.id)) if (at.id === outer) return true;
    return false;
  };
  return holds(one, other) || holds(other, one);
}
