// What keeps one feature from moving. Machines say what they know (P7: `reasons` of the feature's view); the rest is in rows that no
// single machine sees: who holds the places, budgets, holds above it, back-off, ownership, far sides, parked actors.
//
//   W1. Every reason is listed, not the first one; what is over, or at work, has none.
//   W2. A reason names figures and times where there are any; `until` is when it may end by itself (ms), null when it will not.
//   W3. Whatever is read is bounded: one feature, its blockers, its last agent, its project.

import type { ProjectContext } from "@omakase/machines/project/project-context";
import type { Role } from "@omakase/machines/roles";
import { type Infer, v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader } from "./_generated/server";
import { blockersOf } from "./blockers.ts";
import { findActor } from "./mail.ts";
import { monthOf, nextMonthAt } from "./money.ts";
import { ownershipFault } from "./ownershipFault.ts";
import { ceilingOf, featureAccount, sharedAccounts, shortOf } from "./reservations.ts";
import { settingsOf } from "./settings.ts";
import { lastSegment } from "./shardOf.ts";
import { vCategory, vReason } from "./validators.ts";

export const vWhyReason = v.object({
  ...vReason.fields,
  /** When it may be over by itself, ms; null: not by itself, or nobody can say. */
  until: v.union(v.number(), v.null()),
});
export type WhyReason = Infer<typeof vWhyReason>;

export const vWhy = v.object({
  address: v.string(),
  key: v.string(),
  state: v.string(),
  label: v.string(),
  category: vCategory,
  /** Somebody is at work on it, or it is over: then `reasons` says at most what may disturb that. */
  isMoving: v.boolean(),
  reasons: v.array(vWhyReason),
});
export type Why = Infer<typeof vWhy>;

interface Subject {
  readonly project: Doc<"projects">;
  readonly organization: Doc<"organizations">;
  readonly feature: Doc<"features">;
  /** ms. */
  readonly now: number;
}

/** Effects of one actor that are looked at: the newest. */
const MOST_EFFECTS = 12;
/** An effect that is pending for longer waits for its far side. */
const FAR_SIDE_SLOW_MS = 5_000;

const OVER: readonly string[] = ["merged", "closed", "cancelled"];

export const featureByKey = (db: DatabaseReader, project: string, key: string) =>
  db
    .query("features")
    .withIndex("by_address", (q) => q.eq("address", `${project}/${key.toLowerCase()}`))
    .unique();

/** W1. */
export async function whyOf(db: DatabaseReader, subject: Subject): Promise<Why> {
  const { feature } = subject;
  const { address, key, state, label, category } = feature;
  const shown = { address, key, state, label, category };
  if (OVER.includes(state)) return { ...shown, isMoving: true, reasons: [] };
  const agent = await lastAgent(db, address);
  const [parked, own, held, agents, ownership, farSides] = await Promise.all([
    parkedReasons(db, [subject.project.address, address, ...(agent === null ? [] : [agent.address])]),
    ownReasons(db, subject),
    heldReasons(db, subject),
    agent === null ? [] : agentReasons(db, agent),
    ownershipFault(db, subject.project.address, subject.now),
    farSideReasons(db, [address, ...(agent === null ? [] : [agent.address])], subject.now),
  ]);
  const reasons = [...parked, ...ownership, ...own, ...held, ...agents, ...farSides];
  const isAtWork = state.endsWith(".working") || state === "publishing" || state === "passing";
  const stops: readonly WhyReason["kind"][] = ["parked", "ownership", "backOff", "capacity", "rateLimit", "farSide"];
  return { ...shown, isMoving: isAtWork && !reasons.some(({ kind }) => stops.includes(kind)), reasons };
}

const reason = (kind: WhyReason["kind"], text: string, until: number | null = null): WhyReason => ({ kind, text, until });

