"use client";
// What a feature is about and how it stands: why it is not moving, the ticket, what each role handed in, who waits for whom.

import { useQuery } from "convex/react";
import Link from "next/link";
import { useParams } from "next/navigation";
import type { ReactNode } from "react";
import { Card } from "../../elements/Card.tsx";
import { CategoryPill } from "../../elements/category.tsx";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { Pill } from "../../elements/Pill.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { api } from "../../lib/api.ts";
import { projectPath } from "../projects/project.ts";
import { ResultView } from "../runs/ResultView.tsx";
import { parseResult } from "../runs/results.ts";
import { runTitle } from "../runs/run-id.ts";
import { lastPart } from "../transitions/describe.ts";
import { type FeatureDetails, ROLE_WORDS, type RunCard } from "./data.ts";
import { FeatureBudget } from "./FeatureBudget.tsx";
import { Markdown } from "./Markdown.tsx";
import { WhyNot } from "./WhyNot.tsx";

export function Overview({ details }: { details: FeatureDetails }) {
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-5 lg:grid-cols-[minmax(0,1fr)_22rem]">
      <div className="flex min-w-0 flex-col gap-5">
        <WhyNot details={details} />
        <Ticket details={details} />
        <Results runs={details.runs} />
      </div>
      <div className="flex min-w-0 flex-col gap-5">
        <Dependencies details={details} />
        <PanelBoundary what="The budget">
          <FeatureBudget feature={details.feature.address} />
        </PanelBoundary>
        <TicketFacts details={details} />
      </div>
    </div>
  );
}

function Ticket({ details: { ticket } }: { details: FeatureDetails }) {
  return (
    <Card className="flex flex-col gap-3">
      <h3 className="text-lg">Ticket</h3>
      {ticket === null ? (
        <p className="text-muted">The ticket has not been read yet.</p>
      ) : ticket.description.trim() === "" ? (
        <p className="text-muted">It has a title and no text.</p>
      ) : (
        <>
          <Markdown text={ticket.description} />
          {ticket.descriptionBytes > new TextEncoder().encode(ticket.description).length && (
            <p className="text-sm text-muted">The text is longer than what is kept here: read the rest in Linear.</p>
          )}
        </>
      )}
    </Card>
  );
}

const ROLE_ORDER = ["architect", "coder", "reviewer", "tester"] as const;

/** The latest result of each role. */
function Results({ runs }: { runs: readonly RunCard[] }) {
  const latest = ROLE_ORDER.flatMap((role) => runs.findLast((run) => run.role === role && run.hasResult) ?? []);
  return (
    <Card className="flex flex-col gap-3">
      <h3 className="text-lg">What the team handed in</h3>
      {latest.length === 0 ? (
        <p className="text-muted">
          Nothing yet. The architect’s plan comes first, with the acceptance items the tester will check.
        </p>
      ) : (
        latest.map((run) => (
          <details key={run.role} open className="border-t-2 pt-3">
            <summary className="min-h-6 font-display font-bold">
              {ROLE_WORDS[run.role]} <span className="font-sans text-sm font-normal text-muted">{runTitle(run)}</span>
            </summary>
            <div className="pt-3">
              <PanelBoundary what="This result">
                <RunResult run={run} />
              </PanelBoundary>
            </div>
          </details>
        ))
      )}
    </Card>
  );
}

export function RunResult({ run: { id, role } }: { run: Pick<RunCard, "id" | "role"> }) {
  const found = useQuery(api.runs.result, { run: id });
  if (found === undefined) {
    return (
      <Loading what="the result">
        <Skeleton className="h-24" />
      </Loading>
    );
  }
  if (found === null) return <p className="text-muted">It has not handed anything in.</p>;
  return <ResultView result={parseResult(role, found.result)} />;
}

function Dependencies({ details: { blockedBy, blocks } }: { details: FeatureDetails }) {
  return (
    <Card className="flex flex-col gap-3">
      <h3 className="text-lg">Dependencies</h3>
      <Part title="Waits for" empty="Nothing: it may run as soon as there is a place.">
        {blockedBy.map(({ key, feature, state, branch }) => (
          <li key={key} className="flex flex-wrap items-center gap-2">
            <FeatureLink ticket={key} feature={feature} />
            <Pill fill={state === "met" ? "lime" : "violet"} pattern={state === "met" ? "none" : "hatch"}>
              {state === "met" ? "Met" : "Not met yet"}
            </Pill>
            {branch && <code className="font-mono text-xs break-all text-muted">builds on {branch}</code>}
          </li>
        ))}
      </Part>
      <Part title="Keeps waiting" empty="Nobody waits for it.">
        {blocks.map(({ key, feature, category }) => (
          <li key={key} className="flex flex-wrap items-center gap-2">
            <FeatureLink ticket={key} feature={feature} />
            {category && <CategoryPill category={category} />}
          </li>
        ))}
      </Part>
    </Card>
  );
}

function Part({ title, empty, children }: { title: string; empty: string; children: readonly ReactNode[] }) {
  return (
    <div>
      <h4 className="mb-1 font-semibold">{title}</h4>
      {children.length === 0 ? (
        <p className="text-sm text-muted">{empty}</p>
      ) : (
        <ul className="flex flex-col gap-1.5">{children}</ul>
      )}
    </div>
  );
}

/** The ticket's key of today; the feature is found by the key it was born with. */
function FeatureLink({ ticket, feature }: { ticket: string; feature: string | null }) {
  const { id } = useParams<{ id: string }>();
  if (feature === null) return <span className="font-semibold">{ticket}</span>;
  const href = projectPath(decodeURIComponent(id), `/features/${encodeURIComponent(lastPart(feature).toUpperCase())}`);
  return (
    <Link href={href} className="inline-flex min-h-6 items-center font-semibold underline">
      {ticket}
    </Link>
  );
}

const PRIORITIES = ["None", "Urgent", "High", "Medium", "Low"] as const;

function TicketFacts({ details: { feature, ticket } }: { details: FeatureDetails }) {
  const facts: readonly (readonly [string, ReactNode])[] = [
    ["Priority", PRIORITIES[feature.priority] ?? "None"],
    ["State in Linear", ticket?.stateName ?? "–"],
    ["Labels", feature.labels.length === 0 ? "None" : feature.labels.map((label) => <Pill key={label}>{label}</Pill>)],
  ];
  return (
    <Card>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-2 text-sm">
        {facts.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="font-semibold">{name}</dt>
            <dd className="flex flex-wrap gap-1">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
