// From what a client sent for an issue to the columns it means, each reference checked. Writes nothing.
//   N1. An input field this server does not cover is refused by name, never accepted and forgotten.
import type { LinearDocument as L } from "@linear/sdk";
import { badArgument, badInput, notCovered, notFound } from "../errors.ts";
import type { Issue } from "../store/entities.ts";
import type { Change } from "./change.ts";
import { checkedPriority } from "./priority.ts";
import { checkedText, checkedTitle } from "./text.ts";

const COVERED = new Set([
  ...[
    "id",
    "teamId",
    "createdAt",
    "title",
    "description",
    "priority",
    "estimate",
    "dueDate",
    "sortOrder",
    "prioritySortOrder",
    "stateId",
  ],
  ...[
    "assigneeId",
    "delegateId",
    "parentId",
    "projectId",
    "labelIds",
    "addedLabelIds",
    "removedLabelIds",
    "subscriberIds",
    "trashed",
  ],
  ...["subIssueSortOrder", "preserveSortOrderOnCreate", "useDefaultTemplate"], // how lists look: accepted, of no effect here
]);

/** The columns a create or an update names. @throws GraphQLError for a bad value or an uncovered field (N1) */
export function issueColumns(change: Change, teamId: string, input: L.IssueCreateInput | L.IssueUpdateInput): Partial<Issue> {
  for (const [field, value] of Object.entries(input)) {
    if (value != null && !COVERED.has(field)) throw notCovered(`The issue input field "${field}"`);
  }
  const assigned = assignment(change, input);
  return {
    ...(input.description !== undefined && {
      description: input.description === null ? null : checkedText("description", input.description),
    }),
    ...(input.priority != null && { priority: checkedPriority(input.priority) }),
    ...(input.estimate !== undefined && { estimate: input.estimate }),
    ...(input.dueDate !== undefined && { dueDate: input.dueDate === null ? null : String(input.dueDate) }),
    ...(input.sortOrder != null && { sortOrder: input.sortOrder }),
    ...(input.stateId != null && { stateId: stateOfTeam(change, teamId, input.stateId) }),
    ...(input.parentId !== undefined && { parentId: input.parentId === null ? null : change.requireIssue(input.parentId).id }),
    ...(input.projectId !== undefined && {
      projectId: input.projectId === null ? null : change.require("Project", input.projectId).id,
    }),
    ...(input.labelIds != null && { labelIds: labels(change, teamId, input.labelIds) }),
    ...(input.subscriberIds != null && { subscriberIds: input.subscriberIds.map((id) => change.require("User", id).id) }),
    ...assigned,
  };
}

/** The columns an update changes, with labels added to and taken from what the issue has. */
export function patchOf(change: Change, issue: Issue, input: L.IssueUpdateInput): Partial<Issue> {
  const columns = issueColumns(change, issue.teamId, input);
  const added = labels(change, issue.teamId, input.addedLabelIds ?? []);
  const removed = new Set(input.removedLabelIds ?? []);
  const labelIds = [...new Set([...(columns.labelIds ?? issue.labelIds), ...added])].filter((id) => !removed.has(id));
  if (columns.parentId) refuseParentCycle(change, issue, columns.parentId);
  return {
    ...columns,
    ...(input.title != null && { title: checkedTitle(input.title) }),
    ...(input.trashed !== undefined && { trashed: input.trashed, archivedAt: input.trashed ? change.at : null }),
    labelIds,
  };
}

function stateOfTeam(change: Change, teamId: string, stateId: string): string {
  const state = change.require("WorkflowState", stateId);
  if (state.teamId !== teamId) throw badInput("The workflow state does not belong to the issue's team.");
  return state.id;
}

function labels(change: Change, teamId: string, ids: readonly string[]): string[] {
  for (const id of ids) {
    const label = change.require("IssueLabel", id);
    if (label.teamId && label.teamId !== teamId) throw badInput(`The label "${label.name}" does not belong to the issue's team.`);
    if (label.isGroup) throw badInput(`The label "${label.name}" is a group and cannot be applied to an issue.`);
  }
  return [...new Set(ids)];
}

/** An app user cannot be an assignee: assigning to one delegates to it, as in Linear. */
function assignment(change: Change, input: L.IssueCreateInput | L.IssueUpdateInput): Partial<Issue> {
  const result: { assigneeId?: string | null; delegateId?: string | null } = {};
  if (input.assigneeId === null) result.assigneeId = null;
  if (input.assigneeId) {
    const user = change.require("User", input.assigneeId);
    if (user.app) result.delegateId = user.id;
    else result.assigneeId = user.id;
  }
  if (input.delegateId === null) result.delegateId = null;
  if (input.delegateId) {
    const user = change.store.get("User", input.delegateId);
    if (!user) throw notFound("User");
    if (!user.app) throw badArgument("delegateId must be the id of an app user.");
    result.delegateId = user.id;
  }
  return result;
}

function refuseParentCycle(change: Change, issue: Issue, parentId: string): void {
  const seen = new Set<string>();
  for (let at: string | null = parentId; at && !seen.has(at); at = change.store.get("Issue", at)?.parentId ?? null) {
    if (at === issue.id) throw badInput("An issue cannot be its own parent, not even over several steps.");
    seen.add(at);
  }
}
