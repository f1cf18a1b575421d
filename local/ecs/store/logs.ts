// CloudWatch's side of a task's output: groups, streams, and events in the order they were read.
import type { Database } from "bun:sqlite";

export interface LogStream {
  readonly id: number;
  readonly groupName: string;
  readonly streamName: string;
  readonly taskId: string;
  readonly createdAtMs: number;
  /** How much of the output file has been taken in. */
  readonly readOffset: number;
  /** Bytes of messages stored, with what CloudWatch adds for each. */
  readonly storedBytes: number;
}

export interface LogEvent {
  /** Grows by one within a stream, from 0. */
  readonly seq: number;
  readonly timestamp: number;
  readonly message: string;
}

const COLUMNS =
  "id, group_name AS groupName, stream_name AS streamName, task_id AS taskId, created_at_ms AS createdAtMs, read_offset AS readOffset, stored_bytes AS storedBytes";

export class LogStore {
  private readonly insertStream;
  private readonly oneStream;
  private readonly taskStream;
  private readonly streamPage;
  private readonly groupPage;
  private readonly insertEvent;
  private readonly progress;
  private readonly bounds;
  private readonly forward;
  private readonly dropEvents;
  private readonly dropStream;

  constructor(database: Database) {
    database.run(
      `CREATE TABLE IF NOT EXISTS log_streams (id INTEGER PRIMARY KEY AUTOINCREMENT, group_name TEXT NOT NULL, stream_name TEXT NOT NULL, task_id TEXT NOT NULL UNIQUE,
       created_at_ms INTEGER NOT NULL, read_offset INTEGER NOT NULL, stored_bytes INTEGER NOT NULL, next_seq INTEGER NOT NULL, UNIQUE (group_name, stream_name))`,
    );
    database.run(
      "CREATE TABLE IF NOT EXISTS log_events (stream INTEGER NOT NULL, seq INTEGER NOT NULL, timestamp INTEGER NOT NULL, message TEXT NOT NULL, PRIMARY KEY (stream, seq)) WITHOUT ROWID",
    );
    this.insertStream = database.prepare(
      "INSERT INTO log_streams (group_name, stream_name, task_id, created_at_ms, read_offset, stored_bytes, next_seq) VALUES (?, ?, ?, ?, 0, 0, 0) ON CONFLICT DO NOTHING",
    );
    this.oneStream = database.prepare<LogStream, [string, string]>(
      `SELECT ${COLUMNS} FROM log_streams WHERE group_name = ? AND stream_name = ?`,
    );
    this.taskStream = database.prepare<LogStream, [string]>(`SELECT ${COLUMNS} FROM log_streams WHERE task_id = ?`);
    this.streamPage = database.prepare<LogStream, [string, string, number, number]>(
      `SELECT ${COLUMNS} FROM log_streams WHERE group_name = ?1 AND substr(stream_name, 1, length(?2)) = ?2 AND id > ?3 ORDER BY id LIMIT ?4`,
    );
    this.groupPage = database.prepare<{ name: string; createdAtMs: number; storedBytes: number }, [string]>(
      `SELECT group_name AS name, min(created_at_ms) AS createdAtMs, sum(stored_bytes) AS storedBytes FROM log_streams
       WHERE substr(group_name, 1, length(?1)) = ?1 GROUP BY group_name ORDER BY group_name LIMIT 50`,
    );
    this.insertEvent = database.prepare(
      "INSERT INTO log_events (stream, seq, timestamp, message) SELECT id, next_seq + ?2, ?3, ?4 FROM log_streams WHERE id = ?1",
    );
    this.progress = database.prepare(
      "UPDATE log_streams SET read_offset = ?2, stored_bytes = stored_bytes + ?3, next_seq = next_seq + ?4 WHERE id = ?1",
    );
    this.bounds = database.prepare<{ first: number | null; last: number | null; count: number }, [number]>(
      "SELECT min(timestamp) AS first, max(timestamp) AS last, count(*) AS count FROM log_events WHERE stream = ?",
    );
    this.forward = database.prepare<LogEvent, [number, number, number, number, number]>(
      "SELECT seq, timestamp, message FROM log_events WHERE stream = ? AND seq >= ? AND timestamp >= ? AND timestamp < ? ORDER BY seq LIMIT ?",
    );
    this.dropEvents = database.prepare("DELETE FROM log_events WHERE stream = ?");
    this.dropStream = database.prepare("DELETE FROM log_streams WHERE id = ?");
  }

  /** Safe to repeat. */
  createStream(groupName: string, streamName: string, taskId: string, nowMs: number): void {
    this.insertStream.run(groupName, streamName, taskId, nowMs);
  }

  stream(groupName: string, streamName: string): LogStream | null {
    return this.oneStream.get(groupName, streamName);
  }

  streamOfTask(taskId: string): LogStream | null {
    return this.taskStream.get(taskId);
  }

  streams(groupName: string, prefix: string, afterId: number, limit: number): LogStream[] {
    return this.streamPage.all(groupName, prefix, afterId, limit);
  }

  groups(prefix: string): { name: string; createdAtMs: number; storedBytes: number }[] {
    return this.groupPage.all(prefix);
  }

  /** Stores messages of `size` bytes and how far the file has been read. The caller's transaction makes both one. */
  append(stream: LogStream, messages: readonly string[], size: number, readOffset: number, nowMs: number): void {
    messages.forEach((message, index) => {
      this.insertEvent.run(stream.id, index, nowMs, message);
    });
    this.progress.run(stream.id, readOffset, size, messages.length);
  }

  boundsOf(stream: LogStream): { first: number | null; last: number | null; count: number } {
    return this.bounds.get(stream.id) ?? { first: null, last: null, count: 0 };
  }

  /** Events from number `fromSeq` on, within `[startMs, endMs)`, oldest first. */
  read(stream: LogStream, fromSeq: number, startMs: number, endMs: number, limit: number): LogEvent[] {
    return this.forward.all(stream.id, fromSeq, startMs, endMs, limit);
  }

  forgetTask(taskId: string): void {
    const stream = this.streamOfTask(taskId);
    if (!stream) return;
    this.dropEvents.run(stream.id);
    this.dropStream.run(stream.id);
  }
}
