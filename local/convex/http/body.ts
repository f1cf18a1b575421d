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

/** Never holds more than the limit, whatever the request says about its length. @throws {HttpError} 413 above the limit */
export async function readBytes(request: Request, maxBytes = MAX_BODY_BYTES): Promise<Uint8Array<ArrayBuffer>> {
  const announced = request.headers.get("content-length");
  refuseAbove(Number(announced ?? 0), maxBytes);
  if (announced !== null || request.body === null) return new Uint8Array(await request.arrayBuffer());
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of request.body) {
    size += piece.byteLength;
    refuseAbove(size, maxBytes);
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

/** @throws {HttpError} 413 above the limit, 400 when it is not a JSON object */
export async function readObject(request: Request): Promise<JsonObject> {
  return parseObject(await readText(request));
}

/** @throws {HttpError} 413 above the limit */
export async function readText(request: Request): Promise<string> {
  const announced = request.headers.get("content-length");
  if (announced !== null) {
    refuseAbove(Number(announced), MAX_BODY_BYTES);
    return request.text();
  }
  return new TextDecoder().decode(await readBytes(request));
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
