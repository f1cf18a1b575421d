// A schema as `schema.export()` gives it, parsed once: tables, their indexes, their validators. Storage plays no part here.
import { SchemaRefused } from "./errors.ts";
import { Validator } from "./validators.ts";
import { checkFieldName, isObject, type JsonObject, type JsonValue } from "./values.ts";

export type IndexDefinition = { name: string; fields: string[] };
export type TableDefinition = {
  name: string;
  indexes: IndexDefinition[];
  /** Null when the schema was made with `schemaValidation: false`. */
  validator: Validator | null;
};
export type SchemaDefinition = { tables: Map<string, TableDefinition> };

const MAX_TABLES = 10_000;
const MAX_INDEXES_PER_TABLE = 64;
const MAX_FIELDS_PER_INDEX = 16;
const IDENTIFIER = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

/** The schema of an app that has none. */
export const NO_SCHEMA: SchemaDefinition = { tables: new Map() };

/** Accepts the export as JSON (null: no schema). @throws {SchemaRefused} naming the table and what is wrong with it */
export function parseSchema(schemaExport: JsonValue | null): SchemaDefinition {
  if (schemaExport === null) return NO_SCHEMA;
  if (!isObject(schemaExport) || !Array.isArray(schemaExport.tables)) {
    throw new SchemaRefused("The schema is not in the form `schema.export()` gives: it needs a list of tables.");
  }
  if (schemaExport.tables.length > MAX_TABLES) throw new SchemaRefused(`A schema may have at most ${MAX_TABLES} tables.`);
  const isEnforced = schemaExport.schemaValidation !== false;
  const tables = new Map<string, TableDefinition>();
  for (const json of schemaExport.tables) {
    const table = parseTable(json, isEnforced);
    if (tables.has(table.name)) throw new SchemaRefused(`Table "${table.name}" is defined twice.`);
    tables.set(table.name, table);
  }
  return { tables };
}

function parseTable(json: JsonValue, isEnforced: boolean): TableDefinition {
  if (!isObject(json) || typeof json.tableName !== "string") throw new SchemaRefused("A table of the schema has no name.");
  const name = json.tableName;
  checkTableName(name);
  refuseSearch(json, name);
  const indexes = listOf(json.indexes, name).map((index) => parseIndex(index, name));
  if (indexes.length > MAX_INDEXES_PER_TABLE) {
    throw new SchemaRefused(`Table "${name}" has ${indexes.length} indexes; at most ${MAX_INDEXES_PER_TABLE} are allowed.`);
  }
  if (new Set(indexes.map((index) => index.name)).size < indexes.length) {
    throw new SchemaRefused(`Table "${name}" defines an index of the same name twice.`);
  }
  return { name, indexes, validator: isEnforced ? Validator.parse(json.documentType ?? { type: "any" }) : null };
}

/** @throws {SchemaRefused} unless it can name a user table */
export function checkTableName(name: string): void {
  if (!IDENTIFIER.test(name)) {
    throw new SchemaRefused(
      `Table names must be valid identifiers of at most 64 letters, digits and underscores that start with a letter, got "${name.slice(0, 100)}".`,
    );
  }
}

function refuseSearch(json: JsonObject, table: string): void {
  for (const kind of ["searchIndexes", "vectorIndexes"]) {
    if (listOf(json[kind], table).length > 0) {
      const what = kind === "searchIndexes" ? "text search" : "vector";
      throw new SchemaRefused(
        `Table "${table}" has a ${what} index. This deployment does not support ${what} indexes: remove it.`,
      );
    }
  }
}

function parseIndex(json: JsonValue, table: string): IndexDefinition {
  const name = isObject(json) ? json.indexDescriptor : undefined;
  const fields = isObject(json) ? json.fields : undefined;
  if (typeof name !== "string" || !Array.isArray(fields))
    throw new SchemaRefused(`Table "${table}" has an index without name or fields.`);
  if (!IDENTIFIER.test(name) || name === "by_id" || name === "by_creation_time") {
    throw new SchemaRefused(
      `Index names must be valid identifiers and not "by_id" or "by_creation_time", got "${name.slice(0, 100)}".`,
    );
  }
  return { name, fields: parseFields(fields, `${table}.${name}`) };
}

function parseFields(json: JsonValue[], index: string): string[] {
  const fields: string[] = [];
  for (const field of json) {
    if (typeof field !== "string" || field === "" || field === "_id" || fields.includes(field)) {
      throw new SchemaRefused(`Index "${index}" has an invalid or repeated field ${JSON.stringify(field)}.`);
    }
    for (const step of field.split(".")) checkFieldName(step);
    fields.push(field);
  }
  if (fields.at(-1) === "_creationTime") fields.pop(); // every index ends with it anyway
  if (fields.length === 0 || fields.length > MAX_FIELDS_PER_INDEX) {
    throw new SchemaRefused(`Index "${index}" needs 1 to ${MAX_FIELDS_PER_INDEX} fields beside _creationTime.`);
  }
  return fields;
}

function listOf(json: JsonValue | undefined, table: string): JsonValue[] {
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json)) throw new SchemaRefused(`Table "${table}" has a malformed list of indexes.`);
  return json;
}
