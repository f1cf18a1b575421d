// Making an organisation with a project from nothing: by the launcher on one machine, by `convex run` in the cloud. Internal.
//
// A project is born with room for nobody; its limits come as its first event. So whatever it asks for then belongs to a step that its
// owner takes, even when an orchestrator is already running: an effect written here would be seen at the next take-over only.

import {
  begin,
  MACHINE_VERSIONS,
  type ProjectEvent,
  persist,
  projectAddress,
  projectMachine,
  projectView,
} from "@omakase/machines";
import { v } from "convex/values";
import type { Id } from "./_generated/dataModel";
import { type DatabaseWriter, internalMutation } from "./_generated/server";
import { refuse } from "./errors.ts";
import { deliver } from "./mail.ts";
import { limitsFault, settingsFault } from "./settingsFault.ts";
import { shardOf } from "./shardOf.ts";
import { vLimits, vMembershipRole, vSettings } from "./validators.ts";

const vProject = v.object({
  slug: v.string(),
  name: v.string(),
  linearTeamId: v.string(),
  linearTeamKey: v.string(),
  /** "owner/name" */
  repository: v.string(),
  defaultBranch: v.string(),
  testCommand: v.union(v.string(), v.null()),
  limits: vLimits,
  settings: vSettings,
});

/**
 * Makes what is missing of an organisation, its members, a project and the project's actor. Safe to repeat: what exists is left as
 * it is, except that a member gets the role given here.
 * @throws {ConvexError} `badArgument`
 */
export const sample = internalMutation({
  args: {
    organization: v.object({ slug: v.string(), name: v.string() }),
    project: vProject,
    members: v.array(v.object({ subject: v.string(), role: vMembershipRole })),
  },
  returns: v.object({ organization: v.id("organizations"), project: v.id("projects"), address: v.string() }),
  handler: async ({ db }, { organization: { slug, name }, project, members }) => {
    const fault = limitsFault(project.limits) ?? settingsFault(project.settings);
    if (fault !== null) refuse({ code: "badArgument", message: `The project ${project.slug} cannot be made: ${fault}.` });
    const stored = await db
      .query("organizations")
      .withIndex("by_slug", (q) => q.eq("slug", slug))
      .unique();
    const organization = stored?._id ?? (await db.insert("organizations", { slug, name }));
    for (const member of members) await addMember(db, organization, member);
    return { organization, ...(await addProject(db, organization, slug, project)) };
  },
});

async function addMember(
  db: DatabaseWriter,
  organization: Id<"organizations">,
  { subject, role }: { subject: string; role: "admin" | "developer" | "viewer" },
): Promise<void> {
  const row = await db
    .query("memberships")
    .withIndex("by_subject", (q) => q.eq("subject", subject).eq("organization", organization))
    .unique();
  if (row === null) await db.insert("memberships", { organization, subject, role });
  else if (row.role !== role) await db.patch(row._id, { role });
}

async function addProject(db: DatabaseWriter, organization: Id<"organizations">, slug: string, columns: typeof vProject.type) {
  const address = addressOf(slug, columns.slug);
  const stored = await db
    .query("projects")
    .withIndex("by_address", (q) => q.eq("address", address))
    .unique();
  if (stored !== null) return { project: stored._id, address };
  const rival = await db
    .query("projects")
    .withIndex("by_linear_team", (q) => q.eq("linearTeamId", columns.linearTeamId))
    .first();
  if (rival !== null) {
    refuse({
      code: "badArgument",
      message: `The Linear team ${columns.linearTeamKey} belongs to the project ${rival.address} already.`,
    });
  }

  const { limits, settings } = columns;
  const { snapshot, asked } = begin(projectMachine, { address, limits: { features: 0, perRole: {} }, settings });
  if (asked.length > 0)
    throw new Error(`A project with room for nobody asks for ${asked[0]?.type}: seeding cannot carry that out`);
  const { running, actions, ...shown } = projectView(snapshot);
  const view = { ...shown, running: [...running], actions: [...actions] };
  const project = await db.insert("projects", { organization, address, ...columns, view });
  const actorId = await db.insert("actors", {
    organization,
    project,
    address,
    kind: "project",
    shard: shardOf(address),
    machineVersion: MACHINE_VERSIONS.project,
    sequence: 0,
    snapshot: persist(projectMachine, snapshot),
    status: "active",
    parkedReason: null,
    bornOf: null,
    view: project,
  });
  const actor = await db.get(actorId);
  const opened = { type: "limits.changed", at: Date.now(), by: "Seeding", limits } satisfies ProjectEvent;
  const cause = { kind: "person", name: "Seeding" } as const;
  if (actor !== null) await deliver(db, actor, { key: "seed:limits", event: JSON.stringify(opened), cause });
  return { project, address };
}

/** @throws {ConvexError} `badArgument` naming the bad part */
function addressOf(organization: string, project: string) {
  try {
    return projectAddress(organization, project);
  } catch (error) {
    return refuse({ code: "badArgument", message: error instanceof Error ? error.message : String(error) });
  }
}
