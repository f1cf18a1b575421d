// Walking one index interval: committed rows and the transaction's own writes merged in key order, one at a time.
//   S1. What is recorded as read is what was consumed: from the range's start to the last key returned, all of it at the end.
//   S2. A document the transaction has written shows its pending version, where that now stands, and never its committed row.
//   S3. Rows are fetched ahead but never count as read before they are asked for.
import type { Index, Table } from "./catalog.ts";
import { Document } from "./document.ts";
import type { DocumentCache } from "./document-cache.ts";
import type { ReadInterval } from "./interval-index.ts";
import { compareKeys, type Key, successor } from "./keys.ts";
import type { Overlay } from "./overlay.ts";
import type { Rows, ScanRow } from "./rows.ts";

export type ScanRange = { table: Table; index: Index; start: Key; end: Key; isDescending: boolean };

const FIRST_BATCH = 16;
const MAX_BATCH = 256;
const BATCH_CHARS = 1 << 20; // about what one batch may hold in memory

export class Scan {
  private batch: ScanRow[] = [];
  private batchAt = 0;
  private batchSize: number;
  /** Where the next batch begins (ends, when descending); null once the range holds no more committed rows. */
  private fetchFrom: Key | null;
  private lastKey: Key | null = null;
  private isExhausted = false;
  private documentCount = 0;

  /** @param expected how many rows will be asked for at most, if known */
  constructor(
    private readonly host: { readonly rows: Rows; readonly documents: DocumentCache },
    private readonly overlay: Overlay,
    private readonly range: ScanRange,
    expected = FIRST_BATCH,
  ) {
    this.batchSize = Math.min(Math.max(expected, 1), MAX_BATCH);
    this.fetchFrom = range.isDescending ? range.end : range.start;
  }

  /** The next document, or null at the end of the range. Safe to repeat there. */
  next(): { key: Key; document: Document } | null {
    if (this.isExhausted) return null;
    const committed = this.peekCommitted();
    const pending = this.overlay.isEmpty ? null : this.peekPending();
    if (!committed && !pending) {
      this.isExhausted = true;
      return null;
    }
    if (pending && (!committed || this.isFirst(pending.key, committed.key))) {
      this.lastKey = pending.key;
      return pending;
    }
    const row = committed as ScanRow; // not null: pending alone was taken above
    this.batchAt++;
    this.lastKey = row.key;
    return { key: row.key, document: this.documentOf(row) };
  }

  /** What has been read so far (S1). */
  get consumed(): ReadInterval {
    const { index, start, end, isDescending } = this.range;
    if (this.isExhausted) return { indexId: index.id, start, end };
    if (!this.lastKey) return { indexId: index.id, start, end: start };
    return isDescending
      ? { indexId: index.id, start: this.lastKey, end }
      : { indexId: index.id, start, end: successor(this.lastKey) };
  }

  private documentOf({ id, rid, json }: ScanRow): Document {
    const { documents } = this.host;
    const known = documents.get(this.range.table, id);
    if (known) return known;
    const document = Document.committed(this.range.table, id, rid, json);
    // The first few are likely to be looked at again; all of a long scan would only push others out.
    return this.documentCount++ < FIRST_BATCH ? documents.put(document) : document;
  }

  private isFirst(a: Key, b: Key): boolean {
    const order = compareKeys(a, b);
    return this.range.isDescending ? order > 0 : order < 0;
  }

  private peekCommitted(): ScanRow | null {
    for (;;) {
      const row = this.batch[this.batchAt];
      if (!row) {
        if (this.fetchFrom === null) return null;
        this.fetch(this.fetchFrom);
      } else if (this.overlay.isEmpty || !this.overlay.lookup(row.id)) {
        return row;
      } else {
        this.batchAt++; // S2
      }
    }
  }

  private fetch(from: Key): void {
    const { table, index, start, end, isDescending } = this.range;
    const [low, high] = isDescending ? [start, from] : [from, end];
    this.batch =
      compareKeys(low, high) < 0 ? this.host.rows.scan(table.number, index, low, high, isDescending, this.batchSize) : [];
    this.batchAt = 0;
    const last = this.batch.at(-1);
    this.fetchFrom = last && this.batch.length === this.batchSize ? (isDescending ? last.key : successor(last.key)) : null;
    const chars = this.batch.reduce((sum, row) => sum + row.json.length, 1);
    const fitting = Math.floor((BATCH_CHARS * this.batch.length) / chars);
    this.batchSize = Math.max(1, Math.min(this.batchSize * 2, MAX_BATCH, fitting));
  }

  private peekPending(): { key: Key; document: Document } | null {
    const { table, index, start, end, isDescending } = this.range;
    if (this.lastKey === null) return this.overlay.first(table, index, start, end, isDescending);
    return isDescending
      ? this.overlay.first(table, index, start, this.lastKey, true)
      : this.overlay.first(table, index, successor(this.lastKey), end, false);
  }
}
