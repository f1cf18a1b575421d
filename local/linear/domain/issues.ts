// Issues: how they are created, changed, archived and deleted, and what each of these leaves behind.
//   I1. Numbers are given out per team, grow by one and are never used twice.
//   I2. `startedAt`, `completedAt` and `canceledAt` follow the type of the state, whoever moves the issue.
//   I3. An update that changes nothing leaves no history, no webhook and the old `updatedAt`.
import type { LinearDocument as L } from "@linear/sdk";
import { badInput, notCovered, notFound } from "../errors.ts";
import type { Issue, IssueHistory, User, WorkflowState } from "../store/entities.ts";
import { openSession } from "./agent-sessions.ts";
import type { Change } from "./change.ts";
import { issueColumns, patchOf } from "./issue-input.ts";
import { checkedTitle } from "./text.ts";

const BATCH = 50;

export function issueCreate(change: Change, { input }: { input: L.IssueCreateInput }): { issue: Issue } {
  const team = change.store.get("Team", input.teamId) ?? change.store.tables.Team.by("key", input.teamId)[0];
  if (!team) throw notFound("Team");
  const number = team.lastNumber + 1; // I1
  change.store.put("Team", { ...team, lastNumber: number });
  const columns = issueColumns(change, team.id, input);
  const stateId = columns.stateId ?? team.defaultIssueStateId ?? change.store.tables.WorkflowState.by("teamId", team.id)[0]!.id;
  const born = change.born("Issue", input.id);
  const createdAt = input.createdAt ? earlier(String(input.createdAt), change.at) : change.at; // imports keep their time
  const issue: Issue = {
    number,
    identifier: `${team.key}-${number}`,
    description: null,
    priority: 0,
    estimate: null,
    dueDate: null,
    sortOrder: -100 * number,
    teamId: team.id,
    creatorId: change.actor.id,
    assigneeId: null,
    delegateId: null,
    parentId: null,
    projectId: null,
    labelIds: [],
    subscriberIds: [change.actor.id],
    trashed: null,
    ...columns,
    ...born,
    createdAt,
    title: checkedTitle(input.title),
    stateId,
    ...timesOnEntering(change.require("WorkflowState", stateId), { startedAt: null }, change.at),
  };
  change.put("Issue", issue, { identifier: issue.identifier });
  change.store.put("IssueHistory", {
    ...change.born("IssueHistory"),
    issueId: issue.id,
    actorId: change.actor.id,
    toStateId: stateId,
  });
  change.report({ type: "Issue", action: "create", row: issue });
  openSessionIfDelegated(change, undefined, issue);
  return { issue };
}

export function issueUpdate(change: Change, { id, input }: { id: string; input: L.IssueUpdateInput }): { issue: Issue } {
  const issue = change.requireIssue(id);
  if (input.teamId && input.teamId !== issue.teamId) throw notCovered("moving an issue to another team");
  return { issue: applyPatch(change, issue, patchOf(change, issue, input)) };
}

export function issueBatchCreate(change: Change, { input }: { input: L.IssueBatchCreateInput }): { issues: Issue[] } {
  if (input.issues.length > BATCH) throw badInput(`No more than ${BATCH} issues can be created at once.`);
  return { issues: input.issues.map((each) => issueCreate(change, { input: each }).issue) };
}

export function issueBatchUpdate(change: Change, args: { ids: string[]; input: L.IssueUpdateInput }): { issues: Issue[] } {
  if (args.ids.length > BATCH) throw badInput(`No more than ${BATCH} issues can be updated at once.`);
  return { issues: args.ids.map((id) => issueUpdate(change, { id, input: args.input }).issue) };
}

export function issueAddLabel(change: Change, { id, labelId }: { id: string; labelId: string }): { issue: Issue } {
  return issueUpdate(change, { id, input: { addedLabelIds: [labelId] } });
}

export function issueRemoveLabel(change: Change, { id, labelId }: { id: string; labelId: string }): { issue: Issue } {
  return issueUpdate(change, { id, input: { removedLabelIds: [labelId] } });
}

export function issueArchive(change: Change, { id, trash }: { id: string; trash?: boolean | null }): { entity: Issue } {
  return { entity: putAway(change, change.requireIssue(id), trash ?? false) };
}

/** Moves the issue to the trash; with `permanentlyDelete`, which only admins may ask for, it is gone with all it had. */
export function issueDelete(change: Change, args: { id: string; permanentlyDelete?: boolean | null }): { entity: Issue | null } {
  const issue = change.requireIssue(args.id);
  if (!args.permanentlyDelete) return { entity: putAway(change, issue, true) };
  if (!change.actor.admin) throw badInput("Only admins can permanently delete issues.");
  const { tables } = change.store;
  for (const type of ["Comment", "Attachment", "IssueHistory", "AgentSession", "Reaction"] as const) {
    for (const row of tables[type].by("issueId", issue.id)) change.store.remove(type, row.id);
  }
  for (const column of ["issueId", "relatedIssueId"] as const) {
    for (const relation of tables.IssueRelation.by(column, issue.id)) change.store.remove("IssueRelation", relation.id);
  }
  for (const child of tables.Issue.by("parentId", issue.id)) change.store.put("Issue", { ...child, parentId: null });
  change.remove("Issue", issue.id, { identifier: issue.identifier });
  if (!issue.archivedAt) change.report({ type: "Issue", action: "remove", row: issue });
  return { entity: null };
}

