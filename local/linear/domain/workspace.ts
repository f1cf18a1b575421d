// What issues are sorted into: teams, workflow states, labels, projects. Only admins shape teams and states, as in Linear.
import type { LinearDocument as L } from "@linear/sdk";
import { badArgument, badInput, forbidden, notCovered } from "../errors.ts";
import type { IssueLabel, Project, StateType, Team, WorkflowState } from "../store/entities.ts";
import type { Change } from "./change.ts";
import { checkedPriority } from "./priority.ts";
import { checkedText, checkedTitle } from "./text.ts";

const STATES: readonly (readonly [name: string, type: StateType, color: string])[] = [
  ["Backlog", "backlog", "#bec2c8"],
  ["Todo", "unstarted", "#e2e2e2"],
  ["In Progress", "started", "#f2c94c"],
  ["In Review", "started", "#26b5ce"],
  ["Done", "completed", "#5e6ad2"],
  ["Canceled", "canceled", "#95a2b3"],
  ["Duplicate", "duplicate", "#95a2b3"],
];
const STATE_TYPES: ReadonlySet<string> = new Set(["triage", ...STATES.map(([, type]) => type)]);
const GREY = "#bec2c8";

/** Creates a team with the usual states. Issues opened in it start in Backlog. */
export function teamCreate(change: Change, { input }: { input: L.TeamCreateInput }): { team: Team } {
  requireAdmin(change, "create teams");
  const name = checkedTitle(input.name);
  const key = (input.key ?? name.replace(/[^a-z0-9]/gi, "").slice(0, 3)).toUpperCase();
  if (!/^[A-Z][A-Z0-9]{0,6}$/.test(key)) throw badArgument("key must be 1 to 7 letters and digits and begin with a letter.");
  if (change.store.tables.Team.by("key", key).length > 0) throw badInput(`There is a team with the key ${key} already.`);
  const born = change.born("Team", input.id);
  const states = STATES.map(([stateName, type, color], position) =>
    change.store.put("WorkflowState", {
      ...change.born("WorkflowState"),
      name: stateName,
      type,
      color,
      position,
      description: null,
      teamId: born.id,
    }),
  );
  return { team: change.put("Team", { ...born, name, key, defaultIssueStateId: states[0]!.id, lastNumber: 0 }) };
}

export function workflowStateCreate(
  change: Change,
  { input }: { input: L.WorkflowStateCreateInput },
): { workflowState: WorkflowState } {
  requireAdmin(change, "create workflow states");
  if (!STATE_TYPES.has(input.type)) throw badArgument(`type must be one of ${[...STATE_TYPES].join(", ")}.`);
  const { name, color, description = null } = input;
  const teamId = change.require("Team", input.teamId).id;
  const position = input.position ?? change.store.tables.WorkflowState.by("teamId", teamId).length;
  const state: WorkflowState = {
    ...change.born("WorkflowState", input.id),
    name: checkedTitle(name),
    color,
    description,
    position,
    teamId,
    type: input.type as StateType,
  };
  return { workflowState: change.put("WorkflowState", state) };
}

export function workflowStateUpdate(
  change: Change,
  { id, input }: { id: string; input: L.WorkflowStateUpdateInput },
): { workflowState: WorkflowState } {
  requireAdmin(change, "change workflow states");
  const before = change.require("WorkflowState", id);
  const state: WorkflowState = {
    ...before,
    ...(input.name != null && { name: checkedTitle(input.name) }),
    ...(input.color != null && { color: input.color }),
    ...(input.position != null && { position: input.position }),
    ...(input.description !== undefined && { description: input.description }),
    updatedAt: change.at,
  };
  return { workflowState: change.put("WorkflowState", state) };
}

export function issueLabelCreate(change: Change, { input }: { input: L.IssueLabelCreateInput }): { issueLabel: IssueLabel } {
  const teamId = input.teamId ? change.require("Team", input.teamId).id : null;
  const name = checkedTitle(input.name);
  const taken = [...change.store.tables.IssueLabel.all()].some(
    (label) => label.name.toLowerCase() === name.toLowerCase() && label.teamId === teamId,
  );
  if (taken) throw badInput(`There is a label with the name "${name}" already.`);
  const label: IssueLabel = {
    ...change.born("IssueLabel", input.id),
    name,
    color: input.color ?? GREY,
    description: input.description ?? null,
    teamId,
    parentId: input.parentId ? change.require("IssueLabel", input.parentId).id : null,
    creatorId: change.actor.id,
    isGroup: input.isGroup ?? false,
  };
  change.put("IssueLabel", label);
  change.report({ type: "IssueLabel", action: "create", row: label });
  return { issueLabel: label };
}

