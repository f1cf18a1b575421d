// File storage: rows and bytes kept in step. The bytes are blob-folder.ts, the rows file-rows.ts.
//   F1. A row's bytes are on the disk before the row commits: there is never a row without its blob.
//   F2. Blobs are named, and removed, only inside the loop: named in the write phase that commits their row, removed after a
//       commit or in a read phase, and only when no row needs them. So nothing can slip in between the look and the removal.
//   F3. A blob without a row (a crash, a failed commit, a rolled back mutation) is found again: at the next commit, or by the sweep.
import { randomBytes, randomUUID } from "node:crypto";
import type { Store, Transaction, WriteGroup } from "../engine/index.ts";
import type { Loop } from "../loop/loop.ts";
import { errorText, type Log } from "../ops/log.ts";
import { nowMs } from "../runner/real-globals.ts";
import type { BlobFolder, Draft } from "./blob-folder.ts";
import { type FileContents, fileByUuid, findFile, insertFile, isReferenced, removeFile, type StoredFile } from "./file-rows.ts";
import { UploadTokens } from "./upload-tokens.ts";

const TOKEN_KEY_META = "storage:tokenKey";
const SWEEP_BLOBS = 1000;
/** Default bound of one file, bytes. */
export const MAX_FILE_BYTES = 1024 * 1024 * 1024;

export interface UploadOptions {
  /** "" is the app itself. */
  readonly component: string;
  readonly contentType: string | null;
  /** hex; the upload is refused when the bytes are others. */
  readonly sha256: string | null;
}

/** The bytes are not the ones the uploader announced. Nothing is stored. */
export class DigestMismatch extends Error {
  override readonly name = "DigestMismatch";
  constructor(expected: string, actual: string) {
    super(`The bytes do not match the given sha256: expected ${expected}, got ${actual}. Send the file again.`);
  }
}

interface FileStorageDeps {
  readonly store: Store;
  readonly loop: Loop;
  readonly blobs: BlobFolder;
  /** Origin of upload and file URLs. */
  readonly cloudUrl: string;
  readonly log: Log;
  /** Default {@link MAX_FILE_BYTES}. */
  readonly maxFileBytes?: number;
}

export class FileStorage {
  readonly maxFileBytes: number;
  readonly stats = { stored: 0, removed: 0, swept: 0 };
  /** Contents whose row may or may not have come or gone with the commit under way (F3). hex */
  readonly #unsure = new Set<string>();
  #tokens: UploadTokens | null = null;
  #holds = 0;
  #sweptUpTo = "";

  constructor(private readonly deps: FileStorageDeps) {
    this.maxFileBytes = deps.maxFileBytes ?? MAX_FILE_BYTES;
  }

  /** Makes the secret of upload URLs, the first time. Before anything else. */
  prepare(group: WriteGroup): void {
    let key = this.deps.store.getMeta(TOKEN_KEY_META);
    if (key === null) {
      key = randomBytes(32).toString("base64");
      group.putMeta(TOKEN_KEY_META, key);
    }
    this.#tokens = new UploadTokens(Buffer.from(key, "base64"));
  }

