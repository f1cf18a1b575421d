"use client";
// The board as a drawing: columns with their cards, and the folded rail. Fetches nothing.

import { COLUMNS, type Column } from "@omakase/machines/view";
import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { Button } from "../../elements/Button.tsx";
import { formatDuration } from "../../elements/duration.ts";
import { Mascot } from "../../elements/mascot/Mascot.tsx";
import { useNow } from "../../elements/now.ts";
import type { FeatureCard, MembershipRole } from "../../lib/api.ts";
import { BoardCard } from "./BoardCard.tsx";
import { byColumn, COLUMN_LOOK, medianAgeMs } from "./columns.ts";

export interface BoardProps {
  readonly cards: readonly FeatureCard[];
  /** Columns that have more than is shown. */
  readonly cut: readonly Column[];
  readonly role: MembershipRole;
  readonly hrefOf: (card: FeatureCard) => string;
}

const isRail = (column: Column) => COLUMN_LOOK[column].isRail;

export function Board({ cards, cut, role, hrefOf }: BoardProps) {
  const columns = byColumn(cards);
  const props = (column: Column) => ({ column, cards: columns.get(column) ?? [], isCut: cut.includes(column), role, hrefOf });
  return (
    <div className="flex flex-col gap-5">
      <section
        aria-label="Board"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable without a mouse
        tabIndex={0}
        className="-mx-3 grid snap-x snap-proximity scroll-px-3 grid-flow-col auto-cols-[minmax(min(82vw,16rem),1fr)] gap-2.5 overflow-x-auto px-3 pb-3 sm:-mx-5 sm:scroll-px-5 sm:px-5 lg:auto-cols-[minmax(10.2rem,1fr)]"
      >
        {COLUMNS.filter((column) => !isRail(column)).map((column) => (
          <BoardColumn key={column} {...props(column)} />
        ))}
      </section>
      <div className="flex flex-col gap-3">
        {COLUMNS.filter(isRail).map((column) => (
          <Rail key={column} {...props(column)} />
        ))}
      </div>
    </div>
  );
}

interface ColumnProps extends Pick<BoardProps, "role" | "hrefOf"> {
  readonly column: Column;
  readonly cards: readonly FeatureCard[];
  readonly isCut: boolean;
}

function BoardColumn({ column, cards, isCut, role, hrefOf }: ColumnProps) {
  const { title, species, empty } = COLUMN_LOOK[column];
  const busy = cards.find(({ category }) => category === "working");
  return (
    <section aria-label={title} className="flex min-w-0 snap-start flex-col gap-2.5">
      <header className="flex min-h-12 items-center gap-2 border-b-2 pb-1">
        {species && <Mascot species={species} mood={busy?.mood ?? "idle"} size={36} isDecorative />}
        <div className="min-w-0">
          <h2 className="truncate text-base leading-tight">
            {title} <Count cards={cards} isCut={isCut} />
          </h2>
          {column !== "done" && <MedianAge cards={cards} />}
        </div>
      </header>
      {cards.length === 0 ? (
        <p className="rounded-card border-2 border-dashed border-muted px-2 py-4 text-center text-xs text-muted">{empty}</p>
      ) : (
        <CardList cards={cards} role={role} hrefOf={hrefOf} className="flex flex-col gap-3" />
      )}
    </section>
  );
}

function Rail({ column, cards, isCut, role, hrefOf }: ColumnProps) {
  const { title, empty } = COLUMN_LOOK[column];
  return (
    <details className="group rounded-card border-2 bg-panel" open={column === "failed" && cards.length > 0}>
      <summary className="flex min-h-10 list-none items-center gap-2 rounded-card px-3 font-display font-bold [&::-webkit-details-marker]:hidden">
        <ChevronRight aria-hidden="true" size={18} className="group-open:rotate-90" />
        {title} <Count cards={cards} isCut={isCut} />
      </summary>
      {cards.length === 0 ? (
        <p className="px-3 pb-3 text-sm text-muted">{empty}</p>
      ) : (
        <CardList
          cards={cards}
          role={role}
          hrefOf={hrefOf}
          className="grid grid-cols-[repeat(auto-fill,minmax(min(100%,16rem),1fr))] gap-3 p-3 pt-1"
        />
      )}
    </details>
  );
}

/** Cards of one column drawn at once: a thousand of them would take seconds. */
const PAGE_CARDS = 25;

function CardList({ cards, role, hrefOf, className }: Omit<ColumnProps, "column" | "isCut"> & { className: string }) {
  const [room, setRoom] = useState(PAGE_CARDS);
  const rest = cards.length - room;
  return (
    <>
      <ul className={className}>
        {cards.slice(0, room).map((card) => (
          <li key={card.address}>
            <BoardCard card={card} role={role} href={hrefOf(card)} />
          </li>
        ))}
      </ul>
      {rest > 0 && (
        <Button size="sm" className="m-2" onClick={() => setRoom(room + PAGE_CARDS)}>
          {Math.min(rest, PAGE_CARDS)} more of {cards.length}
        </Button>
      )}
    </>
  );
}

function Count({ cards, isCut }: Pick<ColumnProps, "cards" | "isCut">) {
  return (
    <span className="font-normal text-muted">
      {cards.length}
      {isCut && <span title="There are more; only these are shown">+</span>}
    </span>
  );
}

const MEDIAN_STEP_MS = 5_000;

function MedianAge({ cards }: Pick<ColumnProps, "cards">) {
  const median = medianAgeMs(cards, useNow(MEDIAN_STEP_MS));
  if (median === null) return null;
  return (
    <p className="text-xs text-muted" title="Half of them have been in their state for longer">
      median {formatDuration(median)}
    </p>
  );
}
