"use client";
// The chart as a tree of words: the same facts for whoever cannot or does not want to look at a drawing.

import { type KeyboardEvent, useId, useState } from "react";
import { cx } from "../../elements/class-names.ts";
import type { Chart, ChartState } from "./chart.ts";
import { marksOf, reactionText, transitionsFrom } from "./descriptions.ts";
import { nameOf } from "./drawing.ts";
import { title } from "./words.ts";

interface Shared {
  readonly chart: Chart;
  readonly active: ReadonlySet<string>;
  readonly chosen: string;
  readonly onChoose: (id: string) => void;
}

export function Outline({ chart, active, label }: { chart: Chart; active: ReadonlySet<string>; label: string }) {
  const [picked, setPicked] = useState<string | null>(null);
  const deepest = [...chart.states.values()].find((state) => active.has(state.id) && state.children.length === 0);
  const chosen = picked ?? deepest?.id ?? chart.root.id;
  return (
    <div role="tree" aria-label={label} onKeyDown={(event) => move(event, chart, chosen, setPicked)} className="text-sm">
      <Item state={chart.root} {...{ chart, active, chosen }} onChoose={setPicked} />
    </div>
  );
}

function Item({ state, ...shared }: { state: ChartState } & Shared) {
  const { active, chosen, onChoose } = shared;
  const id = useId();
  const isActive = active.has(state.id);
  const isChosen = chosen === state.id;
  const marks = marksOf(state, isActive);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree handles the keys of all its items
    <div
      role="treeitem"
      aria-selected={isChosen}
      aria-expanded={state.children.length > 0 ? true : undefined}
      aria-level={state.depth + 1}
      aria-labelledby={id}
      tabIndex={isChosen ? 0 : -1}
      data-state-id={state.id}
      onClick={(event) => {
        event.stopPropagation();
        onChoose(state.id);
      }}
      className="rounded-md"
    >
      <div
        id={id}
        className={cx(
          "flex min-h-7 cursor-pointer items-center gap-2 rounded-md px-2",
          isActive && "font-bold",
          isChosen && "bg-paper",
        )}
      >
        <span
          aria-hidden="true"
          className={cx(
            "size-2.5 shrink-0 rounded-full border-2",
            isActive ? "bg-mango" : state.kind === "final" ? "bg-line" : "bg-panel",
          )}
        />
        <span>{state.label ?? title(state.key)}</span>
        {marks.length > 0 && <span className="text-xs font-normal text-muted">{marks.join(", ")}</span>}
      </div>
      {isChosen && <Facts state={state} chart={shared.chart} />}
      {state.children.length > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: a group of tree items, not of form fields
        <div role="group" className="ml-3 border-l-2 pl-1.5">
          {state.children.map((child) => (
            <Item key={child.id} state={child} {...shared} />
          ))}
        </div>
      )}
    </div>
  );
}

/** What the chosen state does. */
function Facts({ state, chart }: { state: ChartState; chart: Chart }) {
  const leaving = transitionsFrom(chart, state.id);
  const { entry, exit, handles } = state;
  return (
    <div className="mb-1 ml-6 flex flex-col gap-1 border-2 border-dashed p-2 text-xs">
      <Fact name="State" texts={[state.id]} />
      <Fact name="On entry" texts={entry} />
      <Fact name="On exit" texts={exit} />
      <Fact name="Leaves" texts={leaving.map((each) => `to ${nameOf(chart, each.target)} on ${reactionText(each)}`)} />
      <Fact name="Stays" texts={handles.map(reactionText)} />
    </div>
  );
}

function Fact({ name, texts }: { name: string; texts: readonly string[] }) {
  if (texts.length === 0) return null;
  return (
    <div>
      <span className="font-semibold">{name}</span>
      <ul className="list-disc pl-4 font-mono text-[11px] break-words">
        {[...new Set(texts)].map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </div>
  );
}

/** Up and down through the items, left to the parent, right to the first child. */
function move(event: KeyboardEvent<HTMLDivElement>, chart: Chart, chosen: string, choose: (id: string) => void): void {
  const ids = [...chart.states.keys()];
  const at = ids.indexOf(chosen);
  const parent = chosen.slice(0, Math.max(chosen.lastIndexOf("."), 0));
  const wanted: Record<string, string | undefined> = {
    ArrowDown: ids[at + 1],
    ArrowUp: ids[at - 1],
    Home: ids[0],
    End: ids.at(-1),
    ArrowLeft: chart.states.has(parent) ? parent : undefined,
    ArrowRight: chart.states.get(chosen)?.children[0]?.id,
  };
  const next = wanted[event.key];
  if (next === undefined) return;
  event.preventDefault();
  choose(next);
  const tree = event.currentTarget;
  requestAnimationFrame(() => tree.querySelector<HTMLElement>(`[data-state-id="${CSS.escape(next)}"]`)?.focus());
}
