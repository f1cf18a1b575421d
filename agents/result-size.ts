// A result small enough to be kept: the orchestrator stores at most 64 KiB of it.

import { bytesOf, cutMiddle } from "./bounded-text.ts";
import type { Masking } from "./masking.ts";
import type { RoleResult } from "./roles/definition.ts";

const MAX_RESULT_BYTES = 60 * 1024;
const MAX_ITEMS = 200;
const FIRST_TEXT_BYTES = 32 * 1024;

/** Masked, with every text cut to the longest length at which the whole fits. */
export function fitted(result: RoleResult, masking: Masking): RoleResult {
  const masked = masking.deep(result);
  for (let maxBytes = FIRST_TEXT_BYTES; ; maxBytes /= 2) {
    const cut = cutTexts(masked, maxBytes);
    if (bytesOf(JSON.stringify(cut)) <= MAX_RESULT_BYTES || maxBytes < 128) return cut as RoleResult; // same shape, shorter texts
  }
}

function cutTexts(value: unknown, maxBytes: number): unknown {
  if (typeof value === "string") return cutMiddle(value, maxBytes);
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((one) => cutTexts(one, maxBytes));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, cutTexts(inner, maxBytes)]));
}
