// What a transaction has read, as index intervals: the base of subscriptions and of the conflict check.
//   R1. An absent document and an empty range are reads like any other.
//   R2. Nested calls share their parent's read set: what was read stays read, whatever becomes of the call.
import { type Index, idIndex, scanIndex, type Table } from "./catalog.ts";
import type { ReadInterval } from "./interval-index.ts";
import { endOfPrefix, type Key, successor } from "./keys.ts";
import { idKey } from "./rows.ts";
import type { Scan } from "./scan.ts";

const WHOLE: Key = new Uint8Array(0);

export class ReadSet {
  private points: Map<string, Table> | null = null;
  private whole: Map<number, Index> | null = null;
  private readonly scans: Scan[] = [];

  /** One document was looked for by id. */
  point(table: Table, id: string): void {
    this.points ??= new Map();
    this.points.set(id, table);
  }

  /** Every document of the table was looked at. */
  table(table: Table): void {
    const index = scanIndex(table);
    this.whole ??= new Map();
    this.whole.set(index.id, index);
  }

  /** A scan began; it keeps account of itself. */
  scan(scan: Scan): void {
    this.scans.push(scan);
  }

  /** A fresh list. Scans under way count as far as they got. */
  get intervals(): ReadInterval[] {
    const intervals: ReadInterval[] = [];
    for (const [id, table] of this.points ?? []) {
      const key = idKey(id);
      intervals.push({ indexId: idIndex(table).id, start: key, end: successor(key) });
    }
    for (const indexId of this.whole?.keys() ?? []) intervals.push({ indexId, start: WHOLE, end: endOfPrefix(WHOLE) });
    for (const scan of this.scans) intervals.push(scan.consumed);
    return intervals;
  }
}
