"use client";
// A laid-out chart on a canvas that pans and zooms. Loaded on demand: it brings the flow library with it.

import { type Node, type NodeProps, type NodeTypes, ReactFlow, useReactFlow, ViewportPortal } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { Maximize, Minus, Plus, Target } from "lucide-react";
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "../../elements/Button.tsx";
import { CanvasContext, type CanvasState, type Pointed } from "./canvas.ts";
import type { Chart } from "./chart.ts";
import { Lines } from "./Lines.tsx";
import type { Layout, PlacedBox } from "./layout.ts";
import { StateBox } from "./StateBox.tsx";

type StateNode = Node<{ placed: PlacedBox }, "state">;

const NODE_TYPES: NodeTypes = { state: ({ data }: NodeProps<StateNode>) => <StateBox placed={data.placed} /> };

/** Text stays readable: a chart that does not fit at this zoom is panned instead. */
const READABLE_ZOOM = 0.8;
const MAX_ZOOM = 2;
/** Height of the buttons over the canvas: the chart's last states stay above them. */
const CONTROLS = 56;

export default function ChartCanvas({
  chart,
  layout,
  label,
  active,
  taken,
  pointed,
  onPoint,
  isCompact,
  className,
}: {
  chart: Chart;
  layout: Layout;
  label: string;
  active: ReadonlySet<string>;
  /** Transitions the last step went through. */
  taken: ReadonlySet<string>;
  pointed: Pointed;
  onPoint: (pointed: Pointed) => void;
  isCompact: boolean;
  className?: string;
}) {
  const [stop, setStop] = useState<string | null>(null);
  const frame = useRef<HTMLElement>(null);
  const nodes = useMemo<StateNode[]>(
    () =>
      layout.boxes.map((placed) => ({
        id: placed.box.state.id,
        type: "state",
        position: { x: placed.x, y: placed.y },
        width: placed.width,
        height: placed.height,
        zIndex: placed.box.state.depth,
        data: { placed },
      })),
    [layout],
  );
  const first = layout.lines[0]?.line.arrow.id ?? null;
  const shared = useMemo<CanvasState>(
    () => ({ chart, active, taken, pointed, onPoint, stop: stop ?? first, onStop: setStop }),
    [chart, active, taken, pointed, onPoint, stop, first],
  );
  return (
    <section ref={frame} aria-label={label} className={className} onKeyDown={(event) => moveStop(event, frame.current)}>
      <CanvasContext value={shared}>
        <ReactFlow<StateNode>
          nodes={nodes}
          nodeTypes={NODE_TYPES}
          minZoom={0.1}
          maxZoom={MAX_ZOOM}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          elementsSelectable={false}
          // The wheel scrolls the page; with Ctrl it zooms.
          zoomOnScroll={false}
          preventScrolling={false}
          zoomOnDoubleClick={false}
          // The library is credited in features/README.md: its link here would be too small to hit.
          proOptions={{ hideAttribution: true }}
        >
          <ViewportPortal>
            <Lines layout={layout} />
          </ViewportPortal>
          <Sight layout={layout} active={active} isCompact={isCompact} />
        </ReactFlow>
      </CanvasContext>
    </section>
  );
}

/** Arrow keys go from one transition to the next; Tab leaves the chart. */
function moveStop(event: KeyboardEvent, frame: HTMLElement | null): void {
  const by =
    event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : event.key === "ArrowLeft" || event.key === "ArrowUp" ? -1 : 0;
  if (by === 0 || frame === null) return;
  const stops = [...frame.querySelectorAll<HTMLElement>("[data-stop]")];
  const at = stops.findIndex((each) => each.matches(":focus"));
  const next = stops[at + by];
  if (at < 0 || next === undefined) return;
  event.preventDefault();
  next.focus({ preventScroll: true });
}

/** What part of the chart is in view: the active states first, then wherever the person takes it. */
function Sight({ layout, active, isCompact }: { layout: Layout; active: ReadonlySet<string>; isCompact: boolean }) {
  const { zoomIn, zoomOut, fitView, setCenter, getViewport } = useReactFlow();
  const anchor = useRef<HTMLDivElement>(null);
  const isPlaced = useRef(false);
  const leaves = layout.boxes.filter(({ box }) => box.children.length === 0);
  // Of several regions the one written first is what a person looks for.
  const focus = leaves.find(({ box }) => active.has(box.state.id)) ?? leaves[0];

  const show = useCallback(
    (isAnimated: boolean) => {
      const size = anchor.current?.closest(".react-flow")?.getBoundingClientRect();
      if (size === undefined || focus === undefined) return;
      const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      const duration = isAnimated && !isCalm ? 250 : 0;
      const fit = Math.min(size.width / (layout.width + 24), size.height / (layout.height + 24 + CONTROLS));
      if (isCompact || fit >= READABLE_ZOOM) {
        void fitView({ padding: 0.03, maxZoom: 1, duration });
        return;
      }
      const zoom = Math.max(READABLE_ZOOM, isAnimated ? getViewport().zoom : 0);
      const centre = (at: number, length: number, total: number, room: number) => {
        const half = room / zoom / 2;
        // Never beyond the chart's own edge: empty canvas helps nobody.
        return total + 24 <= 2 * half ? total / 2 : Math.min(Math.max(at + length / 2, half - 12), total - half + 12);
      };
      void setCenter(
        centre(focus.x, focus.width, layout.width, size.width),
        centre(focus.y, focus.height, layout.height + CONTROLS, size.height),
        { zoom, duration },
      );
    },
    [focus, layout, isCompact, fitView, setCenter, getViewport],
  );
  const hasFocus = focus !== undefined;
  // `show` changes when the active state does: only a step moves the view, never a repaint under a person's hands.
  useEffect(() => {
    if (!hasFocus) return;
    // After the flow has measured its frame.
    const frame = requestAnimationFrame(() => {
      show(isPlaced.current);
      isPlaced.current = true;
    });
    return () => cancelAnimationFrame(frame);
  }, [show, hasFocus]);

  return (
    <div ref={anchor} className="absolute right-2 bottom-2 z-10 flex gap-1.5">
      <Button size="sm" aria-label="Zoom in" icon={<Plus size={16} />} onClick={() => void zoomIn()} />
      <Button size="sm" aria-label="Zoom out" icon={<Minus size={16} />} onClick={() => void zoomOut()} />
      <Button
        size="sm"
        aria-label="Show the whole chart"
        icon={<Maximize size={16} />}
        onClick={() => void fitView({ padding: 0.03 })}
      />
      {!isCompact && (
        <Button size="sm" aria-label="Go to the active state" icon={<Target size={16} />} onClick={() => show(true)} />
      )}
    </div>
  );
}
