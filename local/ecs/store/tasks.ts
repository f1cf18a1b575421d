// Task rows and client tokens. A row is the whole record as JSON; the columns beside it are what requests ask by.
import type { Database } from "bun:sqlite";
import type { TaskRecord } from "../domain/task.ts";

interface Body {
  readonly body: string;
}

export interface TaskQuery {
  readonly cluster: string;
  readonly desiredStatus: "RUNNING" | "STOPPED";
  readonly startedBy: string | null;
  readonly family: string | null;
  /** Stopped tasks that ended before this are not listed. Epoch ms. */
  readonly stoppedAfterMs: number;
  /** Rows after this one; 0 for the first page. */
  readonly afterRow: number;
  readonly limit: number;
}

export interface TokenRow {
  readonly hash: string;
  readonly taskIds: readonly string[];
}

export class TaskStore {
  private readonly insertRow;
  private readonly updateRow;
  private readonly byId;
  private readonly byMetadataId;
  private readonly livingRows;
  private readonly usedUnits;
  private readonly counts;
  private readonly page;
  private readonly readToken;
  private readonly writeToken;
  private readonly dropTokens;
  private readonly oldRows;
  private readonly dropRow;

  constructor(database: Database) {
    database.run(`CREATE TABLE IF NOT EXISTS tasks (
      row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, metadata_id TEXT NOT NULL UNIQUE, cluster TEXT NOT NULL, family TEXT NOT NULL,
      started_by TEXT, cpu_units INTEGER NOT NULL, last_status TEXT NOT NULL, desired_status TEXT NOT NULL, stopped_at_ms INTEGER, body TEXT NOT NULL)`);
    database.run("CREATE INDEX IF NOT EXISTS tasks_living ON tasks (cpu_units) WHERE last_status <> 'STOPPED'");
    database.run("CREATE INDEX IF NOT EXISTS tasks_desired ON tasks (cluster, desired_status, row)");
    database.run("CREATE INDEX IF NOT EXISTS tasks_started_by ON tasks (cluster, started_by, row)");
    database.run("CREATE INDEX IF NOT EXISTS tasks_stopped ON tasks (stopped_at_ms) WHERE stopped_at_ms IS NOT NULL");
    database.run(
      "CREATE TABLE IF NOT EXISTS tokens (cluster TEXT NOT NULL, token TEXT NOT NULL, hash TEXT NOT NULL, task_ids TEXT NOT NULL, until_ms INTEGER NOT NULL, PRIMARY KEY (cluster, token)) WITHOUT ROWID",
    );
    database.run("CREATE INDEX IF NOT EXISTS tokens_until ON tokens (until_ms)");
    this.insertRow = database.prepare(
      `INSERT INTO tasks (id, metadata_id, cluster, family, started_by, cpu_units, last_status, desired_status, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.updateRow = database.prepare(
      "UPDATE tasks SET last_status = ?, desired_status = ?, stopped_at_ms = ?, body = ? WHERE id = ?",
    );
    this.byId = database.prepare<Body, [string]>("SELECT body FROM tasks WHERE id = ?");
    this.byMetadataId = database.prepare<Body, [string]>("SELECT body FROM tasks WHERE metadata_id = ?");
    this.livingRows = database.prepare<Body, []>("SELECT body FROM tasks WHERE last_status <> 'STOPPED' ORDER BY row");
    this.usedUnits = database.prepare<{ units: number | null }, []>(
      "SELECT sum(cpu_units) AS units FROM tasks WHERE last_status <> 'STOPPED'",
    );
    this.counts = database.prepare<{ running: number; pending: number }, [string]>(
      `SELECT count(*) FILTER (WHERE last_status = 'RUNNING') AS running, count(*) FILTER (WHERE last_status IN ('PROVISIONING', 'PENDING')) AS pending
       FROM tasks WHERE cluster = ? AND last_status <> 'STOPPED'`,
    );
    this.page = database.prepare<
      { row: number; body: string },
      [string, string, string | null, string | null, number, number, number]
    >(
      `SELECT row, body FROM tasks WHERE cluster = ?1 AND desired_status = ?2 AND (?3 IS NULL OR started_by = ?3) AND (?4 IS NULL OR family = ?4)
       AND (stopped_at_ms IS NULL OR stopped_at_ms > ?5) AND row > ?6 ORDER BY row LIMIT ?7`,
    );
    this.readToken = database.prepare<{ hash: string; task_ids: string }, [string, string, number]>(
      "SELECT hash, task_ids FROM tokens WHERE cluster = ? AND token = ? AND until_ms > ?",
    );
    this.writeToken = database.prepare(
      "INSERT OR REPLACE INTO tokens (cluster, token, hash, task_ids, until_ms) VALUES (?, ?, ?, ?, ?)",
    );
    this.dropTokens = database.prepare("DELETE FROM tokens WHERE until_ms <= ?");
    this.oldRows = database.prepare<Body, [number]>(
      "SELECT body FROM tasks WHERE stopped_at_ms IS NOT NULL AND stopped_at_ms < ? LIMIT 500",
    );
    this.dropRow = database.prepare("DELETE FROM tasks WHERE id = ?");
  }

  insert(record: TaskRecord): void {
    const { wire } = record;
    this.insertRow.run(
      record.id,
      record.metadataId,
      record.cluster,
      record.family,
      wire.startedBy ?? null,
      Number(wire.cpu),
      wire.lastStatus,
      wire.desiredStatus,
      JSON.stringify(record),
    );
  }

  save(record: TaskRecord): void {
    const { wire } = record;
    const stoppedAtMs = wire.stoppedAt === undefined ? null : Math.round(wire.stoppedAt * 1000);
    this.updateRow.run(wire.lastStatus, wire.desiredStatus, stoppedAtMs, JSON.stringify(record), record.id);
  }

  get(id: string): TaskRecord | null {
    return parse(this.byId.get(id));
  }

  getByMetadataId(metadataId: string): TaskRecord | null {
    return parse(this.byMetadataId.get(metadataId));
  }

  /** Every task that is not STOPPED, oldest first. */
  living(): TaskRecord[] {
    return this.livingRows.all().map(({ body }) => JSON.parse(body) as TaskRecord);
  }

  /** CPU units of every task that is not STOPPED: what counts against the account's quota. */
  cpuUnitsInUse(): number {
    return this.usedUnits.get()?.units ?? 0;
  }

  countsOf(cluster: string): { running: number; pending: number } {
    return this.counts.get(cluster) ?? { running: 0, pending: 0 };
  }

  list(query: TaskQuery): { row: number; record: TaskRecord }[] {
    const { cluster, desiredStatus, startedBy, family, stoppedAfterMs, afterRow, limit } = query;
    return this.page
      .all(cluster, desiredStatus, startedBy, family, stoppedAfterMs, afterRow, limit)
      .map(({ row, body }) => ({ row, record: JSON.parse(body) as TaskRecord }));
  }

  token(cluster: string, token: string, nowMs: number): TokenRow | null {
    const row = this.readToken.get(cluster, token, nowMs);
    return row ? { hash: row.hash, taskIds: JSON.parse(row.task_ids) as string[] } : null;
  }

  saveToken(cluster: string, token: string, row: TokenRow, untilMs: number): void {
    this.writeToken.run(cluster, token, row.hash, JSON.stringify(row.taskIds), untilMs);
  }

  /** Forgets tokens that ran out and up to 500 tasks that stopped before `stoppedBeforeMs`. @returns those tasks */
  forget(nowMs: number, stoppedBeforeMs: number): TaskRecord[] {
    this.dropTokens.run(nowMs);
    const old = this.oldRows.all(stoppedBeforeMs).map(({ body }) => JSON.parse(body) as TaskRecord);
    for (const { id } of old) this.dropRow.run(id);
    return old;
  }
}

const parse = (row: Body | null): TaskRecord | null => (row ? (JSON.parse(row.body) as TaskRecord) : null);
