// How entities hang together, by the names in Linear's schema: which table a connection lists, and by which column.
// Object fields need no list here: a field `state` is the row that `stateId` points to.
import type { EntityName, Rows } from "../store/entities.ts";
import { ENTITY_NAMES } from "../store/entities.ts";

/** How the rows of a connection are found. */
export type Source =
  /** The rows of a table whose indexed column is (or holds) the owner's id. */
  | { readonly by: "column"; readonly type: EntityName; readonly column: string }
  /** The rows whose ids the owner lists in a column of its own. */
  | { readonly by: "ids"; readonly type: EntityName; readonly column: string }
  /** Every row of a table. */
  | { readonly by: "all"; readonly type: EntityName };

const column = <Name extends EntityName>(type: Name, name: keyof Rows[Name] & string): Source => ({
  by: "column",
  type,
  column: name,
});
const ids = <Name extends EntityName>(type: Name, name: string): Source => ({ by: "ids", type, column: name });
const all = (type: EntityName): Source => ({ by: "all", type });

/** "Owner.field" to its rows. Connections that are not listed are empty: the workspace has none of these things. */
export const SOURCES: Readonly<Record<string, Source>> = {
  "Organization.users": all("User"),
  "Organization.teams": all("Team"),
  "Organization.labels": all("IssueLabel"),
  "User.assignedIssues": column("Issue", "assigneeId"),
  "User.createdIssues": column("Issue", "creatorId"),
  "User.delegatedIssues": column("Issue", "delegateId"),
  "User.teams": all("Team"),
  "Team.members": all("User"),
  "Team.states": column("WorkflowState", "teamId"),
  "Team.labels": column("IssueLabel", "teamId"),
  "Team.issues": column("Issue", "teamId"),
  "Team.projects": column("Project", "teamIds"),
  "WorkflowState.issues": column("Issue", "stateId"),
  "IssueLabel.issues": column("Issue", "labelIds"),
  "IssueLabel.children": column("IssueLabel", "parentId"),
  "Issue.labels": ids("IssueLabel", "labelIds"),
  "Issue.subscribers": ids("User", "subscriberIds"),
  "Issue.children": column("Issue", "parentId"),
  "Issue.comments": column("Comment", "issueId"),
  "Issue.attachments": column("Attachment", "issueId"),
  "Issue.reactions": column("Reaction", "issueId"),
  "Issue.history": column("IssueHistory", "issueId"),
  "Issue.relations": column("IssueRelation", "issueId"),
  "Issue.inverseRelations": column("IssueRelation", "relatedIssueId"),
  "Issue.agentSessions": column("AgentSession", "issueId"),
  "IssueHistory.addedLabels": ids("IssueLabel", "addedLabelIds"),
  "IssueHistory.removedLabels": ids("IssueLabel", "removedLabelIds"),
  "Comment.children": column("Comment", "parentId"),
  "Comment.reactions": column("Reaction", "commentId"),
  "Project.issues": column("Issue", "projectId"),
  "Project.teams": ids("Team", "teamIds"),
  "AgentSession.activities": column("AgentActivity", "agentSessionId"),
};

/** Linear answers a search with a type of its own, which is an issue with a score. */
export const ownerName = (typeName: string): string => (typeName === "IssueSearchResult" ? "Issue" : typeName);

export const isEntityName = (name: string): name is EntityName => (ENTITY_NAMES as readonly string[]).includes(name);
