// What the write of one document is in rows: the document itself and its index entries. Used by commits and by the replay of the journal.
//   G4. Both the old and the new index keys of a written document are reported, once each.
//   G5. An index entry is written only when its key changed.
import type { Table } from "./catalog.ts";
import type { Document } from "./document.ts";
import type { DocumentCache } from "./document-cache.ts";
import { compareKeys } from "./keys.ts";
import type { Rows } from "./rows.ts";
import type { WrittenKey } from "./write-log.ts";

export class RowWriter {
  constructor(
    private readonly rows: Rows,
    private readonly documents: DocumentCache,
  ) {}

  /** @param committed as the file has it; null: it is new @param next null: it is gone @param keys gets them (G4) */
  write(table: Table, committed: Document | null, next: Document | null, keys: WrittenKey[]): void {
    const rid = committed?.rid ?? null;
    if (next && committed && rid !== null) this.update(table, committed, next, rid, keys);
    else if (next) this.insert(table, next, keys);
    else if (committed && rid !== null) this.remove(table, committed, rid, keys);
  }

  private insert(table: Table, document: Document, keys: WrittenKey[]): void {
    const rid = this.rows.insert(document.id, document.text);
    for (const index of table.indexes) {
      const key = document.key(index);
      keys.push({ indexId: index.id, key });
      if (!index.isById) this.rows.insertKey(index, key, rid);
    }
    this.documents.put(document.store(rid));
  }

  private update(table: Table, old: Document, document: Document, rid: number, keys: WrittenKey[]): void {
    this.rows.update(rid, document.text);
    for (const index of table.indexes) {
      const before = old.key(index);
      const after = document.keyLike(index, old);
      keys.push({ indexId: index.id, key: before });
      if (before === after || compareKeys(before, after) === 0) continue; // G5
      keys.push({ indexId: index.id, key: after });
      this.rows.deleteKey(index, before);
      this.rows.insertKey(index, after, rid);
    }
    this.documents.put(document.store(rid));
  }

  private remove(table: Table, old: Document, rid: number, keys: WrittenKey[]): void {
    this.documents.delete(old.id);
    for (const index of table.indexes) {
      const key = old.key(index);
      keys.push({ indexId: index.id, key });
      if (!index.isById) this.rows.deleteKey(index, key);
    }
    this.rows.delete(rid);
  }
}
