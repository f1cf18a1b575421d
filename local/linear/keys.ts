// Who is calling: API keys from the key file, and tokens the OAuth endpoint gave out. Keys live in memory only; of a
// token the database keeps a hash.
import type { Database } from "bun:sqlite";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { User } from "./store/entities.ts";
import type { Store } from "./store/store.ts";

/** The key file cannot be used. The message says what it should hold. */
export class BadKeyFileError extends Error {
  readonly code = "BAD_KEY_FILE";
  override readonly name = "BadKeyFileError";
}

/** How long a client-credentials token lives, in seconds: 30 days, as Linear's do. */
export const TOKEN_LIFETIME_S = 30 * 24 * 3_600;

const hash = (secret: string): string => createHash("sha256").update(secret).digest("hex");

/** Reads `{"<api key>": "<user's handle>"}`. Keys have at least 16 characters. @throws {BadKeyFileError} */
export function readKeyFile(path: string): ReadonlyMap<string, string> {
  const wanted =
    'It must hold a JSON object of API keys and the handle each acts as, for example {"lin_api_0123456789abcdef": "omakase"}.';
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new BadKeyFileError(`The key file ${path} cannot be read. ${wanted}`, { cause });
  }
  const entries = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? Object.entries(parsed) : [];
  const isGood = entries.length > 0 && entries.every(([key, handle]) => key.length >= 16 && typeof handle === "string");
  if (!isGood) throw new BadKeyFileError(`The key file ${path} does not hold keys. ${wanted}`);
  return new Map(entries.map(([key, handle]) => [hash(key), String(handle)]));
}

export class Keys {
  private readonly insert;
  private readonly find;

  /**
   * @param handles a key's hash to its user's handle, from `readKeyFile`
   * @throws {BadKeyFileError} for a handle that is no user's
   */
  constructor(
    database: Database,
    private readonly store: Store,
    private readonly handles: ReadonlyMap<string, string>,
    private readonly nowMs: () => number,
  ) {
    for (const handle of handles.values()) {
      if (!this.userByHandle(handle))
        throw new BadKeyFileError(`The key file names the user "${handle}", who does not exist here.`);
    }
    database.run("CREATE TABLE IF NOT EXISTS tokens (hash TEXT PRIMARY KEY, userId TEXT NOT NULL, expiresAtMs INTEGER NOT NULL)");
    this.insert = database.prepare<unknown, [string, string, number]>(
      "INSERT INTO tokens (hash, userId, expiresAtMs) VALUES (?, ?, ?)",
    );
    this.find = database.prepare<{ userId: string }, [string, number]>(
      "SELECT userId FROM tokens WHERE hash = ? AND expiresAtMs > ?",
    );
  }

  /** The user of an Authorization header: a bare API key, or `Bearer` with a key or a token. */
  userOf(authorization: string | null): User | undefined {
    const secret = authorization?.replace(/^Bearer\s+/i, "").trim();
    if (!secret) return undefined;
    const digest = hash(secret);
    const handle = this.handles.get(digest);
    const user = handle ? this.userByHandle(handle) : this.store.get("User", this.find.get(digest, this.nowMs())?.userId ?? "");
    return user?.active ? user : undefined;
  }

  /** A token for the app whose handle and key these are (OAuth client credentials), or nothing if they are not. */
  tokenFor(clientId: string, clientSecret: string): string | undefined {
    const app = this.userOf(clientSecret);
    if (!app?.app || app.displayName !== clientId) return undefined;
    const token = `lin_oauth_${randomBytes(32).toString("hex")}`;
    this.insert.run(hash(token), app.id, this.nowMs() + TOKEN_LIFETIME_S * 1_000);
    return token;
  }

  private userByHandle(handle: string): User | undefined {
    for (const user of this.store.tables.User.all()) if (user.displayName === handle) return user;
    return undefined;
  }
}
