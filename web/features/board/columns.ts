// The board's columns as people read them: one total table, and the split of cards over it.

import { COLUMNS, type Column } from "@omakase/machines/view";
import type { Species } from "../../elements/mascot/Mascot.tsx";
import type { FeatureCard } from "../../lib/api.ts";

export interface ColumnLook {
  readonly title: string;
  /** Who works here; null where nobody does. */
  readonly species: Species | null;
  /** What belongs here, for when it is empty. */
  readonly empty: string;
  /** Shown folded, beside the others. */
  readonly isRail: boolean;
}

export const COLUMN_LOOK: Record<Column, ColumnLook> = {
  queued: { title: "Queued", species: "orchestrator", empty: "Tickets wait here for their turn.", isRail: false },
  architect: { title: "Architect", species: "architect", empty: "Nothing is being planned.", isRail: false },
  code: { title: "Code", species: "coder", empty: "Nothing is being written.", isRail: false },
  review: { title: "Review", species: "reviewer", empty: "Nothing is being read.", isRail: false },
  test: { title: "Test", species: "tester", empty: "Nothing is being tried.", isRail: false },
  needsYou: { title: "Needs you", species: null, empty: "Nobody waits for you.", isRail: false },
  done: { title: "Done", species: null, empty: "Pull requests end up here.", isRail: false },
  failed: { title: "Failed", species: null, empty: "Nothing has failed.", isRail: true },
  cancelled: { title: "Cancelled", species: null, empty: "Nothing was cancelled.", isRail: true },
};

/** Every column with its cards, longest in its state first; the resting ones newest first. */
export function byColumn(cards: readonly FeatureCard[]): ReadonlyMap<Column, readonly FeatureCard[]> {
  const columns = new Map<Column, FeatureCard[]>(COLUMNS.map((column) => [column, []]));
  for (const card of cards) columns.get(card.column)?.push(card);
  for (const [column, its] of columns) {
    const newestFirst = column === "done" || column === "cancelled" || column === "failed";
    its.sort((one, other) => (newestFirst ? other.stateSince - one.stateSince : one.stateSince - other.stateSince));
  }
  return columns;
}

/** The middle of the times in state, ms; null when there is none. */
export function medianAgeMs(cards: readonly FeatureCard[], now: number): number | null {
  const ages = cards.map(({ stateSince }) => now - stateSince).sort((one, other) => one - other);
  return ages[Math.floor((ages.length - 1) / 2)] ?? null;
}
