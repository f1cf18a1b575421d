"use client";
// A run's log: virtual lines under their controls. Takes the log as it is now and what is known of the run; fetches nothing.

import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { cx } from "../../elements/class-names.ts";
import { EmptyState } from "../../elements/EmptyState.tsx";
import { ErrorPanel } from "../../elements/ErrorPanel.tsx";
import { refusalOf } from "../../elements/refusal.ts";
import { Loading, Skeleton } from "../../elements/Skeleton.tsx";
import { asJsonLines, asText, download } from "./exports.ts";
import { LogLineRow } from "./LogLineRow.tsx";
import { LogToolbar } from "./LogToolbar.tsx";
import type { ToolGroup } from "./log-book.ts";
import { linkToLine, useLogUrl } from "./log-url.ts";
import { groupsWith, isOpen, neighbour, patternOf, rowsOf } from "./rows.ts";
import type { RunLog } from "./use-run-log.ts";

const LINE_HEIGHT = 24;
/** Presses of a key in a field are writing, not commands. */
const FIELDS = "input, select, textarea";

export function LogView({
  log,
  isLive,
  name,
  onRetry,
}: {
  log: RunLog;
  /** Whether more may come. */
  isLive: boolean;
  /** For the files: "oma-1.coder-2.1". */
  name: string;
  onRetry: () => void;
}) {
  const { lines, count, events, isCaughtUp, error } = log;
  const [url, setUrl, setQuery] = useLogUrl();
  const [folds, setFolds] = useState<ReadonlyMap<number, boolean>>(new Map());
  const [isFollowing, setFollowing] = useState(isLive && url.line === null);
  /** How many lines there were when following stopped. */
  const [seen, setSeen] = useState(Number.POSITIVE_INFINITY);
  const [notice, setNotice] = useState<string | null>(null);
  const frame = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const { level, source, wrap: isWrapped, line: chosen } = url;
  const query = useDeferredValue(url.q);
  const pattern = useMemo(() => patternOf(query), [query]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines grow in place, `count` tells
  const shown = useMemo(() => rowsOf(lines, { level, source, query }, folds), [lines, count, level, source, query, folds]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  const found = useMemo(() => (pattern === null ? null : groupsWith(lines, pattern)), [lines, count, pattern]);
  const { rows, matches, errors } = shown;

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => LINE_HEIGHT,
    getItemKey: (index) => rows[index] ?? index,
    overscan: 10,
  });

  const choose = useCallback((line: number | null) => void setUrl({ line }), [setUrl]);
  const fold = useCallback(
    (group: ToolGroup) => setFolds((before) => new Map(before).set(group.id, !isOpen(group, before, found))),
    [found],
  );
  const goTo = (position: number | null) => {
    const line = position === null ? undefined : lines[rows[position] ?? -1];
    if (position === null || line === undefined) return;
    setFollowing(false);
    setSeen(count);
    virtual.scrollToIndex(position, { align: "center" });
    choose(line.number);
  };
  const chosenAt = chosen === null ? -1 : rows.findIndex((index) => lines[index]?.number === chosen);
  const here = () => (chosenAt >= 0 ? chosenAt : (virtual.getVirtualItems()[0]?.index ?? 0) - 1);

  // Following: whatever is added is in view.
  useEffect(() => {
    if (isFollowing && rows.length > 0) virtual.scrollToIndex(rows.length - 1, { align: "end" });
  }, [isFollowing, rows.length, virtual]);

  // A link to a line: once, when its line has been read; the group it may be folded into is opened.
  const isPlaced = useRef(false);
  useEffect(() => {
    const line = chosen === null ? undefined : lines[chosen - 1];
    if (isPlaced.current || line === undefined || count < line.number) return;
    const { group, isHead } = line;
    if (group !== null && !isHead && !isOpen(group, folds, found)) {
      setFolds((before) => new Map(before).set(group.id, true));
      return;
    }
    isPlaced.current = true;
    if (chosenAt >= 0) virtual.scrollToIndex(chosenAt, { align: "center" });
  }, [chosen, chosenAt, count, lines, folds, found, virtual]);

  const follow = () => {
    setFollowing(!isFollowing);
    setSeen(count);
  };
  const copy = () => {
    if (chosen === null) return;
    navigator.clipboard.writeText(linkToLine(chosen)).then(
      () => setNotice(`Link to line ${chosen} copied`),
      () => setNotice("The browser keeps the clipboard closed: copy the address bar instead"),
    );
  };
  /** A person scrolls up: by wheel, finger, key or bar. What the list scrolls by itself only goes down. */
  const lastTop = useRef(0);
  const onMove = () => {
    const top = frame.current?.scrollTop ?? 0;
    if (isFollowing && top < lastTop.current - 2) {
      setFollowing(false);
      setSeen(count);
    }
    lastTop.current = top;
  };
  const onKey = (event: KeyboardEvent<HTMLElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target as HTMLElement).matches(FIELDS)) return;
    const by = event.shiftKey ? -1 : 1;
    const commands: Record<string, (() => void) | undefined> = {
      f: follow,
      e: () => goTo(neighbour(errors, here(), by)),
      n: () => goTo(neighbour(matches, here(), by)),
      w: () => void setUrl({ wrap: !isWrapped }),
      c: copy,
      "/": () => search.current?.focus(),
      home: () => {
        setFollowing(false);
        virtual.scrollToIndex(0);
      },
      end: () => virtual.scrollToIndex(rows.length - 1),
    };
    const command = commands[event.key.toLowerCase()];
    if (command === undefined) return;
    event.preventDefault();
    command();
  };

  if (error !== null && count === 0) {
    return <ErrorPanel title="The log cannot be read" message={refusalOf(error).message} onRetry={onRetry} />;
  }
  if (count === 0 && !isCaughtUp) {
    return (
      <Loading what="the log">
        <Skeleton className="h-[min(70vh,46rem)]" />
      </Loading>
    );
  }
  if (count === 0) {
    return (
      <EmptyState title={isLive ? "No lines yet" : "This run wrote no log"}>
        {isLive
          ? "The container is being started; its first lines appear here by themselves."
          : "It ended before its container could say anything. Its facts say why."}
      </EmptyState>
    );
  }
  return (
    <section aria-label="Log" onKeyDown={onKey} className="min-w-0 overflow-hidden rounded-card border-2 bg-panel">
      <LogToolbar
        url={url}
        query={url.q}
        search={search}
        matches={matches.length}
        errors={errors.length}
        isFollowing={isFollowing}
        fresh={Math.max(0, count - seen)}
        onQuery={setQuery}
        onChange={(change) => void setUrl(change)}
        onMatch={(by) => goTo(neighbour(matches, here(), by))}
        onError={(by) => goTo(neighbour(errors, here(), by))}
        onFollow={follow}
        onCopy={copy}
        onText={() => download(`${name}.log`, "text/plain", asText(lines))}
        onJsonLines={() => download(`${name}.jsonl`, "application/x-ndjson", asJsonLines(events))}
      />
      {error !== null && (
        <div className="border-b-2 p-3">
          <ErrorPanel title="New lines cannot be read" message={refusalOf(error).message} onRetry={onRetry} />
        </div>
      )}
      <div
        ref={frame}
        role="log"
        aria-live="off"
        aria-label={`Lines of ${name}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={onMove}
        className="h-[min(70vh,46rem)] overflow-auto"
      >
        {rows.length === 0 ? (
          <p className="p-6 text-center text-muted">No line of this log passes the level and source chosen above.</p>
        ) : (
          <div className="relative" style={{ height: virtual.getTotalSize() }}>
            <div
              className={cx("absolute top-0 left-0", isWrapped ? "w-full" : "min-w-full")}
              style={{ transform: `translateY(${virtual.getVirtualItems()[0]?.start ?? 0}px)` }}
            >
              {virtual.getVirtualItems().map(({ index, key }) => {
                const line = lines[rows[index] ?? -1];
                if (line === undefined) return null;
                const { group } = line;
                return (
                  <div key={key} ref={isWrapped ? virtual.measureElement : undefined} data-index={index}>
                    <LogLineRow
                      line={line}
                      isOpen={group !== null && isOpen(group, folds, found)}
                      groupStamp={group === null ? "" : `${group.lineCount} ${group.result?.isError}`}
                      isChosen={line.number === chosen}
                      isWrapped={isWrapped}
                      pattern={pattern}
                      onFold={fold}
                      onChoose={choose}
                    />
                  </div>
                );
              })}
            </div>
          </div>
        )}
      </div>
      <p aria-live="polite" className="border-t-2 px-3 py-1 text-sm text-muted">
        {rows.length === count ? `${count} lines` : `${rows.length} of ${count} lines shown`}
        {!isCaughtUp && ", reading on…"}
        {isCaughtUp && isLive && ", more will come"}
        {notice !== null && `. ${notice}`}
      </p>
    </section>
  );
}
