// One call's view of the database: committed state under its own writes, and an account of everything it read.
//   X1. Nothing is stored here. A WriteGroup commits the overlay; dropping the transaction forgets it.
//   X2. A nested call's writes join its caller's by adopt, all of them or none; its reads stay either way.
//   X3. Functions reach system tables only to read; the server writes them through `system`, by the same rules otherwise.
import { type Access, checkSystemFields, type Operation, refuseSystemFields, tableOfId, userFields } from "./access.ts";
import type { Catalog, Table } from "./catalog.ts";
import type { Clock } from "./clock.ts";
import type { Cursors } from "./cursors.ts";
import { Document } from "./document.ts";
import type { DocumentCache } from "./document-cache.ts";
import { FunctionError } from "./errors.ts";
import { makeId } from "./ids.ts";
import type { ReadInterval } from "./interval-index.ts";
import { Meter, type TransactionLimits, type TransactionUsage } from "./limits.ts";
import { Overlay, type PendingWrite } from "./overlay.ts";
import { planQuery, type QueryPlan } from "./query-plan.ts";
import { expectedRows, type Page, type PageArgs, QueryRun, readPage } from "./query-run.ts";
import type { ReadSet } from "./read-set.ts";
import type { Rows } from "./rows.ts";
import { Scan, type ScanRange } from "./scan.ts";
import { type JsonObject, type JsonValue, kindOf } from "./values.ts";

/** What a transaction needs of its store. */
export type TransactionHost = { catalog: Catalog; documents: DocumentCache; rows: Rows; cursors: Cursors; clock: Clock };

export type TransactionKind = "query" | "mutation";
export type BeginOptions = {
  kind: TransactionKind;
  /** The frozen time of the call, ms since the epoch: `_creationTime` starts here. */
  nowMs: number;
  /** The component whose tables are seen; "" (default) is the app itself. */
  component?: string;
  /** Queries only: the state at this commit (ns) instead of now; at most five minutes back. */
  atTs?: bigint;
};

export type DocumentWrite = {
  id: string;
  table: string;
  component: string;
  /** The committed document before; null: it is new. */
  old: JsonObject | null;
  /** The document after; null: it is gone. */
  new: JsonObject | null;
};

type Shared = { host: TransactionHost; nowMs: number; baseVersion: number; reads: ReadSet };

export type SystemTables = {
  get(id: string, table?: string): string | null;
  insert(table: string, value: JsonValue): string;
  shallowMerge(id: string, value: JsonValue): void;
  replace(id: string, value: JsonValue): void;
  remove(id: string): void;
  /** As queryStream; hidden system tables too. */
  queryStream(query: JsonValue): number;
};

export class Transaction {
  private systemView: SystemTables | null = null;
  private streams: Map<number, QueryRun> | null = null;
  private nextStreamId = 0;
  private isFinished = false;

  /** Made by Store.begin and by child(). */
  constructor(
    readonly kind: TransactionKind,
    readonly component: string,
    private readonly shared: Shared,
    private readonly overlay = new Overlay(),
    private readonly meter = new Meter(),
  ) {}

  /** `db.system` and the server's own writes to system tables. Same rules, same reads, same limits. */
  get system(): SystemTables {
    this.systemView ??= {
      get: (id, table) => this.getText(id, table, "system"),
      insert: (table, value) => this.insertInto(this.systemTable(table), value),
      shallowMerge: (id, value) => this.merge(undefined, id, value, "system"),
      replace: (id, value) => this.put(undefined, id, value, "system"),
      remove: (id) => this.delete(undefined, id, "system"),
      queryStream: (query) => this.openStream(query, "hidden"),
    };
    return this.systemView;
  }

  get nowMs(): number {
    return this.shared.nowMs;
  }

  /** The store's version when the outermost call began; for the conflict check. */
  get baseVersion(): number {
    return this.shared.baseVersion;
  }

  /** Consumed intervals only, nested calls included. A fresh array. */
  get reads(): ReadInterval[] {
    return this.shared.reads.intervals;
  }

  get usage(): TransactionUsage {
    return { ...this.meter.usage };
  }

  get writes(): DocumentWrite[] {
    return this.changes().map(({ id, table, committed, next }) => ({
      id,
      table: table.name,
      component: table.component,
      old: committed?.fields ?? null,
      new: next?.fields ?? null,
    }));
  }

  /** For WriteGroup: the writes to apply, in order. */
  changes(): PendingWrite[] {
    return this.overlay.changes();
  }

  /** For WriteGroup: no more calls from here on. */
  finish(): void {
    this.isFinished = true;
  }

