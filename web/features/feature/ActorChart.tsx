"use client";

// An actor's statechart with its state now and its last step, live.

import { agentMachine } from "@omakase/machines/agent/agent-machine";
import { featureMachine } from "@omakase/machines/feature/feature-machine";
import { type ActorKind, actorKind } from "@omakase/machines/ids";
import { projectMachine } from "@omakase/machines/project/project-machine";
import { usePaginatedQuery, useQuery } from "convex/react";
import { useMemo } from "react";
import type { AnyStateMachine } from "xstate";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { api } from "../../lib/api.ts";
import { activeIn } from "../statechart/active.ts";
import { chartOf } from "../statechart/chart.ts";
import { StatechartView } from "../statechart/StatechartView.tsx";
import { eventTitle } from "../statechart/words.ts";
import { causeWords, lastPart } from "../transitions/describe.ts";

/** One by one: the index of the package brings everything a host needs as well. */
export const MACHINE_OF: Record<ActorKind, AnyStateMachine> = {
  project: projectMachine,
  feature: featureMachine,
  agent: agentMachine,
};

export function ActorChart({ address }: { address: string }) {
  const actor = useQuery(api.actors.get, { address });
  const { results } = usePaginatedQuery(api.transitions.ofActor, { actor: address }, { initialNumItems: 1 });
  const lastStep = results[0] ?? null;
  const machine = MACHINE_OF[actorKind(address)];
  const snapshot = actor?.snapshot;
  const active = useMemo(() => activeIn(chartOf(machine), stateValueIn(snapshot)), [machine, snapshot]);
  if (actor === undefined) return <ChartLoading />;
  if (actor === null) {
    return (
      <EmptyState title="This actor does not exist yet">
        Its chart appears when it is made: a feature when its ticket is first seen, an agent when its stage begins.
      </EmptyState>
    );
  }
  return (
    <div className="flex flex-col gap-3">
      {actor.status === "parked" && (
        <p role="alert" className="rounded-control border-2 bg-danger px-3 py-2 text-ink">
          <strong>Parked.</strong> {actor.parkedReason ?? "It could not take a step."} It is left as it was until somebody has
          looked at it.
        </p>
      )}
      <StatechartView machine={machine} active={active} lastStep={lastStep} label={`Statechart of ${lastPart(address)}`} />
      <p className="text-sm text-muted">
        Step {actor.sequence}, machine version {actor.machineVersion}
        {lastStep && `. Last: ${eventTitle(lastStep.eventType)} by ${causeWords(lastStep.cause)}`}
      </p>
    </div>
  );
}

function ChartLoading() {
  return (
    <Loading what="the statechart" className="grid gap-4 xl:grid-cols-[minmax(0,1fr)_22rem]">
      <Skeleton className="h-[min(75vh,52rem)]" />
      <Skeleton className="h-72" />
    </Loading>
  );
}

/** The state value in a stored snapshot; nothing for text that is none. */
function stateValueIn(snapshot: string | undefined): unknown {
  if (snapshot === undefined) return null;
  try {
    const stored: unknown = JSON.parse(snapshot);
    return typeof stored === "object" && stored !== null && "value" in stored ? stored.value : null;
  } catch {
    return null;
  }
}
