// Agent sessions: what Linear opens when an issue is delegated to an app user, and the activities inside them.
//   G1. A session's status follows its last activity; nobody sets it.
//   G2. A person's prompt is told to the agent's webhook (`prompted`), an agent's own activity is not.
// Not covered: the 10 s and 30 min clocks that mark a silent agent as unresponsive or stale (README).
import type { LinearDocument as L } from "@linear/sdk";
import { badArgument, badInput, forbidden } from "../errors.ts";
import type { AgentActivity, AgentSession, Issue, SessionStatus, User } from "../store/entities.ts";
import type { Change } from "./change.ts";
import { checkedText, checkedUrl } from "./text.ts";

type ActivityKind = `${L.AgentActivityType}`;

/** For each kind of activity: its type in the API, the texts it must have, and the status it leaves the session in (G1). */
const KINDS: Record<ActivityKind, { typename: string; texts: readonly string[]; status: SessionStatus }> = {
  thought: { typename: "AgentActivityThoughtContent", texts: ["body"], status: "active" },
  action: { typename: "AgentActivityActionContent", texts: ["action", "parameter"], status: "active" },
  elicitation: { typename: "AgentActivityElicitationContent", texts: ["body"], status: "awaitingInput" },
  response: { typename: "AgentActivityResponseContent", texts: ["body"], status: "complete" },
  error: { typename: "AgentActivityErrorContent", texts: ["body"], status: "error" },
  prompt: { typename: "AgentActivityPromptContent", texts: ["body"], status: "active" },
};

interface Urls {
  readonly externalLink?: string | null;
  readonly externalUrls?: readonly { readonly label: string; readonly url: string }[] | null;
  readonly addedExternalUrls?: readonly { readonly label: string; readonly url: string }[] | null;
  readonly removedExternalUrls?: readonly string[] | null;
}

/** Opens a session of `agent` on an issue and tells the agent's webhook. */
export function openSession(
  change: Change,
  issue: Issue,
  agent: User,
  commentId: string | null = null,
  urls: Urls = {},
): AgentSession {
  const born = change.born("AgentSession");
  const session: AgentSession = {
    ...born,
    issueId: issue.id,
    commentId,
    appUserId: agent.id,
    creatorId: change.actor.app ? null : change.actor.id,
    status: "pending",
    type: "commentThread",
    slugId: born.id.slice(0, 12).replaceAll("-", ""),
    summary: null,
    plan: null,
    externalUrls: withUrls([], urls),
    startedAt: null,
    endedAt: null,
  };
  change.put("AgentSession", session, { identifier: issue.identifier });
  change.report({ type: "AgentSessionEvent", action: "created", session });
  return session;
}

export function agentSessionCreateOnIssue(
  change: Change,
  { input }: { input: L.AgentSessionCreateOnIssue },
): { agentSession: AgentSession } {
  return { agentSession: openSession(change, change.requireIssue(input.issueId), actingAgent(change), null, input) };
}

export function agentSessionCreateOnComment(
  change: Change,
  { input }: { input: L.AgentSessionCreateOnComment },
): { agentSession: AgentSession } {
  const comment = change.require("Comment", input.commentId);
  return { agentSession: openSession(change, change.requireIssue(comment.issueId), actingAgent(change), comment.id, input) };
}

export function agentSessionUpdate(
  change: Change,
  args: { id: string; input: L.AgentSessionUpdateInput },
): { agentSession: AgentSession } {
  const before = change.require("AgentSession", args.id);
  const { input } = args;
  const session: AgentSession = {
    ...before,
    ...(input.plan !== undefined && { plan: input.plan }),
    ...(input.summary !== undefined && { summary: input.summary }),
    externalUrls: withUrls(before.externalUrls, input),
    updatedAt: change.at,
  };
  return { agentSession: change.put("AgentSession", session, about(change, session)) };
}

export function agentSessionUpdateExternalUrl(
  change: Change,
  args: { id: string; input: L.AgentSessionUpdateExternalUrlInput },
): { agentSession: AgentSession } {
  return agentSessionUpdate(change, args);
}

export function agentActivityCreate(
  change: Change,
  { input }: { input: L.AgentActivityCreateInput },
): { agentActivity: AgentActivity } {
  const session = change.require("AgentSession", input.agentSessionId);
  const content: Record<string, unknown> = input.content;
  const kind = Object.hasOwn(KINDS, String(content.type)) ? KINDS[content.type as ActivityKind] : undefined;
  if (!kind) throw badArgument(`content.type must be one of ${Object.keys(KINDS).join(", ")}.`);
  for (const field of kind.texts) {
    const text = content[field];
    if (typeof text !== "string" || text === "") throw badArgument(`content.${field} must be a text that is not empty.`);
    checkedText(`content.${field}`, text);
  }
  const isPrompt = content.type === "prompt";
  if (isPrompt === change.actor.app)
    throw forbidden(isPrompt ? "Agents cannot prompt." : "Only the agent can add this kind of activity.");
  const activity: AgentActivity = {
    ...change.born("AgentActivity", input.id),
    agentSessionId: session.id,
    userId: change.actor.id,
    content: { ...(isPrompt && { bodyData: {} }), ...content, __typename: kind.typename, type: String(content.type) },
    ephemeral: input.ephemeral ?? false,
    signal: input.signal ?? null,
    signalMetadata: (input.signalMetadata ?? null) as AgentActivity["signalMetadata"], // checked by the JSONObject scalar
  };
  dropEphemeral(change, session);
  change.put("AgentActivity", activity, about(change, session));
  const isOver = kind.status === "complete" || kind.status === "error";
  const next: AgentSession = {
    ...session,
    status: kind.status, // G1
    startedAt: session.startedAt ?? (isPrompt ? null : change.at),
    endedAt: isOver ? change.at : null,
    updatedAt: change.at,
  };
  change.store.put("AgentSession", next);
  if (isPrompt) change.report({ type: "AgentSessionEvent", action: "prompted", session: next, activity }); // G2
  return { agentActivity: activity };
}

export function agentActivityCreatePrompt(
  change: Change,
  { input }: { input: L.AgentActivityCreatePromptInput },
): { agentActivity: AgentActivity } {
  if (!input.content.body) throw badArgument("content.body must be a text that is not empty.");
  const { id, agentSessionId, signal, signalMetadata } = input;
  return agentActivityCreate(change, {
    input: { id, agentSessionId, signal, signalMetadata, content: { type: "prompt", body: input.content.body } },
  });
}

function actingAgent(change: Change): User {
  if (!change.actor.app) throw badInput("Only an app user can open an agent session; people delegate the issue to it instead.");
  return change.actor;
}

const about = (change: Change, session: AgentSession) => ({ identifier: change.requireIssue(session.issueId).identifier });

/** An ephemeral thought is shown until the next activity, and then gone. */
function dropEphemeral(change: Change, session: AgentSession): void {
  for (const activity of change.store.tables.AgentActivity.by("agentSessionId", session.id)) {
    if (activity.ephemeral) change.store.remove("AgentActivity", activity.id);
  }
}

function withUrls(before: AgentSession["externalUrls"], input: Urls): AgentSession["externalUrls"] {
  const linked = input.externalLink ? [{ label: "Open", url: input.externalLink }] : undefined;
  const base = input.externalUrls ?? linked ?? before;
  const removed = new Set(input.removedExternalUrls ?? []);
  const added = input.addedExternalUrls ?? [];
  const all = [...base.filter(({ url }) => !removed.has(url)), ...added];
  return all.map(({ label, url }) => ({ label, url: checkedUrl(url) }));
}
