"use client";
// A project's board, live.

import { CATEGORIES } from "@omakase/machines/view";
import { useQuery } from "convex/react";
import { useParams } from "next/navigation";
import { debounce, parseAsArrayOf, parseAsString, parseAsStringLiteral, useQueryStates } from "nuqs";
import { Button } from "../../elements/Button.tsx";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { Mascot } from "../../elements/mascot/Mascot.tsx";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { api, type FeatureCard } from "../../lib/api.ts";
import { countByCategory } from "../projects/CategoryBar.tsx";
import { projectPath, useProject } from "../projects/project.ts";
import { Board } from "./Board.tsx";
import { BoardFilters } from "./BoardFilters.tsx";
import { type BoardFilter, isActive, matches } from "./filter.ts";

const URL_KEYS = {
  q: parseAsString.withDefault(""),
  state: parseAsArrayOf(parseAsStringLiteral(CATEGORIES)).withDefault([]),
};
/** The drawing follows every key; the URL only once typing rests. */
const URL_REST_MS = 200;

export function BoardView() {
  return (
    <PanelBoundary what="The board">
      <LiveBoard />
    </PanelBoundary>
  );
}

function LiveBoard() {
  const { address, role, linearTeamKey } = useProject();
  const { id } = useParams<{ id: string }>();
  const board = useQuery(api.features.board, { project: address });
  const [{ q, state }, setUrl] = useQueryStates(URL_KEYS);
  if (board === undefined) return <BoardSkeleton />;
  if (board.cards.length === 0) return <EmptyBoard teamKey={linearTeamKey} />;

  const filter: BoardFilter = { text: q, categories: state };
  const onChange = ({ text, categories }: BoardFilter) =>
    void setUrl(
      { q: text || null, state: categories.length > 0 ? [...categories] : null },
      { limitUrlUpdates: text === q ? undefined : debounce(URL_REST_MS) },
    );
  const shown = board.cards.filter((card) => matches(filter, card));
  const hrefOf = ({ key }: FeatureCard) => projectPath(decodeURIComponent(id), `/features/${encodeURIComponent(key)}`);
  return (
    <div className="flex flex-col gap-5">
      <BoardFilters
        filter={filter}
        counts={countByCategory(board.cards)}
        shown={shown.length}
        total={board.cards.length}
        onChange={onChange}
      />
      {shown.length === 0 && isActive(filter) ? (
        <EmptyState
          title="No feature fits the filter"
          action={<Button onClick={() => onChange({ text: "", categories: [] })}>Clear the filter</Button>}
        >
          {q && `Nothing has “${q}” in its key, title, labels or branch`}
          {q && state.length > 0 && " and is "}
          {!q && "Nothing is "}
          {state.length > 0 && state.join(" or ")}.
        </EmptyState>
      ) : (
        <Board cards={shown} cut={board.cut} role={role} hrefOf={hrefOf} />
      )}
    </div>
  );
}

function EmptyBoard({ teamKey }: { teamKey: string }) {
  return (
    <EmptyState title="Nothing on the board yet" mascot={<Mascot species="orchestrator" mood="waiting" size={112} />}>
      Every ticket of the Linear team {teamKey} becomes a card here as soon as Linear tells of it. Make one there, and move it to
      Todo to start it.
    </EmptyState>
  );
}

function BoardSkeleton() {
  return (
    <Loading what="the board" className="flex flex-col gap-5">
      <Skeleton className="h-10 w-64" />
      <div className="grid gap-2.5 lg:grid-cols-7">
        {["queued", "architect", "code", "review", "test", "needsYou", "done"].map((column) => (
          <Skeleton key={column} className="h-64" />
        ))}
      </div>
    </Loading>
  );
}
