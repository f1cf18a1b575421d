// Which tables and indexes exist, under which numbers. Kept in memory, mirrored in the file.
//   C1. A number, once given to a table or an index, is never given to another, not even after a restart.
//   C2. A table that is only looked at, or only written by a transaction not yet stored, has numbers but no rows in the file:
//       reading an absent table is a read like any other and must be invalidated by its first insert.
//   C3. Table objects are immutable; a schema change replaces them, so a transaction never sees half of a change.
import type { Database } from "bun:sqlite";
import { FunctionError, SchemaRefused } from "./errors.ts";
import { decodeId } from "./ids.ts";
import { encodeDocumentKey, type Key } from "./keys.ts";
import { checkTableName, type IndexDefinition } from "./schema.ts";
import type { Validator } from "./validators.ts";
import type { JsonObject } from "./values.ts";

export type Index = {
  readonly id: number;
  readonly name: string;
  /** As the developer wrote them; `_creationTime` and `_id` follow implicitly. */
  readonly fields: readonly string[];
  /** Every field of the key, the implicit ones included, split at the dots. */
  readonly paths: readonly (readonly string[])[];
  /** `by_id` needs no entries: the documents themselves are ordered by id. */
  readonly isById: boolean;
};

export type Table = {
  readonly number: number;
  readonly component: string;
  readonly name: string;
  readonly isSystem: boolean;
  /** A system table only the server itself may look at. */
  readonly isHidden: boolean;
  readonly indexes: readonly Index[];
  readonly validator: Validator | null;
};

export type SystemTable = { name: string; isHidden: boolean; indexes: IndexDefinition[] };

const FIRST_SYSTEM_NUMBER = 1;
const FIRST_USER_NUMBER = 10_001;
const MAX_TABLES = 10_000;
const BY_ID = "by_id";
const BY_CREATION_TIME = "by_creation_time";

export const BUILT_IN_SYSTEM_TABLES: readonly SystemTable[] = [
  {
    name: "_scheduled_functions",
    isHidden: false,
    indexes: [
      { name: "by_due", fields: ["state.kind", "scheduledTime"] },
      { name: "by_completed", fields: ["completedTime"] },
    ],
  },
  { name: "_storage", isHidden: false, indexes: [] },
];

export class Catalog {
  private readonly byName = new Map<string, Table>();
  private readonly byNumber = new Map<number, Table>();
  /** Tables with rows in the file (C2). */
  private readonly stored = new Set<number>();
  /** Components with a stored table. A few, so that asking for them is cheap however many tables there are. */
  private readonly components = new Set<string>();
  private readonly systemTables: ReadonlyMap<string, SystemTable>;
  private nextSystemNumber = FIRST_SYSTEM_NUMBER;
  private nextUserNumber = FIRST_USER_NUMBER;
  private nextIndexId = 1;

  constructor(
    private readonly database: Database,
    systemTables: readonly SystemTable[],
  ) {
    this.systemTables = new Map([...BUILT_IN_SYSTEM_TABLES, ...systemTables].map((table) => [table.name, table]));
    this.load();
  }

  /** The table, its numbers given now if nobody named it before (C2). @throws {FunctionError} on an impossible name */
  table(component: string, name: string): Table {
    return this.byName.get(nameKey(component, name)) ?? this.reserve(component, name);
  }

  /** The table of an id's number, if this component has one. */
  tableOfNumber(component: string, number: number): Table | null {
    const table = this.tableByNumber(number);
    return table?.component === component ? table : null;
  }

  /** The table of a number, whatever its component. */
  tableByNumber(number: number): Table | null {
    return this.byNumber.get(number) ?? null;
  }

  /** The name of the table an id belongs to in a component, or null: what validators ask. */
  tableNameOf(component: string, id: string): string | null {
    const decoded = decodeId(id);
    return "problem" in decoded ? null : (this.tableOfNumber(component, decoded.tableNumber)?.name ?? null);
  }

  isStored(table: Table): boolean {
    return this.stored.has(table.number);
  }

