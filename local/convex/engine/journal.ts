// The journal beside the database: records appended one after another, each on the disk before its append returns.
// Knows nothing of what they say: commits.ts writes and reads them.
//   J1. A record counts when its checksum is right, which covers its generation and its place. The first that is not right ends the
//       journal: it is where the power went, or what is left of an earlier generation.
//   J2. A new generation makes everything written before count for nothing, and begins at the front of the same file: blocks that are
//       there already cost a sync of the disk half of what new ones do.
import { closeSync, constants, fdatasyncSync, fstatSync, fsyncSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** A record is its length (4 bytes), its checksum (8), and its text. */
const HEAD_BYTES = 12;
/** The file grows by this much, in zeros. */
const CHUNK_BYTES = 65_536;

export class Journal {
  /** Where the next record goes. */
  #end = 0;
  #seed = 0n;
  #scratch = Buffer.alloc(CHUNK_BYTES);

  private constructor(
    private readonly path: string,
    private readonly fd: number,
    private readonly isSynced: boolean,
    private size: number,
  ) {}

  /** Opens or creates the file. @param isSynced do records have to survive power loss? Else only the death of the process. */
  static open(path: string, isSynced: boolean): Journal {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    if (isSynced) syncFolder(dirname(path));
    return new Journal(path, fd, isSynced, fstatSync(fd).size);
  }

  /** Bytes of the records of this generation. */
  get bytes(): number {
    return this.#end;
  }

  /** The records of a generation, in the order they were appended; the next append goes behind them (J1). @param generation 64 bits */
  read(generation: bigint): string[] {
    this.begin(generation);
    return this.#readUpTo(this.size);
  }

  /** The records appended and read so far, from the disk again. @throws {Error} when they are not all there any more */
  reread(): string[] {
    const end = this.#end;
    this.#end = 0;
    const records = this.#readUpTo(end);
    if (this.#end !== end) throw new Error(`The journal has ${this.#end} good bytes where ${end} were written.`);
    return records;
  }

  #readUpTo(end: number): string[] {
    const file = Buffer.alloc(end);
    for (let at = 0; at < file.length; ) {
      const read = readSync(this.fd, file, at, file.length - at, at);
      if (read === 0) break;
      at += read;
    }
    const records: string[] = [];
    while (this.#end + HEAD_BYTES < file.length) {
      const length = file.readUInt32LE(this.#end);
      const from = this.#end + HEAD_BYTES;
      if (length === 0 || from + length > file.length) break;
      const payload = file.subarray(from, from + length);
      if (file.readBigUInt64LE(this.#end + 4) !== this.#checksum(payload)) break;
      records.push(payload.toString("utf8"));
      this.#end = from + length;
    }
    return records;
  }

  /** J2 @param generation 64 bits, never used before */
  begin(generation: bigint): void {
    this.#seed = generation;
    this.#end = 0;
  }

  /** On the disk when it returns. @throws what the system says; the record then counts for nothing, as far as the disk allows */
  append(record: string): void {
    const bytes = this.#encode(record);
    try {
      this.#grow(this.#end + bytes.length);
      writeWhole(this.fd, bytes, this.#end);
      if (this.isSynced) fdatasyncSync(this.fd);
    } catch (error) {
      this.#wipe();
      throw error;
    }
    this.#end += bytes.length;
  }

  /** Nothing in it counts any more: the file goes. */
  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }

  close(): void {
    closeSync(this.fd);
  }

  #encode(record: string): Buffer {
    const most = HEAD_BYTES + record.length * 3; // a UTF-16 unit takes at most three bytes
    if (most > this.#scratch.length) this.#scratch = Buffer.alloc(most);
    const length = this.#scratch.write(record, HEAD_BYTES, "utf8");
    const bytes = this.#scratch.subarray(0, HEAD_BYTES + length);
    bytes.writeUInt32LE(length, 0);
    bytes.writeBigUInt64LE(this.#checksum(bytes.subarray(HEAD_BYTES)), 4);
    return bytes;
  }

  /** By a published algorithm: another version of Bun must read what this one wrote. */
  #checksum(payload: Uint8Array): bigint {
    return Bun.hash.xxHash64(payload, this.#seed ^ BigInt(this.#end));
  }

  #grow(needed: number): void {
    while (this.size < needed) {
      writeWhole(this.fd, new Uint8Array(CHUNK_BYTES), this.size);
      this.size += CHUNK_BYTES;
    }
  }

  // Refused is refused: a record that is whole but could not be synced must not come back after a restart.
  #wipe(): void {
    try {
      writeWhole(this.fd, new Uint8Array(HEAD_BYTES), this.#end);
    } catch {
      // the disk is past taking even this; the next append writes over it
    }
  }
}

function writeWhole(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
