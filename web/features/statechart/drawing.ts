// What of a chart is drawn, and how large: boxes with the exits told in them, lines with their labels. Pure; where each goes is
// layout.ts's to say.

import { type Arrow, arrowsOf, type Exit, eventsOf, exitsOf } from "./arrows.ts";
import type { Chart, ChartState } from "./chart.ts";
import { linesOf } from "./drawn-as.ts";
import { title } from "./words.ts";

interface Size {
  readonly width: number;
  readonly height: number;
}

export interface DrawnExit extends Exit {
  /** "task.stopped +4" */
  readonly on: string;
  /** "Done, Failed +2" */
  readonly to: string;
}

export interface Box extends Size {
  readonly state: ChartState;
  readonly title: string;
  /** The state's key, when the title is the machine's own words. */
  readonly subtitle: string | null;
  readonly exits: readonly DrawnExit[];
  /** Height of what stands above the boxes inside. */
  readonly headerHeight: number;
  readonly children: readonly Box[];
}

export interface Line {
  readonly arrow: Arrow;
  readonly label: readonly string[];
  readonly size: Size;
}

export interface Drawing {
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
}

/** Wide enough for the fonts we ship, in px a character. */
const TITLE_CHAR = 8.4;
const SMALL_CHAR = 6.8;
/** Before the names of an exit's targets. */
const ARROW = 16;
const LABEL_LINE = 17;
const MAX_LABEL_LINES = 3;
const MAX_CHARS = 30;
const TITLE_HEIGHT = 40;
const SUBTITLE_HEIGHT = 16;
export const EXIT_HEIGHT = 38;

/** @param isCompact for small places: without keys, conditions and what leads elsewhere */
export function drawingOf(chart: Chart, isCompact: boolean): Drawing {
  const arrows = arrowsOf(chart);
  const drawn = linesOf(chart, arrows);
  const exits = Map.groupBy(
    arrows.filter(({ id }) => !drawn.has(id)),
    ({ source }) => source,
  );
  const boxOf = (state: ChartState): Box => {
    const told = isCompact ? [] : exitsOf(exits.get(state.id) ?? []).map((exit) => drawnExit(chart, exit));
    return sized(state, told, state.children.map(boxOf), isCompact);
  };
  const usesRoot = arrows.some(({ source, target }) => source === chart.root.id || target === chart.root.id);
  const roots = usesRoot || chart.root.children.length === 0 ? [chart.root] : chart.root.children;
  const lines = arrows.filter(({ id }) => drawn.has(id)).map((arrow) => lineOf(arrow, isCompact));
  return { boxes: roots.map(boxOf), lines };
}

function sized(state: ChartState, exits: readonly DrawnExit[], children: readonly Box[], isCompact: boolean): Box {
  const { key } = state;
  const name = state.label ?? title(key);
  const subtitle = !isCompact && state.label !== null && state.label.toLowerCase() !== key.toLowerCase() ? key : null;
  const exitWidth = Math.max(0, ...exits.flatMap(({ on, to }) => [on.length * SMALL_CHAR, to.length * SMALL_CHAR + ARROW])) + 32;
  const width = Math.max(name.length * TITLE_CHAR + 38, (subtitle?.length ?? 0) * SMALL_CHAR + 26, exitWidth, 104);
  const headerHeight = TITLE_HEIGHT + (subtitle === null ? 0 : SUBTITLE_HEIGHT) + exits.length * EXIT_HEIGHT;
  return { state, title: name, subtitle, exits, children, headerHeight, width: Math.ceil(width), height: headerHeight };
}

function drawnExit(chart: Chart, exit: Exit): DrawnExit {
  const names = exit.arrows.map(({ target }) => nameOf(chart, target));
  return { ...exit, on: firstAndCount(exit.events, 1), to: firstAndCount(names, 2) };
}

/** What a state is called where it is only mentioned. */
export function nameOf({ states, root }: Chart, id: string): string {
  const state = states.get(id);
  if (state === undefined) return id;
  const own = state.label ?? title(state.key);
  // "working" alone says nothing when four stages have one.
  const parent = states.get(id.slice(0, id.lastIndexOf(".")));
  return state.label === null || parent === undefined || parent === root || parent.kind === "parallel" || parent.depth < 2
    ? own
    : `${title(parent.key)}: ${own.toLowerCase()}`;
}

function firstAndCount(texts: readonly string[], shown: number): string {
  let count = Math.min(shown, texts.length);
  while (count > 1 && texts.slice(0, count).join(", ").length > MAX_CHARS - 3) count--;
  const rest = texts.length - count;
  return `${cut(texts.slice(0, count).join(", "))}${rest > 0 ? ` +${rest}` : ""}`;
}

function lineOf(arrow: Arrow, isCompact: boolean): Line {
  const label = labelOf(arrow, isCompact);
  const longest = Math.max(...label.map((line) => line.length));
  return { arrow, label, size: { width: Math.ceil(longest * SMALL_CHAR) + 12, height: label.length * LABEL_LINE + 4 } };
}

function labelOf(arrow: Arrow, isCompact: boolean): readonly string[] {
  const events = eventsOf(arrow);
  const [only, ...others] = arrow.transitions;
  if (isCompact) return [firstAndCount(events, 1)];
  if (only && others.length === 0 && only.guard !== null) return [cut(only.event), cut(`if ${only.guard}`)];
  const shown = events.length > MAX_LABEL_LINES ? events.slice(0, MAX_LABEL_LINES - 1) : events;
  const rest = events.length - shown.length;
  return [...shown.map(cut), ...(rest > 0 ? [`and ${rest} more`] : [])];
}

const cut = (text: string): string => (text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS - 1)}…` : text);
