// The recent past: for each write the version it replaced, kept for five minutes, so that a query can run at an earlier timestamp.
// In memory only: a restart forgets it, and no commit pays for writing it down.
//   U1. Current state with, for every document written after `ts`, the oldest version noted since, is the state at `ts`.
//   U2. What is kept is bounded in time and in size; a timestamp before the oldest version kept is refused, never answered wrongly.
//   U3. What a group noted counts from its commit; a rollback forgets it.
import type { Catalog } from "./catalog.ts";
import { Document } from "./document.ts";
import { FunctionError } from "./errors.ts";
import { decodeId } from "./ids.ts";
import { Overlay } from "./overlay.ts";
import type { Rows } from "./rows.ts";

export const HISTORY_MS = 5 * 60_000;
const HISTORY_NS = BigInt(HISTORY_MS) * 1_000_000n;
const MAX_CHARS = 16 * 1024 * 1024;
/** What a version costs beside its text, about. */
const CHARS_EACH = 200;
/** Gone versions are cut off the list when there are this many of them, and as many left. */
const COMPACT_AT = 4096;

interface Version {
  /** ns of the commit that replaced it. */
  readonly ts: bigint;
  readonly id: string;
  /** Null: the document was not there. */
  readonly json: string | null;
}

export class UndoLog {
  private versions: Version[] = [];
  /** Where in `versions` the kept ones begin. */
  private first = 0;
  private chars = 0;
  private readonly noted: Version[] = [];

  /** @param floor ns; the state before this timestamp is not known */
  constructor(
    private readonly catalog: Catalog,
    private readonly rows: Rows,
    private floor: bigint,
    private readonly maxChars = MAX_CHARS,
  ) {}

  /** A document is written at `ts` (ns) by the open group; `json` is what it was, null when it was not there. */
  note(ts: bigint, id: string, json: string | null): void {
    this.noted.push({ ts, id, json });
  }

  /** The group that noted has committed; `nowTs` is its last timestamp. Lets go of what is too old or too much (U2). */
  committed(nowTs: bigint): void {
    for (const version of this.noted) {
      this.versions.push(version);
      this.chars += charsOf(version);
    }
    this.noted.length = 0;
    const oldest = nowTs - HISTORY_NS;
    for (let version = this.versions[this.first]; version; version = this.versions[this.first]) {
      if (version.ts >= oldest && this.chars <= this.maxChars) break;
      this.chars -= charsOf(version);
      this.floor = version.ts;
      this.first++;
    }
    if (this.first < COMPACT_AT || this.first < this.versions.length - this.first) return;
    this.versions = this.versions.slice(this.first);
    this.first = 0;
  }

  /** U3 */
  rolledBack(): void {
    this.noted.length = 0;
  }

  /** An overlay that shows the state at `ts` (U1). @throws {FunctionError} when that is in the future or no longer kept */
  overlayAt(ts: bigint, latestTs: bigint): Overlay {
    if (ts > latestTs) throw new FunctionError("TimestampInFuture", "Cannot query at a timestamp that has not happened yet.");
    if (ts < latestTs - HISTORY_NS) {
      throw new FunctionError("TimestampTooOld", `Cannot query at a timestamp more than ${HISTORY_MS / 60_000} minutes old.`);
    }
    if (ts < this.floor) {
      throw new FunctionError(
        "TimestampTooOld",
        "Cannot query at this timestamp: what was written since then is more than this deployment remembers. Ask for a new one.",
      );
    }
    const overlay = new Overlay();
    for (let at = this.firstAfter(ts); at < this.versions.length; at++) {
      const version = this.versions[at];
      if (version && !overlay.lookup(version.id)) this.restore(overlay, version); // the first since `ts` is the version of `ts`
    }
    return overlay;
  }

  private firstAfter(ts: bigint): number {
    let at = this.versions.length;
    while (at > this.first && (this.versions[at - 1]?.ts ?? 0n) > ts) at--;
    return at;
  }

  private restore(overlay: Overlay, { id, json }: Version): void {
    const decoded = decodeId(id);
    const table = "problem" in decoded ? null : this.catalog.tableByNumber(decoded.tableNumber);
    if (!table) return;
    const row = this.rows.document(id);
    const committed = row && Document.committed(table, id, row.rid, row.json);
    overlay.put({ id, table, committed, next: json === null ? null : Document.committed(table, id, -1, json) });
  }
}

const charsOf = ({ json }: Version): number => (json?.length ?? 0) + CHARS_EACH;
