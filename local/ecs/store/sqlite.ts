// An SQLite file that lets go when it is closed: SQLite keeps a file open, and its lock, as long as one prepared statement lives.
import { Database, type SQLQueryBindings } from "bun:sqlite";

export class SqliteFile extends Database {
  private readonly statements: { finalize(): void }[] = [];

  override prepare<Row, Bindings extends SQLQueryBindings | SQLQueryBindings[]>(sql: string, bindings?: Bindings) {
    const statement = super.prepare<Row, Bindings>(sql, bindings);
    this.statements.push(statement);
    return statement;
  }

  override close(): void {
    for (const statement of this.statements.splice(0)) statement.finalize();
    super.close(true);
  }
}
