// Pull-request rows. While one is open its two commit ids follow the branches (operations/refs.ts); once closed they stand still.
import type { Database } from "bun:sqlite";

export interface Pull {
  readonly id: number;
  readonly repositoryId: number;
  readonly number: number;
  readonly state: "open" | "closed";
  readonly draft: number;
  readonly title: string;
  readonly body: string | null;
  readonly authorId: number;
  readonly headRef: string;
  readonly headSha: string;
  readonly baseRef: string;
  readonly baseSha: string;
  readonly mergeSha: string | null;
  readonly mergedById: number | null;
  readonly mergedAt: string | null;
  readonly closedAt: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export const findPull = (db: Database, repositoryId: number, number: number): Pull | null =>
  db.query<Pull, [number, number]>("SELECT * FROM pulls WHERE repositoryId = ? AND number = ?").get(repositoryId, number);

export const pullById = (db: Database, id: number): Pull | null =>
  db.query<Pull, [number]>("SELECT * FROM pulls WHERE id = ?").get(id);

export const openPulls = (db: Database, repositoryId: number): Pull[] =>
  db.query<Pull, [number]>("SELECT * FROM pulls WHERE repositoryId = ? AND state = 'open' ORDER BY number").all(repositoryId);

export const openPullFor = (db: Database, repositoryId: number, headRef: string, baseRef: string): Pull | null =>
  db
    .query<Pull, [number, string, string]>(
      "SELECT * FROM pulls WHERE repositoryId = ? AND headRef = ? AND baseRef = ? AND state = 'open'",
    )
    .get(repositoryId, headRef, baseRef);

/** The newest merged pull request of a branch: what a stacked one is retargeted to when the branch goes. */
export const lastMergedFrom = (db: Database, repositoryId: number, headRef: string): Pull | null =>
  db
    .query<Pull, [number, string]>(
      "SELECT * FROM pulls WHERE repositoryId = ? AND headRef = ? AND mergedAt IS NOT NULL ORDER BY number DESC LIMIT 1",
    )
    .get(repositoryId, headRef);

export interface PullFilter {
  readonly state: "open" | "closed" | "all";
  readonly headRef: string | null;
  readonly baseRef: string | null;
  readonly sort: "created" | "updated";
  readonly direction: "asc" | "desc";
}

/** One page and the number of all matches. */
export function listPulls(
  db: Database,
  repositoryId: number,
  filter: PullFilter,
  page: { readonly limit: number; readonly offset: number },
): { rows: Pull[]; total: number } {
  const where =
    "repositoryId = $repositoryId AND ($state = 'all' OR state = $state) AND ($headRef IS NULL OR headRef = $headRef) AND ($baseRef IS NULL OR baseRef = $baseRef)";
  const values = { repositoryId, state: filter.state, headRef: filter.headRef, baseRef: filter.baseRef };
  const column = filter.sort === "updated" ? "updatedAt" : "number";
  const direction = filter.direction === "asc" ? "ASC" : "DESC";
  const rows = db
    .query<Pull, Record<string, string | number | null>[]>(
      `SELECT * FROM pulls WHERE ${where} ORDER BY ${column} ${direction}, number ${direction} LIMIT $limit OFFSET $offset`,
    )
    .all({ ...values, ...page });
  const total = db
    .query<{ n: number }, Record<string, string | number | null>[]>(`SELECT count(*) AS n FROM pulls WHERE ${where}`)
    .get(values);
  return { rows, total: total?.n ?? 0 };
}

type NewPull = Pick<
  Pull,
  "repositoryId" | "number" | "title" | "body" | "authorId" | "headRef" | "headSha" | "baseRef" | "baseSha"
> & {
  readonly draft: boolean;
  readonly at: string;
};

export function insertPull(db: Database, row: NewPull): Pull {
  const stored = db
    .query<Pull, Record<string, string | number | null>[]>(
      "INSERT INTO pulls (repositoryId, number, state, draft, title, body, authorId, headRef, headSha, baseRef, baseSha, createdAt, updatedAt) VALUES ($repositoryId, $number, 'open', $draft, $title, $body, $authorId, $headRef, $headSha, $baseRef, $baseSha, $at, $at) RETURNING *",
    )
    .get({ ...row, draft: row.draft ? 1 : 0 });
  if (stored === null) throw new Error(`pull request ${row.number} was not stored`);
  return stored;
}

type PullPatch = Partial<
  Pick<
    Pull,
    "state" | "draft" | "title" | "body" | "headSha" | "baseRef" | "baseSha" | "mergeSha" | "mergedById" | "mergedAt" | "closedAt"
  >
>;

/** Writes the given columns and the time of the change. */
export function patchPull(db: Database, pull: Pull, patch: PullPatch, at: string): Pull {
  const next = { ...pull, ...patch, updatedAt: at };
  db.query(
    "UPDATE pulls SET state = $state, draft = $draft, title = $title, body = $body, headSha = $headSha, baseRef = $baseRef, baseSha = $baseSha, mergeSha = $mergeSha, mergedById = $mergedById, mergedAt = $mergedAt, closedAt = $closedAt, updatedAt = $updatedAt WHERE id = $id",
  ).run({
    id: next.id,
    state: next.state,
    draft: next.draft,
    title: next.title,
    body: next.body,
    headSha: next.headSha,
    baseRef: next.baseRef,
    baseSha: next.baseSha,
    mergeSha: next.mergeSha,
    mergedById: next.mergedById,
    mergedAt: next.mergedAt,
    closedAt: next.closedAt,
    updatedAt: next.updatedAt,
  });
  return next;
}
