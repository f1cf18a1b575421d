// Reviews: a verdict with remarks on lines, by somebody other than the author.
//   V1. Nobody approves, or asks for changes of, a pull request of their own.
//   V2. A remark names a file of the diff and a line in one of its hunks; one bad remark refuses the whole review.
//   V3. A person has one pending review at most, and nobody else sees it.
import { GitHubError, unprocessable } from "../errors.ts";
import { type FileChange, fileChanges, hunkAt, lineAtPosition } from "../git/diff.ts";
import { pullShape, reviewCommentShape, reviewShape } from "../shapes/pull.ts";
import type { Pull } from "../store/pulls.ts";
import {
  commentsOfReview,
  insertReview,
  insertReviewComment,
  patchReview,
  pendingReviewOf,
  type Review,
  type ReviewComment,
  type ReviewState,
  type Side,
} from "../store/reviews.ts";
import { emit } from "../webhooks/events.ts";
import { nowIso } from "../world.ts";
import { type Change, journal } from "./change.ts";

export const VERDICTS = ["APPROVE", "REQUEST_CHANGES", "COMMENT"] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Remark {
  readonly path: string;
  readonly body: string;
  readonly line: number | null;
  readonly side: Side;
  readonly startLine: number | null;
  readonly startSide: Side | null;
  /** Lines below the file's first hunk header: GitHub's older way to name a line. */
  readonly position: number | null;
}

export interface NewReview {
  /** Null leaves the review pending. */
  readonly verdict: Verdict | null;
  readonly body: string;
  readonly commitSha: string | null;
  readonly remarks: readonly Remark[];
}

const STATE: Readonly<Record<Verdict, ReviewState>> = {
  APPROVE: "APPROVED",
  REQUEST_CHANGES: "CHANGES_REQUESTED",
  COMMENT: "COMMENTED",
};

/** @throws {GitHubError} 422 */
export async function createReview(change: Change, pull: Pull, input: NewReview): Promise<Review> {
  const { world, actor, git } = change;
  if (input.verdict !== null) refuseVerdict(change, pull, input.verdict, input.body, input.remarks.length);
  if (pendingReviewOf(world.db, pull.id, actor.id) !== null)
    throw unprocessable("User can only have one pending review per pull request");
  const commitSha = input.commitSha === null ? pull.headSha : await git.commitOf(input.commitSha);
  if (commitSha === null) throw unprocessable("The commit_id is not part of the pull request");
  const placed = await place(change, pull, commitSha, input.remarks);
  return world.db.transaction(() => {
    const at = nowIso(world);
    const state = input.verdict === null ? "PENDING" : STATE[input.verdict];
    const submittedAt = input.verdict === null ? null : at;
    const review = insertReview(world.db, {
      pullId: pull.id,
      authorId: actor.id,
      state,
      body: input.body,
      commitSha,
      submittedAt,
    });
    for (const remark of placed)
      insertReviewComment(world.db, {
        ...remark,
        reviewId: review.id,
        pullId: pull.id,
        authorId: actor.id,
        commitSha,
        createdAt: at,
      });
    journal(change, { number: pull.number, review: review.id, state, remarks: placed.length });
    if (input.verdict !== null) tell(change, pull, review);
    return review;
  })();
}

/** Gives a pending review its verdict. @throws {GitHubError} 422 */
export function submitReview(change: Change, pull: Pull, review: Review, verdict: Verdict, body: string | null): Review {
  const { world } = change;
  if (review.state !== "PENDING") throw unprocessable("Could not submit a review that is not pending.");
  const words = body ?? review.body;
  refuseVerdict(change, pull, verdict, words, commentsOfReview(world.db, review.id).length);
  return world.db.transaction(() => {
    const next = patchReview(world.db, review, { state: STATE[verdict], body: words, submittedAt: nowIso(world) });
    journal(change, { number: pull.number, review: review.id, state: next.state });
    tell(change, pull, next);
    return next;
  })();
}

