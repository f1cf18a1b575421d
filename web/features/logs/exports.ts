// A log as a file.

import type { LogLine } from "./log-book.ts";
import type { LogEvent } from "./log-event.ts";

export const asText = (lines: readonly LogLine[]): string =>
  lines
    .map(({ at, source, level, plain }) => `${new Date(at).toISOString()} ${source.padEnd(6)} ${level.padEnd(5)} ${plain}\n`)
    .join("");

export const asJsonLines = (events: readonly LogEvent[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join("");

/** Hands the browser a file to save. */
export function download(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
