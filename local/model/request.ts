// The edge: who asks, and whether what they sent is a request at all. Everything behind it is typed.
import { createHash, timingSafeEqual } from "node:crypto";
import { type MessagesRequest, messagesRequest } from "./conversation.ts";
import { ApiError } from "./errors.ts";

export const BODY_LIMIT_BYTES = 32 * 1024 * 1024; // Anthropic's own

/** @throws {ApiError} 401 for a missing or wrong key, 400 for a missing version header */
export function authenticate(request: Request, expected: string | undefined): void {
  const given = request.headers.get("x-api-key") ?? /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (!given) throw new ApiError(401, "x-api-key header is required");
  if (expected !== undefined && !timingSafeEqual(sha256(given), sha256(expected))) throw new ApiError(401, "invalid x-api-key");
  if (!request.headers.has("anthropic-version")) throw new ApiError(400, "anthropic-version: header is required");
}

/** @throws {ApiError} 400 when the body is no JSON object, 413 past 32 MB */
export async function readBody(request: Request): Promise<object> {
  if (Number(request.headers.get("content-length") ?? 0) > BODY_LIMIT_BYTES) {
    throw new ApiError(413, "Request exceeds the maximum allowed number of bytes.");
  }
  const text = await request.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError(400, "The request body is not valid JSON.");
  }
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new ApiError(400, "The request body must be a JSON object.");
  return value;
}

/** @throws {ApiError} 400 naming the first field that is wrong, as Anthropic does */
export function parse(value: object): MessagesRequest {
  const parsed = messagesRequest.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.join(".") ?? "";
  const isMissing = issue?.code === "invalid_type" && issue.message.includes("undefined");
  throw new ApiError(400, `${path}: ${isMissing ? "Field required" : (issue?.message ?? "Input should be valid")}`);
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
