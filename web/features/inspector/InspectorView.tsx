"use client";

// The project's actors, live from the orchestrator: a tree, what they are told, and the chart of the chosen one.

import { actorKind } from "@omakase/machines/ids";
import { parseAsString, useQueryState } from "nuqs";
import { useMemo, useState, useSyncExternalStore } from "react";
import { Button, ButtonLink } from "../../elements/Button.tsx";
import { Card } from "../../elements/Card.tsx";
import { formatDuration } from "../../elements/duration.ts";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { Mascot } from "../../elements/mascot/Mascot.tsx";
import { useNow } from "../../elements/now.ts";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { Pill } from "../../elements/Pill.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { fetchAccessToken, usePublicSettings } from "../../lib/convex.tsx";
import { MACHINE_OF } from "../feature/ActorChart.tsx";
import { ContextTree } from "../feature/ContextTree.tsx";
import { useProject } from "../projects/project.ts";
import { activeIn } from "../statechart/active.ts";
import { chartOf } from "../statechart/chart.ts";
import { StatechartView } from "../statechart/StatechartView.tsx";
import { ActorTree } from "./ActorTree.tsx";
import { EventList } from "./EventList.tsx";
import { type FeedState, InspectorFeed } from "./feed.ts";
import { type InspectedActor, MAX_EVENTS, type Picture } from "./picture.ts";

export function InspectorView() {
  const { address } = useProject();
  const { orchestratorUrl } = usePublicSettings();
  const feed = useMemo(
    () => new InspectorFeed({ url: orchestratorUrl, project: address, token: fetchAccessToken }),
    [orchestratorUrl, address],
  );
  const { state, picture } = useSyncExternalStore(feed.subscribe, feed.read, feed.read);
  return (
    <PanelBoundary what="The inspector">
      <Inspector state={state} picture={picture} onRetry={feed.retry} />
    </PanelBoundary>
  );
}

/** Takes the feed as it is; fetches nothing. */
function Inspector({ state, picture, onRetry }: { state: FeedState; picture: Picture; onRetry: () => void }) {
  const [wanted, choose] = useQueryState("actor", parseAsString);
  const [search, setSearch] = useState("");
  const { actors, events, dropped, leftOut, hasGap } = picture;
  const first = actors.keys().next().value ?? null;
  const chosen = wanted !== null && actors.has(wanted) ? wanted : first;
  const actor = chosen === null ? undefined : actors.get(chosen);
  if (actors.size === 0) return <NoActors state={state} onRetry={onRetry} />;
  return (
    <div className="flex flex-col gap-5">
      <FeedLine state={state} onRetry={onRetry} />
      {(hasGap || leftOut > 0) && (
        <p className="rounded-control border-2 bg-mango px-3 py-1.5 text-sm text-ink">
          {hasGap && "Some steps were missed while the line was down: each feature’s timeline has all of them. "}
          {leftOut > 0 && `${leftOut} more actors are not shown.`}
        </p>
      )}
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-5 lg:grid-cols-[22rem_minmax(0,1fr)]">
        <Card className="flex min-w-0 flex-col gap-3 p-3">
          <h2 className="text-lg">Actors</h2>
          <input
            type="search"
            aria-label="Search actors by name or state"
            placeholder="Name or state"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
            className="min-h-8 rounded-control border-2 bg-panel px-2 text-sm"
          />
          <div className="max-h-[28rem] overflow-auto">
            <ActorTree actors={actors} search={search} chosen={chosen} onChoose={(address) => void choose(address)} />
          </div>
        </Card>
        <section aria-label="Events of the system" className="flex min-w-0 flex-col gap-2">
          <h2 className="text-lg">Events</h2>
          <EventList events={events} chosen={chosen} />
          {dropped > 0 && (
            <p className="text-sm text-muted">
              The newest {MAX_EVENTS} are kept here; {dropped} older ones are in the timelines.
            </p>
          )}
        </section>
      </div>
      {actor && <ChosenActor key={actor.address} actor={actor} />}
    </div>
  );
}

function ChosenActor({ actor: { address, name, snapshot, lastStep, sequence } }: { actor: InspectedActor }) {
  const machine = MACHINE_OF[actorKind(address)];
  const active = useMemo(() => activeIn(chartOf(machine), snapshot.value), [machine, snapshot]);
  return (
    <section aria-label={`Actor ${name}`} className="flex flex-col gap-4">
      <h2 className="flex flex-wrap items-center gap-3 text-lg">
        <code className="font-mono break-all">{address}</code>
        <Pill>Step {sequence}</Pill>
      </h2>
      <PanelBoundary what="The statechart">
        <StatechartView machine={machine} active={active} lastStep={lastStep} label={`Statechart of ${name}`} />
      </PanelBoundary>
      <Card className="flex flex-col gap-3">
        <h3 className="text-lg">Context</h3>
        <ContextTree value={snapshot.context} label={`Context of ${name}`} />
      </Card>
    </section>
  );
}

/** Nothing has been told yet: why, and what to do. */
function NoActors({ state, onRetry }: { state: FeedState; onRetry: () => void }) {
  if (state.kind === "connecting" || state.kind === "live") {
    return (
      <Loading what="the actors" className="grid gap-5 lg:grid-cols-[22rem_minmax(0,1fr)]">
        <Skeleton className="h-96" />
        <Skeleton className="h-96" />
      </Loading>
    );
  }
  const title = { offline: "The orchestrator is out of reach", refused: "Not for you", signedOut: "Your sign-in has ended" }[
    state.kind
  ];
  return (
    <EmptyState
      title={title}
      mascot={<Mascot species="orchestrator" mood="offline" size={96} />}
      action={
        state.kind === "signedOut" ? (
          <ButtonLink tone="primary" href="/auth/login" prefetch={false}>
            Sign in again
          </ButtonLink>
        ) : (
          <Button onClick={onRetry}>Try now</Button>
        )
      }
    >
      {state.kind === "offline" && (
        <>
          {state.reason} Agents go on working; the board and the timelines stay live without it. <NextTry at={state.retryAt} />
        </>
      )}
      {state.kind === "refused" && `The orchestrator said no. ${state.reason}`}
    </EmptyState>
  );
}

const FEED_WORDS = {
  connecting: "Connecting",
  live: "Live",
  offline: "Offline",
  refused: "Refused",
  signedOut: "Signed out",
} as const;

function FeedLine({ state, onRetry }: { state: FeedState; onRetry: () => void }) {
  return (
    <div role="status" className="flex flex-wrap items-center gap-3 text-sm">
      <Pill fill={state.kind === "live" ? "mint" : "stone"} pattern={state.kind === "live" ? "none" : "stripes"}>
        Feed: {FEED_WORDS[state.kind]}
      </Pill>
      {state.kind === "offline" && (
        <>
          <span>
            {state.reason} What is shown may be old. <NextTry at={state.retryAt} />
          </span>
          <Button size="sm" onClick={onRetry}>
            Try now
          </Button>
        </>
      )}
      {state.kind === "refused" && <span>{state.reason}</span>}
    </div>
  );
}

function NextTry({ at }: { at: number }) {
  const left = at - useNow();
  return <span aria-live="off">{left > 1000 ? `Next try in ${formatDuration(left)}.` : "Trying again now."}</span>;
}
