// How texts are kept in a snapshot and shown in a sentence: short, well-formed, and the same everywhere.

import { MAX_TEXT } from "./roles.ts";

/**
 * A stranger's text, made fit for a snapshot (P8): no NUL, no half of a surrogate pair (a store that wants UTF-8 refuses either),
 * and at most `max` UTF-16 units, the last of them "…" when something was cut off. Default {@link MAX_TEXT}.
 */
export function cut(text: string, max: number = MAX_TEXT): string {
  // One slice before the costly passes: the text may be a megabyte.
  const head = text.slice(0, max + 1).replaceAll("\0", "");
  const fits = text.length <= max;
  return (fits ? head : `${head.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, "")}…`).toWellFormed();
}

/** "1 round", "2 rounds". */
export const count = (amount: number, noun: string): string => `${amount} ${noun}${amount === 1 ? "" : "s"}`;

/** "45 seconds", "20 minutes", "2 hours": the largest unit that divides it without a remainder. */
export function duration(ms: number): string {
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return count(ms / 3_600_000, "hour");
  if (ms >= 60_000 && ms % 60_000 === 0) return count(ms / 60_000, "minute");
  return count(Math.round(ms / 1000), "second");
}

/** An amount as it may be added up: what is not a positive, finite number counts as nothing. */
export const tally = (amount: number): number => (Number.isFinite(amount) && amount > 0 ? amount : 0);

/** "$0.25", "$1,204.00". */
export const inDollars = (usd: number): string => `$${usd.toFixed(2).replace(/\B(?=(\d{3})+(?!\d))/g, ",")}`;
