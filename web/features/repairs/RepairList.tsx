// Repairs in words, newest first. Takes them, fetches nothing.

import type { FunctionReturnType } from "convex/server";
import { Button } from "../../elements/Button.tsx";
import { RelativeTime } from "../../elements/RelativeTime.tsx";
import type { api } from "../../lib/api.ts";

export type Repair = FunctionReturnType<typeof api.repairs.ofProject>["page"][number];

const FAR_SIDE: Record<Repair["farSide"], string> = { ecs: "ECS", linear: "Linear", github: "GitHub" };

/** @param onOlder null when all are shown */
export function RepairList({ repairs, onOlder }: { repairs: readonly Repair[]; onOlder: (() => void) | null }) {
  if (repairs.length === 0) return null;
  return (
    <section aria-label="Put right by itself" className="mt-6 flex flex-col gap-2">
      <h2 className="font-bold text-lg">Put right by itself</h2>
      <ul className="flex flex-col gap-1 text-sm">
        {repairs.map(({ farSide, subject, what, at }) => (
          <li key={`${at} ${subject} ${what}`} className="flex flex-wrap gap-x-3">
            <span className="font-bold">{FAR_SIDE[farSide]}</span>
            <span className="min-w-0 break-words">{what}</span>
            <RelativeTime at={at} className="text-muted" />
          </li>
        ))}
      </ul>
      {onOlder && <Button onClick={onOlder}>Older ones</Button>}
    </section>
  );
}
