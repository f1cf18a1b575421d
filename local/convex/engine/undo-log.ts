// The recent past: for each write the version it replaced, kept for five minutes, so that a query can run at an earlier timestamp.
//   U1. Current state with, for every document written after `ts`, the oldest version noted since, is the state at `ts`.
//   U2. A row is noted in the commit of its write, and every commit clears away more than it adds: the log stays bounded.
import type { Database, Statement } from "bun:sqlite";
import type { Catalog } from "./catalog.ts";
import { Document } from "./document.ts";
import { FunctionError } from "./errors.ts";
import { decodeId } from "./ids.ts";
import { Overlay } from "./overlay.ts";
import type { Rows } from "./rows.ts";

export const HISTORY_MS = 5 * 60_000;
const HISTORY_NS = BigInt(HISTORY_MS) * 1_000_000n;
const CLEARED_PER_NOTED = 4;
const CLEARED_AT_LEAST = 64;

export class UndoLog {
  private readonly insert: Statement<unknown, [bigint, string, string | null]>;
  private readonly since: Statement<{ id: string; json: string | null }, [bigint]>;
  private readonly clear: Statement<unknown, [bigint, number]>;
  private notedInCommit = 0;

  constructor(
    database: Database,
    private readonly catalog: Catalog,
    private readonly rows: Rows,
  ) {
    this.insert = database.prepare("INSERT INTO undo(ts, id, json) VALUES (?, ?, ?)");
    this.since = database.prepare("SELECT id, json FROM undo WHERE ts > ? ORDER BY ts");
    this.clear = database.prepare(
      "DELETE FROM undo WHERE (ts, id) IN (SELECT ts, id FROM undo WHERE ts < ? ORDER BY ts LIMIT ?)",
    );
  }

  /** A document is written at `ts` (ns); `json` is what it was, null when it was not there. */
  note(ts: bigint, id: string, json: string | null): void {
    this.insert.run(ts, id, json);
    this.notedInCommit++;
  }

  /** Clears what has aged out, before the SQLite transaction commits (U2). */
  trim(nowTs: bigint): void {
    this.clear.run(nowTs - HISTORY_NS, this.notedInCommit * CLEARED_PER_NOTED + CLEARED_AT_LEAST);
    this.notedInCommit = 0;
  }

  /** An overlay that shows the state at `ts` (U1). @throws {FunctionError} when that is in the future or no longer kept */
  overlayAt(ts: bigint, latestTs: bigint): Overlay {
    if (ts > latestTs) throw new FunctionError("TimestampInFuture", "Cannot query at a timestamp that has not happened yet.");
    if (ts < latestTs - HISTORY_NS) {
      throw new FunctionError("TimestampTooOld", `Cannot query at a timestamp more than ${HISTORY_MS / 60_000} minutes old.`);
    }
    const overlay = new Overlay();
    for (const { id, json } of this.since.all(ts)) {
      if (!overlay.lookup(id)) this.restore(overlay, id, json); // the first row since `ts` has the version of `ts`
    }
    return overlay;
  }

  close(): void {
    for (const statement of [this.insert, this.since, this.clear]) statement.finalize();
  }

  private restore(overlay: Overlay, id: string, json: string | null): void {
    const decoded = decodeId(id);
    const table = "problem" in decoded ? null : this.catalog.tableByNumber(decoded.tableNumber);
    if (!table) return;
    const row = this.rows.document(id);
    const committed = row && Document.committed(table, id, row.rid, row.json);
    overlay.put({ id, table, committed, next: json === null ? null : Document.committed(table, id, -1, json) });
  }
}
