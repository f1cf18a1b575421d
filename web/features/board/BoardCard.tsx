"use client";
// One feature on the board: what it is, who works on it, how far it is, and what it wants from you.

import { ChevronsUp, ChevronUp, Equal, ExternalLink, GitPullRequest, Link2, Minus, TriangleAlert } from "lucide-react";
import Link from "next/link";
import { memo } from "react";
import { CATEGORY_LOOK } from "../../elements/category.tsx";
import { cx } from "../../elements/class-names.ts";
import { formatCost } from "../../elements/duration.ts";
import { Mascot, type Species } from "../../elements/mascot/Mascot.tsx";
import { FILLS, PATTERNS } from "../../elements/Pill.tsx";
import { RelativeTime } from "../../elements/RelativeTime.tsx";
import type { FeatureCard, MembershipRole } from "../../lib/api.ts";
import { ActionMenu } from "../actions/ActionControls.tsx";
import { AskNote } from "../actions/AskNote.tsx";
import { featureTarget } from "../actions/targets.ts";
import { StageMarks } from "./StageMarks.tsx";
import { stageMarks } from "./stages.ts";

/** A board redraws on every change of any card; a card only on its own. */
export const BoardCard = memo(function BoardCard({
  card,
  role,
  href,
}: {
  card: FeatureCard;
  role: MembershipRole;
  /** Of its page. */
  href: string;
}) {
  const { key, title, category, label, mood, stage, stateSince, costUsd, pullRequest, url, priority } = card;
  const target = featureTarget(card);
  const { fill, pattern, icon: Icon } = CATEGORY_LOOK[category];
  const worker: Species | null = category === "working" ? (stage ?? "orchestrator") : null;
  return (
    <article
      aria-label={`${key} ${title}, ${label}`}
      className={cx(
        "relative flex flex-col gap-2 rounded-card border-2 bg-panel p-2.5 [contain-intrinsic-size:auto_10rem] [content-visibility:auto] lift-sm",
        category === "needsYou" && "border-t-8 border-t-tomato",
      )}
    >
      <div className="flex items-center gap-1.5">
        <span className="font-mono text-xs font-bold">{key}</span>
        <Priority priority={priority} />
        <span className="relative z-10 -my-1 -mr-1.5 ml-auto">
          <ActionMenu target={target} role={role} />
        </span>
      </div>
      <h3 className="text-sm leading-snug font-semibold">
        <Link
          href={href}
          prefetch={false}
          className="line-clamp-3 font-sans break-words after:absolute after:inset-0 after:rounded-card hover:underline"
        >
          {title}
        </Link>
      </h3>
      {worker ? (
        <p className={cx("flex items-center gap-2 rounded-control border-2 py-1 pr-2 pl-1 text-xs font-semibold", FILLS[fill])}>
          <Mascot species={worker} mood={mood} size={34} isDecorative className="[--line:var(--color-ink)]" />
          {label}
        </p>
      ) : (
        <p
          className={cx(
            "flex min-h-7 items-center gap-1.5 rounded-control border-2 px-1.5 py-0.5 text-xs leading-tight font-semibold",
            FILLS[fill],
            PATTERNS[pattern],
          )}
        >
          <Icon aria-hidden="true" size={14} className="shrink-0" />
          {label}
        </p>
      )}
      <div className="flex flex-wrap items-center justify-between gap-x-2 gap-y-1 text-xs text-muted">
        <StageMarks marks={stageMarks(card)} />
        <span className="whitespace-nowrap">
          <span className="sr-only">In this state for </span>
          <RelativeTime at={stateSince} suffix="" />
          {costUsd > 0 && <span title="Spent so far"> · {formatCost(costUsd)}</span>}
        </span>
      </div>
      <div className="relative z-10 flex flex-wrap items-center gap-1.5 empty:hidden">
        {pullRequest && (
          <Chip href={pullRequest.url} icon={<GitPullRequest aria-hidden="true" size={13} />} title="Pull request">
            #{pullRequest.number}
          </Chip>
        )}
        <Chip href={url} icon={<ExternalLink aria-hidden="true" size={13} />} title={`${key} in Linear`}>
          Linear
        </Chip>
        <WaitsFor card={card} />
      </div>
      <AlertLine card={card} />
      <AskNote target={target} />
    </article>
  );
});

function Chip({
  href,
  icon,
  title,
  children,
}: {
  href: string;
  icon: React.ReactNode;
  title: string;
  children: React.ReactNode;
}) {
  // A ticket's address is a stranger's text: nothing but the web is followed.
  if (!/^https?:\/\//.test(href)) return null;
  return (
    <a
      href={href}
      title={title}
      target="_blank"
      rel="noreferrer"
      className="inline-flex min-h-6 items-center gap-1 rounded-full border-2 bg-panel px-2 text-xs font-semibold hover:underline"
    >
      {icon}
      <span className="sr-only">{title}: </span>
      {children}
    </a>
  );
}

function WaitsFor({ card: { reasons } }: { card: FeatureCard }) {
  const blockers = reasons.filter(({ kind }) => kind === "dependency").map(({ text }) => text);
  if (blockers.length === 0) return null;
  return (
    <span
      title={blockers.join("\n")}
      className="inline-flex min-h-6 items-center gap-1 rounded-full border-2 bg-violet px-2 text-xs font-semibold text-ink"
    >
      <Link2 aria-hidden="true" size={13} />
      {blockers.length === 1 ? blockers[0] : `Waits for ${blockers.length}`}
    </span>
  );
}

/** Why it does not move, when that is not said by its state already. */
function AlertLine({ card: { failure, reasons } }: { card: FeatureCard }) {
  const alert = failure ?? reasons.find(({ kind }) => kind === "hold" || kind === "person" || kind === "approval")?.text;
  if (!alert) return null;
  return (
    <p className="flex gap-1.5 border-t-2 border-dashed pt-1.5 text-xs">
      <TriangleAlert aria-hidden="true" size={14} className="mt-px shrink-0" />
      <span className="line-clamp-3 min-w-0 break-words" title={alert}>
        {alert}
      </span>
    </p>
  );
}

/** Linear's: 1 urgent to 4 low, 0 none. */
const PRIORITIES = [
  null,
  { word: "Urgent", icon: ChevronsUp },
  { word: "High", icon: ChevronUp },
  { word: "Medium", icon: Equal },
  { word: "Low", icon: Minus },
] as const;

function Priority({ priority }: { priority: number }) {
  const look = PRIORITIES[priority];
  if (!look) return null;
  const Icon = look.icon;
  return (
    <span title={`${look.word} priority`} className="inline-flex items-center text-xs text-muted">
      <Icon aria-hidden="true" size={14} />
      <span className="sr-only">{look.word} priority</span>
    </span>
  );
}
