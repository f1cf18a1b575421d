// Repairs what webhooks missed: reads the issues that changed since the newest we know, at start and then every five minutes.
// Linear stops retrying a delivery after about seven hours; this does not.

import { api } from "../../convex/_generated/api.js";
import type { Issue } from "../../convex/tickets.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Repairs } from "../repairs.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import type { LinearApi } from "./client.ts";

export const LINEAR_SWEEP_EVERY_MS = 5 * 60_000;
/** Read again this far back: updates may become visible out of order. */
const OVERLAP_MS = 60_000;
/** 50 issues a page, oldest first: a sweep that is cut off, by this or by a fault, leaves nothing older behind. The next goes on. */
const MAX_PAGES = 200;

export interface LinearSweepDeps {
  readonly linear: LinearApi;
  readonly convex: ConvexCaller;
  readonly repairs: Repairs;
  readonly log: Log;
  /** Whether this process looks after a project. @default every one */
  readonly isOurs?: (project: string) => boolean;
  /** @default Date.now */
  readonly now?: () => number;
}

/** A webhook that is this late was missed. */
const MISSED_MS = 60_000;

/**
 * One sweep over every project's team, each from where the last sweep of it ended: what webhooks have brought since says nothing about
 * what they have not. @returns how many issues were news
 */
export async function sweepLinear({
  linear,
  convex,
  repairs,
  log,
  isOurs = () => true,
  now = Date.now,
}: LinearSweepDeps): Promise<number> {
  let found = 0;
  for (const { project, linearTeamId } of await convex.query(api.linear.projects, {})) {
    if (!isOurs(project)) continue;
    try {
      const since = await convex.query(api.reconcile.sweptUntil, { project, farSide: "linear" });
      let before: string | null = null;
      for (let page = 0; page < MAX_PAGES; page++) {
        const { issues, next } = await linear.changedSince(linearTeamId, Math.max(0, since - OVERLAP_MS), before);
        if (issues.length > 0) {
          const { news } = await convex.mutation(api.linear.sync, { issues: [...issues] });
          found += news.length;
          // The first sweep of a project imports it: nothing was missed.
          if (since > 0)
            await recordMissed(
              issues.filter(({ issueId }) => news.includes(issueId)),
              project,
            );
          await convex.mutation(api.reconcile.swept, { project, farSide: "linear", until: issues.at(-1)?.updatedAt ?? 0 });
        }
        before = next;
        if (before === null) break;
      }
    } catch (error) {
      log.warn("linear.sweep_failed", { project, reason: reasonOf(error) });
    }
  }
  if (found > 0) log.info("linear.swept", { found });
  return found;

  async function recordMissed(issues: readonly Issue[], project: string): Promise<void> {
    for (const { issueId, key, stateName, updatedAt } of issues) {
      if (now() - updatedAt < MISSED_MS) continue;
      const what = `A change of ${key} in Linear had not reached us (it is in ${stateName}): it was read again`;
      const subject = { subject: key, actor: project, key: `issue:${issueId}:${updatedAt}` };
      await repairs.record({ farSide: "linear", kind: "missedChange", what, ...subject });
    }
  }
}
