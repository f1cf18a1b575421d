"use client";
// Who a feature is and what may be done about it: key, title, state, actions, the way out to Linear and GitHub.

import { ArrowLeft, ExternalLink, GitBranch, GitPullRequest } from "lucide-react";
import Link from "next/link";
import { useParams } from "next/navigation";
import type { ReactNode } from "react";
import { CategoryPill } from "../../elements/category.tsx";
import { formatCost } from "../../elements/duration.ts";
import { Mascot } from "../../elements/mascot/Mascot.tsx";
import { Pill } from "../../elements/Pill.tsx";
import { RelativeTime } from "../../elements/RelativeTime.tsx";
import { ActionButtons } from "../actions/ActionControls.tsx";
import { AskNote } from "../actions/AskNote.tsx";
import { featureTarget } from "../actions/targets.ts";
import { projectPath, useProject } from "../projects/project.ts";
import { type FeatureDetails, ROLE_WORDS } from "./data.ts";

export function FeatureHeader({ details: { feature } }: { details: FeatureDetails }) {
  const { role } = useProject();
  const { id } = useParams<{ id: string }>();
  const { key, title, category, label, stage, stateSince, hold, mood, costUsd } = feature;
  const target = featureTarget(feature);
  return (
    <header className="flex flex-col gap-3">
      <Link
        href={projectPath(decodeURIComponent(id))}
        className="inline-flex min-h-6 w-fit items-center gap-1.5 text-sm font-semibold underline"
      >
        <ArrowLeft aria-hidden="true" size={16} /> Board
      </Link>
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="flex min-w-0 flex-1 basis-80 items-start gap-3">
          <Mascot species={stage ?? "orchestrator"} mood={mood} size={56} />
          <div className="min-w-0">
            <h2 className="text-xl break-words sm:text-2xl">
              <span className="font-mono text-[0.8em] text-muted">{key}</span> {title}
            </h2>
            <p className="mt-1 flex flex-wrap items-center gap-2">
              <CategoryPill category={category} label={label} />
              {stage && <Pill>Stage: {ROLE_WORDS[stage]}</Pill>}
              {hold !== "running" && category !== "paused" && (
                <Pill fill="stone">{hold === "draining" ? "Pausing after this stage" : "Paused"}</Pill>
              )}
              <span className="text-sm text-muted">
                for <RelativeTime at={stateSince} suffix="" />
              </span>
              <span className="text-sm text-muted">{formatCost(costUsd)} spent</span>
            </p>
          </div>
        </div>
        <ActionButtons target={target} role={role} />
      </div>
      <AskNote target={target} />
      <WaysOut feature={feature} />
    </header>
  );
}

function WaysOut({ feature: { key, url, branch, pullRequest } }: { feature: FeatureDetails["feature"] }) {
  return (
    <ul className="flex flex-wrap items-center gap-x-4 gap-y-1 text-sm">
      <li>
        <Outside href={url} icon={<ExternalLink aria-hidden="true" size={16} />}>
          {key} in Linear
        </Outside>
      </li>
      <li className="inline-flex min-h-6 items-center gap-1.5">
        <GitBranch aria-hidden="true" size={16} />
        <span className="sr-only">Branch </span>
        <code className="font-mono break-all select-all">{branch}</code>
      </li>
      <li>
        {pullRequest === null ? (
          <span className="inline-flex min-h-6 items-center gap-1.5 text-muted">
            <GitPullRequest aria-hidden="true" size={16} /> No pull request yet
          </span>
        ) : (
          <Outside href={pullRequest.url} icon={<GitPullRequest aria-hidden="true" size={16} />}>
            Pull request #{pullRequest.number}
          </Outside>
        )}
      </li>
    </ul>
  );
}

/** Only what can be a page: an address from elsewhere could be anything. */
function Outside({ href, icon, children }: { href: string; icon: ReactNode; children: ReactNode }) {
  const content = (
    <>
      {icon}
      {children}
    </>
  );
  const className = "inline-flex min-h-6 items-center gap-1.5 font-semibold";
  if (!/^https?:\/\//.test(href)) return <span className={className}>{content}</span>;
  return (
    <a href={href} target="_blank" rel="noreferrer" className={`${className} underline`}>
      {content}
    </a>
  );
}
