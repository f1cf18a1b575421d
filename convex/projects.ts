// Projects: finding them and changing their settings.

import type { ProjectEvent } from "@omakase/machines/project/project-events";
import { v } from "convex/values";
import { memberMutation, personQuery } from "./access.ts";
import { recordAct } from "./audit.ts";
import { tellBudget } from "./budgets.ts";
import { projectCard, vProjectCard } from "./cards.ts";
import { refuse } from "./errors.ts";
import { deliver, findActor, isSeen } from "./mail.ts";
import { settingsOf } from "./settings.ts";
import { limitsFault, settingsFault } from "./settingsFault.ts";
import { projectOf } from "./shardOf.ts";
import { membershipsOf } from "./users.ts";
import { vLimits, vSettings } from "./validators.ts";

/** Projects of one organisation that are listed. */
const MAX_PROJECTS = 200;

/** The projects of the caller's organisations, by organisation and slug. `cut` names the organisations of which only the first 200 are there. */
export const list = personQuery({
  args: {},
  returns: v.object({ projects: v.array(vProjectCard), cut: v.array(v.string()) }),
  handler: async ({ db, person }) => {
    const memberships = await membershipsOf(db, person.subject);
    const lists = await Promise.all(
      memberships.map(async ({ organization, role }) => {
        const rows = await db
          .query("projects")
          .withIndex("by_organization", (q) => q.eq("organization", organization._id))
          .take(MAX_PROJECTS + 1);
        const cards = rows.slice(0, MAX_PROJECTS).map((row) => projectCard(row, organization, role));
        return { cards, cut: rows.length > MAX_PROJECTS ? [organization.name] : [] };
      }),
    );
    return { projects: lists.flatMap(({ cards }) => cards), cut: lists.flatMap(({ cut }) => cut) };
  },
});

/**
 * A project by its slug, or by its address ("organisation/project") when two organisations of the caller use the same slug.
 * Null when there is none the caller may see.
 * @throws {ConvexError} `ambiguous` naming the addresses
 */
export const get = personQuery({
  args: { slug: v.string() },
  returns: v.union(
    v.object({
      ...vProjectCard.fields,
      linearTeamId: v.string(),
      defaultBranch: v.string(),
      testCommand: v.union(v.string(), v.null()),
      limits: vLimits,
      settings: vSettings,
    }),
    v.null(),
  ),
  handler: async ({ db, person }, { slug }) => {
    const name = slug.slice(slug.lastIndexOf("/") + 1);
    const found = [];
    for (const { organization, role } of await membershipsOf(db, person.subject)) {
      const row = await db
        .query("projects")
        .withIndex("by_organization", (q) => q.eq("organization", organization._id).eq("slug", name))
        .unique();
      if (row !== null && (slug === name || row.address === slug)) found.push({ row, organization, role });
    }
    const [first, second] = found;
    if (first === undefined) return null;
    if (second !== undefined) {
      const addresses = found.map(({ row }) => row.address).join(", ");
      refuse({ code: "ambiguous", message: `Several of your organisations have a project "${slug}": use one of ${addresses}.` });
    }
    const { linearTeamId, defaultBranch, testCommand, limits } = first.row;
    return {
      ...projectCard(first.row, first.organization, first.role),
      linearTeamId,
      defaultBranch,
      testCommand,
      limits,
      settings: settingsOf(first.row),
    };
  },
});

/**
 * Changes a project's settings; what is left out stays. The scheduler hears of new limits and settings. `key` is the client's UUID:
 * repeating it changes nothing.
 * @throws {ConvexError} `forbidden`, `badArgument`
 */
export const configure = memberMutation({
  needs: "admin",
  args: {
    project: v.string(),
    key: v.string(),
    name: v.optional(v.string()),
    testCommand: v.optional(v.union(v.string(), v.null())),
    limits: v.optional(vLimits),
    settings: v.optional(vSettings),
  },
  returns: v.object({ key: v.string() }),
  about: ({ project }) => projectOf(project),
  handler: async (ctx, { key, name, testCommand, limits, settings }) => {
    const { db, project, person } = ctx;
    const fault = (limits && limitsFault(limits)) ?? (settings && settingsFault(settings)) ?? null;
    if (fault !== null) refuse({ code: "badArgument", message: `These settings cannot be used: ${fault}.` });
    const actor = await findActor(db, project.address);
    if (actor === null)
      return refuse({ code: "notFound", message: `The project ${project.address} has no scheduler yet: seed it first.` });

    const at = Date.now();
    const by = person.name;
    const told: ProjectEvent[] = [];
    if (limits) told.push({ type: "limits.changed", at, by, limits });
    if (settings) told.push({ type: "settings.changed", at, by, settings });
    for (const event of told) {
      const letterKey = `configure:${key}:${event.type}`;
      if (await isSeen(db, actor.address, letterKey)) return { key };
      const cause = { kind: "person", name: by } as const;
      await deliver(db, actor, { key: letterKey, event: JSON.stringify(event), cause });
    }
    await db.patch(project._id, {
      ...(name === undefined ? {} : { name }),
      ...(testCommand === undefined ? {} : { testCommand }),
      ...(limits === undefined ? {} : { limits }),
      ...(settings === undefined ? {} : { settings }),
    });
    // A run's ceiling is a budget too: whoever it stopped tries again with the new one.
    if (settings) await tellBudget(ctx, key);
    await recordAct(ctx, { what: "configure", why: null, actor: project.address, key });
    return { key };
  },
});
