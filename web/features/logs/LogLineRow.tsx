"use client";
// One line of a log: number, time, source, level, text. A tool call's first line folds what follows.

import { ChevronRight, CircleAlert, TriangleAlert } from "lucide-react";
import { Fragment, memo } from "react";
import { cx } from "../../elements/class-names.ts";
import { formatDuration } from "../../elements/duration.ts";
import { type Piece, piecesOf } from "./ansi.ts";
import type { LogLine, ToolGroup } from "./log-book.ts";
import type { LogLevel } from "./log-event.ts";
import { levelOf } from "./rows.ts";

export interface LogLineRowProps {
  line: LogLine;
  /** Of its group, when it is the head of one. */
  isOpen: boolean;
  /** Changes when its group does: groups grow in place. */
  groupStamp: string;
  isChosen: boolean;
  isWrapped: boolean;
  /** To mark in the text. */
  pattern: RegExp | null;
  onFold: (group: ToolGroup) => void;
  onChoose: (line: number) => void;
}

const TONE: Record<LogLevel, string> = {
  debug: "bg-panel text-muted",
  info: "bg-panel",
  // Opaque: the line's number stays in front of what scrolls under it.
  warn: "bg-[color-mix(in_oklab,var(--color-mango)_24%,var(--panel))]",
  error: "bg-[color-mix(in_oklab,var(--color-danger)_22%,var(--panel))]",
};

export const LogLineRow = memo(function LogLineRow({
  line,
  isOpen,
  isChosen,
  isWrapped,
  pattern,
  onFold,
  onChoose,
}: LogLineRowProps) {
  const { number, at, source, text, group, isFirst, isHead, kind } = line;
  const level = levelOf(line);
  return (
    <div
      className={cx(
        "flex min-h-6 items-start gap-2 px-2 font-mono sm:gap-3 text-[13px] leading-6",
        isChosen ? "bg-[color-mix(in_oklab,var(--color-sky)_45%,var(--panel))]" : TONE[level],
        !isWrapped && "w-max min-w-full",
      )}
    >
      <button
        type="button"
        onClick={() => onChoose(number)}
        aria-label={`Line ${number}`}
        aria-current={isChosen ? "true" : undefined}
        className="aria-[current]:font-bold aria-[current]:underline sticky left-0 min-w-8 shrink-0 bg-inherit text-right select-none hover:underline sm:w-14"
      >
        {number}
      </button>
      <span className="hidden w-16 shrink-0 select-none md:block">{clock(at)}</span>
      <span className="hidden w-12 shrink-0 select-none sm:block">{source}</span>
      <span className="grid h-6 w-4 shrink-0 place-items-center select-none">
        {isFirst && level === "error" && <CircleAlert role="img" aria-label="Error" size={14} />}
        {isFirst && level === "warn" && <TriangleAlert role="img" aria-label="Warning" size={14} />}
      </span>
      {isHead && group ? (
        <Head group={group} text={text} pattern={pattern} isOpen={isOpen} isWrapped={isWrapped} onFold={onFold} />
      ) : (
        <span
          className={cx(
            "[unicode-bidi:isolate]",
            isWrapped ? "min-w-0 break-words whitespace-pre-wrap" : "whitespace-pre",
            group && "self-stretch border-l-2 pl-3",
            kind === "model.thinking" && "text-muted italic",
          )}
        >
          {piecesOf(text).map((piece, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a line never change
            <PieceOf key={index} piece={piece} pattern={pattern} />
          ))}
        </span>
      )}
    </div>
  );
});

function Head({
  group,
  text,
  pattern,
  isOpen,
  isWrapped,
  onFold,
}: {
  group: ToolGroup;
  text: string;
  pattern: RegExp | null;
  isOpen: boolean;
  isWrapped: boolean;
  onFold: (group: ToolGroup) => void;
}) {
  const { name, result, lineCount } = group;
  // The runner's own text often begins with the tool's name.
  const rest = text.startsWith(name) ? text.slice(name.length).trim() : text;
  const outcome = result === null ? "running" : result.isError ? "failed" : "ok";
  return (
    <button
      type="button"
      aria-expanded={isOpen}
      onClick={() => onFold(group)}
      className={cx("flex min-w-0 items-start gap-1.5 text-left hover:underline", isWrapped ? "flex-wrap" : "whitespace-nowrap")}
    >
      <ChevronRight aria-hidden="true" size={16} className={cx("mt-1 shrink-0", isOpen && "rotate-90")} />
      <strong>{name}</strong>
      <span className={cx("min-w-0", isWrapped ? "break-words" : "max-w-[48rem] truncate")}>
        <Marked text={rest} pattern={pattern} />
      </span>
      <span className={cx("shrink-0", result?.isError ? "font-bold" : "text-muted")}>
        · {outcome}
        {result?.durationMs !== null && result !== null && ` · ${duration(result.durationMs)}`}
        {lineCount > 0 && ` · ${lineCount} ${lineCount === 1 ? "line" : "lines"}`}
      </span>
    </button>
  );
}

const duration = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : ms < 10_000 ? `${(ms / 1000).toFixed(1)}s` : formatDuration(ms);

function PieceOf({ piece: { text, look }, pattern }: { piece: Piece; pattern: RegExp | null }) {
  const content = linked(text).map(({ part, href }, index) => {
    const marked = <Marked text={part} pattern={pattern} />;
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a line never change
    if (href === null) return <Fragment key={index}>{marked}</Fragment>;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: as above
      <a key={index} href={href} target="_blank" rel="noreferrer nofollow" className="underline">
        {marked}
      </a>
    );
  });
  return look === "" ? content : <span className={look}>{content}</span>;
}

const LINK = /https?:\/\/[^\s<>"'`)\]}]+/g;

/** The parts of a text; those that are http(s) addresses with where they lead. */
function linked(text: string): { part: string; href: string | null }[] {
  const parts: { part: string; href: string | null }[] = [];
  let at = 0;
  for (const { 0: href, index } of text.matchAll(LINK)) {
    if (index > at) parts.push({ part: text.slice(at, index), href: null });
    parts.push({ part: href, href });
    at = index + href.length;
  }
  if (at < text.length) parts.push({ part: text.slice(at), href: null });
  return parts;
}

function Marked({ text, pattern }: { text: string; pattern: RegExp | null }) {
  if (pattern === null || !pattern.test(text)) return text;
  const parts = text.split(new RegExp(`(${pattern.source})`, "i"));
  return parts.map((part, index) =>
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a line never change
      <mark key={index} className="bg-sky text-ink">
        {part}
      </mark>
    ) : (
      part
    ),
  );
}

function clock(at: number): string {
  return at === 0 ? "" : new Date(at).toLocaleTimeString(undefined, { hour12: false });
}
