"use client";
// What the actors have been told, newest first, as it comes.

import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { cx } from "../../elements/class-names.ts";
import { ScrollRegion } from "../feature/ScrollRegion.tsx";
import { eventTitle } from "../statechart/words.ts";
import { lastPart, pretty } from "../transitions/describe.ts";
import type { InspectedEvent } from "./picture.ts";

const ROW_HEIGHT = 36;

export function EventList({ events, chosen }: { events: readonly InspectedEvent[]; chosen: string | null }) {
  const [text, setText] = useState("");
  const [isOwn, setOwn] = useState(false);
  const [open, setOpen] = useState<string | null>(null);
  const frame = useRef<HTMLElement>(null);
  const shown = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return events
      .filter(
        ({ address, type, source }) =>
          (!isOwn || address === chosen) && `${address} ${type} ${source}`.toLowerCase().includes(wanted),
      )
      .toReversed();
  }, [events, text, isOwn, chosen]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => shown[index]?.id ?? index,
    overscan: 10,
  });
  return (
    <div className="flex min-w-0 flex-col gap-2">
      <div className="flex flex-wrap items-center gap-3">
        <input
          type="search"
          aria-label="Filter events"
          placeholder="Filter events"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="min-h-8 min-w-0 flex-1 basis-40 rounded-control border-2 bg-panel px-2 text-sm"
        />
        <label className="flex min-h-8 items-center gap-2 text-sm">
          <input type="checkbox" checked={isOwn} onChange={(event) => setOwn(event.target.checked)} className="size-4" />
          Only the chosen actor
        </label>
      </div>
      <ScrollRegion ref={frame} label="Events" className="h-96 overflow-auto rounded-card border-2 bg-panel">
        {shown.length === 0 ? (
          <p className="p-4 text-sm text-muted">
            {events.length === 0
              ? "Nothing has happened since this page was opened. Events appear here as they are stored."
              : "No event passes the filter."}
          </p>
        ) : (
          <ol className="relative" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map(({ index, key, start }) => {
              const item = shown[index];
              if (item === undefined) return null;
              return (
                <li
                  key={key}
                  ref={virtual.measureElement}
                  data-index={index}
                  className="absolute inset-x-0 top-0 border-b-2"
                  style={{ transform: `translateY(${start}px)` }}
                >
                  <EventRow item={item} isOpen={open === item.id} onToggle={() => setOpen(open === item.id ? null : item.id)} />
                </li>
              );
            })}
          </ol>
        )}
      </ScrollRegion>
    </div>
  );
}

function EventRow({ item, isOpen, onToggle }: { item: InspectedEvent; isOpen: boolean; onToggle: () => void }) {
  const { address, type, source, at, sequence, event } = item;
  const when = new Date(at);
  return (
    <>
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={onToggle}
        className={cx(
          "flex min-h-[34px] w-full flex-wrap items-center gap-x-3 px-3 text-left text-sm hover:bg-paper",
          isOpen && "bg-paper",
        )}
      >
        <time dateTime={when.toISOString()} className="font-mono text-xs text-muted">
          {when.toLocaleTimeString(undefined, { hour12: false })}
        </time>
        <span className="font-mono text-xs font-semibold">
          {lastPart(address)} #{sequence}
        </span>
        <span className="min-w-0 flex-1 truncate">{eventTitle(type)}</span>
        <span className="truncate font-mono text-xs text-muted">from {lastPart(source)}</span>
      </button>
      {isOpen && (
        <pre className="overflow-auto border-t-2 border-dashed p-3 font-mono text-xs break-words whitespace-pre-wrap">
          {pretty(event)}
        </pre>
      )}
    </>
  );
}
