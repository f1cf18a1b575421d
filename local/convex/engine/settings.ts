// The engine's rows that are no documents: the clock, schemas, server settings, and the answers of client mutations.
//   E1. A replay row is written in the commit of the mutation it answers for, or not at all: that makes mutations exactly-once.
import type { Database, Statement } from "bun:sqlite";
import type { JsonValue } from "./values.ts";

/** A client mutation's answer: its commit (ns) and its result as JSON text. */
export type Replay = { ts: bigint; valueJson: string };

const CLOCK = "engine:latestTs";
const GENERATION = "engine:generation";
const CURSOR_KEY = "engine:cursorKey";
const SERVER_PREFIX = "server:"; // the server's keys and ours never meet

export class Settings {
  private readonly insertReplay: Statement<unknown, [string, number, string, string, number]>;
  private readonly selectReplay: Statement<{ ts: string; value: string }, [string, number]>;
  private readonly upsertMeta: Statement<unknown, [string, string]>;
  private readonly selectMeta: Statement<{ value: string }, [string]>;
  /** Where the last trim stopped; it goes round. */
  private trimFrom: { sessionId: string; requestId: number } = { sessionId: "", requestId: 0 };

  constructor(private readonly database: Database) {
    this.insertReplay = database.prepare("INSERT INTO replays(session_id, request_id, ts, value, at_ms) VALUES (?, ?, ?, ?, ?)");
    this.selectReplay = database.prepare("SELECT ts, value FROM replays WHERE session_id = ? AND request_id = ?");
    this.upsertMeta = database.prepare(
      "INSERT INTO meta(key, value) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
    );
    this.selectMeta = database.prepare("SELECT value FROM meta WHERE key = ?");
  }

  /** An unfinalized statement would keep the file locked after the connection is closed. */
  close(): void {
    for (const statement of [this.insertReplay, this.selectReplay, this.upsertMeta, this.selectMeta]) statement.finalize();
  }

  /** ns of the last commit in the file; 0 in a new one. */
  latestTs(): bigint {
    return BigInt(this.selectMeta.get(CLOCK)?.value ?? "0");
  }

  storeTs(ts: bigint): void {
    this.upsertMeta.run(CLOCK, ts.toString());
  }

  /** Which of the journal's records go on from the file (commits.ts); null before there were any. */
  generation(): bigint | null {
    const text = this.selectMeta.get(GENERATION)?.value;
    return text === undefined ? null : BigInt(text);
  }

  storeGeneration(generation: bigint): void {
    this.upsertMeta.run(GENERATION, generation.toString());
  }

  /** The key that seals pagination cursors; made on first use, the same ever after. */
  cursorKey(bytes: number): Uint8Array {
    const known = this.selectMeta.get(CURSOR_KEY)?.value;
    if (known) return Buffer.from(known, "base64");
    const made = crypto.getRandomValues(new Uint8Array(bytes));
    this.upsertMeta.run(CURSOR_KEY, Buffer.from(made).toString("base64"));
    return made;
  }

  get(key: string): string | null {
    return this.selectMeta.get(SERVER_PREFIX + key)?.value ?? null;
  }

  put(key: string, text: string | null): void {
    if (text === null) this.database.query("DELETE FROM meta WHERE key = ?").run(SERVER_PREFIX + key);
    else this.upsertMeta.run(SERVER_PREFIX + key, text);
  }

  /** Every server setting whose key starts with a prefix, sorted by key. */
  list(prefix: string): [key: string, text: string][] {
    const from = SERVER_PREFIX + prefix;
    const rows = this.database
      .query<{ key: string; value: string }, [string, number, string]>(
        "SELECT key, value FROM meta WHERE key >= ?1 AND substr(key, 1, ?2) = ?3 ORDER BY key",
      )
      .all(from, from.length, from);
    return rows.map(({ key, value }) => [key.slice(SERVER_PREFIX.length), value]);
  }

  schemas(): Map<string, JsonValue> {
    const rows = this.database.query<{ component: string; json: string }, []>("SELECT component, json FROM schemas").all();
    return new Map(rows.map(({ component, json }) => [component, JSON.parse(json)]));
  }

  putSchema(component: string, schemaExport: JsonValue | null): void {
    const statement =
      "INSERT INTO schemas(component, json) VALUES (?, ?) ON CONFLICT(component) DO UPDATE SET json = excluded.json";
    if (schemaExport === null) this.database.query("DELETE FROM schemas WHERE component = ?").run(component);
    else this.database.query(statement).run(component, JSON.stringify(schemaExport));
  }

  getReplay(sessionId: string, requestId: number): Replay | null {
    const row = this.selectReplay.get(sessionId, requestId);
    return row ? { ts: BigInt(row.ts), valueJson: row.value } : null;
  }

  putReplay(sessionId: string, requestId: number, { ts, valueJson }: Replay, atMs: number): void {
    this.insertReplay.run(sessionId, requestId, ts.toString(), valueJson, atMs);
  }

  /** The same from the journal, which knows nothing of trims. */
  restoreReplay(sessionId: string, requestId: number, { ts, valueJson }: Replay, atMs: number): void {
    this.database
      .query("INSERT OR REPLACE INTO replays(session_id, request_id, ts, value, at_ms) VALUES (?, ?, ?, ?, ?)")
      .run(sessionId, requestId, ts.toString(), valueJson, atMs);
  }

  /** Deletes answers given before `beforeMs` among the next `maxRows` rows; goes round. Returns how many it deleted. */
  trimReplays(beforeMs: number, maxRows: number): number {
    const { sessionId, requestId } = this.trimFrom;
    const rows = this.database
      .query<{ session_id: string; request_id: number; at_ms: number }, [string, number, number]>(
        "SELECT session_id, request_id, at_ms FROM replays WHERE (session_id, request_id) > (?, ?) ORDER BY session_id, request_id LIMIT ?",
      )
      .all(sessionId, requestId, maxRows);
    const remove = this.database.query("DELETE FROM replays WHERE session_id = ? AND request_id = ?");
    const expired = rows.filter((row) => row.at_ms < beforeMs);
    this.database.transaction(() => {
      for (const row of expired) remove.run(row.session_id, row.request_id);
    })();
    const last = rows.length < maxRows ? undefined : rows.at(-1);
    this.trimFrom = last ? { sessionId: last.session_id, requestId: last.request_id } : { sessionId: "", requestId: 0 };
    return expired.length;
  }
}
