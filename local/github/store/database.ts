// Opens the one SQLite file of this server. Owns durability settings and who may open it; knows nothing of what is stored.
//   D1. A committed transaction survives kill -9 and a power cut (WAL, synchronous=FULL).
//   D2. One process at a time: the lock is the operating system's, so a killed server leaves none behind.
import { Database, SQLiteError } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "../errors.ts";
import { SCHEMA, SCHEMA_VERSION } from "./schema.ts";

/** @throws {StartError} when another server has the folder, or the file is damaged or of another version */
export function openDatabase(dir: string): Database {
  const file = join(dir, "github.sqlite");
  mkdirSync(dir, { recursive: true });
  const db = new Database(file, { create: true, strict: true });
  try {
    db.run("PRAGMA locking_mode = EXCLUSIVE");
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = FULL");
    db.run("PRAGMA foreign_keys = ON");
    prepareSchema(db, file);
    return db;
  } catch (cause) {
    db.close();
    if (cause instanceof StartError) throw cause;
    if (cause instanceof SQLiteError && cause.code?.startsWith("SQLITE_BUSY")) {
      throw new StartError("STATE_IN_USE", `Another local GitHub is using ${dir}; stop it or pass another --dir.`, { cause });
    }
    throw new StartError("STATE_UNREADABLE", `${file} cannot be read as this server's state; move it away to start afresh.`, {
      cause,
    });
  }
}

function prepareSchema(db: Database, file: string): void {
  const version = db.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
  if (version === SCHEMA_VERSION) return;
  if (version !== 0) {
    throw new StartError(
      "STATE_UNREADABLE",
      `${file} has format ${version}, this server reads ${SCHEMA_VERSION}; use the release that wrote it or move it away.`,
    );
  }
  db.transaction(() => {
    db.run(SCHEMA);
    db.run(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  })();
}
