// What the pages show, read from the store: columns of cards, and one issue with everything around it.
//   W1. A page is bounded, however many tickets there are and however long they are.
import { findIssue } from "../domain/change.ts";
import type { Attachment, Issue, IssueHistory, IssueLabel, IssueRelation, User, WorkflowState } from "../store/entities.ts";
import type { Store } from "../store/store.ts";

export interface Card {
  readonly issue: Issue;
  readonly labels: readonly IssueLabel[];
  /** Identifiers of the open issues that block it. */
  readonly blockedBy: readonly string[];
}

export interface Column {
  readonly state: WorkflowState;
  readonly cards: readonly Card[];
  /** All issues in the state, shown or not (W1). */
  readonly total: number;
}

export interface Related {
  readonly relation: IssueRelation;
  readonly issue: Issue;
}

export interface IssueDetail {
  readonly issue: Issue;
  readonly state: WorkflowState;
  readonly states: readonly WorkflowState[];
  readonly labels: readonly IssueLabel[];
  readonly creator: User | undefined;
  readonly delegate: User | undefined;
  /** App users the issue could be delegated to. */
  readonly agents: readonly User[];
  readonly blocks: readonly Related[];
  readonly blockedBy: readonly Related[];
  readonly others: readonly Related[];
  readonly attachments: readonly Attachment[];
  readonly comments: readonly { readonly id: string; readonly author: string; readonly at: string; readonly body: string }[];
  readonly history: readonly { readonly at: string; readonly actor: string; readonly lines: readonly string[] }[];
}

const CARDS = 100;
const LINES = 100;
const CHARACTERS = 200_000;

export const states = (store: Store): WorkflowState[] =>
  [...store.tables.WorkflowState.all()].sort((left, right) => left.position - right.position);

export function columns(store: Store): Column[] {
  return states(store).map((state) => {
    const issues = store.tables.Issue.by("stateId", state.id).filter((issue) => !issue.archivedAt);
    issues.sort((left, right) => left.sortOrder - right.sortOrder);
    return { state, total: issues.length, cards: issues.slice(0, CARDS).map((issue) => card(store, issue)) };
  });
}

function card(store: Store, issue: Issue): Card {
  const blockedBy = relatedTo(store, issue, "blockedBy").filter(({ issue: blocker }) => isOpen(store, blocker));
  return { issue, labels: labelsOf(store, issue), blockedBy: blockedBy.map(({ issue: blocker }) => blocker.identifier) };
}

export function issueDetail(store: Store, identifier: string): IssueDetail | undefined {
  const issue = findIssue(store, identifier);
  const state = issue && store.get("WorkflowState", issue.stateId);
  if (!issue || !state) return undefined;
  const name = (id: string) => store.get("User", id)?.name ?? "Somebody";
  return {
    issue: { ...issue, description: issue.description && shortened(issue.description) },
    state,
    states: states(store).filter(({ teamId }) => teamId === issue.teamId),
    labels: labelsOf(store, issue),
    creator: store.get("User", issue.creatorId),
    delegate: issue.delegateId ? store.get("User", issue.delegateId) : undefined,
    agents: [...store.tables.User.all()].filter(({ app }) => app),
    blocks: relatedTo(store, issue, "blocks"),
    blockedBy: relatedTo(store, issue, "blockedBy"),
    others: relatedTo(store, issue, "others"),
    attachments: store.tables.Attachment.by("issueId", issue.id).slice(-LINES),
    comments: store.tables.Comment.by("issueId", issue.id)
      .slice(-LINES)
      .map(({ id, userId, createdAt, body }) => ({ id, author: name(userId), at: createdAt, body: shortened(body) })),
    history: store.tables.IssueHistory.by("issueId", issue.id)
      .slice(-LINES)
      .map((entry) => ({ at: entry.createdAt, actor: name(entry.actorId), lines: told(store, entry) })),
  };
}

function labelsOf(store: Store, issue: Issue): IssueLabel[] {
  return issue.labelIds.flatMap((id) => store.get("IssueLabel", id) ?? []);
}

function isOpen(store: Store, issue: Issue): boolean {
  const type = store.get("WorkflowState", issue.stateId)?.type;
  return type !== "completed" && type !== "canceled" && type !== "duplicate";
}

function relatedTo(store: Store, issue: Issue, side: "blocks" | "blockedBy" | "others"): Related[] {
  const { IssueRelation } = store.tables;
  const outgoing = side === "blockedBy" ? [] : IssueRelation.by("issueId", issue.id);
  const incoming = side === "blocks" ? [] : IssueRelation.by("relatedIssueId", issue.id);
  return [...outgoing, ...incoming]
    .filter(({ type }) => (type === "blocks") === (side !== "others"))
    .flatMap((relation) => {
      const other = store.get("Issue", relation.issueId === issue.id ? relation.relatedIssueId : relation.issueId);
      return other ? [{ relation, issue: other }] : [];
    });
}

function shortened(text: string): string {
  return text.length <= CHARACTERS
    ? text
    : `${text.slice(0, CHARACTERS)}\n… (${text.length - CHARACTERS} more characters, not shown here)`;
}

const RELATIONS: Readonly<Record<string, string>> = {
  x: "blocks",
  b: "blocked by",
  r: "related to",
  d: "duplicate of",
  s: "duplicated by",
  l: "similar to",
};
const PLAIN = ["Title", "Priority", "Estimate", "DueDate"] as const;

/** A line of history in words. */
function told(store: Store, entry: IssueHistory): string[] {
  const state = (id: string | undefined) => store.get("WorkflowState", id ?? "")?.name ?? "nothing";
  const user = (id: string | null | undefined) => store.get("User", id ?? "")?.name ?? "nobody";
  const labels = (ids: readonly string[] | undefined) =>
    (ids ?? []).map((id) => store.get("IssueLabel", id)?.name ?? "a label").join(", ");
  const lines: string[] = [];
  if (entry.toStateId)
    lines.push(
      entry.fromStateId
        ? `moved from ${state(entry.fromStateId)} to ${state(entry.toStateId)}`
        : `created in ${state(entry.toStateId)}`,
    );
  for (const what of PLAIN) {
    if (entry[`to${what}`] !== undefined)
      lines.push(`${what.toLowerCase()}: ${entry[`from${what}`] ?? "none"} to ${entry[`to${what}`] ?? "none"}`);
  }
  if (entry.toAssigneeId !== undefined) lines.push(`assigned to ${user(entry.toAssigneeId)}`);
  if (entry.toDelegateId !== undefined) lines.push(`delegated to ${user(entry.toDelegateId)}`);
  if (entry.addedLabelIds) lines.push(`added ${labels(entry.addedLabelIds)}`);
  if (entry.removedLabelIds) lines.push(`removed ${labels(entry.removedLabelIds)}`);
  if (entry.updatedDescription) lines.push("changed the description");
  if (entry.toParentId !== undefined) lines.push("changed the parent");
  if (entry.toProjectId !== undefined) lines.push("changed the project");
  if (entry.attachmentId) lines.push("added an attachment");
  if (entry.archived !== undefined) lines.push(entry.trashed ? "deleted" : entry.archived ? "archived" : "restored");
  for (const { identifier, type } of entry.relationChanges ?? []) {
    lines.push(`${type.startsWith("a") ? "added" : "removed"}: ${RELATIONS[type.slice(1)] ?? "relation to"} ${identifier}`);
  }
  return lines;
}
