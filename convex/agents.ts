// Agents as people see them.

import { v } from "convex/values";
import { memberQuery } from "./access.ts";
import { agentCard, vAgentCard } from "./cards.ts";

const MAX_LISTED = 200;

/** The agents of a project that have not ended, at most 200. */
export const living = memberQuery({
  needs: "viewer",
  args: { project: v.string() },
  returns: v.array(vAgentCard),
  about: ({ project }) => project,
  handler: async ({ db, project }) => {
    const rows = await db
      .query("agents")
      .withIndex("by_project", (q) => q.eq("project", project._id).eq("ended", false))
      .take(MAX_LISTED);
    return rows.map(agentCard);
  },
});

/** The agents a feature has had, oldest first, at most 200. */
export const ofFeature = memberQuery({
  needs: "viewer",
  args: { feature: v.string() },
  returns: v.array(vAgentCard),
  about: ({ feature }) => feature,
  handler: async ({ db }, { feature }) => {
    const rows = await db
      .query("agents")
      .withIndex("by_feature", (q) => q.eq("feature", feature))
      .take(MAX_LISTED);
    return rows.map(agentCard);
  },
});
