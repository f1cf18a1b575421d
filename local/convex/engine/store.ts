// A deployment's database: opens the file, holds what is prepared once, and hands out transactions and write groups.
// One connection, one thread, no user code.
import type { Database } from "bun:sqlite";
import { Catalog, type SystemTable } from "./catalog.ts";
import { Clock } from "./clock.ts";
import { Commits } from "./commits.ts";
import { CURSOR_KEY_BYTES, Cursors } from "./cursors.ts";
import { Document } from "./document.ts";
import { DocumentCache } from "./document-cache.ts";
import { asUnusable, openFile, setAutoCheckpoint } from "./file.ts";
import { decodeId } from "./ids.ts";
import { LateRows } from "./late-rows.ts";
import { ReadSet } from "./read-set.ts";
import { RowWriter } from "./row-writer.ts";
import { Rows } from "./rows.ts";
import { parseSchema } from "./schema.ts";
import { rebuildSystemIndexes, SchemaChange, type SchemaDiff } from "./schema-change.ts";
import { type Replay, Settings } from "./settings.ts";
import { type BeginOptions, Transaction, type TransactionHost } from "./transaction.ts";
import { UndoLog } from "./undo-log.ts";
import type { JsonValue } from "./values.ts";
import { WriteGroup } from "./write-group.ts";
import { WriteLog } from "./write-log.ts";
import { asWriteRefused } from "./write-refused.ts";

export type StoreOptions = {
  /** FULL (default): a commit survives power loss. NORMAL: only the death of the process. */
  synchronous?: "FULL" | "NORMAL";
  /** Milliseconds since the epoch. @default Date.now */
  now?: () => number;
  /** System tables beside `_scheduled_functions` and `_storage`; hidden ones are reached through `tx.system` only.
   *  `_scheduled_functions` has the indexes `by_due` (state.kind, scheduledTime) and `by_completed` (completedTime). */
  systemTables?: readonly SystemTable[];
  /** Wraps the checks and rebuilds of a schema change, which are linear in the data. */
  longWork?: LongWork;
  /** Most text of replaced versions kept in memory for queries at an earlier timestamp. Default 16 Mi characters. */
  maxHistoryChars?: number;
  /** SQLite refused rows of groups that were acknowledged, and the journal has brought them back, or could not (N2, M4). */
  onRowsRefused?: (error: unknown, isBroughtBack: boolean) => void;
};

/** Runs work that may take long; the server around the engine may want to know. */
export type LongWork = <T>(work: () => T) => T;

const TRIM_ROWS = 1_000;

export class Store {
  private readonly rows: Rows;
  private readonly settings: Settings;
  private readonly catalog: Catalog;
  private readonly clock: Clock;
  private readonly cursors: Cursors;
  private readonly documents = new DocumentCache();
  private readonly host: TransactionHost;
  private readonly undo: UndoLog;
  private readonly rowWriter: RowWriter;
  private readonly lateRows: LateRows;
  private readonly commits: Commits;
  private readonly log = new WriteLog();
  private schemas = new Map<string, JsonValue>();
  private group: WriteGroup | null = null;
  private isClosed = false;
  private readonly longWork: LongWork;
  private readonly onRowsRefused: NonNullable<StoreOptions["onRowsRefused"]>;

  private constructor(
    private readonly database: Database,
    file: string,
    synchronous: "FULL" | "NORMAL",
    options: StoreOptions,
  ) {
    this.longWork = options.longWork ?? ((work) => work());
    this.onRowsRefused = options.onRowsRefused ?? (() => {});
    this.rows = new Rows(database);
    this.settings = new Settings(database);
    this.catalog = new Catalog(database, options.systemTables ?? []);
    this.clock = new Clock(this.settings.latestTs(), options.now ?? Date.now);
    this.rowWriter = new RowWriter(this.rows, this.documents);
    this.lateRows = new LateRows(this.rowWriter);
    this.cursors = new Cursors(this.settings.cursorKey(CURSOR_KEY_BYTES));
    this.host = { catalog: this.catalog, documents: this.documents, rows: this.rows, cursors: this.cursors, clock: this.clock };
    this.readSchemas();
    database.transaction(() => rebuildSystemIndexes(this.catalog, this.rows))();
    this.commits = new Commits(database, this.settings, file, synchronous === "FULL", this.lateRows, {
      document: (id, text) => this.replayDocument(id, text),
      answer: (sessionId, requestId, replay, atMs) => this.settings.restoreReplay(sessionId, requestId, replay, atMs),
      clock: (ts) => this.clock.reach(ts),
    });
    this.rows.beforeReads(() => this.catchUp());
    try {
      this.commits.recover();
    } catch (error) {
      this.commits.abandon();
      throw error;
    }
    this.undo = new UndoLog(this.catalog, this.rows, this.clock.latestTs, options.maxHistoryChars);
  }

