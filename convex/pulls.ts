// Which projects GitHub is to be asked about, and how far they have been looked at. Written by births and views (`hasOpenPull`) and by
// the sweep of GitHub (the marks). For the orchestrator alone.
//
//   L1. A project is looked at while one of its features has a pull request that is or should be open, and once more after the last
//       of them ended. No other costs a request.
//   L2. Found by index: what a page reads grows with the projects that are looked at, not with features or with projects.

import { v } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { serviceMutation, serviceQuery } from "./access.ts";

const PAGE_PROJECTS = 100;
const ADOPTED_AT_ONCE = 500;

const OVER: ReadonlySet<string> = new Set(["merged", "closed", "cancelled"]);

/** Whether a feature's pull request is or should be open at GitHub: the `hasOpenPull` of its row. */
export const isPullOpen = ({ state, pullRequest }: Pick<Doc<"features">, "state" | "pullRequest">): boolean =>
  state === "publishing" || (pullRequest !== null && !OVER.has(state));

const vLook = v.object({
  /** Its address. */
  project: v.string(),
  /** "owner/name" */
  repository: v.string(),
  /** Where the look goes on, ms by GitHub's clock; 0 when it was never looked at. */
  sweptUntil: v.number(),
  /** When it was looked at last, ms by ours; 0: never. */
  lookedAt: v.number(),
  /** False: its last pull request has ended, this is the one late look. */
  isOpen: v.boolean(),
});

const vCursor = v.object({ part: v.union(v.literal("open"), v.literal("late")), after: v.string() });

/** The projects to look at (L1), a page at a time: call with `next` until it is null. A project may come in both parts; the first counts. */
export const toLookAt = serviceQuery({
  args: { cursor: v.union(vCursor, v.null()) },
  returns: v.object({ looks: v.array(vLook), next: v.union(vCursor, v.null()) }),
  handler: async ({ db }, { cursor }) => {
    const { part, after } = cursor ?? { part: "open" as const, after: "" };
    switch (part) {
      case "open": {
        const ids = await openAfter(db, after as Id<"projects">);
        const projects = await Promise.all(ids.map((id) => db.get(id)));
        const looks = await Promise.all(projects.flatMap((project) => (project ? [lookAt(db, project, true)] : [])));
        const isLast = ids.length < PAGE_PROJECTS;
        return { looks, next: isLast ? { part: "late" as const, after: "" } : { part, after: ids.at(-1) ?? "" } };
      }
      case "late": {
        const marks = await db
          .query("sweepMarks")
          .withIndex("by_open", (q) => q.eq("farSide", "github").eq("isOpen", true).gt("project", after))
          .take(PAGE_PROJECTS);
        const projects = await Promise.all(marks.map(({ project }) => projectAt(db, project)));
        const looks = await Promise.all(projects.flatMap((project) => (project ? [lookAt(db, project, false)] : [])));
        return { looks, next: marks.length < PAGE_PROJECTS ? null : { part, after: marks.at(-1)?.project ?? "" } };
      }
      default:
        return part satisfies never;
    }
  },
});

/**
 * A project was looked at: all that ended until `until` (ms, GitHub's clock) has been seen; that never goes back. `isOpen` as the look
 * had it, so that one is still to come after the last end. Safe to repeat.
 */
export const looked = serviceMutation({
  args: { project: v.string(), until: v.number(), at: v.number(), isOpen: v.boolean() },
  returns: v.null(),
  handler: async ({ db }, { project, until, at, isOpen }) => {
    const mark = await findMark(db, project, "github");
    if (mark === null) await db.insert("sweepMarks", { project, farSide: "github", until, lookedAt: at, isOpen });
    else await db.patch(mark._id, { until: Math.max(mark.until, until), lookedAt: at, isOpen });
    return null;
  },
});

/** Fills in what rows from before `hasOpenPull` lack, some at a time: call until it says 0. Safe to repeat. @returns how many there were */
export const adopt = serviceMutation({
  args: {},
  returns: v.number(),
  handler: async ({ db }) => {
    const rows = await db
      .query("features")
      .withIndex("by_open_pull", (q) => q.eq("hasOpenPull", undefined))
      .take(ADOPTED_AT_ONCE);
    await Promise.all(rows.map((row) => db.patch(row._id, { hasOpenPull: isPullOpen(row) })));
    return rows.length;
  },
});

/** Within a mutation or query: how far a project's far side has been swept. */
export const findMark = (db: DatabaseReader | DatabaseWriter, project: string, farSide: Doc<"sweepMarks">["farSide"]) =>
  db
    .query("sweepMarks")
    .withIndex("by_project", (q) => q.eq("project", project).eq("farSide", farSide))
    .unique();

/** L2: from one project to the next, whatever the number of its features. */
async function openAfter(db: DatabaseReader, after: Id<"projects">): Promise<Id<"projects">[]> {
  const found: Id<"projects">[] = [];
  while (found.length < PAGE_PROJECTS) {
    const last = found.at(-1) ?? after;
    const row = await db
      .query("features")
      .withIndex("by_open_pull", (q) => q.eq("hasOpenPull", true).gt("project", last))
      .first();
    if (row === null) break;
    found.push(row.project);
  }
  return found;
}

async function lookAt(db: DatabaseReader, { address, repository }: Doc<"projects">, isOpen: boolean) {
  const mark = await findMark(db, address, "github");
  return { project: address, repository, sweptUntil: mark?.until ?? 0, lookedAt: mark?.lookedAt ?? 0, isOpen };
}

const projectAt = (db: DatabaseReader, address: string) =>
  db
    .query("projects")
    .withIndex("by_address", (q) => q.eq("address", address))
    .unique();
