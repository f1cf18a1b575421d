"use client";
// What reconciliation has put right in a project, live, below its board. Nothing is shown while there was nothing to put right.

import { usePaginatedQuery } from "convex/react";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { api } from "../../lib/api.ts";
import { useProject } from "../projects/project.ts";
import { RepairList } from "./RepairList.tsx";

const PAGE = 20;

export function RepairsView() {
  return (
    <PanelBoundary what="The list of repairs">
      <LiveRepairs />
    </PanelBoundary>
  );
}

function LiveRepairs() {
  const { address } = useProject();
  const { results, status, loadMore } = usePaginatedQuery(api.repairs.ofProject, { project: address }, { initialNumItems: PAGE });
  return <RepairList repairs={results} onOlder={status === "CanLoadMore" ? () => loadMore(PAGE) : null} />;
}
