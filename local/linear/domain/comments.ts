// Comments on issues and reactions to either. A repeated create with the same id is Linear's conflict error, which is
// how a client that lost the answer learns that the first one was heard.
import type { LinearDocument as L } from "@linear/sdk";
import { badArgument, badInput, forbidden, notCovered } from "../errors.ts";
import type { Comment, Reaction } from "../store/entities.ts";
import type { Change } from "./change.ts";
import { checkedText } from "./text.ts";

export function commentCreate(change: Change, { input }: { input: L.CommentCreateInput }): { comment: Comment } {
  const parent = input.parentId ? change.require("Comment", input.parentId) : undefined;
  const issueId = input.issueId ?? parent?.issueId;
  if (!issueId) throw notCovered("Commenting on anything but an issue");
  const issue = change.requireIssue(issueId);
  if (parent && parent.issueId !== issue.id) throw badInput("The parent comment belongs to another issue.");
  const comment: Comment = {
    ...change.born("Comment", input.id),
    body: checkedBody(input.body),
    issueId: issue.id,
    userId: change.actor.id,
    parentId: parent?.parentId ?? parent?.id ?? null, // threads are one level deep
    quotedText: input.quotedText ?? null,
    editedAt: null,
    resolvedAt: null,
    resolvingUserId: null,
    resolvingCommentId: null,
  };
  change.put("Comment", comment, { identifier: issue.identifier });
  change.report({ type: "Comment", action: "create", row: comment });
  return { comment };
}

export function commentUpdate(change: Change, { id, input }: { id: string; input: L.CommentUpdateInput }): { comment: Comment } {
  const before = ownComment(change, id);
  if (input.body == null || input.body === before.body) return { comment: before };
  const comment: Comment = { ...before, body: checkedBody(input.body), editedAt: change.at, updatedAt: change.at };
  return { comment: update(change, before, comment, { body: before.body, editedAt: before.editedAt }) };
}

export function commentResolve(change: Change, args: { id: string; resolvingCommentId?: string | null }): { comment: Comment } {
  const before = change.require("Comment", args.id);
  const resolvingCommentId = args.resolvingCommentId ? change.require("Comment", args.resolvingCommentId).id : null;
  const comment: Comment = {
    ...before,
    resolvedAt: change.at,
    resolvingUserId: change.actor.id,
    resolvingCommentId,
    updatedAt: change.at,
  };
  return { comment: update(change, before, comment, { resolvedAt: before.resolvedAt }) };
}

export function commentUnresolve(change: Change, { id }: { id: string }): { comment: Comment } {
  const before = change.require("Comment", id);
  const comment: Comment = { ...before, resolvedAt: null, resolvingUserId: null, resolvingCommentId: null, updatedAt: change.at };
  return { comment: update(change, before, comment, { resolvedAt: before.resolvedAt }) };
}

export function commentDelete(change: Change, { id }: { id: string }): { entityId: string } {
  const comment = ownComment(change, id);
  for (const child of change.store.tables.Comment.by("parentId", id)) removeComment(change, child);
  removeComment(change, comment);
  return { entityId: id };
}

export function reactionCreate(change: Change, { input }: { input: L.ReactionCreateInput }): { reaction: Reaction } {
  const issue = input.issueId ? change.requireIssue(input.issueId) : undefined;
  const comment = input.commentId ? change.require("Comment", input.commentId) : undefined;
  if (!issue === !comment) throw badArgument("Give either issueId or commentId: reactions to anything else are not covered.");
  const born = change.born("Reaction", input.id);
  const reaction: Reaction = {
    ...born,
    emoji: input.emoji,
    userId: change.actor.id,
    issueId: issue?.id ?? null,
    commentId: comment?.id ?? null,
  };
  change.put("Reaction", reaction, { identifier: identifierOf(change, issue?.id ?? comment?.issueId) });
  change.report({ type: "Reaction", action: "create", row: reaction });
  return { reaction };
}

export function reactionDelete(change: Change, { id }: { id: string }): { entityId: string } {
  const reaction = change.require("Reaction", id);
  if (reaction.userId !== change.actor.id) throw forbidden("Only your own reactions can be removed.");
  change.remove("Reaction", id);
  change.report({ type: "Reaction", action: "remove", row: reaction });
  return { entityId: id };
}

function checkedBody(body: string | null | undefined): string {
  if (!body?.trim()) throw badArgument("body must be longer than or equal to 1 characters.");
  return checkedText("body", body);
}

function ownComment(change: Change, id: string): Comment {
  const comment = change.require("Comment", id);
  if (comment.userId !== change.actor.id && !change.actor.admin) throw forbidden("Only the author of a comment can change it.");
  return comment;
}

const identifierOf = (change: Change, issueId: string | undefined): string =>
  change.store.get("Issue", issueId ?? "")?.identifier ?? "";

function update(change: Change, before: Comment, after: Comment, from: Partial<Comment>): Comment {
  const changes = Object.fromEntries(Object.keys(from).map((column) => [column, ["(before)", "(after)"] as const]));
  change.put("Comment", after, { identifier: identifierOf(change, after.issueId), changes });
  change.report({ type: "Comment", action: "update", row: after, updatedFrom: { updatedAt: before.updatedAt, ...from } });
  return after;
}

function removeComment(change: Change, comment: Comment): void {
  for (const reaction of change.store.tables.Reaction.by("commentId", comment.id)) change.store.remove("Reaction", reaction.id);
  change.remove("Comment", comment.id, { identifier: identifierOf(change, comment.issueId) });
  change.report({ type: "Comment", action: "remove", row: comment });
}
