// The yardstick: what a commit costs when the same row, with the same indexes, is written by hand with bun:sqlite.
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { BODY, channelOf } from "./messages.ts";

/** Commits a second of one message at `synchronous = FULL`, one at a time, for `windowMs`. Leaves its file in `dir`. */
export function rawCommits(dir: string, windowMs: number): number {
  const database = new Database(join(dir, `raw-${crypto.randomUUID()}.sqlite`), { strict: true });
  database.run("PRAGMA locking_mode = EXCLUSIVE");
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run(
    "CREATE TABLE messages(rid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, creation_time REAL NOT NULL, channel TEXT NOT NULL, body TEXT NOT NULL)",
  );
  database.run("CREATE INDEX by_creation_time ON messages(creation_time)");
  database.run("CREATE INDEX by_channel ON messages(channel, creation_time)");
  const insert = database.prepare("INSERT INTO messages(id, creation_time, channel, body) VALUES (?, ?, ?, ?)");
  const startedAt = performance.now();
  let commits = 0;
  for (; performance.now() - startedAt < windowMs; commits++) {
    insert.run(crypto.randomUUID(), Date.now(), channelOf(commits), BODY);
  }
  const perSecond = (commits * 1000) / (performance.now() - startedAt);
  insert.finalize();
  database.close();
  return perSecond;
}

/** Million additions a second in one thread: what the processor gives this process at this moment. */
export function spins(): number {
  const startedAt = performance.now();
  let sum = 0;
  for (let at = 0; at < 50_000_000; at++) sum = (sum + at) | 0;
  return Math.round(50_000 / (performance.now() - startedAt)) + (sum === 1 ? 1 : 0);
}
