// Reads request bodies within a bound, and their JSON at the edge.
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import type { JsonObject, JsonValue } from "../engine/index.ts";
import { badRequest, HttpError } from "./replies.ts";

/** Convex's own limit for function calls and HTTP actions. */
export const MAX_BODY_BYTES = 20 * 1024 * 1024;
/** Pushes carry every module with its source map. */
export const MAX_PUSH_BYTES = 64 * 1024 * 1024;
const MAX_PUSH_DECODED_BYTES = 256 * 1024 * 1024;

const decompress = promisify(brotliDecompress);

/** @throws {HttpError} 413 above the limit */
export async function readBytes(request: Request, maxBytes = MAX_BODY_BYTES): Promise<Uint8Array<ArrayBuffer>> {
  refuseAbove(Number(request.headers.get("content-length") ?? 0), maxBytes);
  const bytes = new Uint8Array(await request.arrayBuffer());
  refuseAbove(bytes.byteLength, maxBytes);
  return bytes;
}

/** @throws {HttpError} 413 above the limit, 400 when it is not a JSON object */
export async function readObject(request: Request): Promise<JsonObject> {
  refuseAbove(Number(request.headers.get("content-length") ?? 0), MAX_BODY_BYTES);
  const text = await request.text();
  refuseAbove(text.length, MAX_BODY_BYTES);
  return parseObject(text);
}

/** A push's body: JSON, usually compressed with brotli. @throws {HttpError} */
export async function readPushObject(request: Request): Promise<JsonObject> {
  const bytes = await readBytes(request, MAX_PUSH_BYTES);
  if (request.headers.get("content-encoding") !== "br") return parseObject(new TextDecoder().decode(bytes));
  try {
    return parseObject((await decompress(bytes, { maxOutputLength: MAX_PUSH_DECODED_BYTES })).toString("utf8"));
  } catch (cause) {
    if (cause instanceof HttpError) throw cause;
    throw new HttpError(400, "BadRequest", "The body is not valid brotli, or decompresses to more than 256 MiB.", { cause });
  }
}

export function parseObject(text: string): JsonObject {
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest("The body is not JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw badRequest("The body must be a JSON object.");
  return value;
}

function refuseAbove(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new HttpError(413, "PayloadTooLarge", `The body may have at most ${maxBytes / 1024 / 1024} MiB.`);
}
