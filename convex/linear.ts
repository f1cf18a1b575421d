// Linear's way in: deliveries of its webhook and what a sweep found. For the orchestrator alone. What an issue causes is in tickets.ts.

import { v } from "convex/values";
import { serviceMutation, serviceQuery } from "./access.ts";
import { firstTime } from "./deliveries.ts";
import { refuse } from "./errors.ts";
import { findMark } from "./pulls.ts";
import { takeIssue, vIssue } from "./tickets.ts";

const MAX_ISSUES = 100;
const PAGE_PROJECTS = 200;

/** Stores a delivery and its consequence. Safe to repeat. `issue` is null when the event is not about an issue. */
export const receive = serviceMutation({
  args: { deliveryId: v.string(), event: v.string(), issue: v.union(vIssue, v.null()) },
  returns: v.object({ outcome: v.string() }),
  handler: async (ctx, { deliveryId, event, issue }) =>
    firstTime(ctx.db, { source: "linear", deliveryId, event }, async () => {
      if (issue === null) return "ignored: not about an issue";
      return takeIssue(ctx.db, issue, { key: `linear:${deliveryId}`, cause: { kind: "linear", name: "Linear" } });
    }),
});

/** Takes issues that a sweep or an import read, at most 100. Safe to repeat. `news` names those that were. @throws {ConvexError} `tooLarge` */
export const sync = serviceMutation({
  args: { issues: v.array(vIssue) },
  returns: v.object({ news: v.array(v.string()) }),
  handler: async (ctx, { issues }) => {
    if (issues.length > MAX_ISSUES) refuse({ code: "tooLarge", message: `At most ${MAX_ISSUES} issues fit one call.` });
    const news: string[] = [];
    for (const issue of issues) {
      const key = `sweep:${issue.issueId}:${issue.updatedAt}${issue.removed ? ":removed" : ""}`;
      const outcome = await takeIssue(ctx.db, issue, { key, cause: { kind: "sweep", name: "Linear" } });
      if (outcome === "changed") news.push(issue.issueId);
    }
    return { news };
  },
});

/**
 * What to sweep, a page of projects by address: each one's team, and the sweep's own mark, from which it goes on (`reconcile.swept`).
 * Call with `next` until it is null.
 * @param after the address that the page begins after; null for the first
 */
export const projects = serviceQuery({
  args: { after: v.union(v.string(), v.null()) },
  returns: v.object({
    projects: v.array(v.object({ project: v.string(), linearTeamId: v.string(), sweptUntil: v.number() })),
    next: v.union(v.string(), v.null()),
  }),
  handler: async ({ db }, { after }) => {
    const rows = await db
      .query("projects")
      .withIndex("by_address", (q) => q.gt("address", after ?? ""))
      .take(PAGE_PROJECTS);
    const projects = await Promise.all(
      rows.map(async ({ address: project, linearTeamId }) => {
        const sweptUntil = (await findMark(db, project, "linear"))?.until ?? 0;
        return { project, linearTeamId, sweptUntil };
      }),
    );
    return { projects, next: rows.length < PAGE_PROJECTS ? null : (rows.at(-1)?.address ?? null) };
  },
});
