// The writes of a transaction that nobody else sees yet, over the committed state; nested calls stack one layer each.
//   O1. The topmost layer that knows a document decides; a document known to any layer hides its committed row.
//   O2. Per index the pending documents are found in key order, live: a scan meets what was written after it began.
import type { Index, Table } from "./catalog.ts";
import type { Document } from "./document.ts";
import { compareKeys, type Key } from "./keys.ts";

/** What this transaction makes of one document. `committed` null: it is new; `next` null: it is gone. */
export type PendingWrite = {
  readonly id: string;
  readonly table: Table;
  readonly committed: Document | null;
  readonly next: Document | null;
};

type SortedEntry = { key: Key; write: PendingWrite; document: Document };

export class Overlay {
  private readonly writes = new Map<string, PendingWrite>();
  /** Built for an index when it is first scanned, kept up to date from then on. */
  private sorted: Map<number, SortedEntry[]> | null = null;

  constructor(private readonly below: Overlay | null = null) {}

  get isEmpty(): boolean {
    return this.writes.size === 0 && (this.below?.isEmpty ?? true);
  }

  lookup(id: string): PendingWrite | undefined {
    return this.writes.get(id) ?? this.below?.lookup(id);
  }

  put(write: PendingWrite): void {
    const previous = this.writes.get(write.id);
    this.writes.set(write.id, write);
    if (!this.sorted) return;
    for (const index of write.table.indexes) {
      const entries = this.sorted.get(index.id);
      if (!entries) continue;
      if (previous?.next) removeEntry(entries, previous.next.key(index));
      if (write.next) insertEntry(entries, { key: write.next.key(index), write, document: write.next });
    }
  }

  /** Takes over everything a nested call wrote. */
  adopt(above: Overlay): void {
    for (const write of above.writes.values()) this.put(write);
  }

  /** This layer's writes that change something, in the order their documents were first written. */
  changes(): PendingWrite[] {
    const changes: PendingWrite[] = [];
    for (const write of this.writes.values()) {
      if (write.next !== write.committed) changes.push(write);
    }
    return changes;
  }

  /** Every document of a table that any layer knows, with its last word (O1). */
  *ofTable(table: Table): Generator<PendingWrite> {
    for (const write of this.writes.values()) {
      if (write.table.number === table.number) yield write;
    }
    for (const write of this.below?.ofTable(table) ?? []) {
      if (!this.writes.has(write.id)) yield write;
    }
  }

  /** The first pending document in [start, end), or the last when descending; null when there is none. */
  first(table: Table, index: Index, start: Key, end: Key, isDescending: boolean): { key: Key; document: Document } | null {
    let best: SortedEntry | null = null;
    for (let layer: Overlay | null = this; layer; layer = layer.below) {
      const found = layer.firstHere(this, table, index, start, end, isDescending);
      if (!found) continue;
      const order = best ? compareKeys(found.key, best.key) : 0;
      if (!best || (isDescending ? order > 0 : order < 0)) best = found;
    }
    return best;
  }

  private firstHere(top: Overlay, table: Table, index: Index, start: Key, end: Key, isDescending: boolean): SortedEntry | null {
    if (this.writes.size === 0) return null;
    const entries = this.entriesOf(table, index);
    let at = isDescending ? lowerBound(entries, end) - 1 : lowerBound(entries, start);
    for (let entry = entries[at]; entry; entry = entries[at]) {
      if (isDescending ? compareKeys(entry.key, start) < 0 : compareKeys(entry.key, end) >= 0) return null;
      if (top.lookup(entry.write.id) === entry.write) return entry; // O1: a layer above may have moved or removed it
      at += isDescending ? -1 : 1;
    }
    return null;
  }

  private entriesOf(table: Table, index: Index): SortedEntry[] {
    this.sorted ??= new Map();
    const known = this.sorted.get(index.id);
    if (known) return known;
    const entries: SortedEntry[] = [];
    for (const write of this.writes.values()) {
      if (write.next && write.table.number === table.number)
        entries.push({ key: write.next.key(index), write, document: write.next });
    }
    entries.sort((a, b) => compareKeys(a.key, b.key));
    this.sorted.set(index.id, entries);
    return entries;
  }
}

/** The position of the first entry whose key is not below `key`. */
function lowerBound(entries: readonly SortedEntry[], key: Key): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = entries[middle];
    if (entry && compareKeys(entry.key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insertEntry(entries: SortedEntry[], entry: SortedEntry): void {
  entries.splice(lowerBound(entries, entry.key), 0, entry);
}

function removeEntry(entries: SortedEntry[], key: Key): void {
  const at = lowerBound(entries, key);
  const entry = entries[at];
  if (entry && compareKeys(entry.key, key) === 0) entries.splice(at, 1);
}
