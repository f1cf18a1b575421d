"use client";
// The story's machine as the drawing that every feature page has. Its layout engine is heavy: loaded only when asked for.

import { featureMachine } from "@omakase/machines/feature/feature-machine";
import { activeIn } from "../statechart/active.ts";
import { chartOf } from "../statechart/chart.ts";
import { StatechartView } from "../statechart/StatechartView.tsx";

const CHART = chartOf(featureMachine);

/** @param value of the snapshot */
export default function DrawnChart({ value }: { value: unknown }) {
  return <StatechartView machine={featureMachine} active={activeIn(CHART, value)} label="Statechart of a feature" />;
}
