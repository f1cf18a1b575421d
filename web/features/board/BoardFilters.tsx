"use client";
// The board's filter: words and states.

import { CATEGORIES, type Category } from "@omakase/machines/view";
import { Search, X } from "lucide-react";
import { Button } from "../../elements/Button.tsx";
import { CATEGORY_LOOK } from "../../elements/category.tsx";
import { cx } from "../../elements/class-names.ts";
import { FILLS, PATTERNS } from "../../elements/Pill.tsx";
import { type BoardFilter, isActive } from "./filter.ts";

export function BoardFilters({
  filter,
  counts,
  shown,
  total,
  onChange,
}: {
  filter: BoardFilter;
  /** Of all cards, filtered or not. */
  counts: Readonly<Record<Category, number>>;
  shown: number;
  total: number;
  onChange: (filter: BoardFilter) => void;
}) {
  const { text, categories } = filter;
  const offered = CATEGORIES.filter((category) => counts[category] > 0 || categories.includes(category));
  const toggle = (category: Category) =>
    onChange({
      text,
      categories: categories.includes(category) ? categories.filter((each) => each !== category) : [...categories, category],
    });
  return (
    <search className="flex flex-wrap items-center gap-x-3 gap-y-2" aria-label="Filter the board">
      <label className="relative block">
        <span className="sr-only">Filter by key, title, label or branch</span>
        <Search aria-hidden="true" size={16} className="pointer-events-none absolute top-3 left-2.5 text-muted" />
        <input
          type="search"
          value={text}
          maxLength={200}
          placeholder="Key, title, label, branch"
          onChange={({ target: { value } }) => onChange({ text: value, categories })}
          className="min-h-10 w-64 max-w-full rounded-control border-2 bg-panel pr-2 pl-8 placeholder:text-muted"
        />
      </label>
      <fieldset className="-mx-1 flex max-w-full gap-1.5 overflow-x-auto px-1 py-1 sm:flex-wrap">
        <legend className="sr-only">States</legend>
        {offered.map((category) => {
          const { word, icon: Icon, fill, pattern } = CATEGORY_LOOK[category];
          const isOn = categories.includes(category);
          return (
            <button
              key={category}
              type="button"
              aria-pressed={isOn}
              onClick={() => toggle(category)}
              className={cx(
                "inline-flex min-h-8 shrink-0 items-center gap-1.5 rounded-full border-2 px-2.5 text-sm",
                isOn ? cx("font-bold lift-sm", FILLS[fill], PATTERNS[pattern]) : "border-dashed bg-panel",
              )}
            >
              <Icon aria-hidden="true" size={14} />
              {word} {counts[category]}
            </button>
          );
        })}
      </fieldset>
      <p role="status" className={cx("text-sm text-muted", !isActive(filter) && "sr-only")}>
        {shown} of {total} shown
      </p>
      {isActive(filter) && (
        <Button size="sm" icon={<X size={16} />} onClick={() => onChange({ text: "", categories: [] })}>
          Clear
        </Button>
      )}
    </search>
  );
}
