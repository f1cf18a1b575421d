// The `json` format: what people and shell scripts read. Loses the difference between some types; clients never ask for it.
import type { JsonValue } from "../engine/index.ts";

/** int64 becomes a decimal string, bytes a base64 string, special floats their names. */
export function lossyJson(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(lossyJson);
  const entries = Object.entries(value);
  const [first] = entries;
  if (first !== undefined && entries.length === 1 && typeof first[1] === "string") {
    const [tag, encoded] = first;
    const bytes = Buffer.from(encoded, "base64");
    if (tag === "$integer") return bytes.readBigInt64LE(0).toString();
    if (tag === "$bytes") return encoded;
    if (tag === "$float") return floatName(bytes.readDoubleLE(0));
  }
  return Object.fromEntries(entries.map(([field, inner]) => [field, lossyJson(inner)]));
}

const floatName = (float: number): JsonValue => (Object.is(float, -0) ? "-0" : String(float));
