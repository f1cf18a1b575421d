// Repairs what webhooks missed: reads the issues that changed since the newest we know, at start and then every five minutes.
// Linear stops retrying a delivery after about seven hours; this does not.

import { api } from "../../convex/_generated/api.js";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import type { LinearApi } from "./client.ts";

export const LINEAR_SWEEP_EVERY_MS = 5 * 60_000;
/** Read again this far back: updates may become visible out of order. */
const OVERLAP_MS = 60_000;
/** 50 issues a page, oldest first: a sweep that is cut off, by this or by a fault, leaves nothing older behind. The next goes on. */
const MAX_PAGES = 200;

/** One sweep over every project's team. @returns how many issues were news */
export async function sweepLinear(linear: LinearApi, convex: ConvexCaller, log: Log): Promise<number> {
  let repaired = 0;
  for (const { project, linearTeamId, lastUpdatedAt } of await convex.query(api.linear.projects, {})) {
    try {
      let before: string | null = null;
      for (let page = 0; page < MAX_PAGES; page++) {
        const found = await linear.changedSince(linearTeamId, Math.max(0, lastUpdatedAt - OVERLAP_MS), before);
        if (found.issues.length > 0) repaired += (await convex.mutation(api.linear.sync, { issues: [...found.issues] })).changed;
        before = found.next;
        if (before === null) break;
      }
    } catch (error) {
      log.warn("linear.sweep_failed", { project, reason: reasonOf(error) });
    }
  }
  if (repaired > 0) log.info("linear.swept", { repaired });
  return repaired;
}
