// What the disk says when it cannot take a write, in words a person can act on.
import { EngineError } from "./errors.ts";

export type WriteTrouble = "DiskFull" | "WriteFailed" | "Damaged";

const ADVICE: Readonly<Record<WriteTrouble, string>> = {
  DiskFull:
    "The deployment's disk is full, so nothing new can be stored. Free space on it: writes go on by themselves, and nothing that was acknowledged is lost.",
  WriteFailed:
    "The deployment's disk refused a write, so nothing new can be stored. Check the disk; nothing that was acknowledged is lost.",
  Damaged: "The deployment's database file is damaged. Stop the server and restore a backup.",
};

/** The disk did not take a write. Nothing of it was applied; the same call may succeed later, unchanged. */
export class WriteRefused extends EngineError {
  readonly isUserError = false;
  constructor(
    readonly code: WriteTrouble,
    options?: ErrorOptions,
  ) {
    super(ADVICE[code], options);
  }
}

/** The same error, or a {@link WriteRefused} when it is SQLite's or the system's word for one. */
export function asWriteRefused(error: unknown): unknown {
  if (error instanceof WriteRefused) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (/^(SQLITE_FULL|ENOSPC|EDQUOT)$/.test(code)) return new WriteRefused("DiskFull", { cause: error });
  if (/^(SQLITE_CORRUPT|SQLITE_NOTADB)/.test(code)) return new WriteRefused("Damaged", { cause: error });
  // EFBIG is a quota of the process (ulimit -f); SQLite reports it, like a dying disk, as an I/O error.
  if (/^(SQLITE_IOERR|SQLITE_READONLY|SQLITE_CANTOPEN|EIO|EFBIG|EROFS)/.test(code))
    return new WriteRefused("WriteFailed", { cause: error });
  return error;
}
