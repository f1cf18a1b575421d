// Every root query this server covers, by its name in Linear's schema.

import { findIssue } from "../domain/change.ts";
import { PRIORITY_LABELS } from "../domain/priority.ts";
import { requireWebhookAccess } from "../domain/webhooks.ts";
import { notCovered, notFound } from "../errors.ts";
import type { Entity, EntityName, Issue } from "../store/entities.ts";
import { compileFilter, type Filter } from "./filter.ts";
import { type PageArguments, pageOf, pageOfTable } from "./page.ts";
import { filterContext, type RequestContext, type Resolve } from "./resolvers.ts";

type Input = Readonly<Record<string, unknown>>;

const filterOf = (context: RequestContext, type: EntityName, input: unknown): Filter | undefined =>
  input ? compileFilter(filterContext(context), type, input as Input) : undefined; // an input object: GraphQL has checked it

const list =
  (type: EntityName): Resolve =>
  (_parent, args, context) => {
    if (args.sort != null) throw notCovered('The argument "sort"');
    return pageOfTable(context.world.store, type, filterOf(context, type, args.filter), args as PageArguments);
  };

const one =
  (type: EntityName): Resolve =>
  (_parent, args, { world }) =>
    world.store.get(type, String(args.id)) ?? missing(type);

/** A row found by its id or by a name people use for it. */
const oneBy =
  <Name extends EntityName>(type: Name, find: (context: RequestContext, idOrName: string) => Entity | undefined): Resolve =>
  (_parent, args, context) =>
    find(context, String(args.id)) ?? missing(type);

function missing(type: EntityName): never {
  throw notFound(type);
}

const webhooksOnlyFor =
  (resolve: Resolve): Resolve =>
  (parent, args, context) => {
    requireWebhookAccess(context.viewer);
    return resolve(parent, args, context);
  };

/** Searches titles, descriptions, identifiers and, when asked to, comments; best matches first. */
const searchIssues: Resolve = (_parent, args, context) => {
  const { store } = context.world;
  const words = String(args.term).toLowerCase().split(/\s+/).filter(Boolean);
  const filter = filterOf(context, "Issue", args.filter);
  const found: { issue: Issue; score: number }[] = [];
  for (const issue of store.tables.Issue.newestFirst(args.orderBy === "updatedAt" ? "updatedAt" : "createdAt")) {
    if (typeof args.teamId === "string" && issue.teamId !== args.teamId) continue;
    if ((issue.archivedAt && args.includeArchived !== true) || (filter && !filter.test(issue))) continue;
    const title = `${issue.identifier} ${issue.title}`.toLowerCase();
    const bodies = args.includeComments === true ? store.tables.Comment.by("issueId", issue.id).map(({ body }) => body) : [];
    const rest = `${issue.description ?? ""}\n${bodies.join("\n")}`.toLowerCase();
    if (words.length === 0 || !words.every((word) => title.includes(word) || rest.includes(word))) continue;
    found.push({ issue, score: words.filter((word) => title.includes(word)).length });
  }
  found.sort((left, right) => right.score - left.score);
  const results = found.map(({ issue, score }) => ({ ...issue, __typename: "IssueSearchResult", metadata: { score } }));
  const page = pageOf(results, undefined, { ...(args as PageArguments), includeArchived: true });
  return {
    ...page,
    totalCount: results.length,
    archivePayload: { archive: "{}", totalCount: 0, databaseVersion: 0, includesDependencies: [] },
  };
};

const attachmentsForURL: Resolve = (_parent, args, { world }) => {
  const { Attachment } = world.store.tables;
  return pageOf(Attachment.sorted(Attachment.idsBy("url", args.url), "createdAt"), undefined, args as PageArguments);
};

/** The issue a git branch belongs to: its identifier is in the branch's name. */
const issueVcsBranchSearch: Resolve = (_parent, args, { world }) => {
  for (const [identifier] of String(args.branchName).matchAll(/[a-z][a-z0-9]{0,6}-\d+/gi)) {
    const issue = findIssue(world.store, identifier);
    if (issue) return issue;
  }
  return null;
};

const findTeam = ({ world }: RequestContext, id: string) =>
  world.store.get("Team", id) ?? world.store.tables.Team.by("key", id.toUpperCase())[0];
const findUser = ({ world, viewer }: RequestContext, id: string) => (id === "me" ? viewer : world.store.get("User", id));

export const QUERIES: Readonly<Record<string, Resolve>> = {
  viewer: (_parent, _args, { viewer }) => viewer,
  organization: (_parent, _args, { world }) => [...world.store.tables.Organization.all()][0],
  user: oneBy("User", findUser),
  users: list("User"),
  team: oneBy("Team", findTeam),
  teams: list("Team"),
  administrableTeams: list("Team"),
  workflowState: one("WorkflowState"),
  workflowStates: list("WorkflowState"),
  issueLabel: one("IssueLabel"),
  issueLabels: list("IssueLabel"),
  issue: oneBy("Issue", ({ world }, id) => findIssue(world.store, id)),
  issues: list("Issue"),
  issueVcsBranchSearch,
  issuePriorityValues: () => PRIORITY_LABELS.map((label, priority) => ({ label, priority })),
  searchIssues,
  issueRelation: one("IssueRelation"),
  issueRelations: list("IssueRelation"),
  comment: one("Comment"),
  comments: list("Comment"),
  attachment: one("Attachment"),
  attachments: list("Attachment"),
  attachmentsForURL,
  project: one("Project"),
  projects: list("Project"),
  projectStatus: one("ProjectStatus"),
  projectStatuses: list("ProjectStatus"),
  webhook: webhooksOnlyFor(one("Webhook")),
  webhooks: webhooksOnlyFor(list("Webhook")),
  agentSession: one("AgentSession"),
  agentSessions: list("AgentSession"),
  agentActivity: one("AgentActivity"),
  agentActivities: list("AgentActivity"),
};
