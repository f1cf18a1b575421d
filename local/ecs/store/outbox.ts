// Events on their way to the one target. A row lives from the transaction of the change it tells of until it is delivered or given up.
import type { Database } from "bun:sqlite";

export interface OutboxRow {
  readonly id: number;
  readonly body: string;
  readonly attempts: number;
  readonly createdAtMs: number;
}

export class Outbox {
  private readonly insert;
  private readonly dueRows;
  private readonly firstDue;
  private readonly drop;
  private readonly postpone;
  private readonly hurry;
  private readonly counted;

  constructor(database: Database) {
    database.run(
      "CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, attempts INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, due_at_ms INTEGER NOT NULL)",
    );
    database.run("CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due_at_ms)");
    this.insert = database.prepare("INSERT INTO outbox (body, attempts, created_at_ms, due_at_ms) VALUES (?, 0, ?, ?)");
    this.dueRows = database.prepare<OutboxRow, [number, number]>(
      "SELECT id, body, attempts, created_at_ms AS createdAtMs FROM outbox WHERE due_at_ms <= ? ORDER BY due_at_ms, id LIMIT ?",
    );
    this.firstDue = database.prepare<{ at: number | null }, [number]>(
      "SELECT min(due_at_ms) AS at FROM outbox WHERE due_at_ms > ?",
    );
    this.drop = database.prepare("DELETE FROM outbox WHERE id = ?");
    this.postpone = database.prepare("UPDATE outbox SET attempts = ?, due_at_ms = ? WHERE id = ?");
    this.hurry = database.prepare("UPDATE outbox SET due_at_ms = ? WHERE attempts > 0 AND due_at_ms > ?");
    this.counted = database.prepare<{ count: number }, []>("SELECT count(*) AS count FROM outbox");
  }

  add(body: string, nowMs: number, dueAtMs: number): void {
    this.insert.run(body, nowMs, dueAtMs);
  }

  due(nowMs: number, limit: number): OutboxRow[] {
    return this.dueRows.all(nowMs, limit);
  }

  /** When the first row that is not due yet becomes so; null when there is none. */
  nextDueAtMs(nowMs: number): number | null {
    return this.firstDue.get(nowMs)?.at ?? null;
  }

  delivered(id: number): void {
    this.drop.run(id);
  }

  retry(id: number, attempts: number, dueAtMs: number): void {
    this.postpone.run(attempts, dueAtMs, id);
  }

  /** The target answers again: what waited for it is due now. */
  retryNow(nowMs: number): void {
    this.hurry.run(nowMs, nowMs);
  }

  count(): number {
    return this.counted.get()?.count ?? 0;
  }
}
