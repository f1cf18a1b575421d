// Check suites, check runs and commit statuses: what machines say about a commit.
import type { Database } from "bun:sqlite";

export const CHECK_STATUSES = ["queued", "in_progress", "completed", "waiting", "requested", "pending"] as const;
export const CONCLUSIONS = ["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"] as const;
export const STATUS_STATES = ["error", "failure", "pending", "success"] as const;

export type CheckStatus = (typeof CHECK_STATUSES)[number];
export type Conclusion = (typeof CONCLUSIONS)[number];
export type StatusState = (typeof STATUS_STATES)[number];

export interface CheckSuite {
  readonly id: number;
  readonly repositoryId: number;
  readonly headSha: string;
  readonly createdAt: string;
}

export interface CheckRun {
  readonly id: number;
  readonly suiteId: number;
  readonly repositoryId: number;
  readonly headSha: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly conclusion: Conclusion | null;
  readonly externalId: string;
  readonly detailsUrl: string | null;
  readonly title: string | null;
  readonly summary: string | null;
  readonly text: string | null;
  /** A JSON array, as it was sent: nothing here reads inside it. */
  readonly annotations: string;
  readonly startedAt: string;
  readonly completedAt: string | null;
}

export interface Status {
  readonly id: number;
  readonly repositoryId: number;
  readonly sha: string;
  readonly state: StatusState;
  readonly context: string;
  readonly description: string | null;
  readonly targetUrl: string | null;
  readonly creatorId: number;
  readonly createdAt: string;
}

/** The app's suite for a commit. Safe to repeat. */
export function ensureSuite(db: Database, repositoryId: number, headSha: string, at: string): CheckSuite {
  db.query("INSERT INTO checkSuites (repositoryId, headSha, createdAt) VALUES (?, ?, ?) ON CONFLICT DO NOTHING").run(
    repositoryId,
    headSha,
    at,
  );
  const suite = suiteOf(db, repositoryId, headSha);
  if (suite === null) throw new Error("a check suite was not stored");
  return suite;
}

export const suiteOf = (db: Database, repositoryId: number, headSha: string): CheckSuite | null =>
  db
    .query<CheckSuite, [number, string]>("SELECT * FROM checkSuites WHERE repositoryId = ? AND headSha = ?")
    .get(repositoryId, headSha);

export const suiteById = (db: Database, repositoryId: number, id: number): CheckSuite | null =>
  db.query<CheckSuite, [number, number]>("SELECT * FROM checkSuites WHERE repositoryId = ? AND id = ?").get(repositoryId, id);

export function insertCheckRun(db: Database, row: Omit<CheckRun, "id">): CheckRun {
  const stored = db
    .query<CheckRun, Record<string, string | number | null>[]>(
      "INSERT INTO checkRuns (suiteId, repositoryId, headSha, name, status, conclusion, externalId, detailsUrl, title, summary, text, annotations, startedAt, completedAt) VALUES ($suiteId, $repositoryId, $headSha, $name, $status, $conclusion, $externalId, $detailsUrl, $title, $summary, $text, $annotations, $startedAt, $completedAt) RETURNING *",
    )
    .get({ ...row });
  if (stored === null) throw new Error("a check run was not stored");
  return stored;
}

export function writeCheckRun(db: Database, run: CheckRun): void {
  const { suiteId: _suite, repositoryId: _repository, headSha: _sha, ...columns } = run;
  db.query(
    "UPDATE checkRuns SET name = $name, status = $status, conclusion = $conclusion, externalId = $externalId, detailsUrl = $detailsUrl, title = $title, summary = $summary, text = $text, annotations = $annotations, startedAt = $startedAt, completedAt = $completedAt WHERE id = $id",
  ).run(columns);
}

export const findCheckRun = (db: Database, repositoryId: number, id: number): CheckRun | null =>
  db.query<CheckRun, [number, number]>("SELECT * FROM checkRuns WHERE repositoryId = ? AND id = ?").get(repositoryId, id);

/** Newest first; `latest` keeps one run per name, as GitHub does by default. */
export function checkRunsFor(db: Database, repositoryId: number, headSha: string, latest: boolean): CheckRun[] {
  const rows = db
    .query<CheckRun, [number, string]>("SELECT * FROM checkRuns WHERE repositoryId = ? AND headSha = ? ORDER BY id DESC")
    .all(repositoryId, headSha);
  return latest ? firstOf(rows, (run) => run.name) : rows;
}

export function insertStatus(db: Database, row: Omit<Status, "id">): Status {
  const stored = db
    .query<Status, Record<string, string | number | null>[]>(
      "INSERT INTO statuses (repositoryId, sha, state, context, description, targetUrl, creatorId, createdAt) VALUES ($repositoryId, $sha, $state, $context, $description, $targetUrl, $creatorId, $createdAt) RETURNING *",
    )
    .get({ ...row });
  if (stored === null) throw new Error("a status was not stored");
  return stored;
}

/** Newest first. */
export const statusesFor = (db: Database, repositoryId: number, sha: string): Status[] =>
  db
    .query<Status, [number, string]>("SELECT * FROM statuses WHERE repositoryId = ? AND sha = ? ORDER BY id DESC")
    .all(repositoryId, sha);

/** The newest status of each context, newest first. */
export const latestStatuses = (db: Database, repositoryId: number, sha: string): Status[] =>
  firstOf(statusesFor(db, repositoryId, sha), (status) => status.context);

function firstOf<Row>(rows: readonly Row[], key: (row: Row) => string): Row[] {
  const seen = new Set<string>();
  return rows.filter((row) => !seen.has(key(row)) && seen.add(key(row)));
}
