// Repository rows, the last announced state of their refs, and the one ref change that may be in flight in each.
import type { Database } from "bun:sqlite";
import type { Account } from "./accounts.ts";

/** A repository joined with its owner, which every answer names. */
export interface Repository {
  readonly id: number;
  readonly ownerId: number;
  readonly ownerLogin: string;
  readonly ownerType: Account["type"];
  readonly name: string;
  /** The folder of the bare repository below the data directory; never derived from a name somebody chose. */
  readonly storage: string;
  readonly description: string | null;
  readonly private: number;
  readonly defaultBranch: string;
  readonly nextNumber: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly pushedAt: string;
}

export const fullName = (repository: Repository) => `${repository.ownerLogin}/${repository.name}`;

const WITH_OWNER =
  "SELECT repositories.*, accounts.login AS ownerLogin, accounts.type AS ownerType FROM repositories JOIN accounts ON accounts.id = ownerId";

export const findRepository = (db: Database, owner: string, name: string): Repository | null =>
  db.query<Repository, [string, string]>(`${WITH_OWNER} WHERE accounts.login = ? AND name = ?`).get(owner, name);

export const repositoryById = (db: Database, id: number): Repository | null =>
  db.query<Repository, [number]>(`${WITH_OWNER} WHERE repositories.id = ?`).get(id);

export const listRepositories = (db: Database): Repository[] =>
  db.query<Repository, []>(`${WITH_OWNER} ORDER BY accounts.login, name`).all();

export const repositoriesOf = (db: Database, ownerId: number): Repository[] =>
  db.query<Repository, [number]>(`${WITH_OWNER} WHERE ownerId = ? ORDER BY repositories.id`).all(ownerId);

interface NewRepository {
  readonly ownerId: number;
  readonly name: string;
  readonly storage: string;
  readonly description: string | null;
  readonly private: boolean;
  readonly defaultBranch: string;
  readonly at: string;
}

export function insertRepository(db: Database, row: NewRepository): Repository {
  const { lastInsertRowid } = db
    .query(
      "INSERT INTO repositories (ownerId, name, storage, description, private, defaultBranch, createdAt, updatedAt, pushedAt) VALUES ($ownerId, $name, $storage, $description, $private, $defaultBranch, $at, $at, $at)",
    )
    .run({ ...row, private: row.private ? 1 : 0 });
  const stored = repositoryById(db, Number(lastInsertRowid));
  if (stored === null) throw new Error(`repository ${row.name} was not stored`);
  return stored;
}

/** Uses up and returns the next pull-request number. Call inside the transaction that uses it. */
export function takeNumber(db: Database, repositoryId: number): number {
  const taken = db
    .query<{ number: number }, [number]>(
      "UPDATE repositories SET nextNumber = nextNumber + 1 WHERE id = ? RETURNING nextNumber - 1 AS number",
    )
    .get(repositoryId);
  if (taken === null) throw new Error(`repository ${repositoryId} is gone`);
  return taken.number;
}

/** Ref name to commit id, as last announced. */
export function announcedRefs(db: Database, repositoryId: number): Map<string, string> {
  const rows = db
    .query<{ name: string; sha: string }, [number]>("SELECT name, sha FROM refs WHERE repositoryId = ?")
    .all(repositoryId);
  return new Map(rows.map((row) => [row.name, row.sha]));
}

export function announceRef(db: Database, repositoryId: number, name: string, sha: string | null, at: string): void {
  if (sha === null) db.query("DELETE FROM refs WHERE repositoryId = ? AND name = ?").run(repositoryId, name);
  else db.query("INSERT OR REPLACE INTO refs (repositoryId, name, sha) VALUES (?, ?, ?)").run(repositoryId, name, sha);
  db.query("UPDATE repositories SET pushedAt = ?, updatedAt = ? WHERE id = ?").run(at, at, repositoryId);
}

/** Who is about to change refs, and for which merge: stored before git is touched, so that a crash cannot lose it. */
export interface RefIntent {
  readonly repositoryId: number;
  readonly actorId: number;
  readonly route: string;
  readonly pullId: number | null;
  readonly mergeSha: string | null;
  readonly mergeMethod: string | null;
}

export function storeIntent(db: Database, intent: RefIntent): void {
  db.query(
    "INSERT OR REPLACE INTO refIntents (repositoryId, actorId, route, pullId, mergeSha, mergeMethod) VALUES ($repositoryId, $actorId, $route, $pullId, $mergeSha, $mergeMethod)",
  ).run({ ...intent });
}

export const intentOf = (db: Database, repositoryId: number): RefIntent | null =>
  db.query<RefIntent, [number]>("SELECT * FROM refIntents WHERE repositoryId = ?").get(repositoryId);

export const clearIntent = (db: Database, repositoryId: number) => {
  db.query("DELETE FROM refIntents WHERE repositoryId = ?").run(repositoryId);
};

export const unsettledRepositories = (db: Database): number[] =>
  db
    .query<{ repositoryId: number }, []>("SELECT repositoryId FROM refIntents")
    .all()
    .map((row) => row.repositoryId);