  /** The document as JSON text; null when absent or when the id's table is not of this component.
   *  @throws {FunctionError} on a malformed id, another table's id, or a system table's */
  get(id: string, table?: string): string | null {
    return this.getText(id, table, "user");
  }

  /** @returns the new id. @throws {FunctionError} when a rule, a limit or the schema forbids the document */
  insert(table: string, value: JsonValue): string {
    if (table.startsWith("_")) throw new FunctionError("SystemTableReadOnly", "System tables (prefixed with `_`) are read-only.");
    return this.insertInto(this.shared.host.catalog.table(this.component, table), value);
  }

  /** Patch: a field set to `{"$undefined": null}` is removed. @throws {FunctionError} when the document does not exist */
  shallowMerge(table: string | undefined, id: string, value: JsonValue): void {
    this.merge(table, id, value, "user");
  }

  /** @throws {FunctionError} when the document does not exist */
  replace(table: string | undefined, id: string, value: JsonValue): void {
    this.put(table, id, value, "user");
  }

  /** @throws {FunctionError} when the document does not exist */
  remove(table: string | undefined, id: string): void {
    this.delete(table, id, "user");
  }

  /** How many documents a table has, pending writes included. Reads the whole table, as far as subscriptions go. */
  count(table: string): number {
    this.assertOpen();
    this.meter.range();
    const found = this.shared.host.catalog.table(this.component, table);
    this.shared.reads.table(found);
    let count = this.shared.host.rows.countDocuments(found);
    for (const { committed, next } of this.overlay.ofTable(found)) count += Number(next !== null) - Number(committed !== null);
    return count;
  }

  /** The id when it is a well-formed id of this table, else null. System tables too. */
  normalizeId(table: string, id: string): string | null {
    return this.tableOf(id) === table ? id : null;
  }

  /** The name of the table an id belongs to in this component, or null. */
  tableOf(id: string): string | null {
    return this.shared.host.catalog.tableNameOf(this.component, id);
  }

  /** User tables and visible system tables (the convex package keeps `db` and `db.system` apart). @throws {FunctionError} */
  queryStream(query: JsonValue): number {
    return this.openStream(query, "system");
  }

  /** `value` is the next document's JSON text, null when done. */
  queryStreamNext(queryId: number): { value: string | null; done: boolean } {
    this.assertOpen();
    const run = this.streams?.get(queryId);
    if (!run) throw new FunctionError("InvalidQuery", `There is no open query ${queryId}.`);
    const document = run.next();
    return document ? { value: document.text, done: false } : { value: null, done: true };
  }

  /** Safe to repeat. */
  queryCleanup(queryId: number): void {
    this.streams?.delete(queryId);
  }

  /** One page. `journal`: this query's continueCursor when it last ran, or null. That a function pages only once is its caller's rule to keep.
   *  @throws {InvalidCursor} @throws {FunctionError} */
  queryPage(args: PageArgs, journal: string | null): Page {
    const plan = this.plan(args.query, "system");
    const openScan = (range: ScanRange, expected: number) => this.openScan(range, expected);
    return readPage(plan, args, journal, this.shared.host.cursors, this.meter, openScan);
  }

  /** A nested call: sees this transaction's writes, keeps its own apart until adopted (X2). `limits` can only tighten. */
  child(options: { component?: string; kind?: TransactionKind; limits?: Partial<TransactionLimits> } = {}): Transaction {
    this.assertOpen();
    const meter = this.meter.child(options.limits ?? {});
    const component = options.component ?? this.component;
    return new Transaction(options.kind ?? this.kind, component, this.shared, new Overlay(this.overlay), meter);
  }

  /** Takes over a child's writes and ends it. */
  adopt(child: Transaction): void {
    this.assertOpen();
    child.assertOpen();
    child.finish();
    this.overlay.adopt(child.overlay);
    this.meter.adopt(child.meter);
  }

  private getText(id: string, table: string | undefined, access: Access): string | null {
    this.meter.range();
    const found = this.find(table, id, access, "get");
    if (!found) return null;
    this.meter.read(found.sizeBytes);
    return found.text;
  }

  private insertInto(table: Table, value: JsonValue): string {
    this.assertWritable();
    const fields = userFields(value, "insert");
    refuseSystemFields(fields);
    const id = makeId(table.number, this.nowMs);
    const document = Document.pending(table, id, {
      _creationTime: this.shared.host.clock.creationTime(this.nowMs),
      _id: id,
      ...fields,
    });
    this.write({ id, table, committed: null, next: document });
    return id;
  }

