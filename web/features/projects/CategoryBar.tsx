// How many features are in which category: one bar with patterns, and the same in words below.

import { CATEGORIES, type Category } from "@omakase/machines/view";
import { CATEGORY_LOOK } from "../../elements/category.tsx";
import { cx } from "../../elements/class-names.ts";
import { FILLS, PATTERNS } from "../../elements/Pill.tsx";

export function CategoryBar({ counts }: { counts: Readonly<Record<Category, number>> }) {
  const present = CATEGORIES.filter((category) => counts[category] > 0);
  if (present.length === 0) return <p className="text-sm text-muted">No features yet.</p>;
  return (
    <div>
      <div aria-hidden="true" className="flex h-5 overflow-hidden rounded-full border-2">
        {present.map((category) => {
          const { fill, pattern } = CATEGORY_LOOK[category];
          return (
            <span
              key={category}
              style={{ flexGrow: counts[category] }}
              className={cx("border-l-2 first:border-l-0", FILLS[fill], PATTERNS[pattern])}
            />
          );
        })}
      </div>
      <ul aria-label="Features by state" className="mt-2 flex flex-wrap gap-x-3 gap-y-1 text-sm">
        {present.map((category) => {
          const { icon: Icon, word } = CATEGORY_LOOK[category];
          return (
            <li key={category} className="flex items-center gap-1">
              <Icon aria-hidden="true" size={14} />
              {word} <strong>{counts[category]}</strong>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** How many of each, none left out. */
export function countByCategory(features: readonly { readonly category: Category }[]): Record<Category, number> {
  const counts = Object.fromEntries(CATEGORIES.map((category) => [category, 0])) as Record<Category, number>;
  for (const { category } of features) counts[category] += 1;
  return counts;
}
