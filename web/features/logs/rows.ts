// Which lines of a log are shown: what the filters leave, without what is folded away. Pure, and quick enough for 100,000 lines a keystroke.

import type { LogLine, ToolGroup } from "./log-book.ts";
import { LEVELS, type LogLevel, type LogSource } from "./log-event.ts";

export interface LogFilter {
  /** Shown from this level on. */
  readonly level: LogLevel;
  /** Null: all. */
  readonly source: LogSource | null;
  /** Found and marked; hides nothing. */
  readonly query: string;
}

export interface LogRows {
  /** Indices into the lines. */
  readonly rows: readonly number[];
  /** Positions in `rows` of those that the query is found in. */
  readonly matches: readonly number[];
  /** Positions in `rows` of errors. */
  readonly errors: readonly number[];
}

/** @param folds what a person has opened (true) or closed (false); a failed call is open, any other closed */
export function rowsOf(lines: readonly LogLine[], filter: LogFilter, folds: ReadonlyMap<number, boolean>): LogRows {
  const least = LEVELS.indexOf(filter.level);
  const pattern = patternOf(filter.query);
  const found = pattern === null ? null : groupsWith(lines, pattern);
  const rows: number[] = [];
  const matches: number[] = [];
  const errors: number[] = [];
  for (const [index, line] of lines.entries()) {
    if (LEVELS.indexOf(levelOf(line)) < least || (filter.source !== null && line.source !== filter.source)) continue;
    if (line.group !== null && !line.isHead && !isOpen(line.group, folds, found)) continue;
    if (pattern?.test(line.plain)) matches.push(rows.length);
    if (levelOf(line) === "error" && (line.group === null || line.isHead)) errors.push(rows.length);
    rows.push(index);
  }
  return { rows, matches, errors };
}

/** A call that failed counts as an error where it is folded. */
export const levelOf = ({ level, isHead, group }: LogLine): LogLevel => (isHead && group?.result?.isError ? "error" : level);

/** @param found groups in which the query is found: they are open unless a person has closed them */
export function isOpen(group: ToolGroup, folds: ReadonlyMap<number, boolean>, found: ReadonlySet<ToolGroup> | null): boolean {
  return folds.get(group.id) ?? (found?.has(group) || group.result?.isError === true);
}

export function groupsWith(lines: readonly LogLine[], pattern: RegExp): ReadonlySet<ToolGroup> {
  const found = new Set<ToolGroup>();
  for (const { group, isHead, plain } of lines)
    if (group !== null && !isHead && !found.has(group) && pattern.test(plain)) found.add(group);
  return found;
}

/** Finds the text as it is, in either case; null for nothing to look for. */
export const patternOf = (query: string): RegExp | null =>
  query.trim() === "" ? null : new RegExp(query.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");

/** The entry after `at`, round the end; null of none. @param positions ascending @param by 1 or -1 */
export function neighbour(positions: readonly number[], at: number, by: 1 | -1): number | null {
  const [first] = positions;
  const last = positions.at(-1);
  if (first === undefined || last === undefined) return null;
  if (by === 1) return positions.find((position) => position > at) ?? first;
  return positions.findLast((position) => position < at) ?? last;
}
