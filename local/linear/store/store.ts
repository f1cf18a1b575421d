// Everything this server remembers: entities in memory for reading, in SQLite for keeping. The queue of webhook
// deliveries and the journal live in the same database (deliveries.ts, journal.ts), so that one commit covers all three.
//   S1. A change is all or nothing, in memory and on disk: a failure leaves both as they were.
//   S2. `transact` returns only after SQLite committed; what a client was told survives `kill -9`.
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ENTITY_NAMES, type EntityName, INDEXES, type Rows } from "./entities.ts";
import { Table } from "./table.ts";

type Tables = { readonly [Name in EntityName]: Table<Rows[Name]> };

/** The state file cannot be opened or read. */
export class BrokenStateError extends Error {
  readonly code = "BROKEN_STATE";
  override readonly name = "BrokenStateError";
}

export class Store {
  readonly tables: Tables;
  private undo: (() => void)[] | undefined;
  private readonly dirty = new Map<string, { type: EntityName; id: string }>();
  private readonly upsert;
  private readonly erase;

  /** Opens the database and reads every row. @throws {BrokenStateError} */
  constructor(readonly database: Database) {
    database.run(
      "CREATE TABLE IF NOT EXISTS rows (serial INTEGER PRIMARY KEY, type TEXT NOT NULL, id TEXT NOT NULL, data TEXT NOT NULL, UNIQUE (type, id))",
    );
    this.upsert = database.prepare<unknown, [string, string, string]>(
      "INSERT INTO rows (type, id, data) VALUES (?, ?, ?) ON CONFLICT (type, id) DO UPDATE SET data = excluded.data",
    );
    this.erase = database.prepare<unknown, [string, string]>("DELETE FROM rows WHERE type = ? AND id = ?");
    this.tables = emptyTables();
    const stored = database.query<{ type: EntityName; data: string }, []>("SELECT type, data FROM rows ORDER BY serial");
    for (const { type, data } of stored.iterate()) {
      const table: Table<Rows[EntityName]> | undefined = widen(this.tables)[type];
      table?.put(JSON.parse(data) as Rows[EntityName]); // written by `transact` below: the parser of our own file
    }
  }

  get<Name extends EntityName>(type: Name, id: string): Rows[Name] | undefined {
    return this.tables[type].get(id);
  }

  /** Inserts or replaces a row. Only inside `transact`. */
  put<Name extends EntityName>(type: Name, row: Rows[Name]): Rows[Name] {
    const table: Table<Rows[Name]> = this.tables[type];
    const before = table.get(row.id);
    this.changed(type, row.id, () => (before ? table.put(before) : table.remove(row.id)));
    table.put(row);
    return row;
  }

  /** Removes a row for good. Only inside `transact`. */
  remove<Name extends EntityName>(type: Name, id: string): void {
    const table: Table<Rows[Name]> = this.tables[type];
    const before = table.get(id);
    if (!before) return;
    this.changed(type, id, () => table.put(before));
    table.remove(id);
  }

  /**
   * Runs `work` and commits what it put (S1, S2). `work` must not wait for anything: no one else may see it half done.
   * `alongside` writes to other tables of the same database, in the same commit.
   * @throws whatever `work` throws, with nothing changed
   */
  transact<Result>(work: () => Result, alongside: (result: Result) => void = () => {}): Result {
    if (this.undo) throw new Error("transact inside transact");
    const undo: (() => void)[] = [];
    this.undo = undo;
    try {
      const result = work();
      this.database.transaction(() => {
        this.flush();
        alongside(result);
      })();
      return result;
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    } finally {
      this.undo = undefined;
      this.dirty.clear();
    }
  }

  private changed(type: EntityName, id: string, undo: () => void): void {
    if (!this.undo) throw new Error("a row was written outside transact");
    this.undo.push(undo);
    this.dirty.set(`${type} ${id}`, { type, id });
  }

  private flush(): void {
    for (const { type, id } of this.dirty.values()) {
      const row = this.get(type, id);
      if (row) this.upsert.run(type, id, JSON.stringify(row));
      else this.erase.run(type, id);
    }
  }
}

/** Opens `<directory>/linear.sqlite`, creating both. @throws {BrokenStateError} saying what to do about it */
export function openDatabase(directory: string): Database {
  const path = join(directory, "linear.sqlite");
  try {
    mkdirSync(directory, { recursive: true });
    const database = new Database(path, { create: true, strict: true });
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = NORMAL"); // survives kill -9; only a power cut can lose the last commits
    database.run("PRAGMA busy_timeout = 2000");
    return database;
  } catch (cause) {
    throw new BrokenStateError(
      `The state file ${path} cannot be opened. Move it away to start afresh, or choose another --dir.`,
      { cause },
    );
  }
}

const emptyTables = (): Tables =>
  // Built from the list of names, which is the list of keys: the compiler cannot see that.
  Object.fromEntries(ENTITY_NAMES.map((name) => [name, new Table(INDEXES[name])])) as unknown as Tables;

/** All tables as tables of "some entity", for code that does not know which. */
export const widen = (tables: Tables): Readonly<Record<string, Table<Rows[EntityName]>>> =>
  tables as unknown as Readonly<Record<string, Table<Rows[EntityName]>>>;
