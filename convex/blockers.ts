// How a blocking ticket stands towards the one it blocks: one rule, for the dependency that is resolved, for the branch an agent starts
// from, and for what people are shown.

import type { Blocker, IssueStateType } from "@omakase/machines/feature/feature-events";
import type { FeatureAddress } from "@omakase/machines/ids";
import type { Doc, Id } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";

/** Most blockers of one ticket; Linear's own page of relations is smaller. */
export const MAX_BLOCKERS = 256;

/**
 * A blocker is met by our own work (open pull request, or merged where the project asks for that), or because Linear says that
 * the ticket is finished or dropped: waiting for what nobody will do would be for ever.
 */
export function standing(
  feature: Pick<Doc<"features">, "address" | "state" | "branch"> | null,
  stateType: IssueStateType,
  dependencyMet: Doc<"projects">["settings"]["dependencyMet"],
): Pick<Blocker, "feature" | "state" | "branch"> {
  const address = (feature?.address ?? null) as FeatureAddress | null;
  if (
    feature?.state === "merged" ||
    feature?.state === "closed" ||
    stateType === "completed" ||
    stateType === "canceled" ||
    stateType === "duplicate"
  ) {
    return { feature: address, state: "met", branch: null };
  }
  if (feature?.state === "passing" && dependencyMet === "passing")
    return { feature: address, state: "met", branch: feature.branch };
  return { feature: address, state: "unmet", branch: null };
}

/** What blocks a ticket now, as far as this project knows its tickets. */
export async function blockersOf(db: DatabaseReader, project: Doc<"projects">, issueId: string): Promise<Blocker[]> {
  const edges = await db
    .query("dependencies")
    .withIndex("by_blocked", (q) => q.eq("project", project._id).eq("blocked", issueId))
    .take(MAX_BLOCKERS);
  return Promise.all(
    edges.map(async ({ blocker, blockerKey }) => {
      const ticket = await findTicket(db, blocker);
      const known = ticket?.project === project._id ? ticket : null;
      return describe(db, project, { issueId: blocker, key: blockerKey, stateType: known?.stateType ?? "unstarted" });
    }),
  );
}

/** One blocker with its feature in this project. */
export async function describe(
  db: DatabaseReader,
  project: Doc<"projects">,
  { issueId, key, stateType }: { issueId: string; key: string; stateType: IssueStateType },
): Promise<Blocker> {
  const feature = await findFeature(db, project._id, issueId);
  return { issueId, key, ...standing(feature, stateType, project.settings.dependencyMet) };
}

/** The branches that a ticket's work starts from: its blockers' that are met and not merged. */
export async function basesOf(db: DatabaseReader, project: Doc<"projects">, issueId: string): Promise<string[]> {
  const blockers = await blockersOf(db, project, issueId);
  return [...new Set(blockers.flatMap(({ branch }) => (branch === null ? [] : [branch])))];
}

export const findFeature = (db: DatabaseReader, project: Id<"projects">, issueId: string) =>
  db
    .query("features")
    .withIndex("by_issue", (q) => q.eq("project", project).eq("issueId", issueId))
    .first();

export const findTicket = (db: DatabaseReader, issueId: string) =>
  db
    .query("tickets")
    .withIndex("by_issue", (q) => q.eq("issueId", issueId))
    .unique();
