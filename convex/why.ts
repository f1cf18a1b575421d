// "Why is it not running?": every reason at once, from committed rows, worked out in one place (whyRules.ts) for pages, API and CLI.

import { v } from "convex/values";
import { memberQuery, serviceQuery } from "./access.ts";
import { featureByKey, vWhy, whyOf } from "./whyRules.ts";

/**
 * Everything that keeps a feature from moving, by its key ("OMA-12"); null when there is none. `now` (ms) decides what is over: round it
 * (to 10 s, say), so that the answer can be kept.
 */
export const ofFeature = memberQuery({
  needs: "viewer",
  args: { project: v.string(), key: v.string(), now: v.number() },
  returns: v.union(vWhy, v.null()),
  about: ({ project }) => project,
  handler: async ({ db, project, organization }, { key, now }) => {
    const feature = await featureByKey(db, project.address, key);
    return feature && whyOf(db, { project, organization, feature, now });
  },
});

/** The same for the orchestrator and for the operator's command line: in one project by its address, or in whichever has the key. At most 20. */
export const find = serviceQuery({
  args: { project: v.union(v.string(), v.null()), key: v.string(), now: v.number() },
  returns: v.array(vWhy),
  handler: async ({ db }, { project: address, key, now }) => {
    const projects =
      address === null
        ? await db.query("projects").take(MOST_PROJECTS)
        : await db
            .query("projects")
            .withIndex("by_address", (q) => q.eq("address", address))
            .take(1);
    const found = [];
    for (const project of projects) {
      if (found.length >= MOST_FOUND) break;
      const feature = await featureByKey(db, project.address, key);
      const organization = feature && (await db.get(project.organization));
      if (feature && organization) found.push(await whyOf(db, { project, organization, feature, now }));
    }
    return found;
  },
});

const MOST_PROJECTS = 500;
const MOST_FOUND = 20;
