// One kind of entity in memory: rows by id, by indexed column, and in the two orders Linear lists them by.
// Rows are never changed in place: `put` replaces one, so a row a reader holds stays what it was.
//   T1. Both orders and every index agree with the rows after each `put` and `remove`.
import type { Entity } from "./entities.ts";

export type Order = "createdAt" | "updatedAt";

/** A row's place in the table. `serial` grows with creation and breaks ties between equal times. */
interface Cell<Row> {
  row: Row;
  readonly serial: number;
}

export class Table<Row extends Entity> {
  private readonly cells = new Map<string, Cell<Row>>();
  private readonly indexes: Map<string, Map<unknown, Set<string>>>;
  private readonly orders: Record<Order, Cell<Row>[]> = { createdAt: [], updatedAt: [] };
  private nextSerial = 0;

  constructor(columns: readonly string[]) {
    this.indexes = new Map(columns.map((column) => [column, new Map()]));
  }

  get size(): number {
    return this.cells.size;
  }

  get(id: string): Row | undefined {
    return this.cells.get(id)?.row;
  }

  /** Every row, oldest first. */
  *all(): IterableIterator<Row> {
    for (const cell of this.cells.values()) yield cell.row;
  }

  hasIndex(column: string): boolean {
    return this.indexes.has(column);
  }

  /** Ids of the rows whose indexed `column` is (or holds) `value`. */
  idsBy(column: keyof Row & string, value: unknown): ReadonlySet<string> {
    const index = this.indexes.get(column);
    if (!index) throw new Error(`no index on ${column}`);
    return index.get(value) ?? NONE;
  }

  /** Rows whose indexed `column` is (or holds) `value`, oldest first. */
  by(column: keyof Row & string, value: unknown): Row[] {
    return [...this.idsBy(column, value)].map((id) => this.cells.get(id)!.row);
  }

  /** Every row, newest first by `order`. */
  *newestFirst(order: Order): IterableIterator<Row> {
    const cells = this.orders[order];
    for (let at = cells.length - 1; at >= 0; at--) yield cells[at]!.row;
  }

  /** The rows of `ids` that exist, newest first by `order`. */
  sorted(ids: Iterable<string>, order: Order): Row[] {
    const cells: Cell<Row>[] = [];
    for (const id of ids) {
      const cell = this.cells.get(id);
      if (cell) cells.push(cell);
    }
    return cells.sort((left, right) => compare(right, left, order)).map((cell) => cell.row);
  }

  /** Inserts or replaces a row (T1). */
  put(row: Row): void {
    const cell = this.cells.get(row.id);
    if (!cell) {
      const added = { row, serial: this.nextSerial++ };
      this.cells.set(row.id, added);
      for (const order of ORDERS) insert(this.orders[order], added, order);
    } else {
      const moved = ORDERS.filter((order) => cell.row[order] !== row[order]);
      for (const order of moved) take(this.orders[order], cell, order);
      this.unindex(cell.row);
      cell.row = row;
      for (const order of moved) insert(this.orders[order], cell, order);
    }
    this.index(row);
  }

  /** Removes a row if it is there (T1). */
  remove(id: string): void {
    const cell = this.cells.get(id);
    if (!cell) return;
    for (const order of ORDERS) take(this.orders[order], cell, order);
    this.unindex(cell.row);
    this.cells.delete(id);
  }

  private index(row: Row): void {
    for (const [column, index] of this.indexes) {
      for (const value of valuesOf(row, column)) {
        const ids = index.get(value);
        if (ids) ids.add(row.id);
        else index.set(value, new Set([row.id]));
      }
    }
  }

  private unindex(row: Row): void {
    for (const [column, index] of this.indexes) {
      for (const value of valuesOf(row, column)) {
        const ids = index.get(value);
        ids?.delete(row.id);
        if (ids?.size === 0) index.delete(value);
      }
    }
  }
}

const ORDERS: readonly Order[] = ["createdAt", "updatedAt"];
const NONE: ReadonlySet<string> = new Set();

function valuesOf(row: Entity, column: string): readonly unknown[] {
  const value: unknown = Reflect.get(row, column);
  return Array.isArray(value) ? value : [value];
}

const compare = (left: Cell<Entity>, right: Cell<Entity>, order: Order): number =>
  left.row[order] < right.row[order] ? -1 : left.row[order] > right.row[order] ? 1 : left.serial - right.serial;

/** Where `cell` is, or belongs, in an ascending list. */
function place(cells: readonly Cell<Entity>[], cell: Cell<Entity>, order: Order): number {
  let low = 0;
  let high = cells.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(cells[middle]!, cell, order) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert<Row extends Entity>(cells: Cell<Row>[], cell: Cell<Row>, order: Order): void {
  const last = cells.at(-1);
  if (!last || compare(last, cell, order) < 0)
    cells.push(cell); // nearly always: time moves on
  else cells.splice(place(cells, cell, order), 0, cell);
}

function take<Row extends Entity>(cells: Cell<Row>[], cell: Cell<Row>, order: Order): void {
  cells.splice(place(cells, cell, order), 1);
}
