// Fields that are worked out when asked for: addresses, labels, counts. "Type.field", or "*.field" for every type.
import { PRIORITY_LABELS } from "../domain/priority.ts";
import type { Entity } from "../store/entities.ts";
import type { Resolve } from "./resolvers.ts";

const text = (value: unknown): string => (typeof value === "string" ? value : "");

const priorityLabel: Resolve = (row) => PRIORITY_LABELS[Number(row.priority)];
const identifierOf = (world: Parameters<Resolve>[2]["world"], id: unknown): string =>
  world.store.get("Issue", text(id))?.identifier ?? "";

/** A branch name git accepts, however hostile the title. */
const branchName = (user: string, identifier: string, title: string): string => {
  const words = title
    .toLowerCase()
    .normalize("NFKD")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 48);
  return `${user}/${identifier.toLowerCase()}${`-${words}`.replace(/-+$/, "")}`;
};

export const COMPUTED: Readonly<Record<string, Resolve>> = {
  "*.priorityLabel": priorityLabel,
  "Organization.userCount": (_row, _args, { world }) => world.store.tables.User.size,
  "Organization.createdIssueCount": (_row, _args, { world }) => world.store.tables.Issue.size,
  "User.url": (row, _args, { world }) => world.links.user(text(row.displayName)),
  "User.isMe": (row, _args, { viewer }) => row.id === viewer.id,
  "User.isAssignable": (row) => row.app !== true,
  "User.initials": (row) => text(row.name).slice(0, 2).toUpperCase(),
  "User.avatarBackgroundColor": () => "#5e6ad2",
  "User.supportsAgentSessions": (row) => row.app === true,
  "User.createdIssueCount": (row, _args, { world }) => world.store.tables.Issue.by("creatorId", row.id).length,
  "Team.issueCount": (row, _args, { world }) =>
    world.store.tables.Issue.by("teamId", row.id).filter((issue) => !issue.archivedAt).length,
  "Team.color": () => "#5e6ad2",
  "Team.displayName": (row) => row.name,
  "Team.issueEstimationType": () => "notUsed",
  "Team.timezone": () => "Etc/UTC",
  "Issue.url": (row, _args, { world }) => world.links.issue(text(row.identifier)),
  "Issue.branchName": (row, _args, { viewer }) => branchName(viewer.displayName, text(row.identifier), text(row.title)),
  "Issue.prioritySortOrder": (row) => row.sortOrder,
  "IssueHistory.actors": (row, _args, { world }) => [world.store.get("User", text(row.actorId))].filter(Boolean),
  "Comment.url": (row, _args, { world }) => world.links.comment(identifierOf(world, row.issueId), text(row.id)),
  "Project.url": (row, _args, { world }) => world.links.project(text(row.slugId)),
  "Project.state": (row, _args, { world }) => world.store.get("ProjectStatus", text(row.statusId))?.type,
  "Project.leadTeamId": (row) => (row.teamIds as Entity["id"][])[0] ?? "",
  "AgentSession.url": (row, _args, { world }) => world.links.issue(identifierOf(world, row.issueId)),
  "AgentSession.externalLink": (row) => (row.externalUrls as { url: string }[])[0]?.url,
  "AgentSession.externalLinks": (row) => row.externalUrls,
};
