"use client";
// The runs of a feature as a table; each leads to its own page.

import Link from "next/link";
import { useParams } from "next/navigation";
import { formatCost, formatDuration } from "../../elements/duration.ts";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { useNow } from "../../elements/now.ts";
import { RelativeTime } from "../../elements/RelativeTime.tsx";
import { ROLE_WORDS, type RunCard } from "../feature/data.ts";
import { ScrollRegion } from "../feature/ScrollRegion.tsx";
import { projectPath } from "../projects/project.ts";
import { durationMs, formatCount, taskId, tokensOf } from "./facts.ts";
import { runId, runTitle } from "./run-id.ts";
import { RunPill } from "./states.tsx";

const COLUMNS = ["Run", "State", "Began", "Took", "Model", "Tokens", "Cost", "Exit", "ECS task", "Why it ended"] as const;

export function RunList({ runs }: { runs: readonly RunCard[] }) {
  const { id } = useParams<{ id: string }>();
  if (runs.length === 0) {
    return (
      <EmptyState title="No runs yet">
        Each attempt of an architect, coder, reviewer or tester appears here, with what it cost and its log. The first begins when
        the feature is given a place.
      </EmptyState>
    );
  }
  return (
    <ScrollRegion label="Runs" className="overflow-x-auto rounded-card border-2 bg-panel">
      <table className="w-full min-w-[62rem] border-collapse text-sm">
        <thead>
          <tr className="border-b-2 text-left">
            {COLUMNS.map((name) => (
              <th key={name} scope="col" className="px-3 py-2 font-semibold whitespace-nowrap">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <RunRow key={run.id} run={run} href={projectPath(decodeURIComponent(id), `/runs/${runId(run)}`)} />
          ))}
        </tbody>
      </table>
    </ScrollRegion>
  );
}

function RunRow({ run, href }: { run: RunCard; href: string }) {
  const now = useNow();
  const { role, round, createdAt, model, usage, exitCode, taskArn, stopCode, endReason } = run;
  return (
    <tr className="border-b-2 align-top last:border-b-0 hover:bg-paper">
      <th scope="row" className="px-3 py-2 text-left">
        <Link href={href} className="inline-flex min-h-6 items-center font-semibold whitespace-nowrap underline">
          {runTitle(run)}
        </Link>
        <span className="block text-xs font-normal text-muted">
          {ROLE_WORDS[role]}, round {round}
        </span>
      </th>
      <td className="px-3 py-2">
        <RunPill run={run} />
      </td>
      <td className="px-3 py-2 whitespace-nowrap">
        <RelativeTime at={createdAt} />
      </td>
      <td className="px-3 py-2 whitespace-nowrap">{formatDuration(durationMs(run, now))}</td>
      <td className="px-3 py-2 font-mono text-xs">{model ?? "–"}</td>
      <td className="px-3 py-2">{formatCount(tokensOf(run))}</td>
      <td className="px-3 py-2">{formatCost(usage.costUsd)}</td>
      <td className="px-3 py-2">{exitCode ?? "–"}</td>
      <td className="px-3 py-2 font-mono text-xs" title={taskArn ?? undefined}>
        {taskArn === null ? "–" : taskId(taskArn).slice(0, 8)}
      </td>
      <td className="max-w-80 min-w-40 px-3 py-2 break-words">
        {endReason ?? "–"}
        {stopCode && <span className="block font-mono text-xs text-muted">{stopCode}</span>}
      </td>
    </tr>
  );
}
