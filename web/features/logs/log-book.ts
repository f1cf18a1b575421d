// A run's log as lines, growing at its end. Keeps every event once and in order, numbers the lines, and puts what a tool said under
// the call that asked for it. Knows nothing of where events come from or how lines are drawn.
//   B1. A line's number never changes: events are only added at the end.
//   B2. An event that is here already is passed over; one after a gap waits until the gap is filled.

import { cleaned, withoutColours } from "./ansi.ts";
import { type LogEvent, type LogLevel, type LogSource, parseChunk } from "./log-event.ts";

/** A tool call with everything it brought. */
export interface ToolGroup {
  readonly id: number;
  readonly name: string;
  /** What identifies its answer, when the runner says so. */
  readonly toolUseId: string | null;
  /** Lines under its first one. */
  lineCount: number;
  /** Null while it runs. */
  result: { readonly isError: boolean; readonly durationMs: number | null } | null;
}

export interface LogLine {
  /** From 1. */
  readonly number: number;
  readonly at: number;
  readonly source: LogSource;
  readonly level: LogLevel;
  readonly kind: string;
  /** With colours. */
  readonly text: string;
  /** To search in. */
  readonly plain: string;
  readonly group: ToolGroup | null;
  /** Whether its event begins here. */
  readonly isFirst: boolean;
  /** Whether it is the line its group is folded into. */
  readonly isHead: boolean;
}

/** What a page sees; a new object whenever something has been added. */
export interface LogPages {
  readonly lines: readonly LogLine[];
  readonly events: readonly LogEvent[];
  readonly count: number;
}

export class LogBook {
  private readonly lines: LogLine[] = [];
  private readonly events: LogEvent[] = [];
  private readonly waiting = new Map<number, LogEvent>();
  private readonly openGroups: ToolGroup[] = [];
  private groupCount = 0;
  private pages: LogPages = { lines: this.lines, events: this.events, count: 0 };

  /** @param chunks of `runs.logs`, in any order; safe to repeat @returns the pages after it: the same object when nothing was new */
  add(chunks: readonly { readonly from: number; readonly events: string }[]): LogPages {
    const before = this.events.length;
    for (const { from, events } of chunks) {
      for (const event of parseChunk(events, from)) {
        if (event.seq > this.events.length) this.waiting.set(event.seq, event);
      }
    }
    for (let next = this.take(); next !== undefined; next = this.take()) this.write(next);
    if (this.events.length > before) this.pages = { lines: this.lines, events: this.events, count: this.lines.length };
    return this.pages;
  }

  /** B2. */
  private take(): LogEvent | undefined {
    const seq = this.events.length + 1;
    const event = this.waiting.get(seq);
    this.waiting.delete(seq);
    return event;
  }

  private write(event: LogEvent): void {
    this.events.push(event);
    const isCall = event.kind === "tool.call";
    const group = isCall ? this.begin(event) : event.kind === "tool.result" ? this.end(event) : null;
    for (const [index, line] of event.text.split("\n").entries()) {
      const text = cleaned(line);
      const isHead = isCall && index === 0;
      if (group !== null && !isHead) group.lineCount++;
      const { at, source, level, kind } = event;
      const number = this.lines.length + 1;
      const isFirst = index === 0;
      this.lines.push({ number, at, source, level, kind, text, plain: withoutColours(text), group, isFirst, isHead });
    }
  }

  private begin({ data }: LogEvent): ToolGroup {
    this.groupCount++;
    const group: ToolGroup = {
      id: this.groupCount,
      name: typeof data.name === "string" ? data.name : "tool",
      toolUseId: typeof data.toolUseId === "string" ? data.toolUseId : null,
      lineCount: 0,
      result: null,
    };
    this.openGroups.push(group);
    return group;
  }

  /** Its own call, or the oldest one that is still open: answers come in the order of the calls. */
  private end({ data, level }: LogEvent): ToolGroup | null {
    const named = this.openGroups.findIndex(({ toolUseId }) => toolUseId !== null && toolUseId === data.toolUseId);
    const index =
      named >= 0 ? named : this.openGroups.findIndex(({ toolUseId }) => toolUseId === null || data.toolUseId === undefined);
    const [group] = index < 0 ? [] : this.openGroups.splice(index, 1);
    if (group === undefined) return null;
    group.result = {
      isError: data.isError === true || level === "error",
      durationMs: typeof data.durationMs === "number" ? data.durationMs : null,
    };
    return group;
  }
}
