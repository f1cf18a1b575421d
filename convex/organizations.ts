// Holding a whole organisation: each of its projects hears of it as an event of its own (P6), under the organisation's scope, so that
// nobody resumes one project alone by mistake, and what a person had paused stays paused afterwards (project machine R10).

import type { ProjectEvent } from "@omakase/machines/project/project-events";
import { cut } from "@omakase/machines/text";
import { type Infer, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { memberMutation, serviceMutation } from "./access.ts";
import { requireKey } from "./budgets.ts";
import { refuse } from "./errors.ts";
import { deliver, findActor } from "./mail.ts";
import { vHoldMode } from "./validators.ts";

/** Projects of one organisation that are told. */
const MOST_PROJECTS = 500;
const MOST_ORGANIZATIONS = 100;

const vCommand = v.union(
  v.object({ kind: v.literal("hold"), mode: vHoldMode, reason: v.string() }),
  v.object({ kind: v.literal("resume") }),
);
type Command = Infer<typeof vCommand>;

/**
 * Holds or resumes every project of the organisation that `project` belongs to. `mode`: `starts` admits nobody new, `drain` lets only the
 * agents at work finish, `stop` stops them now. `key` is the client's UUID: repeating it changes nothing.
 * @throws {ConvexError} `forbidden`, `badArgument`
 */
export const steer = memberMutation({
  needs: "admin",
  args: { project: v.string(), command: vCommand, key: v.string() },
  returns: v.object({ projects: v.number() }),
  about: ({ project }) => project,
  handler: async ({ db, organization, person }, { command, key }) => {
    const who = { name: person.name, subject: person.subject };
    return { projects: await steerOne(db, organization, command, who, key) };
  },
});

/**
 * The same by the operator, who holds the orchestrator's own secret: for one organisation by its slug, or for all. `by` is shown and audited.
 * @throws {ConvexError} `notFound`, `badArgument`
 */
export const operate = serviceMutation({
  args: { organization: v.union(v.string(), v.null()), command: vCommand, by: v.string(), key: v.string() },
  returns: v.object({ organizations: v.number(), projects: v.number() }),
  handler: async ({ db }, { organization, command, by, key }) => {
    const rows = await chosen(db, organization);
    if (rows.length === 0)
      refuse({
        code: "notFound",
        message: organization === null ? "Nothing is set up yet." : `There is no organisation "${organization}".`,
      });
    const name = cut(by, 80);
    let projects = 0;
    for (const row of rows) projects += await steerOne(db, row, command, { name, subject: `operator:${name}` }, key);
    return { organizations: rows.length, projects };
  },
});

const chosen = (db: DatabaseReader, slug: string | null): Promise<Doc<"organizations">[]> =>
  slug === null
    ? db.query("organizations").take(MOST_ORGANIZATIONS)
    : db
        .query("organizations")
        .withIndex("by_slug", (q) => q.eq("slug", slug))
        .take(1);

async function steerOne(
  db: DatabaseWriter,
  organization: Doc<"organizations">,
  command: Command,
  who: { readonly name: string; readonly subject: string },
  key: string,
): Promise<number> {
  requireKey(key);
  const reason = command.kind === "hold" ? cut(command.reason.trim()) : null;
  if (command.kind === "hold" && command.mode === "stop" && reason === "")
    refuse({ code: "badArgument", message: "An emergency stop needs a reason: everybody who is stopped is shown it." });
  const at = Date.now();
  const hold = command.kind === "hold" ? { mode: command.mode, by: who.name, reason: reason ?? "", at } : undefined;
  await db.patch(organization._id, { hold });
  const rows = await db
    .query("projects")
    .withIndex("by_organization", (q) => q.eq("organization", organization._id))
    .take(MOST_PROJECTS);
  let told = 0;
  for (const project of rows) {
    const actor = await findActor(db, project.address);
    if (actor === null) continue;
    const event = JSON.stringify(eventOf(command, at, who.name, reason ?? ""));
    const cause = { kind: "person", name: who.name } as const;
    const mailKey = `command:${key}`;
    if ((await deliver(db, actor, { key: mailKey, event, cause })) === "duplicate") continue;
    told += 1;
    const what = command.kind === "hold" ? `organisation ${command.mode}` : "organisation resume";
    const act = { who: who.subject, what, why: reason, actor: project.address, key: mailKey, at };
    await db.insert("audit", { organization: organization._id, project: project._id, ...act });
  }
  return told;
}

function eventOf(command: Command, at: number, by: string, text: string): ProjectEvent {
  const scope = "organization";
  if (command.kind === "resume") return { type: "resume", at, by, scope };
  const reason = `The organisation: ${text}`;
  return command.mode === "stop"
    ? { type: "stop", at, by, reason, scope }
    : { type: "pause", at, by, mode: command.mode, scope, ...(text === "" ? {} : { reason }) };
}
