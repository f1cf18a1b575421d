// Routes of reviews and of conversation comments.
import { GitHubError, notFound } from "../errors.ts";
import type { Api, RepositoryCall } from "../http/api.ts";
import type { Input } from "../http/input.ts";
import { created, empty, linkHeader, ok, pageOf, type Reply, slice } from "../http/reply.ts";
import type { Route } from "../http/route.ts";
import { changeComment, refuseForeign, removeComment, writeComment } from "../operations/comment.ts";
import { createReview, dismissReview, type Remark, submitReview, VERDICTS } from "../operations/review.ts";
import { commentShape, reviewCommentShape, reviewShape } from "../shapes/pull.ts";
import { type Comment, commentsOf, findComment } from "../store/comments.ts";
import { type Pull, pullById } from "../store/pulls.ts";
import { commentsOfReview, findReview, type Review, reviewCommentsOf, reviewsOf, type Side } from "../store/reviews.ts";
import { changeOf } from "./change-of.ts";
import { pullOf } from "./pulls.ts";

const MAX_REMARKS = 1_000;
const REVIEWING = ["pull_requests"] as const;
const TALKING = ["issues", "pull_requests"] as const;

export function reviewRoutes(api: Api): Route[] {
  return [
    api.forRepository("POST", "/pulls/{number}/reviews", REVIEWING, create),
    api.forRepository("GET", "/pulls/{number}/reviews", REVIEWING, (call) => {
      const pull = pullOf(call);
      const all = reviewsOf(call.world.db, pull.id, call.actor.account.id);
      return page(call, all, (review) => reviewShape(call.world, call.repository, pull, review));
    }),
    api.forRepository("GET", "/pulls/{number}/reviews/{id}", REVIEWING, (call) => {
      const pull = pullOf(call);
      return ok(reviewShape(call.world, call.repository, pull, reviewOf(call, pull)));
    }),
    api.forRepository("GET", "/pulls/{number}/reviews/{id}/comments", REVIEWING, (call) => {
      const pull = pullOf(call);
      const all = commentsOfReview(call.world.db, reviewOf(call, pull).id);
      return page(call, all, (comment) => reviewCommentShape(call.world, call.repository, pull, comment));
    }),
    api.forRepository("POST", "/pulls/{number}/reviews/{id}/events", REVIEWING, (call) => {
      const pull = pullOf(call);
      const verdict = call.input.optionalChoice("event", VERDICTS);
      if (verdict === null) throw new GitHubError(422, 'Invalid request.\n\n"event" wasn\'t supplied.');
      const review = submitReview(changeOf(call), pull, reviewOf(call, pull), verdict, call.input.optionalText("body"));
      return ok(reviewShape(call.world, call.repository, pull, review));
    }),
    api.forRepository("PUT", "/pulls/{number}/reviews/{id}/dismissals", REVIEWING, (call) => {
      const pull = pullOf(call);
      call.input.string("message");
      return ok(reviewShape(call.world, call.repository, pull, dismissReview(changeOf(call), pull, reviewOf(call, pull))));
    }),
    api.forRepository("GET", "/pulls/{number}/comments", REVIEWING, (call) => {
      const pull = pullOf(call);
      return page(call, reviewCommentsOf(call.world.db, pull.id), (comment) =>
        reviewCommentShape(call.world, call.repository, pull, comment),
      );
    }),
    api.forRepository("POST", "/issues/{number}/comments", TALKING, (call) => {
      const pull = pullOf(call);
      call.input.string("body");
      const comment = writeComment(changeOf(call), pull, call.input.optionalText("body") ?? "");
      return created(commentShape(call.world, call.repository, pull, comment));
    }),
    api.forRepository("GET", "/issues/{number}/comments", TALKING, (call) => {
      const pull = pullOf(call);
      const all = commentsOf(call.world.db, pull.id, call.query.get("since") ?? "");
      return page(call, all, (comment) => commentShape(call.world, call.repository, pull, comment));
    }),
    api.forRepository("GET", "/issues/comments/{id}", TALKING, (call) => {
      const { comment, pull } = commentOf(call);
      return ok(commentShape(call.world, call.repository, pull, comment));
    }),
    api.forRepository("PATCH", "/issues/comments/{id}", TALKING, (call) => {
      const { comment, pull } = commentOf(call);
      const change = changeOf(call);
      refuseForeign(change, comment);
      call.input.string("body");
      const next = changeComment(change, pull, comment, call.input.optionalText("body") ?? "");
      return ok(commentShape(call.world, call.repository, pull, next));
    }),
    api.forRepository("DELETE", "/issues/comments/{id}", TALKING, (call) => {
      const { comment, pull } = commentOf(call);
      const change = changeOf(call);
      refuseForeign(change, comment);
      removeComment(change, pull, comment);
      return empty();
    }),
  ];
}

function page<Row>(
  { url, query }: Pick<RepositoryCall, "url" | "query">,
  all: readonly Row[],
  shape: (row: Row) => unknown,
): Reply {
  const at = pageOf(query);
  return ok(slice(all, at).map(shape), linkHeader(url, at, all.length));
}

async function create(call: RepositoryCall<"number">): Promise<Reply> {
  const { input } = call;
  const pull = pullOf(call);
  const remarks = input.objects("comments");
  if (remarks.length > MAX_REMARKS) throw new GitHubError(422, `A review holds at most ${MAX_REMARKS} comments.`);
  const review = await createReview(changeOf(call), pull, {
    verdict: input.optionalChoice("event", VERDICTS),
    body: input.optionalText("body") ?? "",
    commitSha: input.optionalString("commit_id"),
    remarks: remarks.map(remarkOf),
  });
  return ok(reviewShape(call.world, call.repository, pull, review));
}

const SIDES: readonly Side[] = ["LEFT", "RIGHT"];

function remarkOf(input: Input): Remark {
  input.string("body");
  return {
    path: input.string("path"),
    body: input.optionalText("body") ?? "",
    line: input.optionalInteger("line"),
    side: input.optionalChoice("side", SIDES) ?? "RIGHT",
    startLine: input.optionalInteger("start_line"),
    startSide: input.optionalChoice("start_side", SIDES),
    position: input.optionalInteger("position"),
  };
}

/** A pending review exists for its author only. @throws {GitHubError} 404 */
function reviewOf({ world, actor, params }: RepositoryCall<"number" | "id">, pull: Pull): Review {
  const review = /^\d{1,15}$/.test(params.id) ? findReview(world.db, pull.id, Number(params.id)) : null;
  if (review === null || (review.state === "PENDING" && review.authorId !== actor.account.id)) throw notFound();
  return review;
}

function commentOf({ world, repository, params }: RepositoryCall<"id">): { comment: Comment; pull: Pull } {
  const comment = /^\d{1,15}$/.test(params.id) ? findComment(world.db, repository.id, Number(params.id)) : null;
  const pull = comment === null ? null : pullById(world.db, comment.pullId);
  if (comment === null || pull === null) throw notFound();
  return { comment, pull };
}
