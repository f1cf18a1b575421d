// Relations between issues. `issue` blocks `relatedIssue`; the other way round is read through `inverseRelations`.
//   R1. Two issues have at most one relation of a kind in a direction.
//   R2. A cycle of blocks is allowed, as in Linear: who plans with them must cope.
//   R3. No webhook: Linear has no IssueRelation resource, and documents no Issue event for one (README).
import type { LinearDocument as L } from "@linear/sdk";
import { badInput } from "../errors.ts";
import type { Issue, IssueRelation } from "../store/entities.ts";
import type { Change } from "./change.ts";
import { applyPatch, remember } from "./issues.ts";

export function issueRelationCreate(
  change: Change,
  { input }: { input: L.IssueRelationCreateInput },
): { issueRelation: IssueRelation } {
  const issue = change.requireIssue(input.issueId);
  const related = change.requireIssue(input.relatedIssueId);
  const born = change.born("IssueRelation", input.id);
  const relation: IssueRelation = { ...born, type: input.type, issueId: issue.id, relatedIssueId: related.id };
  return { issueRelation: store(change, relation) };
}

export function issueRelationUpdate(
  change: Change,
  args: { id: string; input: L.IssueRelationUpdateInput },
): { issueRelation: IssueRelation } {
  const before = change.require("IssueRelation", args.id);
  const { input } = args;
  const relation: IssueRelation = {
    ...before,
    updatedAt: change.at,
    ...(input.type && { type: input.type as IssueRelation["type"] }), // a String in the schema, an enum in the create
    ...(input.issueId && { issueId: change.requireIssue(input.issueId).id }),
    ...(input.relatedIssueId && { relatedIssueId: change.requireIssue(input.relatedIssueId).id }),
  };
  if (!KINDS.has(relation.type)) throw badInput(`"${relation.type}" is not a type of relation.`);
  return { issueRelation: store(change, relation) };
}

export function issueRelationDelete(change: Change, { id }: { id: string }): { entityId: string } {
  const relation = change.require("IssueRelation", id);
  const { issue, related } = ends(change, relation);
  change.remove("IssueRelation", id, { identifier: issue.identifier });
  note(change, issue, related, relation, "r");
  return { entityId: id };
}

const KINDS: ReadonlySet<string> = new Set(["blocks", "duplicate", "related", "similar"]);

function store(change: Change, relation: IssueRelation): IssueRelation {
  const { issue, related } = ends(change, relation);
  if (issue.id === related.id) throw badInput("An issue cannot be related to itself.");
  const twin = change.store.tables.IssueRelation.by("issueId", issue.id).find(
    (other) => other.id !== relation.id && other.relatedIssueId === related.id && other.type === relation.type,
  );
  if (twin) throw badInput(`${issue.identifier} already has this relation to ${related.identifier}.`); // R1
  change.put("IssueRelation", relation, { identifier: issue.identifier });
  note(change, issue, related, relation, "a");
  if (relation.type === "duplicate") closeAsDuplicate(change, issue);
  return relation;
}

function ends(change: Change, relation: IssueRelation): { issue: Issue; related: Issue } {
  return { issue: change.requireIssue(relation.issueId), related: change.requireIssue(relation.relatedIssueId) };
}

/** Leaves a line in both histories. Linear's codes: "a" added or "r" removed, then the kind seen from that issue. */
function note(change: Change, issue: Issue, related: Issue, relation: IssueRelation, sign: "a" | "r"): void {
  const [here, there] = CODES[relation.type];
  remember(change, issue, { relationChanges: [{ identifier: related.identifier, type: sign + here }] });
  remember(change, related, { relationChanges: [{ identifier: issue.identifier, type: sign + there }] });
}

const CODES: Record<IssueRelation["type"], readonly [string, string]> = {
  blocks: ["x", "b"],
  duplicate: ["d", "s"],
  related: ["r", "r"],
  similar: ["l", "l"],
};

function closeAsDuplicate(change: Change, issue: Issue): void {
  const state = change.store.tables.WorkflowState.by("teamId", issue.teamId).find(({ type }) => type === "duplicate");
  if (state) applyPatch(change, issue, { stateId: state.id });
}