export function issueLabelUpdate(
  change: Change,
  { id, input }: { id: string; input: L.IssueLabelUpdateInput },
): { issueLabel: IssueLabel } {
  const before = change.require("IssueLabel", id);
  const columns = {
    ...(input.name != null && { name: checkedTitle(input.name) }),
    ...(input.color != null && { color: input.color }),
    ...(input.description !== undefined && { description: input.description }),
  };
  const label: IssueLabel = { ...before, ...columns, updatedAt: change.at };
  change.put("IssueLabel", label);
  const from = Object.fromEntries(Object.keys(columns).map((column) => [column, Reflect.get(before, column)]));
  change.report({ type: "IssueLabel", action: "update", row: label, updatedFrom: { updatedAt: before.updatedAt, ...from } });
  return { issueLabel: label };
}

/** Deletes a label and takes it off every issue that has it. */
export function issueLabelDelete(change: Change, { id }: { id: string }): { entityId: string } {
  const label = change.require("IssueLabel", id);
  for (const issue of change.store.tables.Issue.by("labelIds", id)) {
    change.store.put("Issue", { ...issue, labelIds: issue.labelIds.filter((other) => other !== id) });
  }
  change.remove("IssueLabel", id);
  change.report({ type: "IssueLabel", action: "remove", row: label });
  return { entityId: id };
}

const PROJECT_FIELDS = new Set(
  "id name description content color priority sortOrder prioritySortOrder statusId leadId teamIds startDate targetDate useDefaultTemplate".split(
    " ",
  ),
);

export function projectCreate(change: Change, { input }: { input: L.ProjectCreateInput }): { project: Project } {
  const born = change.born("Project", input.id);
  const [firstStatus] = change.store.tables.ProjectStatus.all();
  const project: Project = {
    ...{
      description: "",
      content: null,
      color: GREY,
      priority: 0,
      sortOrder: 0,
      leadId: null,
      startDate: null,
      targetDate: null,
      teamIds: [],
    },
    ...{ slugId: born.id.replaceAll("-", "").slice(0, 12), statusId: firstStatus!.id, creatorId: change.actor.id },
    ...projectColumns(change, input),
    ...born,
    name: checkedTitle(input.name),
  };
  change.put("Project", project);
  change.report({ type: "Project", action: "create", row: project });
  return { project };
}

export function projectUpdate(change: Change, { id, input }: { id: string; input: L.ProjectUpdateInput }): { project: Project } {
  const before = change.require("Project", id);
  const columns = { ...projectColumns(change, input), ...(input.name != null && { name: checkedTitle(input.name) }) };
  const project: Project = { ...before, ...columns, updatedAt: change.at };
  change.put("Project", project);
  const from = Object.fromEntries(Object.keys(columns).map((column) => [column, Reflect.get(before, column)]));
  change.report({ type: "Project", action: "update", row: project, updatedFrom: { updatedAt: before.updatedAt, ...from } });
  return { project };
}

export function projectArchive(change: Change, { id }: { id: string }): { entity: Project } {
  return { entity: setProjectArchived(change, id, change.at) };
}

export function projectUnarchive(change: Change, { id }: { id: string }): { entity: Project } {
  return { entity: setProjectArchived(change, id, null) };
}

function setProjectArchived(change: Change, id: string, archivedAt: string | null): Project {
  const before = change.require("Project", id);
  const project = change.put("Project", { ...before, archivedAt, updatedAt: change.at });
  if (archivedAt) change.report({ type: "Project", action: "remove", row: project });
  else change.report({ type: "Project", action: "update", row: project, updatedFrom: { archivedAt: before.archivedAt } });
  return project;
}

function projectColumns(change: Change, input: L.ProjectCreateInput | L.ProjectUpdateInput): Partial<Project> {
  for (const [field, value] of Object.entries(input)) {
    if (value != null && !PROJECT_FIELDS.has(field)) throw notCovered(`The project input field "${field}"`);
  }
  return {
    ...(input.description != null && { description: checkedText("description", input.description) }),
    ...(input.content !== undefined && { content: input.content && checkedText("content", input.content) }),
    ...(input.color != null && { color: input.color }),
    ...(input.priority != null && { priority: checkedPriority(input.priority) }),
    ...(input.sortOrder != null && { sortOrder: input.sortOrder }),
    ...(input.statusId != null && { statusId: change.require("ProjectStatus", input.statusId).id }),
    ...(input.leadId !== undefined && { leadId: input.leadId && change.require("User", input.leadId).id }),
    ...(input.startDate !== undefined && { startDate: input.startDate && String(input.startDate) }),
    ...(input.targetDate !== undefined && { targetDate: input.targetDate && String(input.targetDate) }),
    ...(input.teamIds != null && { teamIds: input.teamIds.map((id) => change.require("Team", id).id) }),
  };
}

function requireAdmin(change: Change, what: string): void {
  if (!change.actor.admin) throw forbidden(`Only admins can ${what}.`);
}
