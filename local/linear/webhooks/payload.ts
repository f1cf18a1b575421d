// What a webhook says: the bodies Linear documents, built from rows at the moment of the change and then frozen.
// `webhookTimestamp` is missing here on purpose: it is the time of an attempt, so the sender adds it (delivery-queue.ts).
import type { Change } from "../domain/change.ts";
import { PRIORITY_LABELS } from "../domain/priority.ts";
import type {
  AgentActivity,
  AgentSession,
  Attachment,
  Comment,
  Entity,
  Issue,
  IssueLabel,
  Project,
  Reaction,
  User,
  Webhook,
} from "../store/entities.ts";
import type { Store } from "../store/store.ts";

/** A change of an entity, as Linear's data-change webhooks tell it. */
type DataEvent = { readonly action: "create" | "update" | "remove"; readonly updatedFrom?: Readonly<Record<string, unknown>> } & (
  | { readonly type: "Issue"; readonly row: Issue }
  | { readonly type: "Comment"; readonly row: Comment }
  | { readonly type: "IssueLabel"; readonly row: IssueLabel }
  | { readonly type: "Attachment"; readonly row: Attachment }
  | { readonly type: "Project"; readonly row: Project }
  | { readonly type: "Reaction"; readonly row: Reaction }
);

/** Something an agent must react to: a new session, or a person's answer in one. */
type SessionEvent =
  | { readonly type: "AgentSessionEvent"; readonly action: "created"; readonly session: AgentSession }
  | {
      readonly type: "AgentSessionEvent";
      readonly action: "prompted";
      readonly session: AgentSession;
      readonly activity: AgentActivity;
    };

export type WebhookEvent = DataEvent | SessionEvent;

/** The body for one webhook without its timestamp, or nothing if this webhook does not ask for the event. */
export function deliveryBody(change: Change, webhook: Webhook, event: WebhookEvent): string | undefined {
  if (!webhook.enabled || !webhook.resourceTypes.includes(event.type)) return undefined;
  if (webhook.teamId && !teamsOf(change.store, event).includes(webhook.teamId)) return undefined;
  const organizationId = organizationOf(change.store);
  const frame = { type: event.type, createdAt: change.at, organizationId, webhookId: webhook.id };
  if (event.type === "AgentSessionEvent") return JSON.stringify({ ...frame, ...sessionPart(change, event) });
  const { data, url } = dataPart(change, event);
  const { action, updatedFrom } = event;
  return JSON.stringify({
    action,
    actor: actorPart(change),
    ...frame,
    data,
    ...(updatedFrom && { updatedFrom }),
    ...(url && { url }),
  });
}

const organizationOf = (store: Store): string => [...store.tables.Organization.all()][0]!.id;

function teamsOf(store: Store, event: WebhookEvent): readonly string[] {
  const byIssue = (id: string | null) => [store.get("Issue", id ?? "")?.teamId ?? ""];
  switch (event.type) {
    case "Issue":
      return [event.row.teamId];
    case "Comment":
    case "Attachment":
      return byIssue(event.row.issueId);
    case "Reaction":
      return byIssue(event.row.issueId ?? store.get("Comment", event.row.commentId ?? "")?.issueId ?? null);
    case "IssueLabel":
      return event.row.teamId ? [event.row.teamId] : [];
    case "Project":
      return event.row.teamIds;
    case "AgentSessionEvent":
      return byIssue(event.session.issueId);
    default:
      event satisfies never;
      return [];
  }
}

function dataPart(change: Change, event: DataEvent): { readonly data: object; readonly url?: string } {
  const { store, links } = change;
  const issueUrl = (id: string | null) => links.issue(store.get("Issue", id ?? "")?.identifier ?? "");
  switch (event.type) {
    case "Issue":
      return { data: issueData(change, event.row), url: links.issue(event.row.identifier) };
    case "Comment": {
      const issue = store.get("Issue", event.row.issueId);
      const data = {
        ...event.row,
        user: userChild(change, event.row.userId),
        issue: issue && issueChild(change, issue),
        reactionData: [],
      };
      return { data, url: links.comment(issue?.identifier ?? "", event.row.id) };
    }
    case "Attachment":
      return { data: event.row, url: issueUrl(event.row.issueId) };
    case "Reaction":
      return { data: { ...event.row, user: userChild(change, event.row.userId) } };
    case "IssueLabel":
      return { data: event.row };
    case "Project":
      return { data: { ...event.row, url: links.project(event.row.slugId) }, url: links.project(event.row.slugId) };
    default:
      event satisfies never;
      return { data: {} };
  }
}

