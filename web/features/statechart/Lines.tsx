"use client";
// The lines between boxes, as elk routed them, with their labels as controls.

import { useId } from "react";
import { cx } from "../../elements/class-names.ts";
import { useCanvas, useStop } from "./canvas.ts";
import { arrowText } from "./descriptions.ts";
import type { Layout, PlacedLine, Point } from "./layout.ts";

export function Lines({ layout }: { layout: Layout }) {
  const tip = useId();
  return (
    <>
      <svg
        aria-hidden="true"
        width={layout.width}
        height={layout.height}
        className="pointer-events-none absolute top-0 left-0 z-20 overflow-visible text-line"
      >
        <defs>
          <marker
            id={tip}
            viewBox="0 0 10 10"
            refX="9"
            refY="5"
            markerWidth="9"
            markerHeight="9"
            markerUnits="userSpaceOnUse"
            orient="auto-start-reverse"
          >
            <path d="M0 0 10 5 0 10z" fill="currentColor" />
          </marker>
        </defs>
        {layout.lines.map((placed) => (
          <Path key={placed.line.arrow.id} placed={placed} tip={tip} />
        ))}
        {layout.markers.map(({ id, x, y, width, points }) => (
          <g key={id}>
            <circle cx={x + width / 2} cy={y + width / 2} r={width / 2} fill="currentColor" />
            <path d={pathOf(points)} fill="none" stroke="currentColor" strokeWidth={1.5} markerEnd={`url(#${tip})`} />
          </g>
        ))}
      </svg>
      {layout.lines.map((placed) => (
        <LineLabel key={placed.line.arrow.id} placed={placed} />
      ))}
    </>
  );
}

function Path({ placed: { line, points }, tip }: { placed: PlacedLine; tip: string }) {
  const { taken, pointed } = useCanvas();
  const isTaken = line.arrow.transitions.some(({ id }) => taken.has(id));
  const isPointed = pointed?.id === line.arrow.id;
  const path = pathOf(points);
  return (
    <g>
      {(isTaken || isPointed) && (
        <path
          d={path}
          fill="none"
          stroke={isPointed ? "var(--focus)" : "var(--color-sky)"}
          strokeWidth={7}
          strokeLinejoin="round"
        />
      )}
      <path
        d={path}
        fill="none"
        stroke={isPointed ? "var(--paper)" : "currentColor"}
        strokeWidth={isTaken || isPointed ? 2.5 : 1.5}
        markerEnd={`url(#${tip})`}
      />
    </g>
  );
}

function LineLabel({ placed: { line, label } }: { placed: PlacedLine }) {
  const { chart, taken } = useCanvas();
  const { arrow, label: texts } = line;
  const stop = useStop(arrow.id, [arrow]);
  const isTaken = arrow.transitions.some(({ id }) => taken.has(id));
  return (
    <button
      type="button"
      {...stop}
      aria-label={`${arrowText(chart, arrow)}${isTaken ? ". The last step" : ""}`}
      style={{ left: label.x, top: label.y, width: label.width, height: label.height }}
      className={cx(
        "nopan pointer-events-auto absolute z-30 rounded-md px-1 text-left font-mono text-[11px] leading-[17px]",
        isTaken ? "bg-sky text-ink outline-2 outline-line" : "bg-paper/80 text-text",
      )}
    >
      {texts.map((text, index) => (
        <span key={text} className={cx("block truncate", index > 0 && !isTaken && text.startsWith("if ") && "text-muted")}>
          {text}
        </span>
      ))}
    </button>
  );
}

const RADIUS = 5;

/** Straight pieces with rounded corners. */
function pathOf(points: readonly Point[]): string {
  return points
    .map((at, index) => {
      const before = points[index - 1];
      const after = points[index + 1];
      if (before === undefined) return `M${at.x} ${at.y}`;
      if (after === undefined) return `L${at.x} ${at.y}`;
      const start = towards(at, before);
      const end = towards(at, after);
      return `L${start.x} ${start.y}Q${at.x} ${at.y} ${end.x} ${end.y}`;
    })
    .join("");
}

/** A point on the way from a corner to another point, no further than halfway. */
function towards(corner: Point, other: Point): Point {
  const length = Math.hypot(other.x - corner.x, other.y - corner.y);
  const part = length === 0 ? 0 : Math.min(RADIUS, length / 2) / length;
  return { x: corner.x + (other.x - corner.x) * part, y: corner.y + (other.y - corner.y) * part };
}
