"use client";
// What the pieces of a canvas share: which states are active, what is pointed at, which transition holds the tab stop.

import { useReactFlow } from "@xyflow/react";
import { createContext, type FocusEvent, use } from "react";
import type { Arrow } from "./arrows.ts";
import type { Chart } from "./chart.ts";

/** What hover or focus rests on. */
export type Pointed = { readonly id: string; readonly arrows: readonly Arrow[] } | null;

export interface CanvasState {
  readonly chart: Chart;
  readonly active: ReadonlySet<string>;
  readonly taken: ReadonlySet<string>;
  readonly pointed: Pointed;
  readonly onPoint: (pointed: Pointed) => void;
  /** Id of the one transition that Tab reaches; arrow keys move it. */
  readonly stop: string | null;
  readonly onStop: (id: string) => void;
}

export const CanvasContext = createContext<CanvasState | null>(null);

export function useCanvas(): CanvasState {
  const canvas = use(CanvasContext);
  if (canvas === null) throw new Error("Pieces of a chart are for inside a ChartCanvas");
  return canvas;
}

/** The props of a control that stands for transitions. Focus brings it into view: the canvas cannot scroll. */
export function useStop(id: string, arrows: readonly Arrow[]) {
  const { onPoint, stop, onStop } = useCanvas();
  const { screenToFlowPosition, setCenter, getZoom } = useReactFlow();
  const reveal = ({ currentTarget }: FocusEvent<HTMLElement>) => {
    const frame = currentTarget.closest(".react-flow")?.getBoundingClientRect();
    const { left, right, top, bottom } = currentTarget.getBoundingClientRect();
    if (!frame || (left >= frame.left && right <= frame.right && top >= frame.top && bottom <= frame.bottom)) return;
    const { x, y } = screenToFlowPosition({ x: (left + right) / 2, y: (top + bottom) / 2 });
    void setCenter(x, y, { zoom: getZoom() });
  };
  const point = () => onPoint({ id, arrows });
  const leave = () => onPoint(null);
  return {
    "data-stop": id,
    tabIndex: stop === id ? 0 : -1,
    onFocus: (event: FocusEvent<HTMLElement>) => {
      onStop(id);
      point();
      reveal(event);
    },
    onBlur: leave,
    onPointerEnter: point,
    onPointerLeave: leave,
  };
}
