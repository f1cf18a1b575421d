"use client";
// A moment: how long ago in the text, exactly when on hover and for machines.

import { formatDuration } from "./duration.ts";
import { useNow } from "./now.ts";

/** @param at ms @param suffix default " ago" */
export function RelativeTime({ at, suffix = " ago", className }: { at: number; suffix?: string; className?: string }) {
  const age = useNow() - at;
  const exact = new Date(at);
  return (
    <time
      dateTime={exact.toISOString()}
      title={exact.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" })}
      className={className}
      suppressHydrationWarning
    >
      {formatDuration(age)}
      {suffix}
    </time>
  );
}
