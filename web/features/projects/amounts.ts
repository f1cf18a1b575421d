// Amounts of a budget in words: dollars and tokens, spent and reserved of what is allowed.

import { inDollars } from "@omakase/machines/text";
import type { FunctionReturnType } from "convex/server";
import type { api } from "../../lib/api.ts";

export type Account = FunctionReturnType<typeof api.budgets.ofFeature>;
type Amount = Account["spent"];

export const dollarsOf = ({ microUsd }: Pick<Amount, "microUsd">): string => inDollars(microUsd / 1_000_000);

/** "12,400". */
export const tokensOf = ({ tokens }: Pick<Amount, "tokens">): string => tokens.toLocaleString("en-US");

export interface Line {
  readonly unit: "Dollars" | "Tokens";
  readonly spent: string;
  readonly reserved: string;
  /** "no limit" when there is none. */
  readonly allowed: string;
  /** 0 to 1; null without a limit. */
  readonly share: number | null;
}

/** One line for dollars and, when they are limited, one for tokens. */
export function linesOf({ spent, reserved, allowance }: Pick<Account, "spent" | "reserved" | "allowance">): readonly Line[] {
  const share = (used: number, limit: number | null) => (limit === null ? null : limit === 0 ? 1 : Math.min(1, used / limit));
  const dollars: Line = {
    unit: "Dollars",
    spent: dollarsOf(spent),
    reserved: dollarsOf(reserved),
    allowed: allowance.usd === null ? "no limit" : inDollars(allowance.usd),
    share: share((spent.microUsd + reserved.microUsd) / 1_000_000, allowance.usd),
  };
  if (allowance.tokens === null) return [dollars];
  const tokens: Line = {
    unit: "Tokens",
    spent: tokensOf(spent),
    reserved: tokensOf(reserved),
    allowed: tokensOf({ tokens: allowance.tokens }),
    share: share(spent.tokens + reserved.tokens, allowance.tokens),
  };
  return [dollars, tokens];
}
