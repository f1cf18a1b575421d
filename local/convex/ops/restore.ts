// Puts a backup in place of a stopped deployment.
//   R1. Nothing is lost: what was there is kept beside it, as a backup of its own when it can be read.
//   R2. The deployment's clock goes on from the later of the two, so no client that saw the replaced one is from the future.
//   R3. Files first, the database last, by one rename: a crash in between leaves the old deployment, or the new one.
import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, linkSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SIDE_FILES, Store, StoreUnusable } from "../engine/index.ts";
import { nowMs } from "../runner/real-globals.ts";
import { SYSTEM_TABLES } from "../system-tables.ts";
import { BackupRefused, backUp, copyBlobs, DATABASE, FILES, syncPath } from "./backup.ts";

export interface Restored {
  readonly dir: string;
  /** Where the replaced deployment lies now, or null. */
  readonly replaced: string | null;
}

/**
 * @param replace must be true when `dir` holds a deployment already
 * @throws {BackupRefused} {@link StoreUnusable} with one sentence that says what to do; nothing was changed then
 */
export async function restore(from: string, dir: string, replace: boolean): Promise<Restored> {
  if (!existsSync(join(from, DATABASE))) throw new BackupRefused(`${from} is no backup: it holds no ${DATABASE}.`);
  const current = join(dir, DATABASE);
  if (existsSync(current) && !replace) {
    throw new BackupRefused(
      `${dir} holds a deployment already. Add --replace to put the backup in its place; the old one is kept.`,
    );
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const draft = `${current}.restoring`;
  for (const suffix of ["", ...SIDE_FILES]) rmSync(draft + suffix, { force: true });
  copyFileSync(join(from, DATABASE), draft);
  checkWhole(draft, from);
  const kept = existsSync(current) ? await keep(dir) : null;
  const store = Store.open(draft, { systemTables: SYSTEM_TABLES });
  const group = store.beginGroup();
  group.advance(kept?.latestTs); // R2
  group.commit();
  store.freeze().release(); // in the one file that is renamed, or refused (a full disk)
  store.close();
  copyBlobs(join(from, FILES), join(dir, FILES));
  await syncPath(draft);
  for (const suffix of SIDE_FILES) rmSync(current + suffix, { force: true });
  renameSync(draft, current); // R3
  await syncPath(dir);
  return { dir, replaced: kept?.folder ?? null };
}

/** @throws {BackupRefused} when SQLite finds anything wrong with a file */
export function checkWhole(file: string, name: string): void {
  let problem: string;
  try {
    const database = new Database(file, { readwrite: true });
    problem = database.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get()?.quick_check ?? "nothing";
    database.close();
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  if (problem !== "ok") throw new BackupRefused(`The database in ${name} is damaged (${problem}). Use another backup.`);
}

// R1. The file's lock proves that no server runs on it.
async function keep(dir: string): Promise<{ folder: string; latestTs: bigint }> {
  const folder = join(dir, `replaced-${new Date(nowMs()).toISOString().replaceAll(":", "-")}`);
  let store: Store;
  try {
    store = Store.open(join(dir, DATABASE), { systemTables: SYSTEM_TABLES });
  } catch (error) {
    if (error instanceof StoreUnusable && error.code !== "Damaged") throw error;
    mkdirSync(join(folder, FILES), { recursive: true, mode: 0o700 });
    for (const suffix of ["", ...SIDE_FILES]) {
      if (existsSync(join(dir, DATABASE + suffix))) linkSync(join(dir, DATABASE + suffix), join(folder, DATABASE + suffix));
    }
    copyBlobs(join(dir, FILES), join(folder, FILES));
    return { folder, latestTs: 0n };
  }
  try {
    const { ts } = await backUp({ store, dir, files: NOBODY_REMOVES }, folder, (work) => work());
    return { folder, latestTs: ts };
  } finally {
    store.close();
  }
}

/** A stopped deployment removes nothing. */
export const NOBODY_REMOVES = { holdRemovals: () => () => {} };
