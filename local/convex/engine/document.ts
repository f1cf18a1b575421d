// One version of one document: its fields, its JSON text and its index keys, each made at most once and only when asked for.
import { documentKey, type Index, type Table } from "./catalog.ts";
import type { Key } from "./keys.ts";
import {
  DOCUMENT_RULES,
  type JsonObject,
  measureDocument,
  resolveCommitTs,
  SYSTEM_DOCUMENT_RULES,
  sortFields,
} from "./values.ts";

export class Document {
  private textCache: string | null;
  private fieldsCache: JsonObject | null;
  private readonly keys = new Map<number, Key>();

  private constructor(
    readonly table: Table,
    readonly id: string,
    /** The row it is stored in; null until it is stored. */
    readonly rid: number | null,
    fields: JsonObject | null,
    text: string | null,
    readonly sizeBytes: number,
    readonly hasCommitTs: boolean,
  ) {
    this.fieldsCache = fields;
    this.textCache = text;
  }

  /** A committed document, as its row has it. Sizes of committed documents are those of their text. */
  static committed(table: Table, id: string, rid: number, text: string): Document {
    return new Document(table, id, rid, null, text, text.length, false);
  }

  /** A document a transaction wants to write; `_id` and `_creationTime` included. @throws {FunctionError} when a field or a limit forbids it */
  static pending(table: Table, id: string, fields: JsonObject): Document {
    const sorted = sortFields(fields);
    const { sizeBytes, hasCommitTs } = measureDocument(sorted, table.isSystem ? SYSTEM_DOCUMENT_RULES : DOCUMENT_RULES);
    return new Document(table, id, null, sorted, null, sizeBytes, hasCommitTs);
  }

  get fields(): JsonObject {
    this.fieldsCache ??= JSON.parse(this.text) as JsonObject; // our own text: it was an object when it was written
    return this.fieldsCache;
  }

  get text(): string {
    this.textCache ??= JSON.stringify(this.fieldsCache);
    return this.textCache;
  }

  key(index: Index): Key {
    let key = this.keys.get(index.id);
    if (!key) {
      key = documentKey(index, this.fields);
      this.keys.set(index.id, key);
    }
    return key;
  }

  /** Same key as another version of this document, without encoding it again when no indexed field changed. */
  keyLike(index: Index, other: Document): Key {
    const isSame = index.paths.every(([first = ""]) => this.fields[first] === other.fields[first]);
    if (isSame && !this.hasCommitTs) this.keys.set(index.id, other.key(index));
    return this.key(index);
  }

  /** The same document, now that it is stored in row `rid`. */
  stored(rid: number): Document {
    const { text } = this;
    const stored = new Document(this.table, this.id, rid, this.fieldsCache, text, text.length, false);
    for (const [indexId, key] of this.keys) stored.keys.set(indexId, key);
    return stored;
  }

  /** What is stored when it commits at `ts` (ns). */
  atCommit(ts: bigint): Document {
    if (!this.hasCommitTs) return this;
    return Document.pending(this.table, this.id, resolveCommitTs(this.fields, ts) as JsonObject); // an object stays one
  }
}
