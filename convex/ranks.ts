// The order of admission among features that are ready for a role, as columns of `features.by_ready`: priority, then how many it unblocks, then age, then key.

import type { Id } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";

/** Linear's priority as a rank: 1 urgent ... 4 low, and none (0) last. */
export const priorityRank = (priority: number): number => (priority >= 1 && priority <= 4 ? priority : 5);

/** Beyond this many dependents, more do not make a feature more urgent. */
const MOST_DEPENDENTS = 1000;

/** Minus the number of tickets that the ticket blocks directly: most first. */
export async function unblocksRank(db: DatabaseReader, project: Id<"projects">, issueId: string): Promise<number> {
  const edges = await db
    .query("dependencies")
    .withIndex("by_blocker", (q) => q.eq("project", project).eq("blocker", issueId))
    .take(MOST_DEPENDENTS);
  return 0 - edges.length;
}
