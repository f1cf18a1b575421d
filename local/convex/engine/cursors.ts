// Pagination cursors: a position in one query's range, sealed so that only this deployment can read or make one.
//   P1. A cursor works only with the query it came from: the query's fingerprint is inside.
//   P2. The same position of the same query is the same text, so equal pages have equal journals.
//   P3. A client learns nothing from a cursor: keys hold indexed fields that a function may not want to show.
import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import { InvalidCursor } from "./errors.ts";
import type { Key } from "./keys.ts";
import type { JsonValue } from "./values.ts";

/** Where a page ends: after everything, or at a bound of the index (the first key not in the page; when descending, the last one in it). */
export type Position = { kind: "end" } | { kind: "bound"; key: Key };

export const CURSOR_KEY_BYTES = 32;
const FINGERPRINT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAX_CURSOR_CHARS = 4 << 20;
const KIND_END = 0;
const KIND_BOUND = 1;

export class Cursors {
  /** @param secret CURSOR_KEY_BYTES random bytes kept with the database */
  constructor(private readonly secret: Uint8Array) {}

  /** What tells two queries apart: their JSON, and the index they read (its number changes when its fields do). */
  fingerprint(query: JsonValue, indexId: number): Uint8Array {
    return createHash("sha256")
      .update(`${indexId}:${JSON.stringify(query)}`)
      .digest()
      .subarray(0, FINGERPRINT_BYTES);
  }

  seal(fingerprint: Uint8Array, position: Position): string {
    const key = position.kind === "bound" ? position.key : new Uint8Array(0);
    const plain = Buffer.concat([fingerprint, Uint8Array.of(position.kind === "bound" ? KIND_BOUND : KIND_END), key]);
    const nonce = createHmac("sha256", this.secret).update(plain).digest().subarray(0, NONCE_BYTES); // P2: no randomness
    const cipher = createCipheriv("aes-256-gcm", this.secret, nonce);
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64url");
  }

  /** @throws {InvalidCursor} for text that is no cursor of this deployment, or one of another query (P1) */
  open(fingerprint: Uint8Array, cursor: string): Position {
    const plain = this.decrypt(cursor);
    if (!plain.subarray(0, FINGERPRINT_BYTES).equals(fingerprint)) throw new InvalidCursor("it came from a different query");
    const kind = plain[FINGERPRINT_BYTES];
    return kind === KIND_BOUND ? { kind: "bound", key: new Uint8Array(plain.subarray(FINGERPRINT_BYTES + 1)) } : { kind: "end" };
  }

  private decrypt(cursor: string): Buffer {
    const bytes = cursor.length <= MAX_CURSOR_CHARS ? Buffer.from(cursor, "base64url") : Buffer.alloc(0);
    if (bytes.length <= NONCE_BYTES + TAG_BYTES + FINGERPRINT_BYTES)
      throw new InvalidCursor("it is not a cursor of this deployment");
    const decipher = createDecipheriv("aes-256-gcm", this.secret, bytes.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    } catch {
      throw new InvalidCursor("it is not a cursor of this deployment");
    }
  }
}
