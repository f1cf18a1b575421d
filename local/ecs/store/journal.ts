// Every accepted RunTask and StopTask, and every process really started: what an independent checker reads to prove that nothing ran twice.
// Written in the transaction of the change itself; never edited, never trimmed.
import type { Database } from "bun:sqlite";

export type JournalEntry =
  | {
      readonly operation: "RunTask";
      readonly at: string;
      readonly result: "new" | "replay";
      readonly cluster: string;
      readonly clientToken: string | null;
      readonly startedBy: string | null;
      readonly taskDefinition: string;
      /** SHA-256 (hex) of the overrides with sorted keys. */
      readonly overridesHash: string;
      readonly taskArns: readonly string[];
    }
  | {
      readonly operation: "StopTask";
      readonly at: string;
      /** `replay`: the task was stopping or stopped already. */
      readonly result: "new" | "replay";
      readonly cluster: string;
      readonly reason: string;
      readonly taskArn: string;
    }
  | {
      readonly operation: "StartContainer";
      readonly at: string;
      readonly taskArn: string;
      readonly startedBy: string | null;
      readonly pid: number;
    };

/** Entries one request for the journal may return. */
const PAGE = 10_000;

export class Journal {
  private readonly insert;
  private readonly page;

  constructor(database: Database) {
    database.run("CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL)");
    this.insert = database.prepare("INSERT INTO journal (entry) VALUES (?)");
    this.page = database.prepare<{ seq: number; entry: string }, [number]>(
      `SELECT seq, entry FROM journal WHERE seq > ? ORDER BY seq LIMIT ${PAGE}`,
    );
  }

  add(entry: JournalEntry): void {
    this.insert.run(JSON.stringify(entry));
  }

  /** The entries after number `after`, oldest first, as one JSON text `{"entries":[{seq, at, operation, ...}]}`. */
  after(after: number): string {
    const entries = this.page.all(after).map(({ seq, entry }) => `{"seq":${seq},${entry.slice(1)}`);
    return `{"entries":[${entries.join(",\n")}]}`;
  }
}
