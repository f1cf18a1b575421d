// Amounts that are added up: whole micro-dollars and tokens, so that what is reserved and released again leaves nothing behind.
// Months are calendar months in UTC, for everybody.

import { inDollars, tally } from "@omakase/machines/text";
import type { Infer } from "convex/values";
import type { vAllowance, vAmount, vMetered, vUsage } from "./validators.ts";

export type Amount = Infer<typeof vAmount>;
export type Allowance = Infer<typeof vAllowance>;
export type Metered = Infer<typeof vMetered>;

export const NOTHING: Amount = { microUsd: 0, tokens: 0 };

/** Dollars as whole micro-dollars, rounded up: a budget is never passed by rounding. */
export const microUsd = (usd: number): number => Math.ceil(tally(usd) * 1_000_000 - 1e-6);
export const usdOf = ({ microUsd }: Pick<Amount, "microUsd">): number => microUsd / 1_000_000;

export const plus = (one: Amount, other: Amount): Amount => ({
  microUsd: one.microUsd + other.microUsd,
  tokens: one.tokens + other.tokens,
});
export const minus = (one: Amount, other: Amount): Amount => ({
  microUsd: one.microUsd - other.microUsd,
  tokens: one.tokens - other.tokens,
});
/** The larger and the smaller of each. */
export const most = (one: Amount, other: Amount): Amount => ({
  microUsd: Math.max(one.microUsd, other.microUsd),
  tokens: Math.max(one.tokens, other.tokens),
});
export const least = (one: Amount, other: Amount): Amount => ({
  microUsd: Math.min(one.microUsd, other.microUsd),
  tokens: Math.min(one.tokens, other.tokens),
});

/** What a run says it used. */
export const ofUsage = (usage: Infer<typeof vUsage>): Amount => ({
  microUsd: microUsd(usage.costUsd),
  tokens: tally(usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheCreationTokens),
});

/** What the gateway measured. */
export const ofMetered = (metered: Metered): Amount => ({
  microUsd: metered.microUsd,
  tokens: metered.inputTokens + metered.outputTokens + metered.cacheReadTokens + metered.cacheCreationTokens,
});

export const NOT_METERED: Metered = {
  requests: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  microUsd: 0,
};

/** Two meters' figures, each taken with its like. */
export const combined = (one: Metered, other: Metered, how: (one: number, other: number) => number): Metered => ({
  requests: how(one.requests, other.requests),
  inputTokens: how(one.inputTokens, other.inputTokens),
  outputTokens: how(one.outputTokens, other.outputTokens),
  cacheReadTokens: how(one.cacheReadTokens, other.cacheReadTokens),
  cacheCreationTokens: how(one.cacheCreationTokens, other.cacheCreationTokens),
  microUsd: how(one.microUsd, other.microUsd),
});

/** "2026-11". */
export const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7);

const MONTHS = "January February March April May June July August September October November December".split(" ");

/** "November 2026" (UTC). */
export const monthInWords = (month: string): string => `${MONTHS[Number(month.slice(5)) - 1]} ${month.slice(0, 4)}`;

/** When the next month begins, ms. */
export function nextMonthAt(at: number): number {
  const now = new Date(at);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
}

const grouped = (tokens: number): string => String(tokens).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
/** "12,400 tokens". */
const tokensInWords = (tokens: number): string => `${grouped(tokens)} tokens`;

/** What lacks room in an allowance, with the figures; null when `wanted` fits beside what is spent and reserved. */
export function lacking(
  allowance: Allowance,
  { spent, reserved }: { readonly spent: Amount; readonly reserved: Amount },
  wanted: Amount,
): string | null {
  const used = plus(spent, reserved);
  if (allowance.usd !== null && used.microUsd + wanted.microUsd > microUsd(allowance.usd)) {
    const held = reserved.microUsd > 0 ? ` and ${inDollars(usdOf(reserved))} reserved` : "";
    return `${inDollars(usdOf(spent))} spent${held} of ${inDollars(allowance.usd)}; a run reserves ${inDollars(usdOf(wanted))}`;
  }
  if (allowance.tokens !== null && used.tokens + wanted.tokens > allowance.tokens) {
    const held = reserved.tokens > 0 ? ` and ${tokensInWords(reserved.tokens)} reserved` : "";
    return `${tokensInWords(spent.tokens)} used${held} of ${tokensInWords(allowance.tokens)}; a run reserves ${tokensInWords(wanted.tokens)}`;
  }
  return null;
}

/** Whether a run has used up what it reserved, in words. */
export function overrun(metered: Amount, reserved: Amount): string | null {
  if (metered.microUsd >= reserved.microUsd)
    return `The run has spent ${inDollars(usdOf(metered))} of the ${inDollars(usdOf(reserved))} it may`;
  if (metered.tokens >= reserved.tokens)
    return `The run has used ${grouped(metered.tokens)} of the ${tokensInWords(reserved.tokens)} it may`;
  return null;
}