/** What the feature's view says, with what the database knows beside it. */
async function ownReasons(db: DatabaseReader, { project, feature, now }: Subject): Promise<WhyReason[]> {
  const books = await booksOf(db, project);
  const reasons: WhyReason[] = [];
  for (const { kind, text } of feature.reasons) {
    if (kind === "dependency") continue;
    if (kind === "slot" && feature.wants !== null) reasons.push(...placeReasons(books, project, feature));
    else if (kind === "role") reasons.push(reason(kind, `${text}: ${roleInWords(books, project, feature.stage)}`));
    else reasons.push(reason(kind, text));
  }
  if (feature.state.startsWith("waiting.")) reasons.push(...(await dependencyReasons(db, project, feature)));
  if (feature.wants !== null || feature.reasons.some(({ kind }) => kind === "budget"))
    reasons.push(...(await budgetReasons(db, project, feature, now)));
  return reasons;
}

async function dependencyReasons(db: DatabaseReader, project: Doc<"projects">, feature: Doc<"features">): Promise<WhyReason[]> {
  const unmet = (await blockersOf(db, project, feature.issueId)).filter(({ state }) => state === "unmet");
  return Promise.all(
    unmet.map(async ({ key, feature: address }) => {
      const other = address === null ? null : await featureByKey(db, project.address, lastSegment(address));
      const where = other === null ? "which is not one of this project's features" : `which is: ${other.label}`;
      return reason("dependency", `Waits for ${key}, ${where}`);
    }),
  );
}

type Books = Pick<ProjectContext, "places" | "limits" | "holds">;

/** The scheduler's own books, as its last step left them; null when they cannot be read. */
async function booksOf(db: DatabaseReader, project: Doc<"projects">): Promise<Books | null> {
  const actor = await findActor(db, project.address);
  if (actor === null) return null;
  // Our own machine's snapshot; one of an older version may lack a part.
  const { context } = JSON.parse(actor.snapshot) as { context?: Partial<Books> };
  if (context?.places === undefined || context.limits === undefined) return null;
  return { places: context.places, limits: context.limits, holds: context.holds ?? { project: null, organization: null } };
}

const keysOf = (addresses: readonly string[]): string => addresses.map((one) => lastSegment(one).toUpperCase()).join(", ");

function placeReasons(books: Books | null, project: Doc<"projects">, { wants }: Doc<"features">): WhyReason[] {
  const reasons: WhyReason[] = [];
  const holders = books === null ? project.view.running : Object.keys(books.places);
  const limit = books?.limits.features ?? project.limits.features;
  if (holders.length >= limit) {
    const by = holders.length === 0 ? "" : `: ${keysOf(holders)}`;
    reasons.push(reason("slot", `${holders.length} of the project's ${limit} places are taken${by}`));
  }
  const roleLimit = wants === null ? undefined : books?.limits.perRole[wants];
  if (wants !== null && roleLimit !== undefined && holdersOf(books, wants).length >= roleLimit)
    reasons.push(reason("role", roleInWords(books, project, wants)));
  return reasons;
}

const holdersOf = (books: Books | null, role: Role): string[] =>
  Object.entries(books?.places ?? {}).flatMap(([feature, place]) => (place.granted && place.role === role ? [feature] : []));

function roleInWords(books: Books | null, project: Doc<"projects">, role: Role | null): string {
  if (role === null) return "all are at work";
  const holders = holdersOf(books, role);
  const limit = books?.limits.perRole[role] ?? project.limits.perRole[role];
  return `${holders.length} of ${limit ?? "any number of"} ${role}s are at work: ${keysOf(holders)}`;
}

/** Each budget that cannot pay for one more run. */
async function budgetReasons(
  db: DatabaseReader,
  project: Doc<"projects">,
  feature: Doc<"features">,
  now: number,
): Promise<WhyReason[]> {
  const wanted = ceilingOf(settingsOf(project).agent);
  const accounts = [await featureAccount(db, project, feature.address), ...(await sharedAccounts(db, project, monthOf(now)))];
  return accounts.flatMap((account) => {
    const text = shortOf(account, wanted);
    return text === null ? [] : [reason("budget", text, account.period === "all" ? null : nextMonthAt(now))];
  });
}

const HELD: Readonly<Record<string, string>> = {
  closed: "The project starts nothing new",
  draining: "The project is draining: no stage begins any more",
  paused: "The project is paused",
  stopped: "Emergency stop: every agent of the project was stopped",
  archived: "The project is archived",
};

