// Convex values in Convex's JSON encoding, as parsed JSON: what they may look like, how big they are, how deep they go.
// Order lives in order.ts, index keys in keys.ts, validators in validators.ts.
import { FunctionError } from "./errors.ts";

export type JsonValue = null | boolean | number | string | JsonValue[] | { [field: string]: JsonValue };
export type JsonObject = { [field: string]: JsonValue };

/** What a value is. `int64`, `special` (a double JSON cannot carry) and `bytes` hide behind one-field `$` objects. */
export type ValueKind =
  | "null"
  | "boolean"
  | "number"
  | "string"
  | "array"
  | "object"
  | "int64"
  | "special"
  | "bytes"
  | "commitTs"
  | "undefined";

/** What a document may come to. Sizes are Convex's own, nesting counts the document itself. */
export type DocumentRules = { maxBytes: number; maxNesting: number };
export const DOCUMENT_RULES: DocumentRules = { maxBytes: 1 << 20, maxNesting: 16 };
/** A scheduled function's row holds its arguments: 4 MiB of them, as deep as any value. */
export const SYSTEM_DOCUMENT_RULES: DocumentRules = { maxBytes: 5 << 20, maxNesting: 64 };
export const MAX_OBJECT_FIELDS = 1024;
export const MAX_ARRAY_LENGTH = 8192;
const MAX_FIELD_NAME_LENGTH = 1024;

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const KIND_OF_TAG: ReadonlyMap<string, ValueKind> = new Map([
  ["$integer", "int64"],
  ["$float", "special"],
  ["$bytes", "bytes"],
  ["$commitTs", "commitTs"],
  ["$undefined", "undefined"],
]);

/** The kind of a well-formed value; for anything under one `$` field the payload is checked by whoever reads it. */
export function kindOf(value: JsonValue): ValueKind {
  if (value === null) return "null";
  switch (typeof value) {
    case "boolean":
      return "boolean";
    case "number":
      return "number";
    case "string":
      return "string";
  }
  if (Array.isArray(value)) return "array";
  for (const field in value) {
    // Only the first field matters: a tagged value has exactly one, and a plain object may have none that starts with `$`.
    return field.charCodeAt(0) === 36 ? (KIND_OF_TAG.get(field) ?? "object") : "object";
  }
  return "object";
}

/** The bytes behind `{"$integer"|"$float": base64}`. @throws {FunctionError} unless there are exactly 8 */
export function eightBytes(payload: JsonValue | undefined, tag: string): Uint8Array {
  const bytes = typeof payload === "string" ? decodeBase64(payload) : null;
  if (bytes === null) throw new FunctionError("InvalidValue", `Malformed ${tag} field: expected base64 text.`);
  if (bytes.length !== 8) throw new FunctionError("InvalidValue", `Received ${bytes.length} bytes, expected 8 for ${tag}`);
  return bytes;
}

/** The bytes behind `{"$bytes": base64}`. @throws {FunctionError} */
export function payloadBytes(payload: JsonValue | undefined): Uint8Array {
  const bytes = typeof payload === "string" ? decodeBase64(payload) : null;
  if (bytes === null) throw new FunctionError("InvalidValue", "Malformed $bytes field: expected base64 text.");
  return bytes;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
function decodeBase64(text: string): Uint8Array | null {
  return text.length % 4 === 0 && BASE64.test(text) ? Buffer.from(text, "base64") : null;
}

/** `{"$integer": ...}` of a bigint in the range of a signed 64-bit integer. */
export function int64Json(value: bigint): JsonObject {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64LE(value);
  return { $integer: bytes.toString("base64") };
}

export function bigintOf(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true);
}

export function doubleOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0, true);
}

