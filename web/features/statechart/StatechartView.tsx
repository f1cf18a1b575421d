"use client";
// A machine as a live drawing, with its outline beside it. Takes what is active as a fact and does not know where it comes from.

import { definitionHash } from "@omakase/machines/definition-hash";
import dynamic from "next/dynamic";
import { useEffect, useMemo, useState } from "react";
import type { AnyStateMachine } from "xstate";
import { cx } from "../../elements/class-names.ts";
import { ErrorPanel } from "../../elements/ErrorPanel.tsx";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { type LastStep, wayOf } from "./active.ts";
import type { Pointed } from "./canvas.ts";
import { chartOf } from "./chart.ts";
import { arrowText } from "./descriptions.ts";
import { drawingOf } from "./drawing.ts";
import { sharedLayout } from "./engine.ts";
import type { Layout } from "./layout.ts";
import { Outline } from "./Outline.tsx";

const Canvas = dynamic(() => import("./ChartCanvas.tsx"), { ssr: false, loading: () => <ChartSkeleton /> });

const NOTHING: ReadonlySet<string> = new Set();

/**
 * @param active ids of the active states, ancestors included: see `activeIn`
 * @param lastStep marked in the drawing; default: none
 * @param isCompact for small places: fitted, short labels, no outline beside it
 */
export function StatechartView({
  machine,
  active,
  lastStep = null,
  isCompact = false,
  label,
  className,
}: {
  machine: AnyStateMachine;
  active: ReadonlySet<string>;
  lastStep?: LastStep | null;
  isCompact?: boolean;
  /** What it is the chart of, for screen readers: "Statechart of OMA-1". */
  label: string;
  className?: string;
}) {
  const chart = useMemo(() => chartOf(machine), [machine]);
  const [pointed, setPointed] = useState<Pointed>(null);
  const taken = useMemo(() => (lastStep === null ? NOTHING : wayOf(chart, lastStep)), [chart, lastStep]);
  const { layout, error, retry } = useLayout(machine, isCompact);
  const outline = <Outline chart={chart} active={active} label={`${label}, as an outline`} />;
  return (
    <div className={cx("grid gap-4", !isCompact && "xl:grid-cols-[minmax(0,1fr)_22rem]", className)}>
      <div className="flex min-w-0 flex-col gap-2">
        <div
          className={cx(
            "relative overflow-hidden rounded-card border-2 bg-panel",
            isCompact ? "h-72" : "h-[min(75vh,52rem)] min-h-80",
          )}
        >
          {error !== null ? (
            <div className="p-4">
              <ErrorPanel title="The drawing cannot be made" message="The outline has the same facts." onRetry={retry} />
            </div>
          ) : layout === null ? (
            <ChartSkeleton />
          ) : (
            <Canvas
              {...{ chart, layout, label, active, taken, pointed, isCompact }}
              onPoint={setPointed}
              className="absolute inset-0"
            />
          )}
        </div>
        {!isCompact && (
          <p aria-hidden="true" className="min-h-16 rounded-control border-2 border-dashed px-3 py-2 text-sm text-muted">
            {pointed === null
              ? "Drag to move, Ctrl and wheel to zoom. Point at a transition, or go through them with the arrow keys, to read its condition and what it does."
              : pointed.arrows.map((arrow) => (
                  <span key={arrow.id} className="block break-words text-text">
                    {arrowText(chart, arrow)}
                  </span>
                ))}
          </p>
        )}
      </div>
      {isCompact ? (
        <div className="sr-only">{outline}</div>
      ) : (
        <details open className="h-fit max-h-[min(75vh,52rem)] min-w-0 overflow-auto rounded-card border-2 bg-panel p-3">
          <summary className="mb-2 min-h-6 font-display font-bold">Outline</summary>
          {outline}
        </details>
      )}
    </div>
  );
}

/** Laid out once per definition; `retry` after a failure. */
function useLayout(machine: AnyStateMachine, isCompact: boolean) {
  const [found, setFound] = useState<{ key: string; layout: Layout } | { key: string; error: unknown } | null>(null);
  const [attempt, setAttempt] = useState(0);
  const key = useMemo(() => `${definitionHash(machine)}${isCompact ? " compact" : ""}`, [machine, isCompact]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `attempt` asks again
  useEffect(() => {
    let isCurrent = true;
    sharedLayout(key, drawingOf(chartOf(machine), isCompact)).then(
      (layout) => isCurrent && setFound({ key, layout }),
      (error: unknown) => isCurrent && setFound({ key, error }),
    );
    return () => {
      isCurrent = false;
    };
  }, [key, machine, isCompact, attempt]);
  const mine = found?.key === key ? found : null;
  return {
    layout: mine && "layout" in mine ? mine.layout : null,
    error: mine && "error" in mine ? mine.error : null,
    retry: () => {
      setFound(null);
      setAttempt((count) => count + 1);
    },
  };
}

function ChartSkeleton() {
  return (
    <Loading what="the drawing" className="absolute inset-0 p-4">
      <Skeleton className="h-full" />
    </Loading>
  );
}
