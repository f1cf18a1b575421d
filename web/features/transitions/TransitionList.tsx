"use client";
// Recorded steps, newest first, as a virtual list that can hold all of them. Takes the steps, fetches nothing.

import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowRight, ChevronRight } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button } from "../../elements/Button.tsx";
import { cx } from "../../elements/class-names.ts";
import { Pill } from "../../elements/Pill.tsx";
import type { Transition } from "../feature/data.ts";
import { ScrollRegion } from "../feature/ScrollRegion.tsx";
import { eventTitle } from "../statechart/words.ts";
import { actionText, causeSource, causeWords, changesOf, lastPart, pretty, stepText } from "./describe.ts";

const ROW_HEIGHT = 64;
const OVERSCAN = 8;

export interface TransitionListProps {
  steps: readonly Transition[];
  /** Whether steps of several actors are mixed. */
  showsActor: boolean;
  /** "more" can be asked for, "loading" is on its way, "all" is here. */
  older: "more" | "loading" | "all";
  onOlder: () => void;
  label: string;
}

export function TransitionList({ steps, showsActor, older, onOlder, label }: TransitionListProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const virtual = useVirtualizer({
    count: steps.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => keyOf(steps[index]) ?? index,
    overscan: OVERSCAN,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const isNearEnd = last >= steps.length - OVERSCAN;
  useEffect(() => {
    if (older === "more" && isNearEnd) onOlder();
  }, [older, isNearEnd, onOlder]);
  const toggle = (key: string) =>
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(key)) after.add(key);
      return after;
    });

  return (
    <div className="flex flex-col gap-2">
      <ScrollRegion ref={frame} label={label} className="h-[min(70vh,46rem)] overflow-auto rounded-card border-2 bg-panel">
        <ol className="relative" style={{ height: virtual.getTotalSize() }}>
          {items.map(({ index, key, start }) => {
            const step = steps[index];
            if (step === undefined) return null;
            const id = String(key);
            return (
              <li
                key={key}
                ref={virtual.measureElement}
                data-index={index}
                aria-posinset={index + 1}
                aria-setsize={older === "all" ? steps.length : -1}
                className="absolute inset-x-0 top-0 border-b-2"
                style={{ transform: `translateY(${start}px)` }}
              >
                <StepRow step={step} showsActor={showsActor} isOpen={open.has(id)} onToggle={() => toggle(id)} />
              </li>
            );
          })}
        </ol>
      </ScrollRegion>
      <p aria-live="polite" className="flex items-center gap-3 text-sm text-muted">
        {older === "all" ? `All ${steps.length} steps` : `${steps.length} steps, newest first`}
        {older === "more" && (
          <Button size="sm" onClick={onOlder}>
            Older steps
          </Button>
        )}
        {older === "loading" && "Loading older steps…"}
      </p>
    </div>
  );
}

const keyOf = (step: Transition | undefined): string | undefined => step && `${step.actor} ${step.sequence}`;

function StepRow({
  step,
  showsActor,
  isOpen,
  onToggle,
}: {
  step: Transition;
  showsActor: boolean;
  isOpen: boolean;
  onToggle: () => void;
}) {
  const at = new Date(step.at);
  const changes = changesOf(step);
  return (
    <>
      <button
        type="button"
        aria-expanded={isOpen}
        aria-label={stepText(step)}
        onClick={onToggle}
        className={cx(
          "grid w-full grid-cols-[1.25rem_3rem_minmax(0,1fr)] items-start gap-x-2 gap-y-0.5 px-3 py-2 text-left text-sm hover:bg-paper md:grid-cols-[1.25rem_3.5rem_6.5rem_minmax(0,15rem)_minmax(0,1fr)]",
          step.ignored && "text-muted",
        )}
      >
        <ChevronRight aria-hidden="true" size={16} className={cx("mt-0.5", isOpen && "rotate-90")} />
        <span className="font-mono text-xs leading-5 text-muted">#{step.sequence}</span>
        <time
          dateTime={at.toISOString()}
          title={at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" })}
          className="font-mono text-xs leading-5 whitespace-nowrap"
        >
          {clock(at)}
        </time>
        <span className="col-span-2 col-start-2 min-w-0 md:col-span-1 md:col-start-auto">
          <span className="block truncate font-semibold">{eventTitle(step.eventType)}</span>
          <span className="block truncate text-xs text-muted">
            {showsActor && <span className="font-mono">{lastPart(step.actor)} · </span>}
            by {causeWords(step.cause)}
          </span>
        </span>
        <span className="col-span-2 col-start-2 min-w-0 md:col-span-1 md:col-start-auto">
          {step.ignored ? (
            <Pill fill="stone">ignored here</Pill>
          ) : changes.length === 0 ? (
            <span className="text-muted">stays</span>
          ) : (
            changes.map(({ region, from, to }) => (
              <span key={region} className="block font-mono text-xs leading-5 break-words">
                {region !== null && <span className="text-muted">{region} </span>}
                {from} <ArrowRight aria-label="to" size={12} className="inline" /> <strong>{to}</strong>
              </span>
            ))
          )}
        </span>
      </button>
      {isOpen && <StepDetails step={step} />}
    </>
  );
}

function StepDetails({ step }: { step: Transition }) {
  const { microsteps, actions, cause, event, actor } = step;
  return (
    <dl className="grid gap-x-4 gap-y-2 border-t-2 border-dashed bg-paper px-4 py-3 text-sm md:grid-cols-[8rem_minmax(0,1fr)]">
      <Term name="Actor">
        <code className="font-mono text-xs break-all">{actor}</code>
      </Term>
      <Term name="Caused by">
        {causeSource(cause.kind)}: <span className="break-all">{cause.name}</span>
      </Term>
      {microsteps.length > 0 && (
        <Term name="On the way">
          <code className="font-mono text-xs break-words">{microsteps.join(", ")}</code>
        </Term>
      )}
      <Term name="Did">
        {actions.length === 0 ? (
          "nothing besides"
        ) : (
          <ul className="list-disc pl-4">
            {[...new Set(actions)].map((action) => (
              <li key={action} className="break-words">
                {actionText(action)}
              </li>
            ))}
          </ul>
        )}
      </Term>
      <Term name="Event">
        <ScrollRegion label="The event as stored" className="max-h-64 overflow-auto rounded-control border-2 bg-panel p-2">
          <pre className="font-mono text-xs break-words whitespace-pre-wrap">{pretty(event)}</pre>
        </ScrollRegion>
      </Term>
    </dl>
  );
}

function Term({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt className="font-semibold">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}

/** "10:15:31.042": steps of one second are told apart. */
function clock(at: Date): string {
  const time = at.toLocaleTimeString(undefined, { hour12: false });
  return `${time}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