/** The value at a dotted path, undefined when any step is missing or not a plain object. */
export function valueAt(document: JsonObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = document;
  for (const step of path) {
    if (!isObject(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

export type Measure = {
  /** Size by Convex's own formula (`getConvexSize` of convex/values). */
  sizeBytes: number;
  /** Does a commit timestamp wait in it for its commit? */
  hasCommitTs: boolean;
};
type Measuring = Measure & { readonly maxNesting: number };

/** Checks a document's fields against Convex's rules and measures it. System fields at the top are allowed.
 *  @throws {FunctionError} naming the field or the limit */
export function measureDocument(document: JsonObject, { maxBytes, maxNesting } = DOCUMENT_RULES): Measure {
  const measure: Measuring = { sizeBytes: 0, hasCommitTs: false, maxNesting };
  measure.sizeBytes = sizeOf(document, 1, measure);
  checkSize(measure.sizeBytes, maxBytes);
  return measure;
}

/**
 * As measureDocument, of a document that was measured before some of its fields were set or removed: those alone are looked at, however
 * many it has. Null when a field was added or a commit timestamp waits somewhere: it is to be measured whole.
 * @param before as it was @param sizeBefore its own @param changed has the fields by name; what they are now, `after` says
 */
export function measurePatched(
  { before, sizeBefore, changed, after }: { before: JsonObject; sizeBefore: number; changed: JsonObject; after: JsonObject },
  { maxBytes, maxNesting } = DOCUMENT_RULES,
): Measure | null {
  const measure: Measuring = { sizeBytes: sizeBefore, hasCommitTs: false, maxNesting };
  for (const field in changed) {
    if (!Object.hasOwn(before, field)) {
      if (Object.hasOwn(after, field)) return null;
      continue;
    }
    measure.sizeBytes -= sizeOfField(field, before[field], measure);
    if (Object.hasOwn(after, field)) measure.sizeBytes += sizeOfField(field, after[field], measure);
  }
  if (measure.hasCommitTs) return null;
  checkSize(measure.sizeBytes, maxBytes);
  return measure;
}

/** As measureDocument, for any value (arguments, results): checks names and nesting, sets no limit on size. */
export function measureValue(value: JsonValue): Measure {
  const measure: Measuring = { sizeBytes: 0, hasCommitTs: false, maxNesting: DOCUMENT_RULES.maxNesting };
  measure.sizeBytes = sizeOf(value, 0, measure);
  return measure;
}

function checkSize(sizeBytes: number, maxBytes: number): void {
  if (sizeBytes <= maxBytes) return;
  const [size, limit] = [(sizeBytes / (1 << 20)).toFixed(2), maxBytes / (1 << 20)];
  throw new FunctionError("ValueTooLarge", `Value is too large (${size} MiB > maximum size ${limit} MiB)`);
}

/** Of a document, whose fields are one deep. */
const sizeOfField = (field: string, value: JsonValue | undefined, measure: Measuring): number =>
  value === undefined ? 0 : field.length + 1 + sizeOf(value, 2, measure);

function sizeOf(value: JsonValue, depth: number, measure: Measuring): number {
  switch (typeof value) {
    case "string":
      return 2 + utf8Length(value);
    case "number":
      return 9;
    case "boolean":
      return 1;
  }
  if (value === null) return 1;
  if (Array.isArray(value)) return sizeOfArray(value, depth, measure);
  switch (kindOf(value)) {
    case "int64":
      eightBytes(onlyField(value), "$integer");
      return 9;
    case "special":
      return sizeOfSpecial(value);
    case "bytes":
      return 2 + payloadBytes(onlyField(value)).length;
    case "commitTs":
      onlyField(value);
      measure.hasCommitTs = true;
      return 9;
    case "undefined":
      throw new FunctionError("InvalidValue", "undefined is not a valid Convex value.");
    default:
      return sizeOfObject(value, depth, measure);
  }
}

function sizeOfArray(value: JsonValue[], depth: number, measure: Measuring): number {
  checkDepth(depth, measure);
  if (value.length > MAX_ARRAY_LENGTH) {
    throw new FunctionError("InvalidValue", `Array length is too long (${value.length} > maximum length ${MAX_ARRAY_LENGTH})`);
  }
  let size = 2;
  for (const element of value) size += sizeOf(element, depth + 1, measure);
  return size;
}

function sizeOfObject(value: JsonObject, depth: number, measure: Measuring): number {
  checkDepth(depth, measure);
  let size = 2;
  let fields = 0;
  for (const field in value) {
    const element = value[field];
    if (element === undefined) continue;
    checkFieldName(field);
    fields++;
    size += field.length + 1 + sizeOf(element, depth + 1, measure);
  }
  if (fields > MAX_OBJECT_FIELDS) {
    throw new FunctionError("InvalidValue", `Object has too many fields (${fields} > maximum number ${MAX_OBJECT_FIELDS})`);
  }
  return size;
}

function sizeOfSpecial(value: JsonObject): number {
  const double = doubleOf(eightBytes(onlyField(value), "$float"));
  if (Number.isFinite(double) && !Object.is(double, -0)) {
    throw new FunctionError("InvalidValue", `Float ${double} should be encoded as a number`);
  }
  return 9;
}

function onlyField(value: JsonObject): JsonValue | undefined {
  const fields = Object.values(value);
  if (fields.length !== 1) throw new FunctionError("InvalidValue", "A field name starts with a '$', which is reserved.");
  return fields[0];
}

function checkDepth(depth: number, { maxNesting }: Measuring): void {
  if (depth > maxNesting) {
    throw new FunctionError("InvalidValue", `Value is nested too deeply (maximum nesting ${maxNesting})`);
  }
}

/** @throws {FunctionError} with the convex package's own texts */
export function checkFieldName(field: string): void {
  if (field.length > MAX_FIELD_NAME_LENGTH) {
    throw new FunctionError("InvalidValue", `Field name ${field} exceeds maximum field name length ${MAX_FIELD_NAME_LENGTH}.`);
  }
  if (field.charCodeAt(0) === 36) {
    throw new FunctionError("InvalidValue", `Field name ${field} starts with a '$', which is reserved.`);
  }
  for (let i = 0; i < field.length; i++) {
    const code = field.charCodeAt(i);
    if (code < 32 || code >= 127) {
      throw new FunctionError(
        "InvalidValue",
        `Field name ${field} has invalid character '${field[i]}': Field names can only contain non-control ASCII characters`,
      );
    }
  }
}

function utf8Length(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** The value with every `{"$commitTs": null}` replaced by the commit's timestamp (ns). Shares what does not change. */
export function resolveCommitTs(value: JsonValue, ts: bigint): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((element) => resolveCommitTs(element, ts));
  const kind = kindOf(value);
  if (kind === "commitTs") return int64Json(ts);
  if (kind !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([field, element]) => [field, resolveCommitTs(element, ts)]));
}

/** A document's fields in Convex's order (sorted), so that equal documents have equal text. */
export function sortFields(document: JsonObject): JsonObject {
  let previous = "";
  for (const field in document) {
    if (field < previous) return Object.fromEntries(Object.entries(document).sort(byField));
    previous = field;
  }
  return document;
}

function byField([a]: [string, JsonValue], [b]: [string, JsonValue]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
