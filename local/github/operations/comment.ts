// Conversation comments: written, changed, deleted.
import { GitHubError, validationFailed } from "../errors.ts";
import { commentShape, issueShape } from "../shapes/pull.ts";
import { type Comment, commentsOf, deleteComment, insertComment, updateComment } from "../store/comments.ts";
import type { Pull } from "../store/pulls.ts";
import { emit } from "../webhooks/events.ts";
import { nowIso } from "../world.ts";
import { type Change, journal } from "./change.ts";

/** @throws {GitHubError} 422 for an empty body */
export function writeComment(change: Change, pull: Pull, body: string): Comment {
  const { world, actor } = change;
  refuseBlank(body);
  return world.db.transaction(() => {
    const comment = insertComment(world.db, { pullId: pull.id, authorId: actor.id, body, at: nowIso(world) });
    journal(change, { number: pull.number, comment: comment.id, length: body.length });
    tell(change, pull, comment, "created");
    return comment;
  })();
}

/** @throws {GitHubError} 422 for an empty body */
export function changeComment(change: Change, pull: Pull, comment: Comment, body: string): Comment {
  const { world } = change;
  refuseBlank(body);
  return world.db.transaction(() => {
    const next = updateComment(world.db, comment, body, nowIso(world));
    journal(change, { number: pull.number, comment: comment.id, length: body.length });
    tell(change, pull, next, "edited", { changes: { body: { from: comment.body } } });
    return next;
  })();
}

export function removeComment(change: Change, pull: Pull, comment: Comment): void {
  const { world } = change;
  world.db.transaction(() => {
    deleteComment(world.db, comment.id);
    journal(change, { number: pull.number, comment: comment.id, deleted: true });
    tell(change, pull, comment, "deleted");
  })();
}

/** @throws {GitHubError} 403 unless the comment is the caller's own or the caller is a person, who administers every local repository */
export function refuseForeign(change: Change, comment: Comment): void {
  if (comment.authorId === change.actor.id || change.actor.type === "User") return;
  throw new GitHubError(403, "Must have admin rights to Repository.");
}

function refuseBlank(body: string): void {
  if (body.trim() === "") throw validationFailed({ resource: "IssueComment", code: "missing_field", field: "body" });
}

function tell(
  change: Change,
  pull: Pull,
  comment: Comment,
  action: "created" | "edited" | "deleted",
  extra: Readonly<Record<string, unknown>> = {},
): void {
  const { world, repository, actor } = change;
  const issue = issueShape(world, repository, pull, commentsOf(world.db, pull.id).length);
  const payload = { issue, comment: commentShape(world, repository, pull, comment), ...extra };
  emit(world, { event: "issue_comment", action, repository, sender: actor, payload });
}
