// Rows of documents whose group is durable by its record in the journal (commits.ts): SQLite gets them after those who wait for the
// group have been answered, when there is time or when somebody is about to look.
//   N1. Whoever reads, folds or closes writes them first: nothing ever sees the file without them.
//   N2. They are written in the order their groups wrote them. When one cannot be, all are dropped, and whoever asked takes the
//       file back to what was acknowledged, which the journal has (M4).
import type { Table } from "./catalog.ts";
import type { Document } from "./document.ts";
import type { RowWriter } from "./row-writer.ts";

interface LateRow {
  readonly table: Table;
  readonly committed: Document | null;
  readonly next: Document | null;
}

export class LateRows {
  private waiting: LateRow[] = [];

  constructor(private readonly writer: RowWriter) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  add(table: Table, committed: Document | null, next: Document | null): void {
    this.waiting.push({ table, committed, next });
  }

  /** @throws what SQLite says (N2) */
  write(): void {
    const rows = this.waiting;
    this.waiting = [];
    for (const { table, committed, next } of rows) this.writer.write(table, committed, next);
  }

  drop(): void {
    this.waiting = [];
  }
}