  get tokens(): UploadTokens {
    if (this.#tokens === null) throw new Error("File storage was used before it was prepared.");
    return this.#tokens;
  }

  /** @param issuedMs a mutation's frozen time, or now */
  uploadUrl(component: string, issuedMs = nowMs(), nonce: string = randomUUID()): string {
    return `${this.deps.cloudUrl}/api/storage/upload?token=${this.tokens.issue(component, issuedMs, nonce)}`;
  }

  url(file: StoredFile): string {
    return `${this.deps.cloudUrl}/api/storage/${file.uuid}`;
  }

  /** Where a file's bytes lie. */
  pathOf(file: FileContents): string {
    return this.deps.blobs.path(file.sha256);
  }

  /**
   * Stores a stream and commits its row (F1). @returns the `_storage` id
   * @throws {BlobTooLarge} {@link DigestMismatch}, or what the disk says; nothing is stored then
   */
  async upload(stream: AsyncIterable<Uint8Array>, { component, contentType, sha256 }: UploadOptions): Promise<string> {
    const draft = await this.deps.blobs.draft(stream, this.maxFileBytes);
    try {
      if (sha256 !== null && sha256 !== draft.sha256) throw new DigestMismatch(sha256, draft.sha256);
      return await this.deps.loop.write(async (group) => {
        const tx = this.deps.store.begin({ kind: "mutation", nowMs: nowMs(), component });
        const id = this.#insert(tx, draft, contentType);
        group.commit(tx);
        return id;
      });
    } finally {
      this.deps.blobs.discard(draft);
    }
  }

  /** Stores bytes as part of a mutation. @throws {DigestMismatch} */
  storeIn(tx: Transaction, bytes: Uint8Array, contentType: string | null, sha256: string | null): string {
    const draft = this.deps.blobs.draftOf(bytes);
    try {
      if (sha256 !== null && sha256 !== draft.sha256) throw new DigestMismatch(sha256, draft.sha256);
      return this.#insert(tx, draft, contentType);
    } finally {
      this.deps.blobs.discard(draft);
    }
  }

  /** Removes a file as part of a mutation; its bytes go after the commit. @returns whether there was one */
  removeIn(tx: Transaction, idOrUuid: string): boolean {
    const sha256 = removeFile(tx, idOrUuid);
    if (sha256 !== null) this.#unsure.add(sha256);
    return sha256 !== null;
  }

  /** The bytes of a file. @throws when the disk lost them */
  read(file: StoredFile): Uint8Array<ArrayBuffer> {
    return this.deps.blobs.read(file.sha256);
  }

  /** A file by id, for callers outside a transaction. @throws {Error} when it is no storage id */
  find(component: string, idOrUuid: string): Promise<StoredFile | null> {
    return this.#inQuery(component, (tx) => findFile(tx, idOrUuid));
  }

  /** A file by the last part of its URL, whatever its component. */
  findByUuid(uuid: string): Promise<StoredFile | null> {
    return this.#inQuery("", (tx) => fileByUuid(tx, uuid));
  }

  /** Removes a file in a transaction of its own. @returns whether there was one. @throws {Error} when it is no storage id */
  remove(component: string, idOrUuid: string): Promise<boolean> {
    return this.deps.loop.write(async (group) => {
      const tx = this.deps.store.begin({ kind: "mutation", nowMs: nowMs(), component });
      const existed = this.removeIn(tx, idOrUuid);
      group.commit(tx);
      return existed;
    });
  }

  /** Until the returned function is called no bytes are removed, whatever is deleted: for a backup. */
  holdRemovals(): () => void {
    this.#holds += 1;
    return () => {
      this.#holds -= 1;
    };
  }

  /** After every commit: removes the bytes that lost their last row, or never got one (F2, F3). */
  settle(): void {
    if (this.#unsure.size === 0 || this.#holds > 0) return;
    const candidates = [...this.#unsure];
    this.#unsure.clear();
    for (const sha256 of candidates) if (this.#removeUnneeded(sha256)) this.stats.removed += 1;
  }

  /** Looks at the next 1,000 blobs and removes those without a row (F3); goes round. @returns true when it came to the end */
  sweep(): Promise<boolean> {
    return this.deps.loop.read(async () => {
      if (this.#holds > 0) return true;
      let looked = 0;
      for (const sha256 of this.deps.blobs.namesAfter(this.#sweptUpTo)) {
        if (looked === SWEEP_BLOBS) return false;
        looked += 1;
        this.#sweptUpTo = sha256;
        if (this.#removeUnneeded(sha256)) this.stats.swept += 1;
      }
      this.#sweptUpTo = "";
      return true;
    });
  }

  /** Once over everything, in steps between other work; for the start. */
  async sweepAll(): Promise<void> {
    try {
      while (!(await this.sweep()));
      if (this.stats.swept > 0) this.deps.log.info("storage.swept", { blobs: this.stats.swept });
    } catch (error) {
      this.deps.log.error("storage.sweepFailed", { error: errorText(error) });
    }
  }

  #insert(tx: Transaction, draft: Draft, contentType: string | null): string {
    this.#unsure.add(draft.sha256);
    this.deps.blobs.place(draft); // F1: before the row, in the same write phase
    this.stats.stored += 1;
    return insertFile(tx, { sha256: draft.sha256, size: draft.size, contentType });
  }

  #removeUnneeded(sha256: string): boolean {
    const tx = this.deps.store.begin({ kind: "query", nowMs: nowMs() });
    if (isReferenced(tx, sha256)) return false;
    try {
      this.deps.blobs.remove(sha256);
      return true;
    } catch (error) {
      this.deps.log.error("storage.removeFailed", { sha256, error: errorText(error) });
      return false;
    }
  }

  #inQuery<T>(component: string, work: (tx: Transaction) => T): Promise<T> {
    return this.deps.loop.read(async () => work(this.deps.store.begin({ kind: "query", nowMs: nowMs(), component })));
  }
}
