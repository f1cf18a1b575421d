// What the write of one document is: the index keys it touches, and its rows. Used by commits and by the replay of the journal.
//   G4. Both the old and the new index keys of a written document are reported, once each.
//   G5. An index entry is written only when its key changed.
import type { Table } from "./catalog.ts";
import type { Document } from "./document.ts";
import type { DocumentCache } from "./document-cache.ts";
import { compareKeys, type Key } from "./keys.ts";
import type { Rows } from "./rows.ts";
import type { WrittenKey } from "./write-log.ts";

/** The keys that a write touches are added to `keys` (G4). @param committed null: it is new @param next null: it is gone */
export function reportKeys(table: Table, committed: Document | null, next: Document | null, keys: WrittenKey[]): void {
  for (const index of table.indexes) {
    const before = committed?.key(index);
    if (before) keys.push({ indexId: index.id, key: before });
    if (!next) continue;
    const after = committed ? next.keyLike(index, committed) : next.key(index);
    if (!before || !isSameKey(before, after)) keys.push({ indexId: index.id, key: after });
  }
}

export class RowWriter {
  constructor(
    private readonly rows: Rows,
    private readonly documents: DocumentCache,
  ) {}

  /** @param committed as the file has it; null: it is new @param next null: it is gone */
  write(table: Table, committed: Document | null, next: Document | null): void {
    const rid = committed?.rid ?? null;
    if (next && committed && rid !== null) this.update(table, committed, next, rid);
    else if (next) this.insert(table, next);
    else if (committed && rid !== null) this.remove(table, committed, rid);
  }

  private insert(table: Table, document: Document): void {
    const rid = this.rows.insert(document.id, document.text);
    for (const index of table.indexes) {
      if (!index.isById) this.rows.insertKey(index, document.key(index), rid);
    }
    this.documents.put(document.store(rid));
  }

  private update(table: Table, old: Document, document: Document, rid: number): void {
    this.rows.update(rid, document.text);
    for (const index of table.indexes) {
      const before = old.key(index);
      const after = document.keyLike(index, old);
      if (isSameKey(before, after)) continue; // G5
      this.rows.deleteKey(index, before);
      this.rows.insertKey(index, after, rid);
    }
    this.documents.put(document.store(rid));
  }

  private remove(table: Table, old: Document, rid: number): void {
    this.documents.delete(old.id);
    for (const index of table.indexes) {
      if (!index.isById) this.rows.deleteKey(index, old.key(index));
    }
    this.rows.delete(rid);
  }
}

const isSameKey = (one: Key, other: Key): boolean => one === other || compareKeys(one, other) === 0;
