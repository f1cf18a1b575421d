"use client";
// A feature's page, live: its header and the tab the URL names.

import { useQuery } from "convex/react";
import { useParams } from "next/navigation";
import { parseAsStringLiteral, useQueryState } from "nuqs";
import { ButtonLink } from "../../elements/Button.tsx";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { Mascot } from "../../elements/mascot/Mascot.tsx";
import { PanelBoundary } from "../../elements/PanelBoundary.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { Tabs } from "../../elements/Tabs.tsx";
import { api } from "../../lib/api.ts";
import { LogsTab } from "../logs/LogsTab.tsx";
import { projectPath, useProject } from "../projects/project.ts";
import { RunList } from "../runs/RunList.tsx";
import { FeatureTransitions } from "../transitions/TransitionsView.tsx";
import { ChartTab } from "./ChartTab.tsx";
import type { FeatureDetails } from "./data.ts";
import { FeatureHeader } from "./FeatureHeader.tsx";
import { Overview } from "./Overview.tsx";

const TAB_NAMES = ["overview", "statechart", "timeline", "runs", "logs"] as const;
type TabName = (typeof TAB_NAMES)[number];

/** @param featureKey as in the URL: "OMA-12" */
export function FeatureView({ featureKey }: { featureKey: string }) {
  return (
    <PanelBoundary what="The feature">
      <LiveFeature featureKey={featureKey} />
    </PanelBoundary>
  );
}

function LiveFeature({ featureKey }: { featureKey: string }) {
  const { address } = useProject();
  const { id } = useParams<{ id: string }>();
  const found = useQuery(api.features.get, { project: address, key: featureKey });
  const [tab, setTab] = useQueryState("tab", parseAsStringLiteral(TAB_NAMES).withDefault("overview"));
  if (found === undefined) return <FeatureSkeleton />;
  if (found === null) {
    return (
      <EmptyState
        title={`There is no feature ${featureKey} here`}
        mascot={<Mascot species="orchestrator" mood="stuck" size={96} />}
        action={<ButtonLink href={projectPath(decodeURIComponent(id))}>Back to the board</ButtonLink>}
      >
        A ticket of the project’s Linear team becomes a feature a moment after it is made. A ticket of another team belongs to
        another project.
      </EmptyState>
    );
  }
  const tabs = [
    { name: "overview", label: "Overview" },
    { name: "statechart", label: "Statechart" },
    { name: "timeline", label: "Timeline" },
    { name: "runs", label: "Runs", count: found.runs.length },
    { name: "logs", label: "Logs" },
  ] as const;
  return (
    <div className="flex flex-col gap-5">
      <FeatureHeader details={found} />
      <Tabs<TabName> label={`About ${found.feature.key}`} tabs={tabs} value={tab} onChange={(name) => void setTab(name)}>
        <PanelBoundary key={tab} what="This tab">
          <Panel tab={tab} details={found} />
        </PanelBoundary>
      </Tabs>
    </div>
  );
}

function Panel({ tab, details }: { tab: TabName; details: FeatureDetails }) {
  switch (tab) {
    case "overview":
      return <Overview details={details} />;
    case "statechart":
      return <ChartTab feature={details.feature} agents={details.agents} />;
    case "timeline":
      return <FeatureTransitions feature={details.feature.address} />;
    case "runs":
      return <RunList runs={details.runs} />;
    case "logs":
      return <LogsTab runs={details.runs} />;
    default:
      return tab satisfies never;
  }
}

function FeatureSkeleton() {
  return (
    <Loading what="the feature" className="flex flex-col gap-4">
      <Skeleton className="h-16" />
      <Skeleton className="h-10 w-96 max-w-full" />
      <Skeleton className="h-96" />
    </Loading>
  );
}
