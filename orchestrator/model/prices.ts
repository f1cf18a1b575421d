// What a token costs, in dollars a million. Source: the list prices that Claude Code 2.1.329 carries, measured on 2026-11-21 by letting
// it price answers of a known usage; models it does not know: https://docs.anthropic.com/en/docs/about-claude/pricing, the same day.
// Writing to the cache costs 1.25 times the input (kept 5 minutes) or twice (an hour). metering.test.ts compares a whole run with what
// the installed Claude Code says of it, so a price that changes there is noticed here.

import type { TokenUsage } from "./usage-reader.ts";

interface Price {
  readonly input: number;
  readonly output: number;
  /** Input read from the cache. */
  readonly cached: number;
}

/** By the beginning of a model's name; the longest that fits counts. */
const PRICES: Readonly<Record<string, Price>> = {
  "claude-opus-5-5": { input: 4, output: 20, cached: 0.2 },
  "claude-sonnet-5-5": { input: 2, output: 10, cached: 0.1 },
  "claude-haiku-5-5": { input: 0.1, output: 0.5, cached: 0.01 },
  "claude-opus-4": { input: 15, output: 75, cached: 1.5 },
  "claude-opus-4-5": { input: 5, output: 25, cached: 0.5 },
  "claude-opus-4-6": { input: 5, output: 25, cached: 0.5 },
  "claude-sonnet-4": { input: 3, output: 15, cached: 0.3 },
  "claude-haiku-4-5": { input: 1, output: 5, cached: 0.1 },
};

/** A model nobody has priced costs as much as the dearest: a budget errs on the safe side. */
const DEAREST: Price = { input: 15, output: 75, cached: 1.5 };

const CACHE_WRITE_5M = 1.25;
const CACHE_WRITE_1H = 2;

const priceOf = (model: string): Price | undefined => {
  const fitting = Object.keys(PRICES).filter((name) => model.startsWith(name));
  const longest = fitting.sort((one, other) => other.length - one.length)[0];
  return longest === undefined ? undefined : PRICES[longest];
};

export const isPriced = (model: string): boolean => priceOf(model) !== undefined;

/** The price of one answer in whole micro-dollars, rounded up. Dollars a million tokens are micro-dollars a token. */
export function microUsdOf(model: string, usage: TokenUsage): number {
  const { input, output, cached } = priceOf(model) ?? DEAREST;
  const forAnHour = Math.min(usage.cacheCreation1hTokens, usage.cacheCreationTokens);
  const written = (usage.cacheCreationTokens - forAnHour) * CACHE_WRITE_5M + forAnHour * CACHE_WRITE_1H;
  const total = (usage.inputTokens + written) * input + usage.cacheReadTokens * cached + usage.outputTokens * output;
  return Math.ceil(total - 1e-6);
}