function sessionPart(change: Change, event: SessionEvent): object {
  const { session } = event;
  const issue = change.store.get("Issue", session.issueId)!;
  const creator = session.creatorId ? userChild(change, session.creatorId) : null;
  const shared = {
    action: event.action,
    agentSession: {
      ...session,
      organizationId: organizationOf(change.store),
      creator,
      issue: { ...issueChild(change, issue), description: issue.description },
      url: change.links.issue(issue.identifier),
    },
    appUserId: session.appUserId,
    oauthClientId: session.appUserId,
    guidance: null,
  };
  if (event.action === "prompted") {
    return { ...shared, agentActivity: { ...event.activity, user: userChild(change, event.activity.userId) } };
  }
  const comments = change.store.tables.Comment.by("issueId", issue.id);
  const previousComments = comments.map(({ id, body, userId }) => ({ id, body, userId, issueId: issue.id }));
  return { ...shared, promptContext: promptContext(change, issue), previousComments };
}

/** The issue as Linear hands it to an agent: a small XML text, escaped because tickets are hostile. */
function promptContext(change: Change, issue: Issue): string {
  const team = change.store.get("Team", issue.teamId);
  return [
    `<issue identifier="${xml(issue.identifier)}">`,
    `<title>${xml(issue.title)}</title>`,
    `<description>${xml(issue.description ?? "")}</description>`,
    `<team name="${xml(team?.name ?? "")}"/>`,
    "</issue>",
  ].join("\n");
}

const xml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** Who did it. An app's own changes are told as its OAuth client's, which is how a receiver knows its own echo. */
function actorPart({ actor, links }: Change): object {
  const { id, name, email, displayName } = actor;
  if (actor.app) return { id, name, type: "oauthClient" };
  return { id, name, email, avatarUrl: null, url: links.user(displayName), type: "user" };
}

function issueData(change: Change, issue: Issue): object {
  const { store, links } = change;
  const { number, trashed, ...columns } = issue;
  const user = (id: string | null) => (id ? userChild(change, id) : undefined);
  const state = store.get("WorkflowState", issue.stateId);
  const team = store.get("Team", issue.teamId);
  const project = issue.projectId ? store.get("Project", issue.projectId) : undefined;
  const labels = issue.labelIds.flatMap((id) => {
    const label = store.get("IssueLabel", id);
    return label ? [pick(label, "id", "name", "color", "parentId")] : [];
  });
  return {
    ...columns,
    ...(trashed && { trashed }),
    number,
    priorityLabel: PRIORITY_LABELS[issue.priority],
    prioritySortOrder: issue.sortOrder,
    previousIdentifiers: [],
    reactionData: [],
    releases: [],
    slaType: "all",
    url: links.issue(issue.identifier),
    labels,
    state: state && pick(state, "id", "name", "type", "color"),
    team: team && pick(team, "id", "name", "key"),
    creator: user(issue.creatorId),
    assignee: user(issue.assigneeId),
    delegate: user(issue.delegateId),
    project: project && { ...pick(project, "id", "name"), url: links.project(project.slugId) },
  };
}

function issueChild({ store, links }: Change, issue: Issue): object {
  const team = store.get("Team", issue.teamId);
  return {
    ...pick(issue, "id", "identifier", "title", "teamId"),
    team: team && pick(team, "id", "key", "name"),
    url: links.issue(issue.identifier),
  };
}

function userChild({ store, links }: Change, id: string): object | undefined {
  const user: User | undefined = store.get("User", id);
  return user && { ...pick(user, "id", "name", "email"), avatarUrl: null, url: links.user(user.displayName) };
}

function pick<Row extends Entity, Key extends keyof Row>(row: Row, ...keys: Key[]): Pick<Row, Key> {
  return Object.fromEntries(keys.map((key) => [key, row[key]])) as Pick<Row, Key>;
}
