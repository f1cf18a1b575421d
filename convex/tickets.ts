// A Linear issue on its way in: stored, and told to whom it concerns. One path for webhooks and sweeps, so that neither can tell it differently.
//
//   T1. What is older than, or as old as, what is stored changes nothing; a removal always counts.
//   T2. The ticket and the event it causes are stored in one transaction.
//   T3. Changes of one ticket reach its feature in the order they were stored: while a `ticket.appeared` is unread in the project's
//       mailbox, later changes queue behind it there.

import type { FeatureEvent, TicketFacts } from "@omakase/machines/feature/feature-events";
import { cutTicket } from "@omakase/machines/feature/ticket";
import { type FeatureAddress, featureAddress, type ProjectAddress } from "@omakase/machines/ids";
import type { ProjectEvent } from "@omakase/machines/project/project-events";
import { cut } from "@omakase/machines/text";
import { type Infer, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { findTicket } from "./blockers.ts";
import { type Cause, deliver, findActor, findMail } from "./mail.ts";
import { lastSegment } from "./shardOf.ts";
import { vStateType } from "./validators.ts";

/** A Linear issue as a webhook or the API tells it, parsed. */
export const vIssue = v.object({
  issueId: v.string(),
  key: v.string(),
  teamId: v.string(),
  title: v.string(),
  /** Any length: it is cut here. */
  description: v.string(),
  url: v.string(),
  priority: v.number(),
  labels: v.array(v.string()),
  stateType: vStateType,
  stateName: v.string(),
  /** Linear's, ms. */
  updatedAt: v.number(),
  /** Deleted or archived in Linear: the ticket counts as cancelled. */
  removed: v.boolean(),
});
export type Issue = Infer<typeof vIssue>;

/** What became of an issue: `changed`, or why not, in words. */
export type Outcome = "changed" | `ignored: ${string}`;

const MAX_DESCRIPTION_BYTES = 256 * 1024;
const MAX_URL = 2000;
const MAX_NAME = 200;

/** Stores an issue and tells its feature, or its project when it has none. Safe to repeat (T1). */
export async function takeIssue(db: DatabaseWriter, issue: Issue, letter: { key: string; cause: Cause }): Promise<Outcome> {
  const stored = await findTicket(db, issue.issueId);
  if (stored !== null)
    return stored.updatedAt >= issue.updatedAt && !isNewRemoval(stored, issue) ? STALE : change(db, stored, issue, letter);

  const project = await projectOfTeam(db, issue.teamId);
  if (project === null) return `ignored: no project for team ${cut(issue.teamId, MAX_NAME)}`;
  const feature = addressFor(project, issue.key);
  if (feature === null) return `ignored: the key "${cut(issue.key, MAX_NAME)}" cannot name a branch`;
  const { organization, _id } = project;
  const id = await db.insert("tickets", { organization, project: _id, feature, appearedKey: letter.key, ...columns(issue) });
  const ticket = await db.get(id);
  return ticket === null ? STALE : appear(db, project, ticket, letter);
}

const STALE: Outcome = "ignored: older than what is stored";

const isNewRemoval = (stored: Doc<"tickets">, issue: Issue): boolean => issue.removed && stored.stateType !== "canceled";

async function change(
  db: DatabaseWriter,
  stored: Doc<"tickets">,
  issue: Issue,
  letter: { key: string; cause: Cause },
): Promise<Outcome> {
  const next = { ...columns(issue), updatedAt: Math.max(stored.updatedAt, issue.updatedAt) };
  await db.patch(stored._id, next);
  const ticket = { ...stored, ...next };
  const project = await db.get(stored.project);
  if (project === null) return "ignored: its project is gone";
  const isQueued = (await findMail(db, project.address, stored.appearedKey)) !== null;
  const actor = isQueued ? null : await findActor(db, stored.feature);
  if (actor === null) return appear(db, project, ticket, letter);
  const changed = { type: "ticket.changed", at: Date.now(), ticket: facts(ticket) } satisfies FeatureEvent;
  await deliver(db, actor, { ...letter, event: JSON.stringify(changed) });
  return "changed";
}

/** T3. */
async function appear(
  db: DatabaseWriter,
  project: Doc<"projects">,
  ticket: Doc<"tickets">,
  letter: { key: string; cause: Cause },
): Promise<Outcome> {
  const actor = await findActor(db, project.address);
  if (actor === null) return `ignored: the project ${project.address} has no actor`;
  const appeared = {
    type: "ticket.appeared",
    at: Date.now(),
    featureId: lastSegment(ticket.feature),
    ticket: facts(ticket),
  } satisfies ProjectEvent;
  await deliver(db, actor, { ...letter, event: JSON.stringify(appeared) });
  if (ticket.appearedKey !== letter.key) await db.patch(ticket._id, { appearedKey: letter.key });
  return "changed";
}

const projectOfTeam = (db: DatabaseReader, teamId: string) =>
  db
    .query("projects")
    .withIndex("by_linear_team", (q) => q.eq("linearTeamId", teamId))
    .first();

function addressFor(project: Doc<"projects">, key: string): FeatureAddress | null {
  try {
    return featureAddress(project.address as ProjectAddress, key.toLowerCase());
  } catch {
    return null;
  }
}

/** What a machine needs of a ticket, bounded (P8). */
export const facts = ({ issueId, key, title, url, priority, labels, stateType, updatedAt }: Doc<"tickets">): TicketFacts =>
  cutTicket({ issueId, key, title, url, priority, labels, stateType, updatedAt });

function columns(issue: Issue) {
  const { issueId, stateName, updatedAt, removed } = issue;
  const { key, title, url, priority, labels, stateType } = cutTicket({
    ...issue,
    title: issue.title,
    url: cut(issue.url, MAX_URL),
  });
  return {
    issueId,
    key,
    title,
    url,
    priority,
    labels: [...labels],
    stateType: removed ? ("canceled" as const) : stateType,
    stateName: cut(stateName, MAX_NAME),
    updatedAt,
    ...cutDescription(issue.description),
  };
}

/** Cut to 256 KiB of UTF-8, at a character. */
function cutDescription(text: string): { description: string; descriptionBytes: number } {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= MAX_DESCRIPTION_BYTES) return { description: text.toWellFormed(), descriptionBytes: bytes.length };
  // Without `fatal` a character cut in half becomes U+FFFD at the very end: leave it out.
  const head = new TextDecoder().decode(bytes.subarray(0, MAX_DESCRIPTION_BYTES)).replace(/\uFFFD+$/, "");
  return { description: head, descriptionBytes: bytes.length };
}
