// The rows of stored files, in somebody's transaction. `_storage` is what functions see; `_stored_files` beside it holds the
// address of the bytes, which only `getUrl` gives away. One hidden table, the app's, serves every component.
//   R1. The two rows of a file are written and removed in one transaction.
import { randomUUID } from "node:crypto";
import { isObject, type JsonObject, type JsonValue, type SystemTable, type Transaction } from "../engine/index.ts";

const STORAGE = "_storage";
const FILES = "_stored_files";

export const STORED_FILES: SystemTable = {
  name: FILES,
  isHidden: true,
  indexes: [
    { name: "by_storage_id", fields: ["storageId"] },
    { name: "by_uuid", fields: ["uuid"] },
    { name: "by_sha256", fields: ["sha256"] },
  ],
};

export interface FileContents {
  /** hex */
  readonly sha256: string;
  readonly size: number;
  /** As the uploader said, or null. */
  readonly contentType: string | null;
}

export interface StoredFile extends FileContents {
  readonly component: string;
  /** Id in `_storage`: may be shown to anybody. */
  readonly storageId: string;
  /** Last part of the file's URL: whoever knows it may read the file. */
  readonly uuid: string;
}

/** @returns the new `_storage` id */
export function insertFile(tx: Transaction, { sha256, size, contentType }: FileContents): string {
  const type: JsonObject = contentType === null ? {} : { contentType };
  const storageId = tx.system.insert(STORAGE, { sha256: Buffer.from(sha256, "hex").toString("base64"), size, ...type });
  const row: JsonObject = { component: tx.component, storageId, uuid: randomUUID(), sha256, size, ...type };
  inApp(tx, (app) => app.system.insert(FILES, row));
  return storageId;
}

/** R1. @returns the contents' sha256 (hex), or null when there is no such file */
export function removeFile(tx: Transaction, idOrUuid: string): string | null {
  const file = findFile(tx, idOrUuid);
  if (file === null) return null;
  tx.system.remove(file.storageId);
  inApp(tx, (app) => {
    for (const { rowId } of rowsBy(app, "by_storage_id", "storageId", file.storageId)) app.system.remove(rowId);
  });
  return file.sha256;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A file of the transaction's component, by `_storage` id or (as before convex 1.6) by UUID. @throws {Error} when it is neither */
export function findFile(tx: Transaction, idOrUuid: string): StoredFile | null {
  const isUuid = UUID.test(idOrUuid);
  if (!isUuid && tx.normalizeId(STORAGE, idOrUuid) === null) {
    throw new Error(`Invalid storage ID ${JSON.stringify(idOrUuid.slice(0, 100))}: expected an Id<"_storage">.`);
  }
  const file = isUuid ? fileByUuid(tx, idOrUuid) : first(tx, "by_storage_id", "storageId", idOrUuid);
  return file?.component === tx.component ? file : null;
}

/** Whatever its component. */
export const fileByUuid = (tx: Transaction, uuid: string): StoredFile | null => first(tx, "by_uuid", "uuid", uuid);

/** Does any file have these contents? @param sha256 hex */
export const isReferenced = (tx: Transaction, sha256: string): boolean => first(tx, "by_sha256", "sha256", sha256) !== null;

function first(tx: Transaction, index: string, field: string, value: string): StoredFile | null {
  return inApp(tx, (app) => rowsBy(app, index, field, value)[0]?.file ?? null);
}

function rowsBy(app: Transaction, index: string, field: string, value: string): { rowId: string; file: StoredFile }[] {
  const range = [{ type: "Eq", fieldPath: field, value }];
  const source = { type: "IndexRange", indexName: `${FILES}.${index}`, range, order: "asc" };
  const queryId = app.system.queryStream({ source, operators: [{ limit: 1 }] });
  const { value: row } = app.queryStreamNext(queryId);
  app.queryCleanup(queryId);
  return row === null ? [] : [parseRow(JSON.parse(row))];
}

function parseRow(row: JsonValue): { rowId: string; file: StoredFile } {
  if (isObject(row)) {
    const { _id, component, storageId, uuid, sha256, size, contentType = null } = row;
    if (
      typeof _id === "string" &&
      typeof component === "string" &&
      typeof storageId === "string" &&
      typeof uuid === "string" &&
      typeof sha256 === "string" &&
      typeof size === "number" &&
      (contentType === null || typeof contentType === "string")
    ) {
      return { rowId: _id, file: { component, storageId, uuid, sha256, size, contentType } };
    }
  }
  throw new Error(`A stored file's row has a shape this server does not know: ${JSON.stringify(row).slice(0, 200)}`);
}

// A component's transaction reaches the app's hidden table through a child that is adopted at once.
function inApp<T>(tx: Transaction, work: (app: Transaction) => T): T {
  if (tx.component === "") return work(tx);
  const app = tx.child({ component: "" });
  const result = work(app);
  tx.adopt(app);
  return result;
}
