// The webhooks of the workspace. Linear lets only admins, and apps with the admin scope, see and change them; the local
// app user counts as one.
import { randomBytes } from "node:crypto";
import type { LinearDocument as L } from "@linear/sdk";
import { badArgument, forbidden } from "../errors.ts";
import type { User, Webhook } from "../store/entities.ts";
import type { Change } from "./change.ts";
import { checkedUrl } from "./text.ts";

/** Every resource type Linear knows. Of the ones this server does not keep, no event ever comes. */
const RESOURCE_TYPES: ReadonlySet<string> = new Set(
  (
    "AgentSessionEvent AppUserNotification Attachment Comment Customer CustomerNeed Cycle Document Initiative InitiativeUpdate Issue IssueLabel " +
    "IssueSLA OAuthAuthorization PermissionChange Project ProjectLabel ProjectUpdate Reaction Release ReleaseNote User"
  ).split(" "),
);

/** @throws GraphQLError unless the user may see and change webhooks */
export function requireWebhookAccess(user: User): void {
  if (!user.admin && !user.app)
    throw forbidden("Only workspace admins and OAuth applications with the admin scope can use webhooks.");
}

export function webhookCreate(change: Change, { input }: { input: L.WebhookCreateInput }): { webhook: Webhook } {
  requireWebhookAccess(change.actor);
  if (!input.teamId && !input.allPublicTeams) throw badArgument("Give either teamId or allPublicTeams: true.");
  const webhook: Webhook = {
    ...change.born("Webhook", input.id),
    url: checkedUrl(input.url),
    label: input.label ?? null,
    secret: input.secret ?? newSecret(),
    enabled: input.enabled ?? true,
    allPublicTeams: !input.teamId,
    teamId: input.teamId ? change.require("Team", input.teamId).id : null,
    creatorId: change.actor.id,
    resourceTypes: checkedTypes(input.resourceTypes),
  };
  return { webhook: change.put("Webhook", webhook) };
}

export function webhookUpdate(change: Change, { id, input }: { id: string; input: L.WebhookUpdateInput }): { webhook: Webhook } {
  requireWebhookAccess(change.actor);
  const webhook: Webhook = {
    ...change.require("Webhook", id),
    ...(input.url != null && { url: checkedUrl(input.url) }),
    ...(input.label !== undefined && { label: input.label }),
    ...(input.secret != null && { secret: input.secret }),
    ...(input.enabled != null && { enabled: input.enabled }),
    ...(input.resourceTypes != null && { resourceTypes: checkedTypes(input.resourceTypes) }),
    updatedAt: change.at,
  };
  return { webhook: change.put("Webhook", webhook) };
}

export function webhookRotateSecret(change: Change, { id }: { id: string }): { secret: string } {
  requireWebhookAccess(change.actor);
  const secret = newSecret();
  change.put("Webhook", { ...change.require("Webhook", id), secret, updatedAt: change.at });
  return { secret };
}

export function webhookDelete(change: Change, { id }: { id: string }): { entityId: string } {
  requireWebhookAccess(change.actor);
  change.require("Webhook", id);
  change.remove("Webhook", id);
  return { entityId: id };
}

const newSecret = (): string => `lin_wh_${randomBytes(20).toString("hex")}`;

function checkedTypes(types: readonly string[]): string[] {
  const unknown = types.filter((type) => !RESOURCE_TYPES.has(type));
  if (types.length === 0 || unknown.length > 0)
    throw badArgument(`resourceTypes must be some of ${[...RESOURCE_TYPES].join(", ")}.`);
  return [...new Set(types)];
}