  /** Opens or creates a deployment's database file. @throws {StoreUnusable} with one sentence that says what to do */
  static open(file: string, options: StoreOptions = {}): Store {
    const synchronous = options.synchronous ?? "FULL";
    const database = openFile(file, synchronous);
    try {
      return new Store(database, file, synchronous, options);
    } catch (error) {
      database.close();
      throw asUnusable(error, file);
    }
  }

  /** ns since the epoch of the last applied commit; never goes back. */
  get latestTs(): bigint {
    return this.clock.latestTs;
  }

  /** Size of the database, bytes, without its log. */
  get sizeBytes(): number {
    const pages = this.database.query<{ bytes: number }, []>(
      "SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()",
    );
    return pages.get()?.bytes ?? 0;
  }

  /** The schema export last applied to a component, or null. */
  schema(component = ""): JsonValue | null {
    return this.schemas.get(component) ?? null;
  }

  /** What applying a schema would change, every document checked against it; changes nothing.
   *  @throws {SchemaViolation} @throws {SchemaRefused} */
  checkSchema(schemaExport: JsonValue | null, component = ""): SchemaDiff {
    const change = new SchemaChange(this.catalog, this.rows, component, parseSchema(schemaExport));
    this.longWork(() => change.check());
    return change.diff();
  }

  /** A view of everything applied so far, an open group's commits included, or of the state at `atTs`. Drop it to forget it.
   *  @throws {FunctionError} when `atTs` lies in the future or is no longer kept */
  begin({ kind, nowMs, component = "", atTs }: BeginOptions): Transaction {
    this.catchUp();
    if (atTs !== undefined && kind === "mutation") throw new Error("A mutation cannot run in the past.");
    const shared = { host: this.host, nowMs, baseVersion: this.log.version, reads: new ReadSet() };
    return new Transaction(kind, component, shared, atTs === undefined ? undefined : this.undo.overlayAt(atTs, this.latestTs));
  }

  /** @throws when a group is open: commit it or roll it back first */
  beginGroup(): WriteGroup {
    if (this.group) throw new Error("A write group is open already. Commit it or roll it back first.");
    const { catalog, commits, rows, lateRows, settings, clock, log, undo } = this;
    this.group = new WriteGroup({
      commits,
      catalog,
      rows,
      lateRows,
      settings,
      clock,
      log,
      undo,
      longWork: this.longWork,
      revert: () => this.revert(),
      release: () => {
        this.group = null;
      },
      schemaChanged: (component, json) => {
        if (json === null) this.schemas.delete(component);
        else this.schemas.set(component, json);
      },
    });
    return this.group;
  }

  /** Was anything this transaction read written since it began? (A query that overran its turn must run again.) */
  hasConflict(tx: Transaction): boolean {
    return this.log.isTouched(tx.baseVersion, () => tx.reads);
  }

  getReplay(sessionId: string, requestId: number): Replay | null {
    return this.settings.getReplay(sessionId, requestId);
  }

  /** Removes answers given before `beforeMs`; looks at `maxRows` rows a call (default 1,000) and goes round. Returns how many went.
   *  Not while a group is open. */
  trimReplays(beforeMs: number, maxRows = TRIM_ROWS): number {
    if (this.group) throw new Error("A write group is open. Trim between groups.");
    return this.settings.trimReplays(beforeMs, maxRows);
  }

  /** A server setting written by WriteGroup.putMeta, or null. */
  getMeta(key: string): string | null {
    return this.settings.get(key);
  }

  /** Server settings whose key starts with a prefix, sorted by key. */
  listMeta(prefix: string): [key: string, text: string][] {
    return this.settings.list(prefix);
  }

