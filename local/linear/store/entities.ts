// The rows this server stores, one type per Linear entity: only what is stored. What can be computed (an issue's url, a
// priority's label) is not here. `xId` columns become object fields of the API, `xIds` columns become lists.

/** What every entity has. Times are ISO 8601 in UTC, as `Date.toISOString` writes them, so that they compare as text. */
export interface Entity {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly archivedAt: string | null;
}

export interface Organization extends Entity {
  readonly name: string;
  readonly urlKey: string;
}

export interface User extends Entity {
  readonly name: string;
  /** The short handle: `ada`. */
  readonly displayName: string;
  readonly email: string;
  readonly admin: boolean;
  /** A guest may look and not touch (our rule for the local viewer; see the README). */
  readonly guest: boolean;
  /** An app user: it acts through the API, and issues are delegated to it instead of assigned. */
  readonly app: boolean;
  readonly active: boolean;
}

export interface Team extends Entity {
  readonly name: string;
  readonly key: string;
  readonly defaultIssueStateId: string | null;
  /** The highest issue number given out so far. Never goes down, so a number is never used twice. */
  readonly lastNumber: number;
}

export type StateType = "triage" | "backlog" | "unstarted" | "started" | "completed" | "canceled" | "duplicate";

export interface WorkflowState extends Entity {
  readonly name: string;
  readonly type: StateType;
  readonly color: string;
  readonly description: string | null;
  readonly position: number;
  readonly teamId: string;
}

export interface IssueLabel extends Entity {
  readonly name: string;
  readonly color: string;
  readonly description: string | null;
  /** Null: a label of the whole workspace. */
  readonly teamId: string | null;
  readonly parentId: string | null;
  readonly creatorId: string | null;
  readonly isGroup: boolean;
}

export interface Issue extends Entity {
  readonly number: number;
  readonly identifier: string;
  readonly title: string;
  readonly description: string | null;
  /** 0 none, 1 urgent, 2 high, 3 medium, 4 low. */
  readonly priority: number;
  readonly estimate: number | null;
  readonly dueDate: string | null;
  readonly sortOrder: number;
  readonly teamId: string;
  readonly stateId: string;
  readonly creatorId: string;
  readonly assigneeId: string | null;
  readonly delegateId: string | null;
  readonly parentId: string | null;
  readonly projectId: string | null;
  readonly labelIds: readonly string[];
  readonly subscriberIds: readonly string[];
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly canceledAt: string | null;
  readonly trashed: boolean | null;
}

export type RelationType = "blocks" | "duplicate" | "related" | "similar";

/** `issueId` blocks (or duplicates, or is related to) `relatedIssueId`. */
export interface IssueRelation extends Entity {
  readonly type: RelationType;
  readonly issueId: string;
  readonly relatedIssueId: string;
}

export interface IssueHistory extends Entity {
  readonly issueId: string;
  readonly actorId: string;
  readonly fromStateId?: string;
  readonly toStateId?: string;
  readonly fromTitle?: string;
  readonly toTitle?: string;
  readonly fromPriority?: number;
  readonly toPriority?: number;
  readonly fromEstimate?: number | null;
  readonly toEstimate?: number | null;
  readonly fromDueDate?: string | null;
  readonly toDueDate?: string | null;
  readonly fromAssigneeId?: string | null;
  readonly toAssigneeId?: string | null;
  readonly fromDelegateId?: string | null;
  readonly toDelegateId?: string | null;
  readonly fromParentId?: string | null;
  readonly toParentId?: string | null;
  readonly fromProjectId?: string | null;
  readonly toProjectId?: string | null;
  readonly addedLabelIds?: readonly string[];
  readonly removedLabelIds?: readonly string[];
  readonly updatedDescription?: boolean;
  readonly archived?: boolean;
  readonly trashed?: boolean;
  readonly attachmentId?: string;
  readonly relationChanges?: readonly { readonly identifier: string; readonly type: string }[];
}

export interface Comment extends Entity {
  readonly body: string;
  readonly issueId: string;
  readonly userId: string;
  readonly parentId: string | null;
  readonly quotedText: string | null;
  readonly editedAt: string | null;
  readonly resolvedAt: string | null;
  readonly resolvingUserId: string | null;
  readonly resolvingCommentId: string | null;
}

