// Takes secrets out of what an agent put out, before it is stored or shown. The runner masks what it knows; this is the second wall,
// for what merely looks like one.

const PATTERNS: readonly RegExp[] = [
  /\b(?:ghs|ghp|gho|ghu|ghr)_[A-Za-z0-9_.-]{16,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/g,
  /\bsk-ant-[A-Za-z0-9_-]{16,}/g,
  /\blin_(?:api|wh|oauth)_[A-Za-z0-9_-]{16,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\bxox[abprs]-[A-Za-z0-9-]{10,}/g,
];

export const mask = (text: string): string => PATTERNS.reduce((masked, pattern) => masked.replace(pattern, "[masked]"), text);

/** Deeper than anything we make; a stranger's value may be deep enough to exhaust the stack. */
const MAX_DEPTH = 32;

/** The same through every text of a JSON value, so that what is left is still JSON. */
export function maskDeep(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return mask(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return "[too deep]";
  if (Array.isArray(value)) return value.map((item) => maskDeep(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [mask(name), maskDeep(inner, depth + 1)]));
}
