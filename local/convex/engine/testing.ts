// What the engine's tests share: a store in a directory of its own, one-line commits, and query JSON as the convex package writes it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GenericSchema, SchemaDefinition } from "convex/server";
import { type Committed, type JsonObject, type JsonValue, Store, type StoreOptions, type Transaction } from "./index.ts";

/** A store in a fresh directory; `dispose` closes it and removes the directory. */
export function temporaryStore(options: StoreOptions = {}) {
  const directory = mkdtempSync(join(tmpdir(), "engine-test-"));
  const file = join(directory, "convex.sqlite");
  const store = Store.open(file, { synchronous: "NORMAL", ...options });
  const dispose = () => {
    store.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { store, file, directory, dispose, [Symbol.dispose]: dispose };
}

/** One transaction in a group of its own. */
export function mutate<T>(store: Store, run: (tx: Transaction) => T, nowMs = Date.now()): Committed & { result: T } {
  const group = store.beginGroup();
  try {
    const tx = store.begin({ kind: "mutation", nowMs });
    const result = run(tx);
    const committed = group.commitTransaction(tx);
    group.commit();
    return { ...committed, result };
  } finally {
    group.rollback();
  }
}

export function ask<T>(store: Store, run: (tx: Transaction) => T): T {
  return run(store.begin({ kind: "query", nowMs: Date.now() }));
}

/** Applies a schema built with the real `defineSchema`. */
export function applySchema(store: Store, schema: SchemaDefinition<GenericSchema, boolean>) {
  const group = store.beginGroup();
  try {
    const diff = group.applySchema(exportOf(schema));
    group.commit();
    return diff;
  } finally {
    group.rollback();
  }
}

/** The JSON a deploy sends; `export` is internal to the package's types. */
export function exportOf(schema: SchemaDefinition<GenericSchema, boolean>): JsonValue {
  return JSON.parse((schema as unknown as { export(): string }).export());
}

type RangeStep = [type: "Eq" | "Gt" | "Gte" | "Lt" | "Lte", field: string, value: JsonValue];
type QueryOptions = { order?: "asc" | "desc"; filter?: JsonValue; take?: number };

function operators({ filter, take }: QueryOptions): JsonValue[] {
  return [...(filter === undefined ? [] : [{ filter }]), ...(take === undefined ? [] : [{ limit: take }])];
}

export function scanOf(tableName: string, options: QueryOptions = {}): JsonObject {
  return { source: { type: "FullTableScan", tableName, order: options.order ?? null }, operators: operators(options) };
}

export function rangeOf(indexName: string, steps: RangeStep[], options: QueryOptions = {}): JsonObject {
  const range = steps.map(([type, fieldPath, value]) => ({ type, fieldPath, value }));
  return { source: { type: "IndexRange", indexName, range, order: options.order ?? null }, operators: operators(options) };
}

/** Every document of a query, parsed. */
export function collect(tx: Transaction, query: JsonValue): JsonObject[] {
  const id = tx.queryStream(query);
  const documents: JsonObject[] = [];
  for (let next = tx.queryStreamNext(id); next.value !== null; next = tx.queryStreamNext(id))
    documents.push(JSON.parse(next.value));
  tx.queryCleanup(id);
  return documents;
}
