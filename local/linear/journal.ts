// Every accepted mutation, in order: what an independent checker reads to prove that nothing happened twice.
// Written in the commit of the change itself (domain/change.ts, D1); never edited, never trimmed.
import type { Database } from "bun:sqlite";
import type { Touched } from "./domain/change.ts";

export interface JournalEntry {
  /** When, ISO 8601. */
  readonly at: string;
  /** The GraphQL mutation's name, also for what a person did on the board: `issueUpdate`. */
  readonly operation: string;
  readonly actor: { readonly id: string; readonly displayName: string };
  readonly touched: readonly Touched[];
}

/** Entries one request for the journal may return. */
const PAGE = 10_000;

export class Journal {
  private readonly insert;
  private readonly page;

  constructor(database: Database) {
    database.run("CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL)");
    this.insert = database.prepare<unknown, [string]>("INSERT INTO journal (entry) VALUES (?)");
    this.page = database.prepare<{ seq: number; entry: string }, [number]>(
      `SELECT seq, entry FROM journal WHERE seq > ? ORDER BY seq LIMIT ${PAGE}`,
    );
  }

  /** Adds an entry within the caller's transaction. @returns its number, growing by one */
  add(entry: JournalEntry): number {
    return Number(this.insert.run(JSON.stringify(entry)).lastInsertRowid);
  }

  /** The entries after number `after`, oldest first, as one JSON text `{"entries":[{seq,at,operation,actor,touched}]}`. */
  after(after: number): string {
    const entries = this.page.all(after).map(({ seq, entry }) => `{"seq":${seq},${entry.slice(1)}`);
    return `{"entries":[${entries.join(",\n")}]}`;
  }
}
