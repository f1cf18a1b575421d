// Which cards are shown: words and states, both kept in the URL.

import type { Category } from "@omakase/machines/view";
import type { FeatureCard } from "../../lib/api.ts";

export interface BoardFilter {
  /** Every word must occur in the key, the title, a label or the branch. */
  readonly text: string;
  /** Empty: all of them. */
  readonly categories: readonly Category[];
}

export function matches({ text, categories }: BoardFilter, card: FeatureCard): boolean {
  if (categories.length > 0 && !categories.includes(card.category)) return false;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const searched = [card.key, card.title, card.branch, ...card.labels].join("\n").toLowerCase();
  return words.every((word) => searched.includes(word));
}

export const isActive = ({ text, categories }: BoardFilter): boolean => text.trim() !== "" || categories.length > 0;
