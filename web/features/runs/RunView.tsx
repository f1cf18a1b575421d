"use client";
// A run's page, live: its facts, its log, what it handed in.

import { useQuery } from "convex/react";
import { ArrowLeft } from "lucide-react";
import Link from "next/link";
import { useParams } from "next/navigation";
import type { ReactNode } from "react";
import { ButtonLink } from "../../elements/Button.tsx";
import { Card } from "../../elements/Card.tsx";
import { formatDuration } from "../../elements/duration.ts";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { Mascot } from "../../elements/mascot/Mascot.tsx";
import { useNow } from "../../elements/now.ts";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { RelativeTime } from "../../elements/RelativeTime.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { api } from "../../lib/api.ts";
import { ROLE_WORDS, type RunCard } from "../feature/data.ts";
import { RunResult } from "../feature/Overview.tsx";
import { RunLogView } from "../logs/LogsTab.tsx";
import { projectPath, useProject } from "../projects/project.ts";
import { DispatchReceipt } from "./DispatchReceipt.tsx";
import { durationMs, factsOf } from "./facts.ts";
import { parseRunId, type RunName, runTitle } from "./run-id.ts";
import { RunPill } from "./states.tsx";

/** @param id as in the URL: "oma-1.coder-2.1" */
export function RunView({ id }: { id: string }) {
  const name = parseRunId(id);
  return (
    <PanelBoundary what="The run">
      {name === null ? <NoRun id={id} feature={null} /> : <LiveRun id={id} name={name} />}
    </PanelBoundary>
  );
}

function LiveRun({ id, name }: { id: string; name: RunName }) {
  const { address } = useProject();
  const feature = `${address}/${name.feature}`;
  const runs = useQuery(api.runs.ofFeature, { feature });
  if (runs === undefined) {
    return (
      <Loading what="the run" className="flex flex-col gap-4">
        <Skeleton className="h-16" />
        <Skeleton className="h-96" />
      </Loading>
    );
  }
  const run = runs.find(({ agent, attempt }) => agent === `${feature}/${name.agent}` && attempt === name.attempt);
  return run === undefined ? <NoRun id={id} feature={name.feature} /> : <FoundRun run={run} feature={name.feature} />;
}

function NoRun({ id, feature }: { id: string; feature: string | null }) {
  const { id: project } = useParams<{ id: string }>();
  const rest = feature === null ? "" : `/features/${encodeURIComponent(feature.toUpperCase())}?tab=runs`;
  return (
    <EmptyState
      title={`There is no run “${id}” here`}
      mascot={<Mascot species="orchestrator" mood="stuck" size={96} />}
      action={
        <ButtonLink href={projectPath(decodeURIComponent(project), rest)}>
          {feature === null ? "Back to the board" : "All runs of the feature"}
        </ButtonLink>
      }
    >
      A run’s address looks like oma-1.coder-2.1: feature, agent, attempt.
    </EmptyState>
  );
}

function FoundRun({ run, feature }: { run: RunCard; feature: string }) {
  const { id: project } = useParams<{ id: string }>();
  const id = decodeURIComponent(project);
  const key = feature.toUpperCase();
  return (
    <div className="flex flex-col gap-5">
      <header className="flex flex-col gap-2">
        <Link
          href={projectPath(id, `/features/${encodeURIComponent(key)}?tab=runs`)}
          className="inline-flex min-h-6 w-fit items-center gap-1.5 text-sm font-semibold underline"
        >
          <ArrowLeft aria-hidden="true" size={16} /> Runs of {key}
        </Link>
        <h2 className="flex flex-wrap items-center gap-3 text-xl sm:text-2xl">
          <Mascot
            species={run.role}
            mood={run.state === "ended" ? (run.exitCode === 0 ? "proud" : "failed") : "working"}
            size={48}
          />
          {key}, {runTitle(run)} <RunPill run={run} />
        </h2>
      </header>
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-5 xl:grid-cols-[minmax(0,1fr)_24rem]">
        <RunLogView run={run} />
        <div className="flex min-w-0 flex-col gap-5">
          <Facts run={run} />
          <PanelBoundary what="The dispatch receipt">
            <DispatchReceipt run={run} />
          </PanelBoundary>
          <Card className="flex flex-col gap-3">
            <h3 className="text-lg">What it handed in</h3>
            <PanelBoundary what="The result">
              <RunResult run={run} />
            </PanelBoundary>
          </Card>
          <Link
            href={projectPath(id, `/actors/${run.agent}`)}
            className="inline-flex min-h-6 w-fit items-center font-semibold underline"
          >
            Statechart and steps of this agent
          </Link>
        </div>
      </div>
    </div>
  );
}

function Facts({ run }: { run: RunCard }) {
  const now = useNow();
  const { role, round, attempt, createdAt, lastSeenAt, lastOutputAt, state } = run;
  return (
    <Card className="flex flex-col gap-3">
      <h3 className="text-lg">Facts</h3>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm">
        <Fact name="Role">
          {ROLE_WORDS[role]}, round {round}, attempt {attempt}
        </Fact>
        <Fact name="Asked for">
          <RelativeTime at={createdAt} />
        </Fact>
        <Fact name="Took">{formatDuration(durationMs(run, now))}</Fact>
        {state !== "ended" && lastSeenAt !== null && (
          <Fact name="Heartbeat">
            <RelativeTime at={lastSeenAt} />
          </Fact>
        )}
        {state !== "ended" && lastOutputAt !== null && (
          <Fact name="Last output">
            <RelativeTime at={lastOutputAt} />
          </Fact>
        )}
        {factsOf(run).map(({ name, text, isCode }) => (
          <Fact key={name} name={name}>
            {isCode ? <code className="font-mono text-xs break-all select-all">{text}</code> : text}
          </Fact>
        ))}
      </dl>
    </Card>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="font-semibold">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}
