// Index keys: bytes whose memcmp order is Convex's order of values.
//   K1. compareKeys(key(a), key(b)) has the sign of Convex's compareValues(a, b), field by field.
//   K2. One tag byte opens every value and no tag is 0xFF, so `prefix + 0xFF` ends every key that starts with the prefix.
//   K3. No key is a proper prefix of another value's key, so a key's successor is the key plus 0x00.
// The layout follows the tuple encoding FoundationDB made popular: strings and bytes escape 0x00 as 0x00 0xFF and end with 0x00.
import { bigintOf, eightBytes, type JsonObject, type JsonValue, kindOf, payloadBytes, valueAt } from "./values.ts";

export type Key = Uint8Array;

const TAG_UNDEFINED = 1;
const TAG_NULL = 3;
const TAG_INT_ZERO = 8; // 4..7 negative and 9..12 positive, by width
const TAG_FLOAT = 13;
const TAG_FALSE = 14;
const TAG_TRUE = 15;
const TAG_STRING = 16;
const TAG_BYTES = 17;
const TAG_ARRAY = 18;
const TAG_OBJECT = 21;
const END_OF_PREFIX = 0xff;
const END_OF_INDEX: Key = Uint8Array.of(END_OF_PREFIX);

// One growing scratch buffer for all keys: encoding is synchronous and every finished key is copied out of it.
let scratch = new Uint8Array(4096);
let floats = new DataView(scratch.buffer);
let at = 0;

/** The key of a list of values; undefined is a missing field. @throws {FunctionError} on a malformed `$` value */
export function encodeKey(values: readonly (JsonValue | undefined)[]): Key {
  at = 0;
  for (const value of values) writeValue(value);
  return scratch.slice(0, at);
}

/** The key of a document in an index over `paths`, which end with `_creationTime` and `_id` (or are `_id` alone). */
export function encodeDocumentKey(document: JsonObject, paths: readonly (readonly string[])[]): Key {
  at = 0;
  for (const path of paths) writeValue(path.length === 1 ? ownField(document, path[0] ?? "") : valueAt(document, path));
  return scratch.slice(0, at);
}

function ownField(document: JsonObject, field: string): JsonValue | undefined {
  return Object.hasOwn(document, field) ? document[field] : undefined;
}

export function compareKeys(a: Key, b: Key): number {
  return Buffer.compare(a, b);
}

/** The smallest key after this one (K3). */
export function successor(key: Key): Key {
  return append(key, 0);
}

/** The exclusive end of all keys that start with this prefix (K2). The empty prefix is the whole index. */
export function endOfPrefix(prefix: Key): Key {
  return prefix.length === 0 ? END_OF_INDEX : append(prefix, END_OF_PREFIX);
}

function append(key: Key, byte: number): Key {
  const longer = new Uint8Array(key.length + 1);
  longer.set(key);
  longer[key.length] = byte;
  return longer;
}

function reserve(bytes: number): void {
  if (at + bytes <= scratch.length) return;
  const larger = new Uint8Array(Math.max(scratch.length * 2, at + bytes));
  larger.set(scratch);
  scratch = larger;
  floats = new DataView(scratch.buffer);
}

function writeByte(byte: number): void {
  reserve(1);
  scratch[at++] = byte;
}

function writeValue(value: JsonValue | undefined): void {
  if (typeof value === "string") writeString(value);
  else if (typeof value === "number") writeDouble(value);
  else if (typeof value === "boolean") writeByte(value ? TAG_TRUE : TAG_FALSE);
  else if (value === undefined) writeByte(TAG_UNDEFINED);
  else if (value === null) writeByte(TAG_NULL);
  else if (Array.isArray(value)) writeArray(value);
  else writeTagged(value);
}