  private merge(tableName: string | undefined, id: string, value: JsonValue, access: Access): void {
    const fields = userFields(value, "patch");
    const { table, old, committed } = this.existing(tableName, id, access, "patch");
    checkSystemFields(fields, old);
    const merged: JsonObject = { ...old.fields, ...fields };
    for (const name in fields) {
      const element = fields[name];
      if (element !== undefined && kindOf(element) === "undefined") delete merged[name];
    }
    this.write({ id, table, committed, next: old.patched(fields, merged) }, fields);
  }

  private put(tableName: string | undefined, id: string, value: JsonValue, access: Access): void {
    const fields = userFields(value, "replace");
    const { table, old, committed } = this.existing(tableName, id, access, "replace");
    checkSystemFields(fields, old);
    const { _creationTime = null } = old.fields;
    this.write({ id, table, committed, next: Document.pending(table, id, { ...fields, _creationTime, _id: id }) });
  }

  private delete(tableName: string | undefined, id: string, access: Access): void {
    const { table, committed } = this.existing(tableName, id, access, "delete");
    this.write({ id, table, committed, next: null });
  }

  /** @param changed of a patch: the fields it sets or removes */
  private write(write: PendingWrite, changed: JsonObject | null = null): void {
    const { next, table } = write;
    if (next && table.validator) {
      const tableOf = (id: string) => this.tableOf(id);
      const problem =
        changed === null
          ? table.validator.checkDocument(next.fields, tableOf)
          : table.validator.checkPatched(next.fields, changed, tableOf);
      if (problem) {
        throw new FunctionError(
          "SchemaEnforcementError",
          `Failed to insert or update a document in table "${table.name}" because it does not match the schema: ${problem}`,
        );
      }
    }
    this.meter.write(next?.sizeBytes ?? 0);
    this.overlay.put(write);
  }

  /** The document an update is about, as it stands, and as it is committed. */
  private existing(
    tableName: string | undefined,
    id: string,
    access: Access,
    operation: Exclude<Operation, "get">,
  ): { table: Table; old: Document; committed: Document | null } {
    this.assertWritable();
    const old = this.find(tableName, id, access, operation);
    if (!old) {
      const verb = { patch: "Update", replace: "Replace", delete: "Delete" }[operation];
      throw new FunctionError("NonexistentDocument", `${verb} on nonexistent document ID ${id}`);
    }
    this.meter.read(old.sizeBytes);
    const pending = this.overlay.lookup(id);
    return { table: old.table, old, committed: pending ? pending.committed : old };
  }

  private find(tableName: string | undefined, id: string, access: Access, operation: Operation): Document | null {
    this.assertOpen();
    const table = tableOfId(this.shared.host.catalog, this.component, id, { expected: tableName, access, operation });
    if (!table) return null;
    this.shared.reads.point(table, id);
    const pending = this.overlay.lookup(id);
    if (pending) return pending.next;
    const { documents, rows } = this.shared.host;
    const known = documents.get(table, id);
    if (known) return known;
    const row = rows.document(id);
    return row ? documents.put(Document.committed(table, id, row.rid, row.json)) : null;
  }

  private systemTable(name: string): Table {
    if (!name.startsWith("_")) throw new FunctionError("UnknownTable", `"${name}" is not a system table.`);
    return this.shared.host.catalog.table(this.component, name);
  }

  private openStream(query: JsonValue, access: Access): number {
    const plan = this.plan(query, access);
    const id = this.nextStreamId++;
    this.streams ??= new Map();
    this.streams.set(id, new QueryRun(this.openScan(plan, expectedRows(plan.operators)), plan.operators, this.meter));
    return id;
  }

  private plan(query: JsonValue, access: Access): QueryPlan {
    this.assertOpen();
    this.meter.range();
    return planQuery(query, (name) => {
      const table = this.shared.host.catalog.table(this.component, name);
      if (table.isHidden && access !== "hidden") throw new FunctionError("UnknownTable", `There is no system table "${name}".`);
      return table;
    });
  }

  private openScan(range: ScanRange, expected: number | undefined): Scan {
    const scan = new Scan(this.shared.host, this.overlay, range, expected);
    this.shared.reads.scan(scan);
    return scan;
  }

  private assertOpen(): void {
    if (this.isFinished)
      throw new FunctionError("TransactionClosed", "This function has already returned: it can no longer use the database.");
  }

  private assertWritable(): void {
    this.assertOpen();
    if (this.kind === "query") throw new FunctionError("ReadOnlyTransaction", "A query cannot write to the database.");
  }
}
