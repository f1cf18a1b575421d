// One version of one document: its fields, its JSON text and its index keys, each made at most once and only when asked for.
import { documentKey, type Index, type Table } from "./catalog.ts";
import type { Key } from "./keys.ts";
import {
  DOCUMENT_RULES,
  type JsonObject,
  type Measure,
  measureDocument,
  measurePatched,
  resolveCommitTs,
  SYSTEM_DOCUMENT_RULES,
  sortFields,
} from "./values.ts";

export class Document {
  private textCache: string | null;
  private fieldsCache: JsonObject | null;
  /** In the order of the table's indexes. */
  private readonly keys: (Key | undefined)[] = [];

  private constructor(
    readonly table: Table,
    readonly id: string,
    private row: number | null,
    fields: JsonObject | null,
    text: string | null,
    private size: number,
    /** Size by Convex's own formula; null when nobody has measured it. */
    private readonly measured: Measure | null,
  ) {
    this.fieldsCache = fields;
    this.textCache = text;
  }

  /** The row it is stored in; null until it is stored. */
  get rid(): number | null {
    return this.row;
  }

  get sizeBytes(): number {
    return this.size;
  }

  /** A committed document, as its row has it. Sizes of committed documents are those of their text. */
  static committed(table: Table, id: string, rid: number, text: string): Document {
    return new Document(table, id, rid, null, text, text.length, null);
  }

  /** A document a transaction wants to write; `_id` and `_creationTime` included. @throws {FunctionError} when a field or a limit forbids it */
  static pending(table: Table, id: string, fields: JsonObject): Document {
    const sorted = sortFields(fields);
    return Document.measuredAs(table, id, sorted, measureDocument(sorted, rulesOf(table)));
  }

  /** As pending, for this one with fields set or removed. @param changed has them by name @param fields as they all are then */
  patched(changed: JsonObject, fields: JsonObject): Document {
    const { table, id, measured } = this;
    if (measured === null || measured.hasCommitTs) return Document.pending(table, id, fields);
    const patch = { before: this.fields, sizeBefore: measured.sizeBytes, changed, after: fields };
    const measure = measurePatched(patch, rulesOf(table));
    return measure ? Document.measuredAs(table, id, fields, measure) : Document.pending(table, id, fields);
  }

  private static measuredAs(table: Table, id: string, sorted: JsonObject, measure: Measure): Document {
    return new Document(table, id, null, sorted, null, measure.sizeBytes, measure);
  }

  /** Does a commit timestamp wait in it for its commit? */
  get hasCommitTs(): boolean {
    return this.measured?.hasCommitTs ?? false;
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
    const at = this.table.indexes.indexOf(index);
    let key = this.keys[at];
    if (!key) {
      key = documentKey(index, this.fields);
      if (at >= 0) this.keys[at] = key;
    }
    return key;
  }

  /** Same key as another version of this document, without encoding it again when no indexed field changed. */
  keyLike(index: Index, other: Document): Key {
    if (this.hasCommitTs || !this.hasSameFields(index, other)) return this.key(index);
    const at = this.table.indexes.indexOf(index);
    const key = this.keys[at] ?? other.key(index);
    if (at >= 0) this.keys[at] = key;
    return key;
  }

  /** It is in row `rid` from now on. */
  store(rid: number): this {
    this.row = rid;
    this.size = this.text.length;
    return this;
  }

  private hasSameFields({ paths }: Index, other: Document): boolean {
    for (let at = 0; at < paths.length; at++) {
      const field = paths[at]?.[0] ?? "";
      if (this.fields[field] !== other.fields[field]) return false;
    }
    return true;
  }

  /** What is stored when it commits at `ts` (ns). */
  atCommit(ts: bigint): Document {
    if (!this.hasCommitTs) return this;
    return Document.pending(this.table, this.id, resolveCommitTs(this.fields, ts) as JsonObject); // an object stays one
  }
}

const rulesOf = (table: Table) => (table.isSystem ? SYSTEM_DOCUMENT_RULES : DOCUMENT_RULES);
