// The bytes of stored files, on disk beside the database: `<dir>/<first two digits>/<sha256>`. Knows no rows.
//   B1. A blob under its final name is complete and on the disk: it is written as a draft, synced, renamed, and the folder synced.
//   B2. Bytes pass through in pieces: no upload is ever held in memory as a whole.
//   B3. Equal contents are one blob. Whoever removes one must know that no row needs it (file-storage.ts).
import { createHash, randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const syncFile = promisify(fsync);

/** Bytes that are safe on disk, but not yet under their name. */
export interface Draft {
  readonly file: string;
  /** hex */
  readonly sha256: string;
  readonly size: number;
}

/** More bytes came than are allowed. Nothing is kept. */
export class BlobTooLarge extends Error {
  override readonly name = "BlobTooLarge";
  constructor(readonly maxBytes: number) {
    super(`A file may have at most ${maxBytes} bytes.`);
  }
}

const DRAFTS = "drafts";
const SHARD = /^[0-9a-f]{2}$/;
const SHA256 = /^[0-9a-f]{64}$/;

export class BlobFolder {
  /** Makes the folder if it is missing and throws away what interrupted uploads left. */
  constructor(private readonly dir: string) {
    rmSync(join(dir, DRAFTS), { recursive: true, force: true });
    mkdirSync(join(dir, DRAFTS), { recursive: true, mode: 0o700 });
  }

  /** Writes a stream to a synced draft (B1, B2). @throws {BlobTooLarge} or what the stream or the disk says; nothing is kept then */
  async draft(stream: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Draft> {
    const writing = this.#beginDraft();
    try {
      for await (const piece of stream) {
        if (writing.size + piece.byteLength > maxBytes) throw new BlobTooLarge(maxBytes);
        writing.write(piece);
      }
      await syncFile(writing.descriptor);
      return writing.end();
    } catch (error) {
      writing.abandon();
      throw error;
    }
  }

  /** Like `draft`, for bytes that are in memory already. */
  draftOf(bytes: Uint8Array): Draft {
    const writing = this.#beginDraft();
    try {
      writing.write(bytes);
      fsyncSync(writing.descriptor);
      return writing.end();
    } catch (error) {
      writing.abandon();
      throw error;
    }
  }

  /** Gives a draft its name (B1). Safe when the blob exists already: the contents are the same. */
  place({ file, sha256 }: Draft): void {
    const shard = join(this.dir, sha256.slice(0, 2));
    if (!existsSync(shard)) {
      mkdirSync(shard, { mode: 0o700 });
      syncFolder(this.dir);
    }
    renameSync(file, this.path(sha256));
    syncFolder(shard);
  }

  /** Safe to repeat, and after `place`. */
  discard(draft: Draft): void {
    rmSync(draft.file, { force: true });
  }

  path(sha256: string): string {
    return join(this.dir, sha256.slice(0, 2), sha256);
  }

  has(sha256: string): boolean {
    return existsSync(this.path(sha256));
  }

  /** @throws when the blob is missing */
  read(sha256: string): Uint8Array<ArrayBuffer> {
    return new Uint8Array(readFileSync(this.path(sha256)));
  }

  /** Safe to repeat (B3). */
  remove(sha256: string): void {
    rmSync(this.path(sha256), { force: true });
  }

  /** Every blob's name after a name, in order; folders are read one at a time. */
  *namesAfter(after: string): Generator<string> {
    for (const shard of readdirSync(this.dir)
      .filter((name) => SHARD.test(name))
      .sort()) {
      if (shard < after.slice(0, 2)) continue;
      const names = readdirSync(join(this.dir, shard)).filter((name) => SHA256.test(name) && name > after);
      yield* names.sort();
    }
  }

  #beginDraft(): DraftWriter {
    return new DraftWriter(join(this.dir, DRAFTS, randomUUID()));
  }
}

class DraftWriter {
  readonly descriptor: number;
  readonly #hash = createHash("sha256");
  size = 0;

  constructor(private readonly file: string) {
    this.descriptor = openSync(file, "wx", 0o600);
  }

  // Synchronous on purpose: the network is read no faster than the disk takes it (B2).
  write(piece: Uint8Array): void {
    for (let at = 0; at < piece.byteLength; ) at += writeSync(this.descriptor, piece, at);
    this.#hash.update(piece);
    this.size += piece.byteLength;
  }

  end(): Draft {
    closeSync(this.descriptor);
    return { file: this.file, sha256: this.#hash.digest("hex"), size: this.size };
  }

  abandon(): void {
    closeSync(this.descriptor);
    rmSync(this.file, { force: true });
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
