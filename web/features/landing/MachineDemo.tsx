"use client";
// The machine that runs every feature, running in the page: the same definition, the same view function, a story for a world.

import { featureMachine } from "@omakase/machines/feature/feature-machine";
import { featureView } from "@omakase/machines/feature/feature-view";
import { useMachine } from "@xstate/react";
import { Pause, Play, RotateCcw, StepForward, Workflow } from "lucide-react";
import dynamic from "next/dynamic";
import { useEffect, useState, useSyncExternalStore } from "react";
import { Button } from "../../elements/Button.tsx";
import { Card } from "../../elements/Card.tsx";
import { CategoryPill } from "../../elements/category.tsx";
import { cx } from "../../elements/class-names.ts";
import { Mascot } from "../../elements/mascot/Mascot.tsx";
import { Skeleton } from "../../elements/Skeleton.tsx";
import { COLUMN_LOOK } from "../board/columns.ts";
import { nextHappening, STORY_INPUT } from "./script.ts";
import { statesByColumn } from "./state-list.ts";

/** Half a megabyte of layout engine: fetched only for those who want the drawing. */
const DrawnChart = dynamic(() => import("./DrawnChart.tsx"), { ssr: false, loading: () => <Skeleton className="h-72" /> });

const STEP_MS = 1_600;
/** Happenings kept in sight. */
const MAX_SHOWN = 4;
const COLUMNS_WITH_STATES = statesByColumn();

export function MachineDemo() {
  const [round, setRound] = useState(0);
  const [isDrawn, setDrawn] = useState(false);
  return (
    <Story
      key={round}
      startsPlaying={round > 0}
      onReset={() => setRound(round + 1)}
      isDrawn={isDrawn}
      onDraw={() => setDrawn(!isDrawn)}
    />
  );
}

function Story({
  startsPlaying,
  onReset,
  isDrawn,
  onDraw,
}: {
  startsPlaying: boolean;
  onReset: () => void;
  /** Whether the chart with its transitions stands below the list. */
  isDrawn: boolean;
  onDraw: () => void;
}) {
  const [snapshot, send] = useMachine(featureMachine, { input: STORY_INPUT });
  const [told, setTold] = useState<readonly { readonly step: number; readonly words: string }[]>([]);
  const [wish, setWish] = useState<"play" | "pause" | null>(startsPlaying ? "play" : null);
  const prefersStill = usePrefersStill();
  const isOver = nextHappening(snapshot, 0) === null;
  // Until somebody chooses, it plays by itself, but never for those who want things still.
  const isPlaying = !isOver && (wish ?? (prefersStill ? "pause" : "play")) === "play";

  const step = () => {
    const happening = nextHappening(snapshot, Date.now());
    if (happening === null) return;
    send(happening.event);
    setTold((before) => [{ step: (before[0]?.step ?? 0) + 1, words: happening.words }, ...before].slice(0, MAX_SHOWN));
  };
  useEffect(() => {
    if (!isPlaying) return;
    const timer = setTimeout(() => {
      if (document.visibilityState === "visible") step();
    }, STEP_MS);
    return () => clearTimeout(timer);
  });

  const view = featureView(snapshot);
  return (
    <div className="grid gap-5 lg:grid-cols-[20rem_1fr]">
      <Card className="flex flex-col gap-4 lg:sticky lg:top-4 lg:self-start">
        <div className="flex items-center gap-3">
          <Mascot species={view.stage ?? "orchestrator"} mood={view.mood} size={72} />
          <div className="min-w-0">
            <p className="font-mono text-sm font-bold">{STORY_INPUT.ticket.key}</p>
            <p className="font-semibold">{STORY_INPUT.ticket.title}</p>
          </div>
        </div>
        <CategoryPill category={view.category} label={view.label} className="self-start" />
        <ol aria-label="What has happened, newest first" className="flex min-h-32 flex-col gap-1.5 text-sm">
          {told.length === 0 && <li className="text-muted">Nothing yet: the ticket lies in the backlog.</li>}
          {told.map(({ step: number, words }, index) => (
            <li key={number} className={cx("flex gap-2", index > 0 && "text-muted")}>
              <span className="font-mono">{number}</span> {words}
            </li>
          ))}
        </ol>
        <div className="flex flex-wrap gap-2">
          <Button
            size="sm"
            tone="primary"
            icon={isPlaying ? <Pause size={16} /> : <Play size={16} />}
            disabledReason={isOver ? "The story is over: reset it to see it again." : null}
            onClick={() => setWish(isPlaying ? "pause" : "play")}
          >
            {isPlaying ? "Pause" : "Play"}
          </Button>
          <Button
            size="sm"
            icon={<StepForward size={16} />}
            disabledReason={isOver ? "The story is over: reset it to see it again." : null}
            onClick={() => {
              setWish("pause");
              step();
            }}
          >
            Step
          </Button>
          <Button size="sm" icon={<RotateCcw size={16} />} onClick={onReset}>
            Reset
          </Button>
        </div>
        <noscript>
          <p className="text-sm text-muted">With JavaScript the machine runs here; this is how it begins.</p>
        </noscript>
      </Card>
      <div className="flex min-w-0 flex-col gap-3">
        <StateList active={view.state} />
        <Button size="sm" className="self-start" icon={<Workflow size={16} />} aria-expanded={isDrawn} onClick={onDraw}>
          {isDrawn ? "Put the drawing away" : "Draw it with its transitions"}
        </Button>
      </div>
      {isDrawn && (
        <div className="min-w-0 lg:col-span-2">
          <DrawnChart value={snapshot.value} />
        </div>
      )}
    </div>
  );
}

function StateList({ active }: { active: string }) {
  return (
    <ol
      aria-label="Every state of the machine, by column"
      className="grid grid-cols-2 content-start gap-3 sm:grid-cols-[repeat(auto-fill,minmax(12.5rem,1fr))]"
    >
      {COLUMNS_WITH_STATES.map(({ column, states }) => (
        <li key={column} className="rounded-card border-2 bg-panel p-2.5">
          <h3 className="mb-2 text-sm">{COLUMN_LOOK[column].title}</h3>
          <ul className="flex flex-col gap-1.5">
            {states.map(({ path, label }) => (
              <li
                key={path}
                aria-current={path === active ? "step" : undefined}
                className={cx(
                  "flex min-h-7 items-center gap-2 rounded-control border-2 px-2 text-xs leading-tight",
                  path === active ? "border-4 bg-mango font-bold text-ink" : "border-dotted text-muted",
                )}
              >
                {path === active && <span aria-hidden="true" className="size-2 shrink-0 rounded-full bg-ink" />}
                {label}
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ol>
  );
}

const STILL = "(prefers-reduced-motion: reduce)";

/** On the server yes: a page that has not woken up yet does not move. */
function usePrefersStill(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const query = matchMedia(STILL);
      query.addEventListener("change", listener);
      return () => query.removeEventListener("change", listener);
    },
    () => matchMedia(STILL).matches,
    () => true,
  );
}
