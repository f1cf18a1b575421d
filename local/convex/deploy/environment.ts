// The deployment's variables: `process.env` of every function. Checked here, stored with the rest of the settings.
import type { JsonObject, JsonValue } from "../engine/index.ts";
import { badRequest } from "../http/replies.ts";

const MAX_VARIABLES = 512;
const MAX_VALUE_BYTES = 8 * 1024;
const RESERVED = new Set(["CONVEX_CLOUD_URL", "CONVEX_SITE_URL"]);

export type Variables = Readonly<Record<string, string>>;

/**
 * Applies the changes of an `update_environment_variables` request; null removes.
 * @throws {HttpError} naming the variable and the rule it breaks
 */
export function changedVariables(current: Variables, request: JsonObject): Variables {
  if (!Array.isArray(request.changes)) throw badRequest("`changes` must be an array.");
  const next = new Map(Object.entries(current));
  for (const change of request.changes) {
    const { name, value } = parseChange(change);
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  if (next.size > MAX_VARIABLES) throw badRequest(`A deployment may have at most ${MAX_VARIABLES} environment variables.`);
  return Object.fromEntries([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function parseChange(change: JsonValue): { name: string; value: string | null } {
  if (typeof change !== "object" || change === null || Array.isArray(change)) throw badRequest("A change must be an object.");
  const { name } = change;
  const value = change.value ?? null;
  if (typeof name !== "string" || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name.length > 40) {
    throw badRequest(
      `${JSON.stringify(name)} is not a variable name: use up to 40 letters, digits and underscores, not starting with a digit.`,
    );
  }
  if (RESERVED.has(name)) throw badRequest(`${name} is set by the deployment itself.`);
  if (value !== null && typeof value !== "string") throw badRequest(`The value of ${name} must be a string.`);
  if (value !== null && Buffer.byteLength(value) > MAX_VALUE_BYTES)
    throw badRequest(`The value of ${name} is longer than 8 KiB.`);
  return { name, value };
}

/** What functions see: the variables, and the deployment's own addresses. */
export const functionEnv = (variables: Variables, cloudUrl: string, siteUrl: string): Variables =>
  Object.freeze({ ...variables, CONVEX_CLOUD_URL: cloudUrl, CONVEX_SITE_URL: siteUrl });
