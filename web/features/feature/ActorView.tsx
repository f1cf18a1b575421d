"use client";
// An actor's page: its statechart, its steps, its context.

import { actorKind } from "@omakase/machines/ids";
import { useQuery } from "convex/react";
import { useParams } from "next/navigation";
import { ButtonLink } from "../../elements/Button.tsx";
import { Card } from "../../elements/Card.tsx";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { Mascot } from "../../elements/mascot/Mascot.tsx";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { Skeleton } from "../../elements/Skeleton.tsx";
import { api } from "../../lib/api.ts";
import { projectPath, useProject } from "../projects/project.ts";
import { lastPart } from "../transitions/describe.ts";
import { ActorTransitions } from "../transitions/TransitionsView.tsx";
import { ActorChart } from "./ActorChart.tsx";
import { ContextTree } from "./ContextTree.tsx";

const KIND_WORDS = { project: "Project", feature: "Feature", agent: "Agent" } as const;

/** @param address of an actor of this project: "org/project/oma-1/coder-2" */
export function ActorView({ address }: { address: string }) {
  const project = useProject();
  const { id } = useParams<{ id: string }>();
  const depth = address.split("/").length;
  const isOurs = address === project.address || address.startsWith(`${project.address}/`);
  if (!isOurs || depth > 4) {
    return (
      <EmptyState
        title={`There is no actor “${address}” here`}
        mascot={<Mascot species="orchestrator" mood="stuck" size={96} />}
        action={<ButtonLink href={projectPath(decodeURIComponent(id), "/inspector")}>All actors</ButtonLink>}
      >
        An actor’s address begins with its project’s: {project.address}.
      </EmptyState>
    );
  }
  const feature = depth >= 3 ? (address.split("/")[2] ?? null) : null;
  return (
    <div className="flex flex-col gap-5">
      <header className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <h2 className="text-xl sm:text-2xl">
          {KIND_WORDS[actorKind(address)]} <code className="font-mono text-[0.85em] break-all">{lastPart(address)}</code>
        </h2>
        {feature !== null && (
          <ButtonLink
            size="sm"
            href={projectPath(decodeURIComponent(id), `/features/${encodeURIComponent(feature.toUpperCase())}`)}
          >
            Feature {feature.toUpperCase()}
          </ButtonLink>
        )}
      </header>
      <PanelBoundary what="The statechart">
        <ActorChart address={address} />
      </PanelBoundary>
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-5 xl:grid-cols-[minmax(0,1fr)_24rem]">
        <PanelBoundary what="The steps">
          <ActorTransitions actor={address} />
        </PanelBoundary>
        <Card className="flex min-w-0 flex-col gap-3">
          <h3 className="text-lg">Context</h3>
          <PanelBoundary what="The context">
            <Context address={address} />
          </PanelBoundary>
        </Card>
      </div>
    </div>
  );
}

function Context({ address }: { address: string }) {
  const actor = useQuery(api.actors.get, { address });
  if (actor === undefined) return <Skeleton className="h-40" />;
  return <ContextTree value={contextIn(actor?.snapshot)} label={`Context of ${lastPart(address)}`} />;
}

function contextIn(snapshot: string | undefined): unknown {
  if (snapshot === undefined) return null;
  try {
    const stored: unknown = JSON.parse(snapshot);
    return typeof stored === "object" && stored !== null && "context" in stored ? stored.context : null;
  } catch {
    return null;
  }
}
