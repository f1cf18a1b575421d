// What is going on in a project, newest first: the steps of all its actors.

import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { memberQuery } from "./access.ts";
import { transitionCard, vTransitionCard } from "./cards.ts";
import { vPage } from "./pages.ts";

/** Every step in the project. */
export const ofProject = memberQuery({
  needs: "viewer",
  args: { project: v.string(), paginationOpts: paginationOptsValidator },
  returns: vPage(vTransitionCard),
  about: ({ project }) => project,
  handler: async ({ db, project }, { paginationOpts }) => {
    const rows = await db
      .query("transitions")
      .withIndex("by_project", (q) => q.eq("project", project._id))
      .order("desc")
      .paginate(paginationOpts);
    return { ...rows, page: rows.page.map(transitionCard) };
  },
});
