// A webhook's signature: hexadecimal HMAC-SHA256 over the raw bytes, as Linear and GitHub both sign.

import { createHmac, timingSafeEqual } from "node:crypto";

/** Takes the same time for every wrong signature of the right length. */
export function isSigned(secret: string, body: Uint8Array, signature: string): boolean {
  const expected = Buffer.from(createHmac("sha256", secret).update(body).digest("hex"));
  const given = Buffer.from(signature);
  return expected.length === given.length && timingSafeEqual(expected, given);
}
