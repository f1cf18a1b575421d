// The journal of accepted changes: written in the transaction that makes the change, so it can neither miss one nor invent one.
import type { Database } from "bun:sqlite";

export interface Entry {
  /** When, in milliseconds since 1970. */
  readonly atMs: number;
  /** The route as GitHub's documentation writes it, or the page action, or the git service. */
  readonly route: string;
  readonly actor: string;
  readonly repository: string | null;
  /** What tells this change from another of its kind: number, head and base, commit, external id. */
  readonly subject: Readonly<Record<string, string | number | boolean | null>>;
}

export function record(db: Database, entry: Entry): void {
  db.query("INSERT INTO journal (at, route, actor, repository, subject) VALUES (?, ?, ?, ?, ?)").run(
    new Date(entry.atMs).toISOString(),
    entry.route,
    entry.actor,
    entry.repository,
    JSON.stringify(entry.subject),
  );
}

interface JournalRow {
  readonly seq: number;
  readonly at: string;
  readonly route: string;
  readonly actor: string;
  readonly repository: string | null;
  readonly subject: string;
}

/** Entries after `afterSeq`, oldest first. */
export const readJournal = (db: Database, afterSeq: number, limit: number) =>
  db
    .query<JournalRow, [number, number]>("SELECT * FROM journal WHERE seq > ? ORDER BY seq LIMIT ?")
    .all(afterSeq, limit)
    .map((row) => ({ ...row, subject: JSON.parse(row.subject) as Entry["subject"] }));
