// Running a plan: the operators over a scan, as a stream of documents or as one page.
//   Q1. A limit that is used up stops the query before it reads the next row.
//   Q2. A page with an end (an endCursor, or the journal of its last run) is everything up to it, inclusive, however many that
//       is now: pages beside each other neither gap nor overlap while documents come and go.
//   Q3. A page never looks past its last row: the next insert after it does not concern it.
import type { Cursors, Position } from "./cursors.ts";
import type { Document } from "./document.ts";
import { compareKeys, type Key, successor } from "./keys.ts";
import type { Meter } from "./limits.ts";
import type { Operator, QueryPlan } from "./query-plan.ts";
import type { Scan, ScanRange } from "./scan.ts";
import type { JsonValue } from "./values.ts";

export type PageArgs = {
  query: JsonValue;
  cursor: string | null;
  endCursor?: string | null;
  pageSize: number;
  maximumRowsRead?: number | null;
  maximumBytesRead?: number | null;
};
export type PageStatus = "SplitRecommended" | "SplitRequired" | null;
export type Page = {
  /** Documents as JSON text, in order. */
  page: string[];
  isDone: boolean;
  /** Where the page ends; also the query's new journal. */
  continueCursor: string;
  splitCursor: string | null;
  pageStatus: PageStatus;
};

/** A page is stopped here even when nobody asked: half of what a transaction may read. */
const DEFAULT_ROWS_READ = 16_000;
const DEFAULT_BYTES_READ = 8 << 20;
const SPLIT_RECOMMENDED_SHARE = 0.75;

/** The documents of a query, one per call. */
export class QueryRun {
  private readonly remaining: number[];

  constructor(
    private readonly scan: Scan,
    private readonly operators: readonly Operator[],
    private readonly meter: Meter,
  ) {
    this.remaining = operators.map((operator) => (operator.kind === "limit" ? operator.count : Number.POSITIVE_INFINITY));
  }

  /** The next document that passes every operator; null at the end. Safe to repeat there. */
  next(): Document | null {
    for (;;) {
      const row = this.nextRow();
      if (!row) return null;
      if (row.isAccepted) return row.document;
    }
  }

  /** The next row read, accepted or not. */
  nextRow(): { key: Key; document: Document; isAccepted: boolean } | null {
    if (this.remaining.includes(0)) return null; // Q1
    const row = this.scan.next();
    if (!row) return null;
    this.meter.read(row.document.sizeBytes);
    return { key: row.key, document: row.document, isAccepted: this.accepts(row.document) };
  }

  private accepts(document: Document): boolean {
    for (let at = 0; at < this.operators.length; at++) {
      const operator = this.operators[at] as Operator; // below the length
      if (operator.kind === "limit") this.remaining[at] = (this.remaining[at] ?? 0) - 1;
      else if (!operator.accepts(document.fields)) return false;
    }
    return true;
  }
}

/** How many rows a stream will want at most; undefined when filters make that unknowable. */
export function expectedRows(operators: readonly Operator[]): number | undefined {
  if (operators.some((operator) => operator.kind === "filter")) return undefined;
  const limits = operators.map((operator) => (operator.kind === "limit" ? operator.count : Number.POSITIVE_INFINITY));
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

/** Reads one page. @throws {InvalidCursor} */
export function readPage(
  plan: QueryPlan,
  args: PageArgs,
  journal: string | null,
  cursors: Cursors,
  meter: Meter,
  openScan: (range: ScanRange, expected: number) => Scan,
): Page {
  const fingerprint = cursors.fingerprint(args.query, plan.index.id);
  const from: Position = args.cursor === null ? { kind: "bound", key: firstBound(plan) } : cursors.open(fingerprint, args.cursor);
  const endText = args.endCursor ?? journal;
  const until = endText === null ? null : cursors.open(fingerprint, endText);
  const range = pageRange(plan, from, until);
  const run = new QueryRun(openScan(range, Math.min(args.pageSize, DEFAULT_ROWS_READ)), plan.operators, meter);
  const budget = new Budget(args);
  const page: string[] = [];
  const keys: Key[] = [];
  let reachedEnd = false;
  while (!budget.isSpent && (until !== null || page.length < args.pageSize)) {
    const row = run.nextRow();
    if (!row) {
      reachedEnd = true;
      break;
    }
    keys.push(row.key);
    budget.spend(row.document.sizeBytes);
    if (row.isAccepted) page.push(row.document.text);
  }
  const last = keys.at(-1);
  const stoppedAt: Position = last ? { kind: "bound", key: boundAfter(plan, last) } : from;
  // An end that was given stays the end, even when the budget stopped the page before it: the page is then incomplete and says so.
  const continueAt = until ?? (reachedEnd ? { kind: "end" as const } : stoppedAt);
  // Stopped by the budget, but just where it would have ended: nothing is missing.
  const isWhole = until?.kind === "bound" && stoppedAt.kind === "bound" && compareKeys(until.key, stoppedAt.key) === 0;
  const middle = keys.length >= 2 ? keys[Math.floor((keys.length - 1) / 2)] : undefined;
  return {
    page,
    isDone: continueAt.kind === "end",
    continueCursor: cursors.seal(fingerprint, continueAt),
    splitCursor: middle ? cursors.seal(fingerprint, { kind: "bound", key: boundAfter(plan, middle) }) : null,
    pageStatus: budget.isSpent && !isWhole ? "SplitRequired" : budget.advice,
  };
}

class Budget {
  private rows = 0;
  private bytes = 0;
  private readonly maxRows: number;
  private readonly maxBytes: number;

  constructor({ maximumRowsRead, maximumBytesRead }: PageArgs) {
    this.maxRows = Math.min(maximumRowsRead || DEFAULT_ROWS_READ, DEFAULT_ROWS_READ);
    this.maxBytes = Math.min(maximumBytesRead || DEFAULT_BYTES_READ, DEFAULT_BYTES_READ);
  }

  spend(bytes: number): void {
    this.rows++;
    this.bytes += bytes;
  }

  get isSpent(): boolean {
    return this.rows >= this.maxRows || this.bytes >= this.maxBytes;
  }

  get advice(): PageStatus {
    const share = Math.max(this.rows / this.maxRows, this.bytes / this.maxBytes);
    return share > SPLIT_RECOMMENDED_SHARE ? "SplitRecommended" : null;
  }
}

/** A cursor holds a key of this very range (P1), so its bound lies inside it. */
function pageRange(plan: QueryPlan, from: Position, until: Position | null): ScanRange {
  const { table, index, start, end, isDescending } = plan;
  const fromKey = from.kind === "bound" ? from.key : isDescending ? start : end;
  const untilKey = until?.kind === "bound" ? until.key : isDescending ? start : end;
  return isDescending
    ? { table, index, start: untilKey, end: fromKey, isDescending }
    : { table, index, start: fromKey, end: untilKey, isDescending };
}

function firstBound(plan: QueryPlan): Key {
  return plan.isDescending ? plan.end : plan.start;
}

/** The bound that has this key on the near side: pages include the key their cursor was made from. */
function boundAfter(plan: QueryPlan, key: Key): Key {
  return plan.isDescending ? key : successor(key);
}
