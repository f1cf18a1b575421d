"use client";
// The logs of a feature's runs, one at a time: the newest unless the URL names another.

import { parseAsString, useQueryState } from "nuqs";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import type { RunCard } from "../feature/data.ts";
import { runId, runTitle } from "../runs/run-id.ts";
import { lookOf } from "../runs/states.tsx";
import { LogView } from "./LogView.tsx";
import { useRunLog } from "./use-run-log.ts";

export function LogsTab({ runs }: { runs: readonly RunCard[] }) {
  const [wanted, choose] = useQueryState("run", parseAsString);
  const chosen = runs.find((run) => runId(run) === wanted) ?? runs.at(-1);
  if (chosen === undefined) {
    return (
      <EmptyState title="No log yet">
        The log of each run streams here while it works. The first run begins when the feature is given a place.
      </EmptyState>
    );
  }
  return (
    <div className="flex flex-col gap-3">
      <label className="flex flex-wrap items-center gap-2 font-semibold">
        Run
        <select
          value={runId(chosen)}
          onChange={(event) => void choose(event.target.value)}
          className="min-h-10 max-w-full rounded-control border-2 bg-panel px-2 font-normal"
        >
          {runs.toReversed().map((run) => (
            <option key={run.id} value={runId(run)}>
              {runTitle(run)}: {lookOf(run).word.toLowerCase()}
            </option>
          ))}
        </select>
      </label>
      <PanelBoundary key={chosen.id} what="The log">
        <RunLogView run={chosen} />
      </PanelBoundary>
    </div>
  );
}

/** One run's log, live. */
export function RunLogView({ run }: { run: RunCard }) {
  const log = useRunLog(run.id);
  return <LogView log={log} isLive={run.state !== "ended"} name={runId(run)} onRetry={log.retry} />;
}
