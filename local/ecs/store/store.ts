// The one SQLite file behind the API: clusters, definitions, tasks, client tokens, tags, the journal, events to deliver, log lines.
//   S1. What one request or one state change writes is one transaction: after `kill -9` all of it is there or none.
//   S2. One server owns a folder: a second one is refused, since both would start the same tasks.
import type { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EcsStartError } from "../errors.ts";
import { Catalogue } from "./catalogue.ts";
import { Journal } from "./journal.ts";
import { LogStore } from "./logs.ts";
import { Outbox } from "./outbox.ts";
import { SqliteFile } from "./sqlite.ts";
import { TaskStore } from "./tasks.ts";

export class Store {
  readonly tasks: TaskStore;
  readonly catalogue: Catalogue;
  readonly journal: Journal;
  readonly outbox: Outbox;
  readonly logs: LogStore;
  private readonly begin;
  private readonly commit;
  private readonly rollback;

  private constructor(private readonly database: Database) {
    this.tasks = new TaskStore(database);
    this.catalogue = new Catalogue(database);
    this.journal = new Journal(database);
    this.outbox = new Outbox(database);
    this.logs = new LogStore(database);
    this.begin = database.prepare("BEGIN IMMEDIATE");
    this.commit = database.prepare("COMMIT");
    this.rollback = database.prepare("ROLLBACK");
  }

  /** @throws {EcsStartError} when another server has the folder, or the file is no database */
  static open(dir: string): Store {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const file = join(dir, "ecs.sqlite");
    try {
      const database = new SqliteFile(file, { create: true, strict: true });
      database.run("PRAGMA locking_mode = EXCLUSIVE"); // S2, and released by the system when the owner dies
      database.run("PRAGMA journal_mode = WAL");
      database.run("PRAGMA synchronous = NORMAL"); // survives the death of this process; a power cut ends the tasks anyway
      database.run("PRAGMA wal_autocheckpoint = 8000"); // a checkpoint syncs the disk: rarely, and not in a burst of launches
      database.run("BEGIN IMMEDIATE; COMMIT");
      return new Store(database);
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
      if (code.startsWith("SQLITE_BUSY")) {
        throw new EcsStartError(
          "folder_in_use",
          `Another ECS server is using ${dir}: stop it, or give this one a --dir of its own.`,
          { cause },
        );
      }
      throw new EcsStartError(
        "folder_unreadable",
        `The state file ${file} cannot be opened (${cause instanceof Error ? cause.message : cause}): move it away to start empty.`,
        { cause },
      );
    }
  }

  /** Runs `work` as one transaction (S1): a throw undoes it. Not to be nested. */
  transaction<Result>(work: () => Result): Result {
    this.begin.run();
    try {
      const result = work();
      this.commit.run();
      return result;
    } catch (error) {
      this.rollback.run();
      throw error;
    }
  }

  close(): void {
    this.database.close();
  }
}
