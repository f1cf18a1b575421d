// Reviews and their remarks on lines.
import type { Database } from "bun:sqlite";

export type ReviewState = "PENDING" | "COMMENTED" | "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED";

export interface Review {
  readonly id: number;
  readonly pullId: number;
  readonly authorId: number;
  readonly state: ReviewState;
  readonly body: string;
  readonly commitSha: string;
  readonly submittedAt: string | null;
}

export type Side = "LEFT" | "RIGHT";

export interface ReviewComment {
  readonly id: number;
  readonly reviewId: number;
  readonly pullId: number;
  readonly authorId: number;
  readonly path: string;
  readonly line: number;
  readonly side: Side;
  readonly startLine: number | null;
  readonly startSide: Side | null;
  readonly commitSha: string;
  readonly diffHunk: string;
  readonly body: string;
  readonly createdAt: string;
}

export function insertReview(db: Database, row: Omit<Review, "id">): Review {
  const stored = db
    .query<Review, Record<string, string | number | null>[]>(
      "INSERT INTO reviews (pullId, authorId, state, body, commitSha, submittedAt) VALUES ($pullId, $authorId, $state, $body, $commitSha, $submittedAt) RETURNING *",
    )
    .get({ ...row });
  if (stored === null) throw new Error("a review was not stored");
  return stored;
}

export function insertReviewComment(db: Database, row: Omit<ReviewComment, "id">): ReviewComment {
  const stored = db
    .query<ReviewComment, Record<string, string | number | null>[]>(
      "INSERT INTO reviewComments (reviewId, pullId, authorId, path, line, side, startLine, startSide, commitSha, diffHunk, body, createdAt) VALUES ($reviewId, $pullId, $authorId, $path, $line, $side, $startLine, $startSide, $commitSha, $diffHunk, $body, $createdAt) RETURNING *",
    )
    .get({ ...row });
  if (stored === null) throw new Error("a review comment was not stored");
  return stored;
}

/** Oldest first. A pending review is seen by its author only. */
export const reviewsOf = (db: Database, pullId: number, viewerId: number): Review[] =>
  db
    .query<Review, [number, number]>(
      "SELECT * FROM reviews WHERE pullId = ? AND (state <> 'PENDING' OR authorId = ?) ORDER BY id",
    )
    .all(pullId, viewerId);

export const findReview = (db: Database, pullId: number, id: number): Review | null =>
  db.query<Review, [number, number]>("SELECT * FROM reviews WHERE pullId = ? AND id = ?").get(pullId, id);

export const pendingReviewOf = (db: Database, pullId: number, authorId: number): Review | null =>
  db
    .query<Review, [number, number]>("SELECT * FROM reviews WHERE pullId = ? AND authorId = ? AND state = 'PENDING'")
    .get(pullId, authorId);

export function patchReview(
  db: Database,
  review: Review,
  patch: Partial<Pick<Review, "state" | "body" | "submittedAt">>,
): Review {
  const next = { ...review, ...patch };
  db.query("UPDATE reviews SET state = ?, body = ?, submittedAt = ? WHERE id = ?").run(
    next.state,
    next.body,
    next.submittedAt,
    next.id,
  );
  return next;
}

export const commentsOfReview = (db: Database, reviewId: number): ReviewComment[] =>
  db.query<ReviewComment, [number]>("SELECT * FROM reviewComments WHERE reviewId = ? ORDER BY id").all(reviewId);

/** Remarks of submitted reviews, oldest first. */
export const reviewCommentsOf = (db: Database, pullId: number): ReviewComment[] =>
  db
    .query<ReviewComment, [number]>(
      "SELECT reviewComments.* FROM reviewComments JOIN reviews ON reviews.id = reviewId WHERE reviewComments.pullId = ? AND state <> 'PENDING' ORDER BY reviewComments.id",
    )
    .all(pullId);
