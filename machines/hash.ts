// A small, stable, non-cryptographic hash in plain arithmetic: the same in Bun, in Convex and in a browser.

/** 53 bits of a text as a number (two 32-bit multiply-and-rotate lanes, mixed at the end). Not for secrets. */
function hash53(text: string): number {
  let low = 0xdeadbeef;
  let high = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 2_654_435_761);
    high = Math.imul(high ^ unit, 1_597_334_677);
  }
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  return 4_294_967_296 * (high & 0x1fffff) + (low >>> 0);
}

/** The same as 14 hexadecimal digits. */
export const hashHex = (text: string): string => hash53(text).toString(16).padStart(14, "0");

/** A text's place in [0, 1): jitter without a random number, so that a replayed step waits as long as the first one did. */
export const hashFraction = (text: string): number => hash53(text) / 2 ** 53;
