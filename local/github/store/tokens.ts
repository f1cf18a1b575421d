// Installation tokens. Only digests are stored (S3); a token itself exists in one answer and then at its owner.
import type { Database } from "bun:sqlite";
import { createHash } from "node:crypto";

export interface StoredToken {
  readonly installationId: number;
  /** A JSON array of repository ids, or null for every repository of the installation. */
  readonly repositoryIds: string | null;
  /** A JSON object of permission to level. */
  readonly permissions: string;
  readonly expiresAtMs: number;
}

export const digestOf = (token: string) => createHash("sha256").update(token).digest("hex");

/** Stores a token and forgets the ones that have expired, so the table stays as large as what is in use. */
export function insertToken(db: Database, token: string, row: StoredToken, nowMs: number): void {
  db.query("DELETE FROM tokens WHERE expiresAtMs <= ?").run(nowMs);
  db.query(
    "INSERT INTO tokens (digest, installationId, repositoryIds, permissions, expiresAtMs) VALUES ($digest, $installationId, $repositoryIds, $permissions, $expiresAtMs)",
  ).run({ digest: digestOf(token), ...row });
}

export const findToken = (db: Database, token: string, nowMs: number): StoredToken | null =>
  db
    .query<StoredToken, [string, number]>("SELECT * FROM tokens WHERE digest = ? AND expiresAtMs > ?")
    .get(digestOf(token), nowMs);

export const deleteToken = (db: Database, token: string) => {
  db.query("DELETE FROM tokens WHERE digest = ?").run(digestOf(token));
};
