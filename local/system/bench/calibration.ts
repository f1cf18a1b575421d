// What this machine can do at best, measured in the same run: figures of different machines compare as ratios to these.

import { Database } from "bun:sqlite";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const WINDOW_MS = 500;

/** `rawCommits`: one-row commits a second of bun:sqlite at synchronous=FULL. `spins`: million additions a second in one thread. */
export function calibrate(): { rawCommits: number; spins: number } {
  return { rawCommits: rawCommits(), spins: spins() };
}

function rawCommits(): number {
  const folder = mkdtempSync(join(tmpdir(), "omakase-calibration-"));
  try {
    const database = new Database(join(folder, "c.sqlite"));
    database.run("PRAGMA journal_mode = WAL");
    database.run("PRAGMA synchronous = FULL");
    database.run("CREATE TABLE t (n INTEGER)");
    const insert = database.prepare("INSERT INTO t VALUES (?)");
    const end = performance.now() + WINDOW_MS;
    let commits = 0;
    while (performance.now() < end) insert.run(commits++);
    database.close();
    return Math.round((commits * 1000) / WINDOW_MS);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function spins(): number {
  const started = performance.now();
  let sum = 0;
  for (let i = 0; i < 50_000_000; i++) sum = (sum + i) | 0;
  return Math.round(50_000 / (performance.now() - started)) + (sum === 1 ? 1 : 0);
}
