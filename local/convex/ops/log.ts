// Structured logs: one JSON object per line on stderr. A fixed event name to search for, then fields. Never secrets.
import { realProcess } from "../runner/real-globals.ts";

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;
export type LogSink = (line: string) => void;

export class Log {
  constructor(
    private readonly now: () => number,
    /** Default: stderr. */
    private readonly sink: LogSink = (line) => void realProcess.stderr.write(line),
  ) {}

  info(event: string, fields: LogFields = {}): void {
    this.#write("info", event, fields);
  }

  warn(event: string, fields: LogFields = {}): void {
    this.#write("warn", event, fields);
  }

  error(event: string, fields: LogFields = {}): void {
    this.#write("error", event, fields);
  }

  #write(level: "info" | "warn" | "error", event: string, fields: LogFields): void {
    this.sink(`${JSON.stringify({ at: new Date(this.now()).toISOString(), level, event, ...fields })}\n`);
  }
}

/** Text of any thrown thing, for a log field. */
export const errorText = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
