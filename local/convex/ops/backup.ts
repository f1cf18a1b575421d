// A copy of a whole deployment: the database file, and the bytes of its files. Works on a running server and on a stopped one.
//   B1. The copy is one moment: the database as of one commit, and every blob its rows need.
//   B2. Serving goes on: commits gather in the log while the file is copied, deletions of blobs wait.
//   B3. A folder is a backup once it has its name; an interrupted one leaves only `<name>.partial`.
//   B4. The process that serves never opens the database file itself: closing any descriptor of a file gives up the locks a
//       process holds on it (POSIX), and with them the promise that nobody else serves it.
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import type { Store } from "../engine/index.ts";

export const DATABASE = "convex.sqlite";
export const FILES = "files";

export interface BackupMade {
  readonly folder: string;
  /** ns since the epoch of the last commit in it. */
  readonly ts: bigint;
  readonly blobs: number;
}

/** A backup or a restore that was not begun, with a sentence that says what to do. */
export class BackupRefused extends Error {
  override readonly name = "BackupRefused";
  readonly code = "BackupRefused";
}

/** What keeps a deployment's blobs from being removed while they are copied. */
export interface BlobHold {
  holdRemovals(): () => void;
}

/**
 * @param atRest runs work when no write group is open (the loop's read phase; at once for a stopped server)
 * @throws {BackupRefused} when the folder exists or is not absolute
 */
export async function backUp(
  deployment: { readonly store: Store; readonly dir: string; readonly files: BlobHold },
  folder: string,
  atRest: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<BackupMade> {
  if (!isAbsolute(folder)) throw new BackupRefused(`Name the backup's folder by its full path, not ${JSON.stringify(folder)}.`);
  if (existsSync(folder)) throw new BackupRefused(`${folder} exists already. Choose a new folder for each backup.`);
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(join(partial, FILES), { recursive: true, mode: 0o700 });
  const release = deployment.files.holdRemovals();
  try {
    const frozen = await atRest(async () => deployment.store.freeze());
    try {
      await copyInChild(frozen.file, join(partial, DATABASE)); // B4
    } finally {
      await atRest(async () => frozen.release());
    }
    await syncPath(join(partial, DATABASE));
    const blobs = copyBlobs(join(deployment.dir, FILES), join(partial, FILES));
    await syncPath(partial);
    renameSync(partial, folder); // B3
    await syncPath(dirname(folder));
    return { folder, ts: frozen.ts, blobs };
  } finally {
    release();
    rmSync(partial, { recursive: true, force: true });
  }
}

async function copyInChild(from: string, to: string): Promise<void> {
  const child = Bun.spawn(["cp", "--", from, to], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [said, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (exitCode !== 0) throw new BackupRefused(`The database could not be copied: ${said.trim()}.`);
}

/** Gives the blobs of one folder to another, as second names of the same bytes where the disk allows it. Safe to repeat. @returns how many */
export function copyBlobs(from: string, to: string): number {
  let count = 0;
  for (const shard of existsSync(from) ? readdirSync(from).filter((name) => /^[0-9a-f]{2}$/.test(name)) : []) {
    mkdirSync(join(to, shard), { recursive: true, mode: 0o700 });
    for (const name of readdirSync(join(from, shard))) {
      linkOrCopy(join(from, shard, name), join(to, shard, name));
      count += 1;
    }
  }
  return count;
}

function linkOrCopy(from: string, to: string): void {
  if (existsSync(to)) return;
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to); // another disk, or one without links
  }
}

export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
