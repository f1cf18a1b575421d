"use client";
// Why a feature is not running, every reason at once and live, or why it stopped; nothing while it moves undisturbed. The reasons are
// worked out in one place (convex/whyRules.ts): the command line and the API give the same.

import { useQuery } from "convex/react";
import type { FunctionReturnType } from "convex/server";
import {
  Ban,
  Boxes,
  CircleDollarSign,
  CircleParking,
  Hourglass,
  Link2,
  type LucideIcon,
  Pause,
  Plug,
  Radio,
  Timer,
  TriangleAlert,
  UserRound,
  Users,
} from "lucide-react";
import Link from "next/link";
import { useParams } from "next/navigation";
import { Card } from "../../elements/Card.tsx";
import { formatDuration } from "../../elements/duration.ts";
import { useNow } from "../../elements/now.ts";
import { api } from "../../lib/api.ts";
import { projectPath } from "../projects/project.ts";
import { runId, runTitle } from "../runs/run-id.ts";
import type { FeatureDetails } from "./data.ts";

type Reason = NonNullable<FunctionReturnType<typeof api.why.ofFeature>>["reasons"][number];

/** How coarsely the time is told to the database: finer would ask again without need. */
const CLOCK_MS = 10_000;

export function WhyNot({ details: { feature, runs } }: { details: FeatureDetails }) {
  const { id } = useParams<{ id: string }>();
  const now = useNow(CLOCK_MS);
  const project = feature.address.slice(0, feature.address.lastIndexOf("/"));
  const found = useQuery(api.why.ofFeature, { project, key: keyIn(feature.address), now });
  const { failure } = feature;
  // Until the answer is there, what the feature says of itself.
  const reasons = found?.reasons ?? feature.reasons.map((reason) => ({ ...reason, until: null }));
  const others = reasons.filter(({ text }) => text !== failure);
  const last = runs.at(-1);
  const culprit = last?.state === "ended" && last.exitCode !== 0 ? last : null;
  if (failure === null && reasons.length === 0) return null;
  return (
    <Card className="flex flex-col gap-2">
      <h3 className="flex items-center gap-2 text-lg">
        {failure === null ? <Hourglass aria-hidden="true" size={20} /> : <TriangleAlert aria-hidden="true" size={20} />}
        {failure !== null ? "Why it stopped" : found?.isMoving ? "What it waits for" : "Why it is not running"}
      </h3>
      {failure !== null && <p className="rounded-control border-2 bg-danger px-3 py-2 break-words text-ink">{failure}</p>}
      {others.length > 0 && (
        <ul className="flex flex-col gap-1.5" aria-label="Reasons">
          {others.map((reason) => (
            <ReasonLine key={`${reason.kind} ${reason.text}`} reason={reason} />
          ))}
        </ul>
      )}
      {failure !== null && culprit && (
        <Link
          href={projectPath(decodeURIComponent(id), `/runs/${runId(culprit)}`)}
          className="inline-flex min-h-6 w-fit items-center font-semibold underline"
        >
          Log of {runTitle(culprit)}
        </Link>
      )}
    </Card>
  );
}

/** The key it was born with, by which it is found. */
const keyIn = (address: string): string => address.slice(address.lastIndexOf("/") + 1);

const KINDS: Record<Reason["kind"], { readonly icon: LucideIcon; readonly word: string }> = {
  dependency: { icon: Link2, word: "Dependency" },
  slot: { icon: Boxes, word: "Place" },
  role: { icon: Users, word: "Role limit" },
  hold: { icon: Pause, word: "Held" },
  backOff: { icon: Timer, word: "Back-off" },
  approval: { icon: UserRound, word: "Approval" },
  person: { icon: UserRound, word: "A person" },
  notStarted: { icon: Hourglass, word: "Not started" },
  budget: { icon: CircleDollarSign, word: "Budget" },
  ownership: { icon: Plug, word: "Orchestrator" },
  capacity: { icon: Ban, word: "Capacity" },
  rateLimit: { icon: Timer, word: "Rate limit" },
  farSide: { icon: Radio, word: "Outside" },
  parked: { icon: CircleParking, word: "Parked" },
};

function ReasonLine({ reason: { kind, text, until } }: { reason: Reason }) {
  const { icon: Icon, word } = KINDS[kind];
  return (
    <li className="flex items-start gap-2">
      <Icon aria-hidden="true" size={18} className="mt-0.5 shrink-0" />
      <p className="min-w-0 break-words">
        <strong>{word}:</strong> {text}
        {until !== null && <Until at={until} />}
      </p>
    </li>
  );
}

function Until({ at }: { at: number }) {
  const left = at - useNow();
  const exact = new Date(at);
  return (
    <span className="text-muted">
      {" "}
      (until{" "}
      <time dateTime={exact.toISOString()} suppressHydrationWarning>
        {exact.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}
      </time>
      {left > 0 && `, in ${formatDuration(left)}`})
    </span>
  );
}