  /** User tables by name with their number of documents. Linear in the data: for people, not for hot paths. */
  listTables(component = ""): { name: string; documentCount: number }[] {
    const tables = this.catalog.storedTables(component).filter((table) => !table.isSystem);
    return tables.map((table) => ({ name: table.name, documentCount: this.rows.countDocuments(table) }));
  }

  /** Components that ever stored a document, or one in this table; mounted or not. Sorted, "" is the app itself. */
  components(tableName?: string): string[] {
    return this.catalog.storedComponents(tableName);
  }

  /** The component whose table an id belongs to, or null. */
  componentOf(id: string): string | null {
    const decoded = decodeId(id);
    return "problem" in decoded ? null : (this.catalog.tableByNumber(decoded.tableNumber)?.component ?? null);
  }

  /** The table an id belongs to in a component, or null: what argument validators ask. */
  tableOf(id: string, component = ""): string | null {
    return this.catalog.tableNameOf(component, id);
  }

  /** Holds the database file still for a copy: until `release`, commits go to the log beside it only. Serving goes on.
   *  Not while a group is open; `release` before `close`. */
  freeze(): { readonly file: string; readonly ts: bigint; readonly release: () => void } {
    if (this.group) throw new Error("A write group is open. Freeze between groups.");
    try {
      this.commits.fold(this.latestTs);
    } catch (error) {
      this.revert();
      throw asWriteRefused(error);
    }
    const checkpoint = this.database.query<{ busy: number }, []>("PRAGMA wal_checkpoint(TRUNCATE)").get();
    if (checkpoint?.busy !== 0) throw new Error("The log could not be folded into the database file.");
    this.database.run("PRAGMA wal_autocheckpoint = 0");
    const release = () => setAutoCheckpoint(this.database);
    return { file: this.database.filename, ts: this.latestTs, release };
  }

  /**
   * What is better done while nobody waits: writes the rows that are late, and folds a journal that is half full.
   * Not while a group is open. @throws {WriteRefused} when the disk takes no fold: nothing is lost, and it is tried again when it must be
   */
  tidy(): void {
    if (this.group) throw new Error("A write group is open. Tidy between groups.");
    this.catchUp();
    if (!this.commits.isFoldDue) return;
    try {
      this.commits.fold(this.latestTs);
    } catch (error) {
      this.revert();
      this.commits.putOffFold();
      throw asWriteRefused(error);
    }
  }

  /** Rolls back an open group and releases the file. Safe to repeat. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.group?.rollback();
    this.commits.close(this.latestTs);
    this.rows.close();
    this.settings.close();
    this.database.close();
  }

  /** Writes the rows that are late, before anything is read (N1). @throws {StoreUnusable} @throws {WriteRefused} */
  private catchUp(): void {
    this.commits.assertWhole();
    if (this.lateRows.isEmpty) return;
    try {
      this.lateRows.write();
    } catch (error) {
      // The open group's own are not in the journal yet: it is over. Anything else is.
      if (this.group?.spoil()) throw asWriteRefused(error);
      let isBroughtBack = false;
      try {
        this.revert();
        isBroughtBack = true;
      } finally {
        this.onRowsRefused(error, isBroughtBack);
      }
    }
  }

  /** Takes the file, and memory with it, back to what was acknowledged. */
  private revert(): void {
    this.documents.clear();
    this.commits.rollback(() => {
      this.catalog.reload();
      this.readSchemas();
    });
  }

  private replayDocument(id: string, text: string | null): void {
    const decoded = decodeId(id);
    const table = "problem" in decoded ? null : this.catalog.tableByNumber(decoded.tableNumber);
    if (!table) throw new Error(`The journal writes ${id}, which is in no table of the database.`);
    const row = this.rows.document(id);
    const committed = row && Document.committed(table, id, row.rid, row.json);
    this.rowWriter.write(table, committed, text === null ? null : Document.committed(table, id, -1, text));
  }

  private readSchemas(): void {
    this.schemas = this.settings.schemas();
    for (const [component, json] of this.schemas) {
      new SchemaChange(this.catalog, this.rows, component, parseSchema(json)).restoreValidators();
    }
  }
}
