// A Linear issue as Linear tells it, in its webhook or from its API, parsed once into what Convex stores.

import type { Issue } from "../../convex/tickets.ts";
import { OmakaseError } from "../errors.ts";

/** Something that should be an issue is not. */
export class BadIssue extends OmakaseError {
  readonly code = "bad_issue";
  readonly retryable = false;
}

const STATE_TYPES = ["triage", "backlog", "unstarted", "started", "completed", "canceled", "duplicate"] as const;

/** @param removed whether Linear says the issue is deleted or archived @throws {BadIssue} naming the first field that does not fit */
export function parseIssue(value: unknown, removed: boolean): Issue {
  const issue = record(value, "issue");
  const state = record(issue.state, "state");
  const team = isRecord(issue.team) ? issue.team.id : issue.teamId;
  const stateType = STATE_TYPES.find((type) => type === state.type);
  if (!stateType) throw new BadIssue(`the issue's state type is not one of ${STATE_TYPES.join(", ")}`);
  return {
    issueId: text(issue.id, "id"),
    key: text(issue.identifier, "identifier"),
    teamId: text(team, "team"),
    title: text(issue.title, "title"),
    description: typeof issue.description === "string" ? issue.description.toWellFormed() : "",
    url: typeof issue.url === "string" ? issue.url : "",
    priority: typeof issue.priority === "number" ? issue.priority : 0,
    labels: labelsOf(issue.labels),
    stateType,
    stateName: text(state.name, "state.name"),
    updatedAt: time(issue.updatedAt),
    removed: removed || Boolean(issue.archivedAt) || issue.trashed === true,
  };
}

/** A webhook gives a list, the API a connection. */
function labelsOf(value: unknown): string[] {
  const nodes = Array.isArray(value) ? value : isRecord(value) && Array.isArray(value.nodes) ? value.nodes : [];
  return nodes
    .flatMap((label) => (isRecord(label) && typeof label.name === "string" ? [label.name.slice(0, 100).toWellFormed()] : []))
    .slice(0, 50);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function record(value: unknown, name: string): Record<string, unknown> {
  if (!isRecord(value)) throw new BadIssue(`${name} is missing`);
  return value;
}

function text(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "") throw new BadIssue(`${name} is missing`);
  // Half a character (a cut emoji) is legal in JSON and in nothing else.
  return value.toWellFormed();
}

function time(value: unknown): number {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw new BadIssue("updatedAt is not a time");
  return ms;
}
