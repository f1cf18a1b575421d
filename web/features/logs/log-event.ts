// One event of a run's log, as its runner wrote it (docs/design/agents.md). A stranger's words: read with care, never trusted.

export const SOURCES = ["runner", "model", "tool", "stderr"] as const;
export type LogSource = (typeof SOURCES)[number];
export const LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LEVELS)[number];

export interface LogEvent {
  readonly seq: number;
  /** ms */
  readonly at: number;
  readonly source: LogSource;
  readonly level: LogLevel;
  readonly kind: string;
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The events of a chunk. What is no event is shown as a damaged one: a line that is missing would be worse. @param from sequence number of the first */
export function parseChunk(json: string, from: number): readonly LogEvent[] {
  let values: unknown;
  try {
    values = JSON.parse(json);
  } catch {
    values = null;
  }
  if (!Array.isArray(values)) return [damaged(from)];
  return values.map((value: unknown, index) => parseEvent(value, from + index));
}

function parseEvent(value: unknown, seq: number): LogEvent {
  if (!isRecord(value)) return damaged(seq);
  const { at, source, level, kind, text, data } = value;
  return {
    seq,
    at: typeof at === "number" ? at : 0,
    source: SOURCES.find((each) => each === source) ?? "runner",
    level: LEVELS.find((each) => each === level) ?? "info",
    kind: typeof kind === "string" ? kind : "",
    text: typeof text === "string" ? text : "",
    data: isRecord(data) ? data : {},
  };
}

const damaged = (seq: number): LogEvent => ({
  seq,
  at: 0,
  source: "runner",
  level: "warn",
  kind: "damaged",
  text: "(this part of the log cannot be read)",
  data: {},
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
