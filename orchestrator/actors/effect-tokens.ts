// The names an effect has at the far sides (P5): all derived from its id, so that whoever performs it again uses the same ones.

import { createHash } from "node:crypto";

const digest = (effectId: string) => createHash("sha256").update(effectId).digest();

/** RunTask's `clientToken`: 43 of at most 64 characters. */
export const clientToken = (effectId: string): string => digest(effectId).toString("base64url");

/** RunTask's `startedBy`: 32 hexadecimal digits. */
export const startedBy = (effectId: string): string => digest(effectId).toString("hex").slice(0, 32);

/** A UUID of version 4's shape, as Linear wants for the ids of what a client creates. */
export function uuidFor(effectId: string, purpose: string): string {
  const bytes = createHash("sha256").update(`${purpose}:${effectId}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