/** Takes a verdict back. @throws {GitHubError} 422 */
export function dismissReview(change: Change, pull: Pull, review: Review): Review {
  const { world, repository, actor } = change;
  if (review.state !== "APPROVED" && review.state !== "CHANGES_REQUESTED")
    throw unprocessable("Can not dismiss a commented pull request review");
  return world.db.transaction(() => {
    const next = patchReview(world.db, review, { state: "DISMISSED" });
    journal(change, { number: pull.number, review: review.id, state: "DISMISSED" });
    const payload = { review: lowerCased(change, pull, next), pull_request: pullShape(world, repository, pull) };
    emit(world, { event: "pull_request_review", action: "dismissed", repository, sender: actor, payload });
    return next;
  })();
}

function refuseVerdict({ actor }: Change, pull: Pull, verdict: Verdict, body: string, remarks: number): void {
  const own = pull.authorId === actor.id;
  if (own && verdict === "APPROVE") throw unprocessable("Review Can not approve your own pull request");
  if (own && verdict === "REQUEST_CHANGES") throw unprocessable("Review Can not request changes on your own pull request");
  if (body.trim() === "" && verdict === "REQUEST_CHANGES")
    throw unprocessable("You need to leave a comment indicating the requested changes.");
  if (body.trim() === "" && verdict === "COMMENT" && remarks === 0)
    throw new GitHubError(422, "Unprocessable Entity", { errors: ["Review Body can't be blank"] });
}

type Placed = Pick<ReviewComment, "path" | "body" | "line" | "side" | "startLine" | "startSide" | "diffHunk">;

async function place({ world, git }: Change, pull: Pull, commitSha: string, remarks: readonly Remark[]): Promise<Placed[]> {
  if (remarks.length === 0) return [];
  const { mergeBase } = await world.facts.of(git, pull.baseSha, commitSha);
  const changes = new Map((await fileChanges(git, mergeBase, commitSha)).map((change) => [change.path, change]));
  return remarks.map((remark) => placeOne(remark, changes.get(remark.path)));
}

function placeOne(remark: Remark, change: FileChange | undefined): Placed {
  if (change === undefined) throw unprocessable("Path could not be resolved");
  const { patch } = change;
  const at = remark.line === null ? positioned(patch, remark.position) : { line: remark.line, side: remark.side };
  const diffHunk = patch === null || at === null ? null : hunkAt(patch, at.line, at.side);
  if (at === null || diffHunk === null || patch === null) throw unprocessable("Line could not be resolved");
  const startSide = remark.startLine === null ? null : (remark.startSide ?? at.side);
  if (remark.startLine !== null && startSide !== null && hunkAt(patch, remark.startLine, startSide) === null) {
    throw unprocessable("Start line could not be resolved");
  }
  if (remark.startLine !== null && startSide === at.side && remark.startLine >= at.line)
    throw unprocessable("Start line must precede the end line.");
  return { path: remark.path, body: remark.body, ...at, startLine: remark.startLine, startSide, diffHunk };
}

const positioned = (patch: string | null, position: number | null) =>
  patch === null || position === null ? null : lineAtPosition(patch, position);

/** Webhooks write review states in small letters, the API in capitals. */
const lowerCased = ({ world, repository }: Change, pull: Pull, review: Review) => ({
  ...reviewShape(world, repository, pull, review),
  state: review.state.toLowerCase(),
});

function tell(change: Change, pull: Pull, review: Review): void {
  const { world, repository, actor } = change;
  const pullRequest = pullShape(world, repository, pull);
  const payload = { review: lowerCased(change, pull, review), pull_request: pullRequest };
  emit(world, { event: "pull_request_review", action: "submitted", repository, sender: actor, payload });
  for (const comment of commentsOfReview(world.db, review.id)) {
    const remark = { comment: reviewCommentShape(world, repository, pull, comment), pull_request: pullRequest };
    emit(world, { event: "pull_request_review_comment", action: "created", repository, sender: actor, payload: remark });
  }
}
