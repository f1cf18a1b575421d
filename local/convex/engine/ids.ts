// Document ids: varint(table number), 16 bytes (6 of the time in ms, 8 random, 2 of the day), 2 bytes of checksum; Crockford base32.
// The time comes first so that ids made together lie together in the file: a random place for each would be a page written for each.
//   I1. Text and bytes are one-to-one: a text that is not exactly what its bytes print as is no id.
//   I2. All ids of one table lie between idRange(table).low and .high as text, and no other table's do.

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS = new Int8Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i++) DIGITS[ALPHABET.charCodeAt(i)] = i;

const BODY_BYTES = 16;
const CHECKSUM_BYTES = 2;
const MIN_LENGTH = 31;
const MAX_LENGTH = 37;
const MAX_TABLE_NUMBER = 0xffffffff;
const DAY_MS = 86_400_000;

const RANDOM_BYTES = 8;
const POOLED_IDS = 256;
const pool = new Uint8Array(RANDOM_BYTES * POOLED_IDS);
let pooled = 0;
/** Where ids are put together, one at a time. */
const scratch = new Uint8Array(5 + BODY_BYTES + CHECKSUM_BYTES);

/** A new id in a table; `nowMs` gives the time and the day it carries. */
export function makeId(tableNumber: number, nowMs: number): string {
  if (pooled === 0) {
    crypto.getRandomValues(pool);
    pooled = POOLED_IDS;
  }
  pooled--;
  let at = writeVarint(scratch, tableNumber);
  const high = Math.floor(nowMs / 2 ** 32);
  const low = nowMs >>> 0;
  scratch[at++] = high >> 8;
  scratch[at++] = high;
  scratch[at++] = low >>> 24;
  scratch[at++] = low >>> 16;
  scratch[at++] = low >>> 8;
  scratch[at++] = low;
  for (let i = pooled * RANDOM_BYTES; i < (pooled + 1) * RANDOM_BYTES; i++) scratch[at++] = pool[i] ?? 0;
  const day = Math.floor(nowMs / DAY_MS);
  scratch[at++] = day >> 8;
  scratch[at++] = day;
  writeChecksum(scratch, at);
  return toText(scratch, at + CHECKSUM_BYTES);
}

export type IdProblem = { problem: string };
type DecodedId = { readonly tableNumber: number };

/** Ids met lately. One call meets the same few again and again: as an argument, in a field, and whenever its document is touched. */
let met = new Map<string, DecodedId>();
const MAX_MET = 4096;

/** The table number of a well-formed id (I1), or what is wrong with the text. Every `v.id()` comes through here. */
export function decodeId(text: string): DecodedId | IdProblem {
  const known = met.get(text);
  if (known) return known;
  const decoded = decode(text);
  if ("problem" in decoded) return decoded;
  if (met.size >= MAX_MET) met = new Map();
  met.set(text, decoded);
  return decoded;
}

/** In one pass. */
function decode(text: string): DecodedId | IdProblem {
  if (text.length < MIN_LENGTH || text.length > MAX_LENGTH) return { problem: `Invalid ID length ${text.length}` };
  const summed = Math.floor((text.length * 5) / 8) - CHECKSUM_BYTES;
  const head = { value: 0, length: 0 };
  let isChecksumRight = true;
  let [sum, sumOfSums] = [0, 0];
  let [bits, width] = [0, 0];
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const digit = code < 128 ? (DIGITS[code] ?? -1) : -1;
    if (digit < 0) return { problem: "ID wasn't valid base32" };
    bits = (bits << 5) | digit;
    width += 5;
    if (width < 8) continue;
    width -= 8;
    const byte = (bits >> width) & 0xff;
    bits &= (1 << width) - 1;
    if (at < summed) {
      if (head.length === 0) readVarint(head, at, byte);
      sum = (sum + byte) & 0xff;
      sumOfSums = (sumOfSums + sum) & 0xff;
    } else if (byte !== (at === summed ? sum : sumOfSums)) {
      isChecksumRight = false;
    }
    at++;
  }
  if (summed !== head.length + BODY_BYTES || head.value > MAX_TABLE_NUMBER) return { problem: "ID has an invalid table number" };
  if (!isChecksumRight || bits !== 0 || width >= 5) return { problem: "ID's checksum didn't match" };
  return { tableNumber: head.value };
}

/** The lowest and the highest text an id of this table could have (I2); both ends inclusive. */
export function idRange(tableNumber: number): { low: string; high: string } {
  const low = new Uint8Array(5 + BODY_BYTES + CHECKSUM_BYTES);
  const headBytes = writeVarint(low, tableNumber);
  const high = low.slice().fill(0xff, headBytes);
  const length = headBytes + BODY_BYTES + CHECKSUM_BYTES;
  return { low: toText(low, length), high: toText(high, length) };
}

/** @returns how many bytes it took, five at most */
function writeVarint(into: Uint8Array, value: number): number {
  let at = 0;
  let rest = value;
  while (rest >= 0x80) {
    into[at++] = (rest & 0x7f) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  into[at++] = rest;
  return at;
}

/** Takes the next byte of the table number into `head`; its length is set with the last one, to -1 when it is not the shortest. */
function readVarint(head: { value: number; length: number }, at: number, byte: number): void {
  if (at >= 5) return;
  head.value += (byte & 0x7f) * 2 ** (7 * at);
  if (byte < 0x80) head.length = byte !== 0 || at === 0 ? at + 1 : -1;
}

/** Fletcher-16 over everything before `end`, XOR version 0, low byte first. */
function writeChecksum(bytes: Uint8Array, end: number): void {
  let sum = 0;
  let sumOfSums = 0;
  for (let i = 0; i < end; i++) {
    sum = (sum + (bytes[i] ?? 0)) & 0xff;
    sumOfSums = (sumOfSums + sum) & 0xff;
  }
  bytes[end] = sum;
  bytes[end + 1] = sumOfSums;
}

const CODES = Uint8Array.from(ALPHABET, (digit) => digit.charCodeAt(0));
const text = Buffer.alloc(MAX_LENGTH);

function toText(bytes: Uint8Array, length: number): string {
  let at = 0;
  let bits = 0;
  let width = 0;
  for (let i = 0; i < length; i++) {
    bits = (bits << 8) | (bytes[i] ?? 0);
    width += 8;
    while (width >= 5) {
      width -= 5;
      text[at++] = CODES[(bits >> width) & 31] ?? 0;
    }
    bits &= (1 << width) - 1;
  }
  if (width > 0) text[at++] = CODES[(bits << (5 - width)) & 31] ?? 0;
  return text.toString("latin1", 0, at);
}
