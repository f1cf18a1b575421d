"use client";
// What of a log's view lives in the URL: a reload, or somebody else, sees the same.

import { debounce, parseAsBoolean, parseAsInteger, parseAsString, parseAsStringLiteral, useQueryStates } from "nuqs";
import { LEVELS, SOURCES } from "./log-event.ts";

const KEYS = {
  q: parseAsString.withDefault(""),
  level: parseAsStringLiteral(LEVELS).withDefault("debug"),
  source: parseAsStringLiteral(SOURCES),
  wrap: parseAsBoolean.withDefault(true),
  /** The chosen line. */
  line: parseAsInteger,
};
/** The list follows every key; the URL only once typing rests. */
const URL_REST_MS = 200;

export type LogUrl = ReturnType<typeof useLogUrl>[0];

export function useLogUrl() {
  const [url, set] = useQueryStates(KEYS);
  const setQuery = (q: string) => void set({ q: q || null }, { limitUrlUpdates: debounce(URL_REST_MS) });
  return [url, set, setQuery] as const;
}

/** An absolute address of this page with one line chosen. */
export function linkToLine(line: number): string {
  const url = new URL(location.href);
  url.searchParams.set("line", String(line));
  return url.href;
}
