// The database file: opening it, knowing it for ours, and its tables. What the rows mean is rows.ts and catalog.ts.
//   F1. A file that is not ours, is damaged, or was written by a newer version is refused with one sentence and left untouched.
//   F2. One process at a time: the file stays locked while it is open, so what the process holds in memory is the truth.
import { Database } from "bun:sqlite";
import { existsSync, statSync } from "node:fs";
import { StoreUnusable } from "./errors.ts";

const APPLICATION_ID = 0x4f6d6b43; // "OmkC"
/** 2: the undo log left the file. 3: a journal lies beside it, which an older program would not read. */
const FORMAT_VERSION = 3;
const CACHE_KIB = 65_536;
/** Pages a transaction may hold in memory, about 200 MB: one that stays open over many groups (commits.ts) must not write early. */
const SPILL_PAGES = 50_000;
const CHECKPOINT_PAGES = 8_000; // about 32 MB of log: fewer, larger checkpoints cost a third less per commit than the default 1,000

const TABLES = `
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tables(number INTEGER PRIMARY KEY, component TEXT NOT NULL, name TEXT NOT NULL, UNIQUE(component, name));
CREATE TABLE indexes(id INTEGER PRIMARY KEY AUTOINCREMENT, table_number INTEGER NOT NULL, name TEXT NOT NULL, fields TEXT NOT NULL, UNIQUE(table_number, name));
CREATE TABLE schemas(component TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents(rid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, json TEXT NOT NULL);
CREATE TABLE entries(index_id INTEGER NOT NULL, key BLOB NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY(index_id, key)) WITHOUT ROWID;
CREATE TABLE replays(session_id TEXT NOT NULL, request_id INTEGER NOT NULL, ts TEXT NOT NULL, value TEXT NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY(session_id, request_id)) WITHOUT ROWID;
`;

/** Opens or creates the file. @throws {StoreUnusable} */
export function openFile(path: string, synchronous: "FULL" | "NORMAL"): Database {
  const isNew = !existsSync(path) || statSync(path).size === 0;
  let database: Database | null = null;
  try {
    database = new Database(path, { create: true, readwrite: true, strict: true });
    database.run("PRAGMA locking_mode = EXCLUSIVE"); // F2; must come before the first look at the file
    if (!isNew) checkOurs(database, path); // F1: before anything that could write
    database.run("PRAGMA journal_mode = WAL");
    database.run(`PRAGMA synchronous = ${synchronous}`);
    database.run(`PRAGMA cache_size = -${CACHE_KIB}`);
    database.run(`PRAGMA cache_spill = ${SPILL_PAGES}`);
    setAutoCheckpoint(database);
    if (isNew) create(database);
    else upgrade(database);
    return database;
  } catch (error) {
    database?.close();
    throw asUnusable(error, path);
  }
}

/** How much log may gather before it is folded into the file. */
export function setAutoCheckpoint(database: Database): void {
  database.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
}

function create(database: Database): void {
  database.transaction(() => {
    database.run(TABLES);
    database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.run(`PRAGMA user_version = ${FORMAT_VERSION}`);
  })();
}

/** Brings an older format up to date, and takes the lock for good (F2). */
function upgrade(database: Database): void {
  database
    .transaction(() => {
      if (pragma(database, "user_version") === FORMAT_VERSION) return;
      database.run("DROP TABLE IF EXISTS undo");
      database.run(`PRAGMA user_version = ${FORMAT_VERSION}`);
    })
    .immediate();
}

function checkOurs(database: Database, path: string): void {
  const applicationId = pragma(database, "application_id");
  if (applicationId !== APPLICATION_ID) {
    throw new StoreUnusable("NotOurFile", `${path} is an SQLite database, but not one of ours. Choose another data directory.`);
  }
  const version = pragma(database, "user_version");
  if (version > FORMAT_VERSION) {
    throw new StoreUnusable(
      "NewerFormat",
      `${path} was written by a newer version of this program (format ${version}, this one knows ${FORMAT_VERSION}). Update the program, or restore an older backup.`,
    );
  }
  const known = database.query<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const names = new Set(known.map((row) => row.name));
  const missing = ["meta", "tables", "indexes", "schemas", "documents", "entries", "replays"].filter((name) => !names.has(name));
  if (missing.length > 0) throw damaged(path, `it has no table ${missing.join(", ")}`);
}

function pragma(database: Database, name: "application_id" | "user_version"): number {
  const row = database.query<Record<string, number>, []>(`PRAGMA ${name}`).get();
  return row?.[name] ?? 0;
}

/** What SQLite says, in our words. */
export function asUnusable(error: unknown, path: string): StoreUnusable {
  if (error instanceof StoreUnusable) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return new StoreUnusable("InUse", `${path} is in use by another process. Stop it, or choose another data directory.`, {
      cause: error,
    });
  }
  if (code === "SQLITE_NOTADB") {
    return new StoreUnusable("Damaged", `${path} is not a database, or its first page is damaged. Restore it from a backup.`, {
      cause: error,
    });
  }
  if (code.startsWith("SQLITE_CORRUPT")) return damaged(path, "SQLite cannot read it", error);
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreUnusable("CannotOpen", `${path} cannot be opened: ${reason}.`, { cause: error });
}

function damaged(path: string, why: string, cause?: unknown): StoreUnusable {
  return new StoreUnusable("Damaged", `${path} is damaged (${why}). Restore it from a backup.`, { cause });
}
