// What reconciliation has put right, kept for people: an event that was missed, a task that nobody wanted, a pull request that came too
// late. Written once per key by the orchestrator's sweeps and performers; read on a project's page.

import { cut } from "@omakase/machines/text";
import { paginationOptsValidator } from "convex/server";
import { type Infer, v } from "convex/values";
import type { DatabaseWriter } from "./_generated/server";
import { memberQuery, serviceMutation } from "./access.ts";
import { refuse } from "./errors.ts";
import { vPage } from "./pages.ts";
import { vFarSide } from "./validators.ts";

const MAX_REPAIRS = 100;
const MAX_NAME = 300;

export const vRepair = v.object({
  /** The project's address. */
  project: v.string(),
  farSide: vFarSide,
  /** What kind of repair, for counting: "orphanStopped", "pullRequestClosed", ... */
  kind: v.string(),
  /** The far side's name of what was repaired: a task's ARN, an issue's key, "owner/name#7". */
  subject: v.string(),
  /** Whom it concerns, when that is known. */
  actor: v.union(v.string(), v.null()),
  /** A sentence for a person. */
  what: v.string(),
  /** The same repair has the same key, however often it is told. */
  key: v.string(),
});
export type Repair = Infer<typeof vRepair>;

/** Keeps repairs, each once; `recorded` counts those that were news. What belongs to no project of ours is left out. Safe to repeat. @throws {ConvexError} `tooLarge` */
export const record = serviceMutation({
  args: { repairs: v.array(vRepair) },
  returns: v.object({ recorded: v.number() }),
  handler: async ({ db }, { repairs }) => {
    if (repairs.length > MAX_REPAIRS) refuse({ code: "tooLarge", message: `At most ${MAX_REPAIRS} repairs fit one call.` });
    let recorded = 0;
    for (const repair of repairs) if (await recordRepair(db, repair)) recorded++;
    return { recorded };
  },
});

/** Within a mutation that repairs. @returns whether it is news */
export async function recordRepair(db: DatabaseWriter, { project: address, ...repair }: Repair): Promise<boolean> {
  const project = await db
    .query("projects")
    .withIndex("by_address", (q) => q.eq("address", address))
    .unique();
  if (project === null) return false;
  const key = repair.key.slice(0, MAX_NAME);
  const known = await db
    .query("repairs")
    .withIndex("by_key", (q) => q.eq("project", project._id).eq("key", key))
    .unique();
  if (known !== null) return false;
  const { organization, _id } = project;
  const { farSide, kind, subject, actor, what } = repair;
  await db.insert("repairs", {
    organization,
    project: _id,
    ...{ farSide, kind: cut(kind, MAX_NAME), subject: cut(subject, MAX_NAME), actor, what: cut(what), key, at: Date.now() },
  });
  return true;
}

/** A project's repairs, newest first. */
export const ofProject = memberQuery({
  needs: "viewer",
  args: { project: v.string(), paginationOpts: paginationOptsValidator },
  returns: vPage(
    v.object({
      farSide: vFarSide,
      kind: v.string(),
      subject: v.string(),
      actor: v.union(v.string(), v.null()),
      what: v.string(),
      at: v.number(),
    }),
  ),
  about: ({ project }) => project,
  handler: async ({ db, project }, { paginationOpts }) => {
    const rows = await db
      .query("repairs")
      .withIndex("by_project", (q) => q.eq("project", project._id))
      .order("desc")
      .paginate(paginationOpts);
    return {
      ...rows,
      page: rows.page.map(({ farSide, kind, subject, actor, what, at }) => ({ farSide, kind, subject, actor, what, at })),
    };
  },
});
