// Convex's total order over values in their JSON encoding, without building keys: filters compare with it.
//   undefined < null < int64 < float64 < boolean < string < bytes < array < object
import { compareKeys, encodeKey } from "./keys.ts";
import type { JsonValue } from "./values.ts";

/** Negative, zero or positive, as index keys would compare; undefined is a missing field. */
export function compareValues(a: JsonValue | undefined, b: JsonValue | undefined): number {
  if (typeof a === "string" && typeof b === "string") return a === b ? 0 : compareStrings(a, b);
  // JSON carries no NaN and, once parsed, `-0` only from the text "-0": both go the long way below.
  if (typeof a === "number" && typeof b === "number" && (a !== 0 || b !== 0)) return a - b;
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  return compareKeys(encodeKey([a]), encodeKey([b]));
}

/** UTF-8 order. UTF-16 differs from it only where surrogates meet characters above them. */
function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 0xd800 || y >= 0xd800) return compareKeys(encodeKey([a]), encodeKey([b]));
    return x - y;
  }
  return a.length - b.length;
}
