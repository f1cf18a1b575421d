// Sessions, grants and tokens on disk, so that a restart signs nobody out. Speaks oidc-provider's adapter contract.
import { Database } from "bun:sqlite";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Adapter, AdapterPayload } from "oidc-provider";
import { StateError } from "./errors.ts";

const SWEEP_EVERY = 200; // writes

export class Store {
  readonly #db: Database;
  readonly #nowS: () => number;
  #writes = 0;

  /** Opens `identity.sqlite`, readable by its owner only. @param nowS seconds @throws {StateError} when it is no usable database */
  constructor(dir: string, nowS: () => number = () => Math.floor(Date.now() / 1000)) {
    const file = join(dir, "identity.sqlite");
    closeSync(openSync(file, "a", 0o600));
    this.#nowS = nowS;
    try {
      this.#db = new Database(file, { strict: true });
      this.#db.run("PRAGMA journal_mode = WAL");
      this.#db.run("PRAGMA synchronous = NORMAL");
      this.#db.run(
        "CREATE TABLE IF NOT EXISTS entry (model TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL, expiresAtS INTEGER, grantId TEXT, uid TEXT, PRIMARY KEY (model, id)) WITHOUT ROWID",
      );
      this.#db.run("CREATE INDEX IF NOT EXISTS byGrant ON entry (grantId)");
      this.#db.run("CREATE INDEX IF NOT EXISTS byUid ON entry (model, uid)");
      this.#sweep();
    } catch (cause) {
      throw new StateError(`${file} is not a usable database: delete it, and everybody signs in again.`, { cause });
    }
  }

  /** The adapter of one kind of thing ("Session", "RefreshToken", ...). */
  adapter(model: string): Adapter {
    const find = (column: "id" | "uid", value: string): AdapterPayload | undefined => {
      const row = this.#db
        .query<{ payload: string; expiresAtS: number | null }, [string, string]>(
          `SELECT payload, expiresAtS FROM entry WHERE model = ? AND ${column} = ?`,
        )
        .get(model, value);
      if (!row || (row.expiresAtS !== null && row.expiresAtS <= this.#nowS())) return undefined;
      return JSON.parse(row.payload) as AdapterPayload; // written by upsert below and by nobody else
    };
    return {
      upsert: async (id, payload, expiresInS) => {
        this.#db
          .query("INSERT OR REPLACE INTO entry (model, id, payload, expiresAtS, grantId, uid) VALUES (?, ?, ?, ?, ?, ?)")
          .run(
            model,
            id,
            JSON.stringify(payload),
            expiresInS ? this.#nowS() + expiresInS : null,
            payload.grantId ?? null,
            payload.uid ?? null,
          );
        this.#writes += 1;
        if (this.#writes % SWEEP_EVERY === 0) this.#sweep();
      },
      find: async (id) => find("id", id),
      findByUid: async (uid) => find("uid", uid),
      findByUserCode: async () => undefined, // the device flow is off
      consume: async (id) => {
        this.#db
          .query("UPDATE entry SET payload = json_set(payload, '$.consumed', ?) WHERE model = ? AND id = ?")
          .run(this.#nowS(), model, id);
      },
      destroy: async (id) => {
        this.#db.query("DELETE FROM entry WHERE model = ? AND id = ?").run(model, id);
      },
      revokeByGrantId: async (grantId) => {
        this.#db.query("DELETE FROM entry WHERE grantId = ?").run(grantId);
      },
    };
  }

  close(): void {
    this.#db.close();
  }

  #sweep(): void {
    this.#db.query("DELETE FROM entry WHERE expiresAtS <= ?").run(this.#nowS());
  }
}
