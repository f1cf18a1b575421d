"use client";
// The controls above a log.

import { ArrowDown, ArrowUp, ChevronsDown, Download, Link2, Search, WrapText } from "lucide-react";
import type { ReactNode, RefObject } from "react";
import { Button } from "../../elements/Button.tsx";
import { LEVELS, type LogLevel, type LogSource, SOURCES } from "./log-event.ts";
import type { LogUrl } from "./log-url.ts";

const LEVEL_WORDS: Record<LogLevel, string> = {
  debug: "All levels",
  info: "Info and above",
  warn: "Warnings and errors",
  error: "Errors",
};
const SOURCE_WORDS: Record<LogSource, string> = { runner: "Runner", model: "Model", tool: "Tools", stderr: "Standard error" };

const FIELD = "min-h-8 rounded-control border-2 bg-panel px-2 text-sm";

export function LogToolbar({
  url,
  query,
  search,
  matches,
  errors,
  isFollowing,
  fresh,
  onQuery,
  onChange,
  onMatch,
  onError,
  onFollow,
  onCopy,
  onText,
  onJsonLines,
}: {
  url: LogUrl;
  query: string;
  search: RefObject<HTMLInputElement | null>;
  /** How many there are. */
  matches: number;
  errors: number;
  isFollowing: boolean;
  /** Lines that have come since following stopped. */
  fresh: number;
  onQuery: (query: string) => void;
  onChange: (change: Partial<Pick<LogUrl, "level" | "source" | "wrap">>) => void;
  onMatch: (by: 1 | -1) => void;
  onError: (by: 1 | -1) => void;
  onFollow: () => void;
  onCopy: () => void;
  onText: () => void;
  onJsonLines: () => void;
}) {
  return (
    <div role="toolbar" aria-label="Log" className="flex flex-wrap items-center gap-2 border-b-2 bg-paper p-2">
      <div className="flex min-w-0 flex-1 basis-52 items-center gap-1">
        <label className="relative min-w-0 flex-1">
          <span className="sr-only">Search the log</span>
          <Search aria-hidden="true" size={15} className="absolute top-2 left-2 text-muted" />
          <input
            ref={search}
            type="search"
            value={query}
            placeholder="Search"
            onChange={(event) => onQuery(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter") onMatch(event.shiftKey ? -1 : 1);
            }}
            className={`${FIELD} w-full pl-7`}
          />
        </label>
        <Steps what="match" count={query === "" ? null : matches} onStep={onMatch} />
      </div>
      <select
        aria-label="Level"
        value={url.level}
        onChange={(event) => onChange({ level: LEVELS.find((level) => level === event.target.value) ?? "debug" })}
        className={FIELD}
      >
        {LEVELS.map((level) => (
          <option key={level} value={level}>
            {LEVEL_WORDS[level]}
          </option>
        ))}
      </select>
      <select
        aria-label="Source"
        value={url.source ?? ""}
        onChange={(event) => onChange({ source: SOURCES.find((source) => source === event.target.value) ?? null })}
        className={FIELD}
      >
        <option value="">All sources</option>
        {SOURCES.map((source) => (
          <option key={source} value={source}>
            {SOURCE_WORDS[source]}
          </option>
        ))}
      </select>
      <span className="flex items-center gap-1">
        <Steps what="error" count={errors} onStep={onError} />
      </span>
      <span className="flex flex-wrap items-center gap-1">
        <Toggle label="Wrap lines" isOn={url.wrap} icon={<WrapText size={16} />} onToggle={() => onChange({ wrap: !url.wrap })} />
        <Button
          size="sm"
          icon={<Link2 size={16} />}
          disabledReason={url.line === null ? "Choose a line by its number first." : null}
          onClick={onCopy}
          aria-label="Copy link to the chosen line"
        />
        <Button size="sm" icon={<Download size={16} />} onClick={onText} aria-label="Download as text">
          Text
        </Button>
        <Button size="sm" icon={<Download size={16} />} onClick={onJsonLines} aria-label="Download as JSON lines">
          JSONL
        </Button>
        <Button
          size="sm"
          tone={isFollowing ? "primary" : "plain"}
          aria-pressed={isFollowing}
          icon={<ChevronsDown size={16} />}
          onClick={onFollow}
        >
          {isFollowing ? "Following" : fresh > 0 ? `Follow, ${fresh} new` : "Follow"}
        </Button>
      </span>
    </div>
  );
}

/** Previous and next, with how many there are. */
function Steps({ what, count, onStep }: { what: string; count: number | null; onStep: (by: 1 | -1) => void }) {
  const plural = what === "match" ? "matches" : `${what}s`;
  const reason = count === null || count === 0 ? `No ${plural} in what is shown.` : null;
  return (
    <>
      <span className="px-1 text-sm whitespace-nowrap text-muted">
        {count ?? 0} {count === 1 ? what : plural}
      </span>
      <Button
        size="sm"
        icon={<ArrowUp size={16} />}
        aria-label={`Previous ${what}`}
        disabledReason={reason}
        onClick={() => onStep(-1)}
      />
      <Button
        size="sm"
        icon={<ArrowDown size={16} />}
        aria-label={`Next ${what}`}
        disabledReason={reason}
        onClick={() => onStep(1)}
      />
    </>
  );
}

function Toggle({ label, isOn, icon, onToggle }: { label: string; isOn: boolean; icon: ReactNode; onToggle: () => void }) {
  return (
    <Button size="sm" tone={isOn ? "primary" : "plain"} aria-pressed={isOn} aria-label={label} icon={icon} onClick={onToggle} />
  );
}
