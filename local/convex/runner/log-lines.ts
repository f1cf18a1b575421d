// The console of a running function: each call becomes a log line in Convex's format, bounded in number and size.
import { inspect } from "node:util";

const MAX_LINES = 256;
const MAX_LINE_CHARS = 32 * 1024;

export type LogLevel = "DEBUG" | "ERROR" | "WARN" | "INFO" | "LOG";

/** Arguments are inspected, so strings are quoted: `[LOG] 'text' { a: 1 }`. That is what Convex sends. */
export function formatLogLine(level: LogLevel, args: readonly unknown[]): string {
  const text = `[${level}] ${args.map((arg) => inspect(arg, { depth: 4, breakLength: 120 })).join(" ")}`;
  return text.length <= MAX_LINE_CHARS ? text : `${text.slice(0, MAX_LINE_CHARS - 28)} (truncated due to length)`;
}

/** The log lines of one call and of everything it called. Past 256 lines one warning stands for the rest. */
export class LogLines {
  readonly lines: string[] = [];

  add(level: LogLevel, args: readonly unknown[]): void {
    if (this.lines.length > MAX_LINES) return;
    if (this.lines.length === MAX_LINES) {
      this.lines.push("[ERROR] 'Log overflow (maximum 256). Remaining log lines omitted.'");
      return;
    }
    this.lines.push(formatLogLine(level, args));
  }

  /** Appends the lines of a nested call, within the same bound. */
  absorb(lines: readonly string[]): void {
    for (const line of lines) if (this.lines.length <= MAX_LINES) this.lines.push(line);
  }
}

/** A console object whose methods write to `lines()`, looked up at each call. */
export function consoleFor(lines: () => LogLines | null, fallback: Console): Console {
  const timers = new Map<string, number>();
  const counters = new Map<string, number>();
  type Method = "log" | "debug" | "info" | "warn" | "error" | "trace" | "dir" | "table" | "group" | "groupCollapsed";
  const write =
    (level: LogLevel, method: Method) =>
    (...args: unknown[]): void => {
      const target = lines();
      if (target === null) Reflect.apply(fallback[method], fallback, args);
      else target.add(level, args);
    };
  const log = write("LOG", "log");
  const overrides: Partial<Console> = {
    log,
    debug: write("DEBUG", "debug"),
    info: write("INFO", "info"),
    warn: write("WARN", "warn"),
    error: write("ERROR", "error"),
    trace: write("ERROR", "trace"),
    dir: write("LOG", "dir"),
    table: write("LOG", "table"),
    group: write("LOG", "group"),
    groupCollapsed: write("LOG", "groupCollapsed"),
    groupEnd: () => {},
    assert: (condition?: boolean, ...args: unknown[]) => {
      if (!condition) (lines() === null ? fallback.error.bind(fallback) : overrides.error)?.("Assertion failed", ...args);
    },
    count: (label = "default") => {
      const next = (counters.get(label) ?? 0) + 1;
      counters.set(label, next);
      log(`${label}: ${next}`);
    },
    time: (label = "default") => void timers.set(label, performance.now()),
    timeEnd: (label = "default") => {
      const startedAt = timers.get(label);
      timers.delete(label);
      if (startedAt !== undefined) log(`${label}: ${Math.round(performance.now() - startedAt)}ms`);
    },
  };
  return Object.assign(Object.create(fallback), overrides);
}