/** The project's holds, and the organisation's. What has a place goes on while the project only starts nothing new. */
async function heldReasons(db: DatabaseReader, { project, feature }: Subject): Promise<WhyReason[]> {
  const { state } = project.view;
  const text = HELD[state];
  if (text === undefined || feature.state === "passing") return [];
  if (state === "closed" && feature.wants === null) return [];
  const holds = (await booksOf(db, project))?.holds;
  const who = [holds?.project, holds?.organization].flatMap((hold) =>
    hold ? [`by ${hold.by}${hold.reason === null ? "" : `: ${hold.reason}`}`] : [],
  );
  return [reason("hold", [text, ...who].join(" "))];
}

const lastAgent = (db: DatabaseReader, feature: string) =>
  db
    .query("agents")
    .withIndex("by_feature", (q) => q.eq("feature", feature))
    .order("desc")
    .first();

/** ECS's words for having no room, and for being asked too fast. */
const CAPACITY = /RESOURCE:|capacity|no Container Instances/i;
const RATE_LIMIT = /throttl|rate exceeded|rate limit|too many requests/i;

/** Its agent waits between two attempts, or for the cluster. */
async function agentReasons(db: DatabaseReader, agent: Doc<"agents">): Promise<WhyReason[]> {
  if (agent.ended) return [];
  const held = await heldBackOf(db, agent.address);
  const reasons = held === null ? [] : [reason(kindOf(held) ?? "capacity", `The ${agent.role} is not launched yet: ${held}`)];
  if (agent.state !== "backingOff") return reasons;
  const timers = await db
    .query("timers")
    .withIndex("by_actor", (q) => q.eq("actor", agent.address))
    .take(MOST_EFFECTS);
  const until = timers.find(({ timerId }) => timerId.includes("backOffMs"))?.dueAt ?? null;
  const why = agent.reason ?? "the last attempt failed";
  const next = `The ${agent.role} tries again (attempt ${agent.attempt + 1})`;
  const kind = kindOf(why);
  return [...reasons, reason("backOff", `${next}: ${why}`, until), ...(kind === null ? [] : [reason(kind, why, until)])];
}

const kindOf = (text: string) =>
  RATE_LIMIT.test(text) ? ("rateLimit" as const) : CAPACITY.test(text) ? ("capacity" as const) : null;

/** Why its launch is held back, when its snapshot says so. */
async function heldBackOf(db: DatabaseReader, agent: string): Promise<string | null> {
  const actor = await findActor(db, agent);
  if (actor === null) return null;
  const { context } = JSON.parse(actor.snapshot) as { context?: { heldBack?: { reason?: unknown } | null } };
  const text = context?.heldBack?.reason;
  return typeof text === "string" ? text : null;
}

const FAR_SIDES: Readonly<Record<string, string>> = {
  resolveDependencies: "Linear, for its dependencies",
  openPullRequest: "GitHub, to open its pull request",
  runTask: "ECS, to start its agent",
  stopTask: "ECS, to stop its agent",
};

/** What was asked of a far side some time ago and is not answered. */
async function farSideReasons(db: DatabaseReader, actors: readonly string[], now: number): Promise<WhyReason[]> {
  const rows = await Promise.all(
    actors.map((actor) =>
      db
        .query("outbox")
        .withIndex("by_effect", (q) => q.gte("effectId", `${actor}:`).lt("effectId", `${actor};`))
        .order("desc")
        .take(MOST_EFFECTS),
    ),
  );
  return rows.flat().flatMap(({ state, kind, createdAt }) => {
    const whom = FAR_SIDES[kind];
    if (state !== "pending" || whom === undefined || now - createdAt < FAR_SIDE_SLOW_MS) return [];
    return [reason("farSide", `Waits for ${whom}, since ${new Date(createdAt).toISOString().slice(0, 19)}Z`)];
  });
}

async function parkedReasons(db: DatabaseReader, addresses: readonly string[]): Promise<WhyReason[]> {
  const actors = await Promise.all(addresses.map((address) => findActor(db, address)));
  return actors.flatMap((actor) =>
    actor?.status === "parked"
      ? [
          reason(
            "parked",
            `The ${actor.kind} ${actor.address} is parked and needs a person: ${actor.parkedReason ?? "no reason was given"}`,
          ),
        ]
      : [],
  );
}