export function issueUnarchive(change: Change, { id }: { id: string }): { entity: Issue } {
  const issue = change.requireIssue(id);
  if (!issue.archivedAt) return { entity: issue };
  return { entity: applyPatch(change, issue, { archivedAt: null, trashed: null }) };
}

function putAway(change: Change, issue: Issue, trash: boolean): Issue {
  if (issue.archivedAt && (issue.trashed || !trash)) return issue;
  const away: Issue = { ...issue, archivedAt: change.at, updatedAt: change.at, trashed: trash || issue.trashed };
  change.put("Issue", away, { identifier: issue.identifier, changes: { archivedAt: [issue.archivedAt, away.archivedAt] } });
  remember(change, issue, trash ? { archived: true, trashed: true } : { archived: true });
  change.report({ type: "Issue", action: "remove", row: away });
  return away;
}

/** Applies new column values to an issue: times, history, webhook, journal. Also used by relations (duplicates). */
export function applyPatch(change: Change, issue: Issue, patch: Partial<Issue>): Issue {
  const moved = patch.stateId && patch.stateId !== issue.stateId ? change.require("WorkflowState", patch.stateId) : undefined;
  const wanted = { ...patch, ...(moved && timesOnEntering(moved, issue, change.at)) };
  const changes = changedColumns(issue, wanted);
  if (Object.keys(changes).length === 0) return issue; // I3
  const next: Issue = { ...issue, ...wanted, updatedAt: change.at };
  change.put("Issue", next, { identifier: issue.identifier, changes: journalled(change, changes) });
  remember(change, issue, historyOf(issue, next));
  const before = Object.fromEntries(Object.entries(changes).map(([column, [from]]) => [column, from]));
  change.report({ type: "Issue", action: "update", row: next, updatedFrom: { updatedAt: issue.updatedAt, ...before } });
  openSessionIfDelegated(change, issue, next);
  return next;
}

/** I2. Entering a state sets the time of its kind and clears the times that are no longer true. */
function timesOnEntering(
  state: WorkflowState,
  before: Pick<Issue, "startedAt">,
  at: string,
): Pick<Issue, "startedAt" | "completedAt" | "canceledAt"> {
  switch (state.type) {
    case "triage":
    case "backlog":
    case "unstarted":
      return { startedAt: null, completedAt: null, canceledAt: null };
    case "started":
      return { startedAt: before.startedAt ?? at, completedAt: null, canceledAt: null };
    case "completed":
      return { startedAt: before.startedAt, completedAt: at, canceledAt: null };
    case "canceled":
    case "duplicate":
      return { startedAt: before.startedAt, completedAt: null, canceledAt: at };
    default:
      state.type satisfies never;
      return { startedAt: null, completedAt: null, canceledAt: null };
  }
}

type Changes = Record<string, readonly [unknown, unknown]>;

function changedColumns(issue: Issue, wanted: Partial<Issue>): Changes {
  const pairs = Object.entries(wanted).map(([column, to]) => [column, [Reflect.get(issue, column), to]] as const);
  return Object.fromEntries(pairs.filter(([, [from, to]]) => !Bun.deepEquals(from, to)));
}

/** For the journal: a state by its name too, and no copy of a description that may be a megabyte long. */
function journalled(change: Change, changes: Changes): Changes {
  const { description, ...rest } = changes;
  const name = (id: unknown) => change.store.get("WorkflowState", String(id))?.name;
  return {
    ...rest,
    ...(description && { description: ["(text)", "(text)"] }),
    ...(rest.stateId && { state: [name(rest.stateId[0]), name(rest.stateId[1])] }),
  };
}

const TRACKED = ["state", "title", "priority", "estimate", "dueDate", "assignee", "delegate", "parent", "project"] as const;

function historyOf(before: Issue, after: Issue): Partial<IssueHistory> {
  const entry: Record<string, unknown> = {};
  for (const what of TRACKED) {
    const column = what in before ? what : `${what}Id`;
    const [from, to]: unknown[] = [Reflect.get(before, column), Reflect.get(after, column)];
    if (from === to) continue;
    const suffix = column.charAt(0).toUpperCase() + column.slice(1);
    entry[`from${suffix}`] = from;
    entry[`to${suffix}`] = to;
  }
  const added = after.labelIds.filter((id) => !before.labelIds.includes(id));
  const removed = before.labelIds.filter((id) => !after.labelIds.includes(id));
  if (added.length > 0) entry.addedLabelIds = added;
  if (removed.length > 0) entry.removedLabelIds = removed;
  if (before.description !== after.description) entry.updatedDescription = true;
  if (before.archivedAt && !after.archivedAt) entry.archived = false;
  return entry;
}

/** Adds a line to the issue's history, unless there is nothing a person would read in it. */
export function remember(change: Change, issue: Issue, entry: Partial<IssueHistory>): void {
  if (Object.keys(entry).length === 0) return;
  change.store.put("IssueHistory", { ...entry, ...change.born("IssueHistory"), issueId: issue.id, actorId: change.actor.id });
}

function openSessionIfDelegated(change: Change, before: Issue | undefined, after: Issue): void {
  if (!after.delegateId || before?.delegateId === after.delegateId) return;
  const agent: User = change.require("User", after.delegateId);
  if (agent.id !== change.actor.id) openSession(change, after, agent); // an agent that takes an issue itself needs no telling
}

const earlier = (left: string, right: string): string => (left < right ? left : right);
