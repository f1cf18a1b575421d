// Group commit: many transactions, one SQLite transaction, one fsync.
//   G1. A transaction is applied completely or not at all, and only if nothing it read was written since it began.
//   G2. What a group applied is seen by the transactions begun after it, and is gone without a trace when the group rolls back.
//   G3. Nothing may be acknowledged before commit() has returned.
// What a write is in rows is row-writer.ts, when they are written late-rows.ts, how a group reaches the disk commits.ts.
import type { Catalog } from "./catalog.ts";
import type { Clock } from "./clock.ts";
import type { Commits } from "./commits.ts";
import { Conflict } from "./errors.ts";
import type { LateRows } from "./late-rows.ts";
import type { PendingWrite } from "./overlay.ts";
import { reportKeys } from "./row-writer.ts";
import type { Rows } from "./rows.ts";
import { parseSchema } from "./schema.ts";
import { SchemaChange, type SchemaDiff } from "./schema-change.ts";
import type { Replay, Settings } from "./settings.ts";
import type { Transaction } from "./transaction.ts";
import type { UndoLog } from "./undo-log.ts";
import type { JsonValue } from "./values.ts";
import type { WriteLog, WrittenKey } from "./write-log.ts";
import { asWriteRefused } from "./write-refused.ts";

export type Committed = {
  /** ns since the epoch. */
  ts: bigint;
  /** Every index key that was written or moved away from. */
  keys: WrittenKey[];
};

/** What a group needs of its store. */
export type GroupHost = {
  commits: Commits;
  catalog: Catalog;
  rows: Rows;
  lateRows: LateRows;
  settings: Settings;
  clock: Clock;
  log: WriteLog;
  undo: UndoLog;
  longWork: <T>(work: () => T) => T;
  /** Takes the file, and memory with it, back to the last committed group. */
  revert(): void;
  /** The group is over: another may begin. */
  release(): void;
  /** A committed group changed a component's schema. */
  schemaChanged(component: string, schemaExport: JsonValue | null): void;
};

/** `broken`: a write failed half-way, so all that is left is to roll back. */
type State = "idle" | "writing" | "broken" | "over";

export class WriteGroup {
  private state: State = "idle";
  private readonly schemas = new Map<string, JsonValue | null>();

  /** Made by Store.beginGroup. */
  constructor(private readonly host: GroupHost) {}

  /** Applies a transaction's writes (G1). One that wrote nothing costs nothing: `ts` is latestTs, no keys.
   *  @throws {Conflict} when it must run again; nothing was applied. After any other throw, roll the group back. */
  commitTransaction(tx: Transaction): Committed {
    if (this.host.log.isTouched(tx.baseVersion, () => tx.reads)) throw new Conflict();
    tx.finish();
    const changes = tx.changes();
    if (changes.length === 0) return { ts: this.host.clock.latestTs, keys: [] };
    return this.write(() => {
      const ts = this.host.clock.tick();
      const keys: WrittenKey[] = [];
      for (const change of changes) this.apply(change, ts, keys);
      this.host.log.push(keys);
      return { ts, keys };
    });
  }

  /** Remembers a client mutation's answer in the same commit. */
  putReplay(sessionId: string, requestId: number, replay: Replay): void {
    this.write(() => {
      const atMs = Math.floor(this.host.clock.nowMs());
      this.host.settings.putReplay(sessionId, requestId, replay, atMs);
      this.host.commits.answer(sessionId, requestId, replay, atMs);
    });
  }

  /** A server setting in the same commit; null removes it. */
  putMeta(key: string, text: string | null): void {
    this.write(() => {
      this.host.commits.beyondRecords();
      this.host.settings.put(key, text);
    });
  }

  /** Checks every document, then swaps the schema and builds its indexes, as part of this commit. Transactions begun before get Conflict.
   *  @throws {SchemaViolation} @throws {SchemaRefused} before anything was changed */
  applySchema(schemaExport: JsonValue | null, component = ""): SchemaDiff {
    const change = new SchemaChange(this.host.catalog, this.host.rows, component, parseSchema(schemaExport));
    const diff = change.diff();
    this.applySchemas([[component, schemaExport]]);
    return diff;
  }

  /** {@link applySchema} for several components at once: every document of all of them is checked before anything changes.
   *  @throws {SchemaViolation} @throws {SchemaRefused} before anything was changed */
  applySchemas(schemas: Iterable<readonly [component: string, schemaExport: JsonValue | null]>): void {
    const { catalog, commits, rows, settings, log, longWork } = this.host;
    const changes = [...schemas].map(([component, schemaExport]) => {
      const change = new SchemaChange(catalog, rows, component, parseSchema(schemaExport));
      return { component, schemaExport, change };
    });
    for (const { change } of changes) longWork(() => change.check());
    this.write(() => {
      commits.beyondRecords();
      for (const { component, schemaExport, change } of changes) {
        longWork(() => change.apply());
        settings.putSchema(component, schemaExport);
      }
      this.host.clock.tick();
    });
    for (const { component, schemaExport } of changes) this.schemas.set(component, schemaExport);
    log.forget();
  }

  /** Moves latestTs to max(now, last + 1, `atLeast`) with nothing else written. @param atLeast ns since the epoch */
  advance(atLeast = 0n): bigint {
    return this.write(() => this.host.clock.tick(atLeast));
  }

  /** One fsync; nothing when nothing was applied. Ends the group. @throws what SQLite says, or because an earlier write of the
   *  group failed; the group is then rolled back already */
  commit(): void {
    if (this.state !== "idle") {
      try {
        this.assertUsable();
        this.host.commits.commit(this.host.clock.latestTs);
      } catch (error) {
        this.rollback();
        throw asWriteRefused(error);
      }
    }
    this.host.undo.committed(this.host.clock.latestTs);
    for (const [component, schemaExport] of this.schemas) this.host.schemaChanged(component, schemaExport);
    this.end();
  }

  /** Forgets everything the group applied (G2). Ends the group; safe to repeat, and after commit. */
  rollback(): void {
    if (this.state === "over") return;
    const wrote = this.state !== "idle";
    this.end();
    if (!wrote) return;
    this.host.log.forget();
    this.host.undo.rolledBack();
    this.host.revert();
  }

  /** A row of this group could not be written: it has to be rolled back. @returns false when it has written nothing yet */
  spoil(): boolean {
    if (this.state !== "idle") this.state = "broken";
    return this.state === "broken";
  }

  private end(): void {
    this.state = "over";
    this.host.release();
  }

  /** Runs writes inside the group's SQLite transaction; a failure leaves it fit for nothing but a rollback (G1). */
  private write<T>(run: () => T): T {
    this.assertUsable();
    this.state = "writing";
    try {
      this.host.commits.begin();
      return run();
    } catch (error) {
      this.state = "broken";
      throw asWriteRefused(error);
    }
  }

  private assertUsable(): void {
    if (this.state === "over") throw new Error("This write group is over. Begin another one.");
    if (this.state === "broken") throw new Error("A write of this group failed, so none of it is kept. Begin another one.");
  }

  private apply({ id, table, committed, next }: PendingWrite, ts: bigint, keys: WrittenKey[]): void {
    const { catalog, commits, lateRows, undo } = this.host;
    const stored = next?.atCommit(ts) ?? null;
    if (!stored && !committed) return;
    undo.note(ts, id, committed?.text ?? null);
    if (catalog.store(table)) commits.beyondRecords();
    reportKeys(table, committed, stored, keys);
    lateRows.add(table, committed, stored);
    commits.document(id, stored?.text ?? null);
  }
}
