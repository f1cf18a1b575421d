// Moving the stored documents from one schema to another: what changes, does every document fit, and the new indexes' entries.
//   S1. Checked before anything is touched: a document that does not fit leaves the old schema serving.
//   S2. Runs inside the caller's SQLite transaction, so a crash or a refusal leaves no half-built index.
import { type Catalog, documentKey, type Index, isBuiltIn, scanIndex, type Table } from "./catalog.ts";
import { SchemaViolation } from "./errors.ts";
import { endOfPrefix, type Key, successor } from "./keys.ts";
import type { Rows, ScanRow } from "./rows.ts";
import type { IndexDefinition, SchemaDefinition } from "./schema.ts";
import type { JsonObject } from "./values.ts";

export type IndexChange = { table: string; name: string; fields: string[] };
export type SchemaDiff = { tablesAdded: string[]; indexesAdded: IndexChange[]; indexesRemoved: IndexChange[] };

const BATCH_ROWS = 256;
const START: Key = new Uint8Array(0);

export class SchemaChange {
  constructor(
    private readonly catalog: Catalog,
    private readonly rows: Rows,
    private readonly component: string,
    private readonly schema: SchemaDefinition,
  ) {}

  /** What applying the schema would change. */
  diff(): SchemaDiff {
    const tablesAdded = [...this.schema.tables.keys()].filter((name) => !this.isStored(name));
    const indexesAdded: IndexChange[] = [];
    const indexesRemoved: IndexChange[] = [];
    for (const table of this.affectedTables()) {
      const { added, removed } = indexChanges(table, this.schema.tables.get(table.name)?.indexes ?? []);
      for (const { name, fields } of added) indexesAdded.push({ table: table.name, name, fields: [...fields] });
      for (const { name, fields } of removed) indexesRemoved.push({ table: table.name, name, fields: [...fields] });
    }
    return { tablesAdded: tablesAdded.sort(), indexesAdded, indexesRemoved };
  }

  /** Every document against its table's new validator (S1). Changes nothing. @throws {SchemaViolation} naming the first that does not fit */
  check(): void {
    for (const table of this.catalog.storedTables(this.component)) {
      const validator = this.schema.tables.get(table.name)?.validator;
      if (!validator || validator.toString() === table.validator?.toString()) continue; // they fit it already
      for (const row of documents(this.rows, table)) {
        const problem = validator.checkDocument(parse(row), (id) => this.catalog.tableNameOf(this.component, id));
        if (problem) throw new SchemaViolation(table.name, row.id, problem, this.component);
      }
    }
  }

  /** Stores new tables, drops and builds indexes, puts the validators in force. Call check first. */
  apply(): void {
    for (const table of this.affectedTables()) {
      const definition = this.schema.tables.get(table.name);
      this.catalog.store(table);
      const rebuilt = rebuildIndexes(this.catalog, this.rows, table, definition?.indexes ?? []);
      this.catalog.replace({ ...rebuilt, validator: definition?.validator ?? null });
    }
  }

  /** Only puts the validators in force: what a restart needs. */
  restoreValidators(): void {
    for (const table of this.catalog.storedTables(this.component)) {
      if (!table.isSystem) this.catalog.replace({ ...table, validator: this.schema.tables.get(table.name)?.validator ?? null });
    }
  }

  /** User tables of the new schema, and those stored under the old one. */
  private affectedTables(): Table[] {
    const stored = this.catalog.storedTables(this.component).filter((table) => !table.isSystem);
    const names = new Set([...this.schema.tables.keys(), ...stored.map((table) => table.name)]);
    return [...names].sort().map((name) => this.catalog.table(this.component, name));
  }

  private isStored(name: string): boolean {
    return this.catalog.storedTables(this.component).some((table) => table.name === name);
  }
}

/** A program that knows other indexes of a system table than the file does brings the file up to date. */
export function rebuildSystemIndexes(catalog: Catalog, rows: Rows): void {
  for (const { table, indexes } of catalog.storedSystemTables()) catalog.replace(rebuildIndexes(catalog, rows, table, indexes));
}

/** The stored table with exactly these indexes beside the built-in ones: dropped, made and filled as needed. */
function rebuildIndexes(catalog: Catalog, rows: Rows, table: Table, wanted: readonly IndexDefinition[]): Table {
  const { added, removed } = indexChanges(table, wanted);
  for (const index of removed) catalog.removeIndex(index);
  const built = added.map((definition) => catalog.makeIndex(definition));
  for (const index of built) catalog.storeIndex(table, index);
  if (built.length > 0) {
    for (const row of documents(rows, table)) {
      const document = parse(row);
      for (const index of built) rows.insertKey(index, documentKey(index, document), row.rid);
    }
  }
  const kept = table.indexes.filter((index) => !removed.includes(index));
  return { ...table, indexes: [...kept, ...built] };
}

function* documents(rows: Rows, table: Table): Generator<ScanRow> {
  let from = START;
  for (;;) {
    const batch = rows.scan(table.number, scanIndex(table), from, endOfPrefix(START), false, BATCH_ROWS);
    yield* batch;
    const last = batch.at(-1);
    if (!last || batch.length < BATCH_ROWS) return;
    from = successor(last.key);
  }
}

function indexChanges(table: Table, wanted: readonly IndexDefinition[]): { added: IndexDefinition[]; removed: Index[] } {
  const current = table.indexes.filter((index) => !isBuiltIn(index));
  const isSame = (index: { name: string; fields: readonly string[] }, other: { name: string; fields: readonly string[] }) =>
    index.name === other.name && index.fields.join() === other.fields.join();
  return {
    added: wanted.filter((index) => !current.some((existing) => isSame(existing, index))),
    removed: current.filter((existing) => !wanted.some((index) => isSame(existing, index))),
  };
}

function parse(row: ScanRow): JsonObject {
  return JSON.parse(row.json); // our own text: an object when it was written
}
