// Committed documents met lately: read from the file once, and parsed and encoded once, for as long as they stay as they are.
//   D1. What is here is what the row says, the writes of the open group included. A rollback empties it.
//   D2. A document made for a table that a schema change has replaced is not found: the table decides how it is checked.
import type { Table } from "./catalog.ts";
import type { Document } from "./document.ts";

/** Of each half: when the younger is full, the older goes. Fields and keys take a few times the text. */
const MAX_CHARS = 4 * 1024 * 1024;
const MAX_DOCUMENTS = 4096;

export class DocumentCache {
  private younger = new Map<string, Document>();
  private older = new Map<string, Document>();
  private chars = 0;

  get(table: Table, id: string): Document | null {
    let found = this.younger.get(id);
    if (!found) {
      found = this.older.get(id);
      if (found) this.put(found);
    }
    return found?.table === table ? found : null; // D2
  }

  put(document: Document): Document {
    if (this.chars > MAX_CHARS || this.younger.size >= MAX_DOCUMENTS) {
      this.older = this.younger;
      this.younger = new Map();
      this.chars = 0;
    }
    this.younger.set(document.id, document);
    this.chars += document.sizeBytes;
    return document;
  }

  delete(id: string): void {
    this.younger.delete(id);
    this.older.delete(id);
  }

  clear(): void {
    this.younger.clear();
    this.older.clear();
    this.chars = 0;
  }
}
