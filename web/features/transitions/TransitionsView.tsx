"use client";
// The steps of an actor, or of a feature and its agents, live and page by page.

import { usePaginatedQuery } from "convex/react";
import { useCallback } from "react";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { api } from "../../lib/api.ts";
import type { Transition } from "../feature/data.ts";
import { TransitionList } from "./TransitionList.tsx";

const PAGE = 100;

export function FeatureTransitions({ feature }: { feature: string }) {
  const page = usePaginatedQuery(api.transitions.ofFeature, { feature }, { initialNumItems: PAGE });
  return <Shown page={page} showsActor label="Timeline of the feature and its agents" />;
}

export function ActorTransitions({ actor }: { actor: string }) {
  const page = usePaginatedQuery(api.transitions.ofActor, { actor }, { initialNumItems: PAGE });
  return <Shown page={page} showsActor={false} label="Steps of the actor" />;
}

interface Page {
  readonly results: readonly Transition[];
  readonly status: "LoadingFirstPage" | "CanLoadMore" | "LoadingMore" | "Exhausted";
  readonly loadMore: (count: number) => void;
}

function Shown({ page, showsActor, label }: { page: Page; showsActor: boolean; label: string }) {
  const { results, status, loadMore } = page;
  const onOlder = useCallback(() => loadMore(PAGE), [loadMore]);
  if (status === "LoadingFirstPage") {
    return (
      <Loading what="the steps">
        <Skeleton className="h-96" />
      </Loading>
    );
  }
  if (results.length === 0) {
    return (
      <EmptyState title="No steps yet">
        Every event an actor takes is recorded here with what caused it. Nothing has happened to this one since it was made.
      </EmptyState>
    );
  }
  const older = status === "Exhausted" ? "all" : status === "LoadingMore" ? "loading" : "more";
  return <TransitionList steps={results} showsActor={showsActor} older={older} onOlder={onOlder} label={label} />;
}
