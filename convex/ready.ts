// The answer to a project's `findReady`: who may be admitted next, best first, read from the index that is their order.

import type { FindReady } from "@omakase/machines/effects";
import type { ProjectEvent } from "@omakase/machines/project/project-events";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { refuse } from "./errors.ts";
import { monthOf } from "./money.ts";
import { ceilingOf, sharedAccounts, shortOf } from "./reservations.ts";
import { settingsOf } from "./settings.ts";

type ReadyFound = Extract<ProjectEvent, { type: "ready.found" }>;

/** Above any sensible number of features in a pipeline at once; bounds the read. */
const MOST_ROWS = 1000;

/**
 * At most `limit` features that want a role and are not in `excluding`; none, and whose budget it is, while the project or the
 * organisation cannot pay for one more run.
 * @throws {ConvexError} `badStep`
 */
export async function findReady(
  db: DatabaseReader,
  project: Doc<"projects">,
  { limit, excluding }: FindReady,
): Promise<Loose<ReadyFound>> {
  const at = Date.now();
  const rows = limit + excluding.length;
  if (!Number.isInteger(limit) || limit < 0 || rows > MOST_ROWS) {
    refuse({
      code: "badStep",
      actor: project.address,
      message: `limit and the number excluded must be whole numbers of together at most ${MOST_ROWS}.`,
    });
  }
  const accounts = await sharedAccounts(db, project, monthOf(at));
  const spent = accounts.find((account) => shortOf(account, ceilingOf(settingsOf(project).agent)) !== null);
  if (spent !== undefined && spent.level !== "feature") return { type: "ready.found", at, candidates: [], outOf: spent.level };
  const ready = db.query("features").withIndex("by_ready", (q) => q.eq("project", project._id).eq("ready", true));
  const without = new Set<string>(excluding);
  const candidates: { feature: string; role: string }[] = [];
  // Row by row: what is read is what is found and what is passed over, whatever queues behind.
  for await (const { address: feature, wants: role } of limit === 0 ? [] : ready) {
    if (role !== null && !without.has(feature)) candidates.push({ feature, role });
    if (candidates.length >= limit) break;
  }
  return { type: "ready.found", at, candidates };
}

/** An event as rows spell it: addresses are plain strings there. */
type Loose<Event> = Omit<Event, "candidates"> & { candidates: { feature: string; role: string }[] };
