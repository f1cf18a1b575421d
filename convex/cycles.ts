// Whether a ticket waits for itself: breadth-first along "is blocked by", so that the shortest cycle is the one that is named.

import type { Id } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";

/** Where the search gives up. Each ticket looked at is one interval of the read set, of which a transaction may have 4,096. */
const MOST_EDGES = 10_000;
const MOST_TICKETS = 3_000;

export interface CycleSearch {
  /** Keys, each blocked by the next, the ticket's own first and last: ["OMA-2", "OMA-3", "OMA-2"]; null when none was found. */
  readonly cycle: string[] | null;
  /** False when the search stopped at its bound: then "none found" is not "none". */
  readonly isComplete: boolean;
}

/** Looks for the shortest cycle through a ticket among the stored edges of a project. */
export async function findCycle(db: DatabaseReader, project: Id<"projects">, issueId: string): Promise<CycleSearch> {
  /** For each ticket reached: the one it blocks, on the way back to where the search began. */
  const reachedFrom = new Map<string, { blocked: string; key: string }>();
  let frontier = [issueId];
  let edgesRead = 0;
  while (frontier.length > 0) {
    const next: string[] = [];
    for (const blocked of frontier) {
      if (edgesRead >= MOST_EDGES || reachedFrom.size >= MOST_TICKETS) return { cycle: null, isComplete: false };
      const edges = await db
        .query("dependencies")
        .withIndex("by_blocked", (q) => q.eq("project", project).eq("blocked", blocked))
        .take(MOST_EDGES - edgesRead);
      edgesRead += edges.length;
      for (const { blocker, blockerKey } of edges) {
        if (blocker === issueId) return { cycle: [blockerKey, ...way(reachedFrom, blocked), blockerKey], isComplete: true };
        if (reachedFrom.has(blocker)) continue;
        reachedFrom.set(blocker, { blocked, key: blockerKey });
        next.push(blocker);
      }
    }
    frontier = next;
  }
  return { cycle: null, isComplete: true };
}

/** The keys from the first blocker to the ticket that was reached, both included; none for where the search began. */
function way(reachedFrom: ReadonlyMap<string, { blocked: string; key: string }>, reached: string): string[] {
  const keys: string[] = [];
  for (let step = reachedFrom.get(reached); step !== undefined; step = reachedFrom.get(step.blocked)) keys.unshift(step.key);
  return keys;
}