/** A plain object, or one of the `$` objects that stand for what JSON cannot say. */
function writeTagged(value: JsonObject): void {
  switch (kindOf(value)) {
    case "undefined":
      writeByte(TAG_UNDEFINED);
      break;
    case "commitTs":
      writeInt64(0x7fffffffffffffffn); // sorts after every known commit until it becomes one
      break;
    case "int64":
      writeInt64(bigintOf(eightBytes(value.$integer, "$integer")));
      break;
    case "special":
      writeDoubleBits(eightBytes(value.$float, "$float"));
      break;
    case "bytes":
      writeBytes(payloadBytes(value.$bytes));
      break;
    default:
      writeObject(value);
  }
}

function writeInt64(value: bigint): void {
  reserve(9);
  if (value === 0n) {
    scratch[at++] = TAG_INT_ZERO;
    return;
  }
  const isNegative = value < 0n;
  const magnitude = isNegative ? -value - 1n : value; // -1 fits one byte as 1 does
  const step = magnitude < 0x100n ? 1 : magnitude < 0x10000n ? 2 : magnitude < 0x100000000n ? 3 : 4;
  const width = 1 << (step - 1);
  scratch[at++] = isNegative ? TAG_INT_ZERO - step : TAG_INT_ZERO + step;
  for (let shift = width - 1; shift >= 0; shift--) {
    scratch[at++] = Number((value >> BigInt(shift * 8)) & 0xffn); // two's complement: larger is later, below zero too
  }
}

function writeDouble(value: number): void {
  reserve(9);
  scratch[at] = TAG_FLOAT;
  floats.setFloat64(at + 1, value);
  flipDouble();
}

// NaNs carry bits that a JS number may lose, so `$float` goes in byte by byte.
function writeDoubleBits(littleEndian: Uint8Array): void {
  reserve(9);
  scratch[at] = TAG_FLOAT;
  for (let i = 0; i < 8; i++) scratch[at + 1 + i] = littleEndian[7 - i] ?? 0;
  flipDouble();
}

/** IEEE total order as unsigned bytes: a negative number has every bit flipped, a positive one only its sign. */
function flipDouble(): void {
  const first = at + 1;
  if (((scratch[first] ?? 0) & 0x80) === 0) scratch[first] = (scratch[first] ?? 0) | 0x80;
  else for (let i = first; i < first + 8; i++) scratch[i] = ~(scratch[i] ?? 0) & 0xff;
  at += 9;
}

function writeString(value: string): void {
  reserve(value.length * 3 + 2); // a UTF-16 unit takes at most three bytes, an escaped zero two
  scratch[at++] = TAG_STRING;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code >= 0x80) {
      writeWideTail(value, i);
      return;
    }
    scratch[at++] = code;
    if (code === 0) scratch[at++] = END_OF_PREFIX;
  }
  scratch[at++] = 0;
}

/** The rest of a string from its first character outside ASCII; room is reserved already. */
function writeWideTail(value: string, from: number): void {
  const bytes = Buffer.from(from === 0 ? value : value.slice(from), "utf8"); // lone surrogates become U+FFFD, as everywhere on the wire
  for (const byte of bytes) {
    scratch[at++] = byte;
    if (byte === 0) scratch[at++] = END_OF_PREFIX;
  }
  scratch[at++] = 0;
}

function writeBytes(bytes: Uint8Array): void {
  reserve(bytes.length * 2 + 2);
  scratch[at++] = TAG_BYTES;
  for (const byte of bytes) {
    scratch[at++] = byte;
    if (byte === 0) scratch[at++] = END_OF_PREFIX;
  }
  scratch[at++] = 0;
}

function writeArray(elements: JsonValue[]): void {
  writeByte(TAG_ARRAY);
  for (const element of elements) writeValue(element);
  writeByte(0);
}

function writeObject(object: JsonObject): void {
  writeByte(TAG_OBJECT);
  for (const field of Object.keys(object).sort()) {
    writeString(field); // with its tag: an empty name must not look like the end of the object
    writeValue(object[field]);
  }
  writeByte(0);
}
