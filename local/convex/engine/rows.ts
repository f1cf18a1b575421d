// The statements of the hot path, prepared once: documents, index entries, replays, settings. No meaning, only rows.
import type { Database, Statement } from "bun:sqlite";
import { type Index, scanIndex, type Table } from "./catalog.ts";
import { idRange } from "./ids.ts";
import type { Key } from "./keys.ts";

/** A committed document as the file has it. */
export type DocumentRow = { rid: number; json: string };
/** A committed document met on a scan. */
export type ScanRow = { id: string; rid: number; json: string; key: Key };

type EntryColumns = [key: Uint8Array, rid: number, id: string, json: string];
type IdColumns = [rid: number, id: string, json: string];

const TAG_STRING = 16;
const AFTER_EVERY_ID = "\x7f";

export class Rows {
  private readonly selectById: Statement<DocumentRow, [string]>;
  private readonly ascending: Statement<EntryColumns, [number, Uint8Array, Uint8Array, number]>;
  private readonly descending: Statement<EntryColumns, [number, Uint8Array, Uint8Array, number]>;
  private readonly idsAscending: Statement<IdColumns, [string, string, number]>;
  private readonly idsDescending: Statement<IdColumns, [string, string, number]>;
  private readonly countEntries: Statement<{ n: number }, [number]>;
  private readonly insertRow: Statement<unknown, [string, string]>;
  private readonly updateRow: Statement<unknown, [string, number]>;
  private readonly deleteRow: Statement<unknown, [number]>;
  private readonly insertEntry: Statement<unknown, [number, Uint8Array, number]>;
  private readonly deleteEntry: Statement<unknown, [number, Uint8Array]>;
  private checkReadable: () => void = () => {};

  constructor(database: Database) {
    // SQLite plans a statement anew whenever a bare parameter that its plan may depend on is bound again, which costs five times
    // the scan itself. `+?` is the same value and no bare parameter.
    const scan = (order: string) =>
      `SELECT e.key, e.rid, d.id, d.json FROM entries e JOIN documents d ON d.rid = e.rid WHERE e.index_id = +? AND e.key >= +? AND e.key < +? ORDER BY e.key ${order} LIMIT +?`;
    const ids = (order: string) => `SELECT rid, id, json FROM documents WHERE id >= +? AND id < +? ORDER BY id ${order} LIMIT +?`;
    this.selectById = database.prepare("SELECT rid, json FROM documents WHERE id = ?");
    this.ascending = database.prepare(scan("ASC"));
    this.descending = database.prepare(scan("DESC"));
    this.idsAscending = database.prepare(ids("ASC"));
    this.idsDescending = database.prepare(ids("DESC"));
    this.countEntries = database.prepare("SELECT count(*) AS n FROM entries WHERE index_id = ?");
    this.insertRow = database.prepare("INSERT INTO documents(id, json) VALUES (?, ?)");
    this.updateRow = database.prepare("UPDATE documents SET json = ? WHERE rid = ?");
    this.deleteRow = database.prepare("DELETE FROM documents WHERE rid = ?");
    this.insertEntry = database.prepare("INSERT INTO entries(index_id, key, rid) VALUES (?, ?, ?)");
    this.deleteEntry = database.prepare("DELETE FROM entries WHERE index_id = ? AND key = ?");
  }

  /** An unfinalized statement would keep the file locked after the connection is closed. */
  close(): void {
    const statements = [
      this.selectById,
      this.ascending,
      this.descending,
      this.idsAscending,
      this.idsDescending,
      this.countEntries,
      this.insertRow,
      this.updateRow,
      this.deleteRow,
      this.insertEntry,
      this.deleteEntry,
    ];
    for (const statement of statements) statement.finalize();
  }

  /** `check` is asked before every read, and throws when what the file says is not the truth. */
  beforeReads(check: () => void): void {
    this.checkReadable = check;
  }

  document(id: string): DocumentRow | null {
    this.checkReadable();
    return this.selectById.get(id);
  }

  /** Up to `limit` committed documents whose key in this index is in [start, end), in key order or against it. */
  scan(tableNumber: number, index: Index, start: Key, end: Key, isDescending: boolean, limit: number): ScanRow[] {
    this.checkReadable();
    if (index.isById) return this.scanIds(tableNumber, start, end, isDescending, limit);
    const statement = isDescending ? this.descending : this.ascending;
    const rows = statement.values(index.id, start, end, limit) as EntryColumns[]; // bun:sqlite types `values` loosely
    return rows.map(([key, rid, id, json]) => ({ key, rid, id, json }));
  }

  /** Linear in the table. */
  countDocuments(table: Table): number {
    this.checkReadable();
    return this.countEntries.get(scanIndex(table).id)?.n ?? 0;
  }

  insert(id: string, json: string): number {
    return Number(this.insertRow.run(id, json).lastInsertRowid);
  }

  update(rid: number, json: string): void {
    this.updateRow.run(json, rid);
  }

  delete(rid: number): void {
    this.deleteRow.run(rid);
  }

  insertKey(index: Index, key: Key, rid: number): void {
    this.insertEntry.run(index.id, key, rid);
  }

  deleteKey(index: Index, key: Key): void {
    this.deleteEntry.run(index.id, key);
  }

  private scanIds(tableNumber: number, start: Key, end: Key, isDescending: boolean, limit: number): ScanRow[] {
    const range = idRange(tableNumber);
    const low = latest(lowestIdAt(start), range.low);
    const high = earliest(lowestIdAt(end), `${range.high}0`); // ids are of one length, so this ends just after the last
    if (low >= high) return [];
    const statement = isDescending ? this.idsDescending : this.idsAscending;
    const rows = statement.values(low, high, limit) as IdColumns[];
    return rows.map(([rid, id, json]) => ({ key: idKey(id), rid, id, json }));
  }
}

/** The `by_id` key of an id: ids are ASCII without zeros, so nothing needs escaping. */
export function idKey(id: string): Key {
  const key = new Uint8Array(id.length + 2);
  key[0] = TAG_STRING;
  for (let i = 0; i < id.length; i++) key[i + 1] = id.charCodeAt(i);
  return key;
}

/** The least text t such that every id >= t has a `by_id` key >= bound, and every id < t one below it. */
function lowestIdAt(bound: Key): string {
  const tag = bound[0];
  if (tag === undefined || tag < TAG_STRING) return "";
  if (tag > TAG_STRING) return AFTER_EVERY_ID;
  let text = "";
  for (let i = 1; i < bound.length; i++) {
    const byte = bound[i] ?? 0;
    if (byte >= 0x7f) return text + AFTER_EVERY_ID;
    // An id's key ends at its own terminator: whatever follows one in the bound lies after the id of that text.
    if (byte === 0) return i + 1 < bound.length ? `${text}\x01` : text;
    text += String.fromCharCode(byte);
  }
  return text;
}

function latest(a: string, b: string): string {
  return a > b ? a : b;
}

function earliest(a: string, b: string): string {
  return a < b ? a : b;
}
