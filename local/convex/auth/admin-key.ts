// The admin key: made on first start, kept in a file only its owner can read, compared in constant time.
import { randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Identity, UserAttributes } from "./identity.ts";
import { AuthRefused } from "./verifier.ts";

/** Reads `<dir>/admin.key`, making it (mode 0600) the first time. */
export function readOrMakeAdminKey(dir: string): string {
  const file = join(dir, "admin.key");
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  const key = `local|${randomBytes(32).toString("hex")}`;
  writeFileSync(file, `${key}\n`, { mode: 0o600, flag: "wx" });
  return key;
}

/**
 * Reads `<key>` or `<key>:<base64 JSON identity>`; a key may carry a `type:name|` prefix of its own.
 * @throws {AuthRefused} on a wrong key or an identity that is not one
 */
export function adminIdentity(credential: string, adminKey: string): Identity {
  const bar = credential.indexOf("|");
  const colon = credential.indexOf(":", bar + 1);
  const key = colon === -1 ? credential : credential.slice(0, colon);
  if (!sameSecret(secretPart(key), secretPart(adminKey))) {
    throw new AuthRefused("BadAdminKey", "The provided admin key was invalid for this instance");
  }
  return { kind: "admin", actingAs: colon === -1 ? null : parseActingAs(credential.slice(colon + 1)) };
}

const secretPart = (key: string): string => key.slice(key.indexOf("|") + 1);

function sameSecret(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function parseActingAs(encoded: string): UserAttributes {
  try {
    return asAttributes(JSON.parse(Buffer.from(encoded, "base64").toString("utf8")));
  } catch (cause) {
    throw new AuthRefused("InvalidAuthHeader", "The identity after the admin key must be base64 of a JSON object.", { cause });
  }
}

/** Fills in what an impersonated identity leaves out. @throws {Error} when it is not an object */
export function asAttributes(value: unknown): UserAttributes {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("An identity must be an object.");
  const given = value as Partial<UserAttributes>;
  const subject = String(given.subject ?? "");
  const issuer = String(given.issuer ?? "");
  return { ...given, subject, issuer, tokenIdentifier: String(given.tokenIdentifier ?? `${issuer}|${subject}`) };
}