export interface Attachment extends Entity {
  readonly issueId: string;
  readonly creatorId: string;
  readonly title: string;
  readonly subtitle: string | null;
  readonly url: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly source: Readonly<Record<string, unknown>> | null;
  readonly sourceType: string | null;
  readonly groupBySource: boolean;
}

export interface Reaction extends Entity {
  readonly emoji: string;
  readonly userId: string;
  readonly issueId: string | null;
  readonly commentId: string | null;
}

export interface Project extends Entity {
  readonly name: string;
  readonly description: string;
  readonly content: string | null;
  readonly color: string;
  readonly slugId: string;
  readonly priority: number;
  readonly sortOrder: number;
  readonly statusId: string;
  readonly leadId: string | null;
  readonly creatorId: string;
  readonly teamIds: readonly string[];
  readonly startDate: string | null;
  readonly targetDate: string | null;
}

export interface ProjectStatus extends Entity {
  readonly name: string;
  readonly type: string;
  readonly color: string;
  readonly position: number;
}

export interface Webhook extends Entity {
  readonly url: string;
  readonly label: string | null;
  readonly secret: string;
  readonly enabled: boolean;
  readonly allPublicTeams: boolean;
  readonly teamId: string | null;
  readonly creatorId: string;
  readonly resourceTypes: readonly string[];
}

export type SessionStatus = "pending" | "active" | "awaitingInput" | "complete" | "error" | "stale";

export interface AgentSession extends Entity {
  readonly issueId: string;
  readonly commentId: string | null;
  readonly appUserId: string;
  readonly creatorId: string | null;
  readonly status: SessionStatus;
  readonly type: "commentThread";
  readonly slugId: string;
  readonly summary: string | null;
  readonly plan: unknown;
  readonly externalUrls: readonly { readonly label: string; readonly url: string }[];
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

export interface AgentActivity extends Entity {
  readonly agentSessionId: string;
  readonly userId: string;
  /** Carries `__typename`, so that the API's union knows which member it is. */
  readonly content: Readonly<Record<string, unknown>> & { readonly __typename: string; readonly type: string };
  readonly ephemeral: boolean;
  readonly signal: string | null;
  readonly signalMetadata: Readonly<Record<string, unknown>> | null;
}

/** Every stored entity by its name in Linear's schema. */
export interface Rows {
  Organization: Organization;
  User: User;
  Team: Team;
  WorkflowState: WorkflowState;
  IssueLabel: IssueLabel;
  Issue: Issue;
  IssueRelation: IssueRelation;
  IssueHistory: IssueHistory;
  Comment: Comment;
  Attachment: Attachment;
  Reaction: Reaction;
  Project: Project;
  ProjectStatus: ProjectStatus;
  Webhook: Webhook;
  AgentSession: AgentSession;
  AgentActivity: AgentActivity;
}

export type EntityName = keyof Rows;

/** The columns each entity is looked up by. A column that holds a list is indexed by each of its members. */
export const INDEXES: { readonly [Name in EntityName]: readonly (keyof Rows[Name] & string)[] } = {
  Organization: [],
  User: [],
  Team: ["key"],
  WorkflowState: ["teamId"],
  IssueLabel: ["teamId", "parentId"],
  Issue: [
    "identifier",
    "teamId",
    "stateId",
    "labelIds",
    "assigneeId",
    "delegateId",
    "creatorId",
    "parentId",
    "projectId",
    "number",
  ],
  IssueRelation: ["issueId", "relatedIssueId"],
  IssueHistory: ["issueId"],
  Comment: ["issueId", "parentId", "userId"],
  Attachment: ["issueId", "url"],
  Reaction: ["issueId", "commentId"],
  Project: ["teamIds"],
  ProjectStatus: [],
  Webhook: [],
  AgentSession: ["issueId"],
  AgentActivity: ["agentSessionId"],
};

export const ENTITY_NAMES = Object.keys(INDEXES) as readonly EntityName[];
