"use client";
// One state as a box: thick line, fill and dot when active; a second line inside when final; dashed when its regions run side by side.

import { ArrowRight } from "lucide-react";
import { cx } from "../../elements/class-names.ts";
import { useCanvas, useStop } from "./canvas.ts";
import { arrowText, marksOf } from "./descriptions.ts";
import { type DrawnExit, EXIT_HEIGHT } from "./drawing.ts";
import type { PlacedBox } from "./layout.ts";

export function StateBox({ placed: { box } }: { placed: PlacedBox }) {
  const { active, pointed } = useCanvas();
  const { state, title, subtitle, exits, children } = box;
  const isActive = active.has(state.id);
  const isLeaf = children.length === 0;
  const isAimedAt = pointed?.arrows.some(({ target }) => target === state.id) ?? false;
  return (
    <div
      className={cx(
        "relative h-full w-full rounded-control border-2",
        isLeaf ? "bg-panel" : "bg-paper/70",
        isActive && isLeaf && "bg-mango! text-ink",
        isActive && "outline-2 outline-line",
        isAimedAt && "outline-4 outline-focus",
        state.kind === "parallel" && "border-dashed",
      )}
    >
      {state.kind === "final" && (
        <div aria-hidden="true" className="pointer-events-none absolute inset-0.5 rounded-md border-2 border-current" />
      )}
      <div className="flex min-w-0 items-center gap-2 px-3 pt-2">
        {isActive && <span aria-hidden="true" className="size-2.5 shrink-0 rounded-full bg-current" />}
        <span className="truncate font-display text-sm leading-6 font-bold">{title}</span>
        <span className="sr-only">{marksOf(state, isActive).join(", ")}</span>
      </div>
      {subtitle && (
        <div className={cx("truncate px-3 font-mono text-[11px] leading-4", !(isActive && isLeaf) && "text-muted")}>
          {subtitle}
        </div>
      )}
      <div className="pt-1">
        {exits.map((exit) => (
          <ExitLine key={exit.id} exit={exit} />
        ))}
      </div>
    </div>
  );
}

function ExitLine({ exit }: { exit: DrawnExit }) {
  const { chart, taken } = useCanvas();
  const stop = useStop(exit.id, exit.arrows);
  const isTaken = exit.arrows.some(({ transitions }) => transitions.some(({ id }) => taken.has(id)));
  return (
    <button
      type="button"
      {...stop}
      aria-label={exit.arrows.map((arrow) => arrowText(chart, arrow)).join(". ")}
      style={{ height: EXIT_HEIGHT - 4 }}
      className={cx(
        "pointer-events-auto mx-1.5 mb-1 block w-[calc(100%-12px)] truncate rounded-md border border-dashed border-current px-1.5 text-left font-mono text-[11px] leading-[15px]",
        isTaken && "border-2 border-solid bg-sky text-ink",
      )}
    >
      <span className="block truncate">{exit.on}</span>
      <span className="flex items-center gap-1">
        <ArrowRight aria-hidden="true" size={11} className="shrink-0" />
        <span className="truncate">{exit.to}</span>
      </span>
    </button>
  );
}
