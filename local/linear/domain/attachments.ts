// Links attached to issues (a pull request, an Omakase run).
//   A1. An issue has one attachment per url: creating it again updates it and answers with the same id, as in Linear.
import type { LinearDocument as L } from "@linear/sdk";
import type { Attachment } from "../store/entities.ts";
import type { Change } from "./change.ts";
import { remember } from "./issues.ts";
import { checkedTitle, checkedUrl } from "./text.ts";

interface Link {
  readonly id?: string | null;
  readonly issueId: string;
  readonly url: string;
  readonly title?: string | null;
}

export function attachmentCreate(change: Change, { input }: { input: L.AttachmentCreateInput }): { attachment: Attachment } {
  const details = {
    subtitle: input.subtitle ?? null,
    metadata: (input.metadata ?? {}) as Attachment["metadata"], // checked by the JSONObject scalar
    groupBySource: input.groupBySource ?? false,
  };
  return { attachment: attach(change, input, details) };
}

export function attachmentLinkURL(change: Change, args: Link): { attachment: Attachment } {
  return { attachment: attach(change, args, {}) };
}

/** A pull request: the title is "owner/repository#number" when none is given. */
export function attachmentLinkGitHubPR(change: Change, args: Link): { attachment: Attachment } {
  const path = /\/([^/]+\/[^/]+)\/pull\/(\d+)/.exec(args.url);
  const title = args.title ?? (path ? `${path[1]}#${path[2]}` : args.url);
  return { attachment: attach(change, { ...args, title }, { sourceType: "github", source: { type: "github" } }) };
}

export function attachmentUpdate(
  change: Change,
  { id, input }: { id: string; input: L.AttachmentUpdateInput },
): { attachment: Attachment } {
  const before = change.require("Attachment", id);
  const next = {
    title: checkedTitle(input.title),
    ...(input.subtitle !== undefined && { subtitle: input.subtitle }),
    ...(input.metadata && { metadata: input.metadata as Attachment["metadata"] }),
  };
  return { attachment: revise(change, before, next) };
}

export function attachmentDelete(change: Change, { id }: { id: string }): { entityId: string } {
  const attachment = change.require("Attachment", id);
  change.remove("Attachment", id, { identifier: change.requireIssue(attachment.issueId).identifier });
  change.report({ type: "Attachment", action: "remove", row: attachment });
  return { entityId: id };
}

type Details = Partial<Pick<Attachment, "subtitle" | "metadata" | "groupBySource" | "source" | "sourceType">>;

function attach(change: Change, link: Link, details: Details): Attachment {
  const issue = change.requireIssue(link.issueId);
  const url = checkedUrl(link.url);
  const title = checkedTitle(link.title ?? url);
  const existing = change.store.tables.Attachment.by("url", url).find((attachment) => attachment.issueId === issue.id);
  if (existing) return revise(change, existing, { title, ...details }); // A1
  const attachment: Attachment = {
    ...{ subtitle: null, metadata: {}, groupBySource: false, source: null, sourceType: null },
    ...details,
    ...change.born("Attachment", link.id),
    issueId: issue.id,
    creatorId: change.actor.id,
    title,
    url,
  };
  change.put("Attachment", attachment, { identifier: issue.identifier });
  remember(change, issue, { attachmentId: attachment.id });
  change.report({ type: "Attachment", action: "create", row: attachment });
  return attachment;
}

function revise(change: Change, before: Attachment, columns: Partial<Attachment>): Attachment {
  const changed = Object.entries(columns).filter(([column, to]) => !Bun.deepEquals(Reflect.get(before, column), to));
  if (changed.length === 0) return before;
  const after: Attachment = { ...before, ...columns, updatedAt: change.at };
  const from = Object.fromEntries(changed.map(([column]) => [column, Reflect.get(before, column)]));
  const changes = Object.fromEntries(changed.map(([column, to]) => [column, [Reflect.get(before, column), to] as const]));
  change.put("Attachment", after, { identifier: change.requireIssue(after.issueId).identifier, changes });
  change.report({ type: "Attachment", action: "update", row: after, updatedFrom: { updatedAt: before.updatedAt, ...from } });
  return after;
}