  /** Every table with rows in the file, of one component, by name. */
  storedTables(component: string): Table[] {
    const tables = [...this.byName.values()].filter((table) => table.component === component && this.isStored(table));
    return tables.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Components with rows in the file; with a name, those that have this table. Sorted; "" is the app itself. */
  storedComponents(tableName?: string): string[] {
    const has = (component: string): boolean => {
      const table = tableName === undefined ? undefined : this.byName.get(nameKey(component, tableName));
      return tableName === undefined || (table !== undefined && this.isStored(table));
    };
    return [...this.components].filter(has).sort();
  }

  /** Stored system tables of every component, with the indexes this program wants them to have. */
  storedSystemTables(): { table: Table; indexes: IndexDefinition[] }[] {
    const tables = [...this.byName.values()].filter((table) => table.isSystem && this.isStored(table));
    return tables.map((table) => ({ table, indexes: this.systemTables.get(table.name)?.indexes ?? [] }));
  }

  /** Writes a reserved table's rows, inside the caller's SQLite transaction. @returns whether it had none yet */
  store(table: Table): boolean {
    if (this.isStored(table)) return false;
    this.database
      .query("INSERT INTO tables(number, component, name) VALUES (?, ?, ?)")
      .run(table.number, table.component, table.name);
    for (const index of table.indexes) this.storeIndex(table, index);
    this.stored.add(table.number);
    this.components.add(table.component);
    return true;
  }

  /** A new index of a table, not yet part of it (`replace` makes it so). */
  makeIndex(definition: IndexDefinition): Index {
    return makeIndex(this.nextIndexId++, definition.name, definition.fields);
  }

  storeIndex(table: Table, index: Index): void {
    const row = [index.id, table.number, index.name, JSON.stringify(index.fields)] as const;
    this.database.query("INSERT INTO indexes(id, table_number, name, fields) VALUES (?, ?, ?, ?)").run(...row);
  }

  removeIndex(index: Index): void {
    this.database.query("DELETE FROM entries WHERE index_id = ?").run(index.id);
    this.database.query("DELETE FROM indexes WHERE id = ?").run(index.id);
  }

  /** Puts a changed table in place of the one with its number (C3). */
  replace(table: Table): void {
    this.byName.set(nameKey(table.component, table.name), table);
    this.byNumber.set(table.number, table);
  }

  /** Rereads the file after a rollback. Reserved numbers stay reserved (C1); validators are the caller's to put back. */
  reload(): void {
    this.stored.clear();
    this.components.clear();
    for (const table of this.byName.values()) {
      const indexes = table.isSystem ? table.indexes : table.indexes.filter(isBuiltIn);
      this.replace({ ...table, indexes, validator: null });
    }
    this.load();
  }

  private load(): void {
    const indexes = new Map<number, Index[]>();
    const indexRows = this.database.query<{ id: number; table_number: number; name: string; fields: string }, []>(
      "SELECT id, table_number, name, fields FROM indexes ORDER BY id",
    );
    for (const row of indexRows.all()) {
      const index = makeIndex(row.id, row.name, JSON.parse(row.fields));
      indexes.set(row.table_number, [...(indexes.get(row.table_number) ?? []), index]);
      this.nextIndexId = Math.max(this.nextIndexId, row.id + 1);
    }
    const everUsed = this.database.query<{ seq: number }, []>("SELECT seq FROM sqlite_sequence WHERE name = 'indexes'").get();
    this.nextIndexId = Math.max(this.nextIndexId, (everUsed?.seq ?? 0) + 1); // C1: the ids of removed indexes too
    const tableRows = this.database.query<{ number: number; component: string; name: string }, []>(
      "SELECT number, component, name FROM tables",
    );
    for (const row of tableRows.all()) {
      const isSystem = row.name.startsWith("_");
      const isHidden = this.systemTables.get(row.name)?.isHidden ?? false;
      this.replace({ ...row, isSystem, isHidden, indexes: indexes.get(row.number) ?? [], validator: null });
      this.stored.add(row.number);
      this.components.add(row.component);
      if (isSystem) this.nextSystemNumber = Math.max(this.nextSystemNumber, row.number + 1);
      else this.nextUserNumber = Math.max(this.nextUserNumber, row.number + 1);
    }
  }

  private reserve(component: string, name: string): Table {
    const system = this.systemTables.get(name);
    if (name.startsWith("_") && !system) throw new FunctionError("UnknownTable", `There is no system table "${name}".`);
    if (!system) checkName(name);
    if (this.byName.size >= MAX_TABLES)
      throw new FunctionError("TooManyTables", `A deployment has at most ${MAX_TABLES} tables.`);
    const number = system ? this.nextSystemNumber++ : this.nextUserNumber++;
    const indexes = [
      makeIndex(this.nextIndexId++, BY_ID, []),
      makeIndex(this.nextIndexId++, BY_CREATION_TIME, []),
      ...(system?.indexes ?? []).map((index) => this.makeIndex(index)),
    ];
    const table = {
      number,
      component,
      name,
      isSystem: system !== undefined,
      isHidden: system?.isHidden ?? false,
      indexes,
      validator: null,
    };
    this.replace(table);
    return table;
  }
}

/** The index of a table by name, or null. */
export function indexOf(table: Table, name: string): Index | null {
  return table.indexes.find((index) => index.name === name) ?? null;
}

/** The index a full table scan reads. */
export function scanIndex(table: Table): Index {
  return builtIn(table, BY_CREATION_TIME);
}

export function idIndex(table: Table): Index {
  return builtIn(table, BY_ID);
}

function builtIn(table: Table, name: string): Index {
  const index = indexOf(table, name);
  if (!index) throw new Error(`Table ${table.name} has lost its index ${name}.`);
  return index;
}

export function documentKey(index: Index, document: JsonObject): Key {
  return encodeDocumentKey(document, index.paths);
}

/** Is this one of the two indexes every table has, whatever its schema says? */
export function isBuiltIn(index: Index): boolean {
  return index.name === BY_ID || index.name === BY_CREATION_TIME;
}

function makeIndex(id: number, name: string, fields: readonly string[]): Index {
  const isById = name === BY_ID;
  const all = isById ? ["_id"] : [...fields, "_creationTime", "_id"];
  return { id, name, fields, paths: all.map((field) => field.split(".")), isById };
}

function nameKey(component: string, name: string): string {
  return `${component}\0${name}`;
}

function checkName(name: string): void {
  try {
    checkTableName(name);
  } catch (error) {
    throw error instanceof SchemaRefused ? new FunctionError("InvalidTableName", error.message) : error;
  }
}
