// The log of steps, newest first.

import { paginationOptsValidator } from "convex/server";
import { v } from "convex/values";
import { memberQuery } from "./access.ts";
import { transitionCard, vTransitionCard } from "./cards.ts";
import { vPage } from "./pages.ts";

/** The steps of one actor. */
export const ofActor = memberQuery({
  needs: "viewer",
  args: { actor: v.string(), paginationOpts: paginationOptsValidator },
  returns: vPage(vTransitionCard),
  about: ({ actor }) => actor,
  handler: async ({ db }, { actor, paginationOpts }) => {
    const rows = await db
      .query("transitions")
      .withIndex("by_actor", (q) => q.eq("actor", actor))
      .order("desc")
      .paginate(paginationOpts);
    return { ...rows, page: rows.page.map(transitionCard) };
  },
});

/** The steps of a feature and of its agents, as they were stored. */
export const ofFeature = memberQuery({
  needs: "viewer",
  args: { feature: v.string(), paginationOpts: paginationOptsValidator },
  returns: vPage(vTransitionCard),
  about: ({ feature }) => feature,
  handler: async ({ db }, { feature, paginationOpts }) => {
    const rows = await db
      .query("transitions")
      .withIndex("by_feature", (q) => q.eq("feature", feature))
      .order("desc")
      .paginate(paginationOpts);
    return { ...rows, page: rows.page.map(transitionCard) };
  },
});
