// `ctx.storage` of queries, mutations and actions. The files themselves are storage/'s.
//   S1. In a mutation a file comes and goes with the mutation: stored bytes without a commit are removed again.

import type { Transaction } from "../engine/index.ts";
import { findFile, type StoredFile } from "../storage/file-rows.ts";
import type { FileStorage } from "../storage/file-storage.ts";
import type { SeededRandom } from "./random.ts";
import { nowMs } from "./real-globals.ts";
import type { SyscallArgs } from "./syscall-args.ts";

/** What one transaction did with files, nested calls included. Counted for `ctx.meta.getTransactionMetrics()`. */
export interface FileUsage {
  filesRead: number;
  fileReadBytes: number;
  filesWritten: number;
  fileWriteBytes: number;
}

/** A mutation holds files in memory and everything else waits for it: larger ones belong into actions and upload URLs. Our numbers. */
export const FILE_LIMITS: Readonly<FileUsage> = {
  filesRead: 100,
  fileReadBytes: 64 * 1024 * 1024,
  filesWritten: 100,
  fileWriteBytes: 64 * 1024 * 1024,
};

export const noFileUsage = (): FileUsage => ({ filesRead: 0, fileReadBytes: 0, filesWritten: 0, fileWriteBytes: 0 });

interface StorageCall {
  readonly kind: "query" | "mutation";
  readonly random: SeededRandom;
  readonly fileUsage: FileUsage;
}

/** Performs a storage operation of a query or mutation; null when `op` is none. @throws {Error} for the function to see */
export function transactionStorage(
  op: string,
  args: SyscallArgs,
  tx: Transaction,
  files: FileStorage,
  call: StorageCall,
): string | null {
  switch (op) {
    case "1.0/storageGetUrl":
      return JSON.stringify(urlOf(files, findFile(tx, args.text("storageId"))));
    case "1.0/storageGetMetadata":
      return metadataJson(findFile(tx, args.text("storageId")));
    case "1.0/storageGenerateUploadUrl":
      return JSON.stringify(files.uploadUrl(tx.component, tx.nowMs, call.random.uuid()));
    case "1.0/storageDelete":
      requireMutation(call, "delete");
      if (!files.removeIn(tx, args.text("storageId"))) throw noSuchFile(args);
      return "null";
    case "1.0/storageStore": {
      requireMutation(call, "store");
      const bytes = Buffer.from(args.text("blob"), "base64");
      count(call.fileUsage, "filesWritten", "fileWriteBytes", bytes.byteLength, "written");
      return JSON.stringify(
        files.storeIn(tx, bytes, args.optionalText("contentType") || null, digestOf(args.optionalText("sha256"))),
      );
    }
    case "1.0/storageGet": {
      const file = findFile(tx, args.text("storageId"));
      if (file === null) return "null";
      count(call.fileUsage, "filesRead", "fileReadBytes", file.size, "read");
      return JSON.stringify({ blob: Buffer.from(files.read(file)).toString("base64"), contentType: file.contentType });
    }
    default:
      return null;
  }
}

/** Performs a storage operation of an action, each in a transaction of its own; null when `op` is none. */
export async function actionStorage(
  op: string,
  args: SyscallArgs,
  component: string,
  files: FileStorage,
): Promise<string | null> {
  switch (op) {
    case "1.0/storageGetUrl":
      return JSON.stringify(urlOf(files, await files.find(component, args.text("storageId"))));
    case "1.0/storageGetMetadata":
      return metadataJson(await files.find(component, args.text("storageId")));
    case "1.0/storageGenerateUploadUrl":
      return JSON.stringify(files.uploadUrl(component, nowMs()));
    case "1.0/storageDelete":
      if (!(await files.remove(component, args.text("storageId")))) throw noSuchFile(args);
      return "null";
    default:
      return null;
  }
}

/** Largest file an action may take into memory; larger ones are fetched by their URL, with ranges. */
const MAX_ACTION_BLOB_BYTES = 256 * 1024 * 1024;

/** The two operations that hand blobs over as objects. Null when `op` is none. */
export function actionBlobStorage(
  op: string,
  args: Readonly<Record<string, unknown>>,
  component: string,
  files: FileStorage,
): Promise<string | Blob | null> | null {
  switch (op) {
    case "storage/storeBlob":
      return storeBlob(args, component, files);
    case "storage/getBlob":
      return getBlob(args, component, files);
    default:
      return null;
  }
}

async function storeBlob(args: Readonly<Record<string, unknown>>, component: string, files: FileStorage): Promise<string> {
  const { blob, options } = args;
  if (!(blob instanceof Blob)) {
    throw new Error(
      "store() expects a Blob. If you are trying to store a Request, `await request.blob()` will give you the correct input.",
    );
  }
  const sha256 = typeof options === "object" && options !== null && "sha256" in options ? options.sha256 : undefined;
  return files.upload(blob.stream(), {
    component,
    contentType: blob.type || null,
    sha256: digestOf(typeof sha256 === "string" ? sha256 : undefined),
  });
}

async function getBlob(args: Readonly<Record<string, unknown>>, component: string, files: FileStorage): Promise<Blob | null> {
  if (typeof args.storageId !== "string") throw new Error('storage.get() expects an Id<"_storage">.');
  const file = await files.find(component, args.storageId);
  if (file === null) return null;
  if (file.size > MAX_ACTION_BLOB_BYTES) {
    throw new Error(`This file has ${file.size} bytes, too many for storage.get(): fetch its URL (storage.getUrl) in ranges.`);
  }
  return new Blob([files.read(file)], { type: file.contentType ?? "" });
}

/** A sha256 as apps give it, hex or base64, as hex; null when none was given. @throws {Error} when it is neither */
export function digestOf(text: string | undefined): string | null {
  if (text === undefined || text === "") return null;
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  const bytes = Buffer.from(text, "base64");
  if (bytes.length !== 32) throw new Error("A sha256 must be 32 bytes, in hex or base64.");
  return bytes.toString("hex");
}

const urlOf = (files: FileStorage, file: StoredFile | null): string | null => (file === null ? null : files.url(file));

function metadataJson(file: StoredFile | null): string {
  if (file === null) return "null";
  const { uuid, sha256, size, contentType } = file;
  return JSON.stringify({ storageId: uuid, sha256, size, contentType });
}

const noSuchFile = (args: SyscallArgs): Error =>
  new Error(`Storage ID ${args.text("storageId")} does not exist: the file was deleted already, or never stored.`);

function requireMutation(call: StorageCall, what: string): void {
  if (call.kind === "query") throw new Error(`A query cannot ${what} files. Use a mutation or an action.`);
}

function count(
  usage: FileUsage,
  files: "filesRead" | "filesWritten",
  bytes: "fileReadBytes" | "fileWriteBytes",
  size: number,
  verb: string,
): void {
  usage[files] += 1;
  usage[bytes] += size;
  for (const name of [files, bytes]) {
    if (usage[name] > FILE_LIMITS[name]) {
      throw new Error(
        `Too many files ${verb} in one mutation (limit: ${FILE_LIMITS[name]} ${name === files ? "files" : "bytes"}). Use an action.`,
      );
    }
  }
}
