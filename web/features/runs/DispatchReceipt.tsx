"use client";
// What was checked when a run was launched: places, limits, budgets as they stood, what it reserved, and what it came to.

import { useQuery } from "convex/react";
import type { ReactNode } from "react";
import { Card } from "../../elements/Card.tsx";
import { RelativeTime } from "../../elements/RelativeTime.tsx";
import { api } from "../../lib/api.ts";
import type { RunCard } from "../feature/data.ts";
import { dollarsOf, linesOf, tokensOf } from "../projects/amounts.ts";

const LEVELS = { run: "Run", feature: "Feature", project: "Project", organization: "Organisation" } as const;

export function DispatchReceipt({ run }: { run: RunCard }) {
  const receipt = useQuery(api.runs.receipt, { run: run.id });
  if (!receipt) return null;
  const { places, roleLimit, budgets, reserved, metered, settled, overBudget, effectId, at } = receipt;
  const facts: readonly (readonly [string, ReactNode])[] = [
    ["Checked", <RelativeTime key="at" at={at} />],
    ["Places", `${places.taken} of ${places.limit} were taken`],
    ["Limit of the role", roleLimit === null ? "none of its own" : `${roleLimit} at once`],
    ...budgets.map(({ level, period, ...account }) => {
      const figures = linesOf(account).map(
        ({ spent, reserved: held, allowed }) => `${spent} spent, ${held} reserved, ${allowed}`,
      );
      return [`${LEVELS[level]} budget`, `${figures.join("; ")}${period === "all" ? "" : ` (${period})`}`] as const;
    }),
    ["Reserved", `${dollarsOf(reserved)}, ${tokensOf(reserved)} tokens`],
    ["Metered so far", `${dollarsOf(metered)} in ${metered.requests} answers`],
    ["Came to", settled === null ? "still running" : `${dollarsOf(settled)}, ${tokensOf(settled)} tokens`],
    ...(overBudget === null ? [] : [["Over budget", overBudget] as const]),
    [
      "Effect",
      <code key="effect" className="font-mono text-xs break-all select-all">
        {effectId}
      </code>,
    ],
  ];
  return (
    <Card className="flex flex-col gap-3">
      <h3 className="text-lg">Dispatch receipt</h3>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm">
        {facts.map(([name, text]) => (
          <div key={name} className="contents">
            <dt className="font-semibold">{name}</dt>
            <dd className="min-w-0 break-words">{text}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
