// Budgets as people see and set them. What they allow is checked where a run is launched (reservations.ts).

import type { FeatureEvent } from "@omakase/machines/feature/feature-events";
import type { ProjectEvent } from "@omakase/machines/project/project-events";
import { cut } from "@omakase/machines/text";
import { v } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseWriter, MutationCtx } from "./_generated/server";
import { type Membership, memberMutation, memberQuery } from "./access.ts";
import { recordAct } from "./audit.ts";
import { refuse } from "./errors.ts";
import { deliver, findActor, isSeen } from "./mail.ts";
import { microUsd, monthOf } from "./money.ts";
import { type Account, DEFAULT_BUDGETS, featureAccount, grantMore, sharedAccounts } from "./reservations.ts";
import { settingsOf } from "./settings.ts";
import { allowanceFault } from "./settingsFault.ts";
import { vAllowance, vAmount, vBudgetLevel, vBudgets, vHoldMode, vSettings } from "./validators.ts";

/** Features that wait for their own budget and are told when it may be larger. */
const MOST_WAITING = 500;

const vAccount = v.object({
  level: vBudgetLevel,
  /** "all", or a month (UTC): "2026-11". */
  period: v.string(),
  allowance: vAllowance,
  spent: vAmount,
  reserved: vAmount,
  runs: v.number(),
});

const accountCard = ({ level, period, allowance, ledger: { spent, reserved, runs } }: Account) => ({
  level,
  period,
  allowance,
  spent,
  reserved,
  runs,
});

/** What a project may spend, and has, this month; `now` in ms, rounded as coarsely as the caller can bear: it decides the month. */
export const ofProject = memberQuery({
  needs: "viewer",
  args: { project: v.string(), now: v.number() },
  returns: v.object({
    budgets: vBudgets,
    accounts: v.array(vAccount),
    settings: vSettings,
    hold: v.union(v.object({ mode: vHoldMode, by: v.string(), reason: v.string(), at: v.number() }), v.null()),
  }),
  about: ({ project }) => project,
  handler: async ({ db, project, organization }, { now }) => ({
    budgets: project.budgets ?? DEFAULT_BUDGETS,
    accounts: (await sharedAccounts(db, project, monthOf(now))).map(accountCard),
    settings: settingsOf(project),
    hold: organization.hold ?? null,
  }),
});

/** What one feature may spend in all, and has. */
export const ofFeature = memberQuery({
  needs: "viewer",
  args: { feature: v.string() },
  returns: vAccount,
  about: ({ feature }) => feature,
  handler: async ({ db, project }, { feature }) => accountCard(await featureAccount(db, project, feature)),
});

const acting = { reason: v.string(), key: v.string() };

/** Sets what a project's features, and the project in a month, may spend; what is left out stays. `key` is the client's UUID. @throws {ConvexError} `forbidden`, `badArgument` */
export const set = memberMutation({
  needs: "admin",
  args: { project: v.string(), feature: v.optional(vAllowance), month: v.optional(vAllowance), ...acting },
  returns: v.null(),
  about: ({ project }) => project,
  handler: async (ctx, { feature, month, reason, key }) => {
    requireKey(key);
    const { db, project } = ctx;
    const fault = (feature && allowanceFault(feature)) ?? (month && allowanceFault(month)) ?? null;
    if (fault !== null) refuse({ code: "badArgument", message: `This budget cannot be used: ${fault}.` });
    if (await isTold(ctx, key)) return null;
    const before = project.budgets ?? DEFAULT_BUDGETS;
    await db.patch(project._id, { budgets: { feature: feature ?? before.feature, month: month ?? before.month } });
    await tellBudget(ctx, key);
    await recordAct(ctx, { what: "budget", why: whyOf(reason), actor: project.address, key });
    return null;
  },
});

/** Sets what the whole organisation may spend in a month. @throws {ConvexError} `forbidden`, `badArgument` */
export const setOrganization = memberMutation({
  needs: "admin",
  args: { project: v.string(), month: vAllowance, ...acting },
  returns: v.null(),
  about: ({ project }) => project,
  handler: async (ctx, { month, reason, key }) => {
    requireKey(key);
    const { db, organization, project } = ctx;
    const fault = allowanceFault(month);
    if (fault !== null) refuse({ code: "badArgument", message: `This budget cannot be used: ${fault}.` });
    if (await isTold(ctx, key)) return null;
    await db.patch(organization._id, { budget: month });
    // The other projects look again within a minute (R12).
    await tellBudget(ctx, key);
    await recordAct(ctx, { what: "organisation budget", why: whyOf(reason), actor: project.address, key });
    return null;
  },
});

/** Adds to what one feature may spend in all; if a budget stopped it, it goes on. @throws {ConvexError} `forbidden`, `badArgument`, `notFound` */
export const grant = memberMutation({
  needs: "admin",
  args: { feature: v.string(), usd: v.number(), tokens: v.number(), ...acting },
  returns: v.null(),
  about: ({ feature }) => feature,
  handler: async (ctx, { feature, usd, tokens, reason, key }) => {
    requireKey(key);
    const fault = allowanceFault({ usd, tokens });
    if (fault !== null) refuse({ code: "badArgument", message: `This cannot be granted: ${fault}.` });
    const actor = await findActor(ctx.db, feature);
    if (actor === null || actor.kind !== "feature")
      return refuse({ code: "notFound", message: `There is no feature ${feature}: reload the page.` });
    if (await isSeen(ctx.db, feature, letterKey(key))) return null;
    await grantMore(ctx.db, feature, { microUsd: microUsd(usd), tokens });
    await tell(ctx.db, actor, ctx.person.name, key);
    await recordAct(ctx, { what: "budget", why: whyOf(reason), actor: feature, key });
    return null;
  },
});

/** Tells the scheduler, and the features their own budget stopped, that there may be room now. Safe to repeat with the same key. */
export async function tellBudget({ db, project, person }: MutationCtx & Membership, key: string): Promise<void> {
  const scheduler = await findActor(db, project.address);
  if (scheduler !== null) await tell(db, scheduler, person.name, key);
  const stuck = await db
    .query("features")
    .withIndex("by_board", (q) => q.eq("project", project._id).eq("column", "needsYou"))
    .take(MOST_WAITING);
  for (const { address, reasons } of stuck) {
    if (!reasons.some(({ kind }) => kind === "budget")) continue;
    const actor = await findActor(db, address);
    if (actor !== null) await tell(db, actor, person.name, key);
  }
}

const isTold = ({ db, project }: MutationCtx & Membership, key: string) => isSeen(db, project.address, letterKey(key));

const letterKey = (key: string): string => `budget:${key}`;
const whyOf = (reason: string): string | null => (reason.trim() === "" ? null : cut(reason));

async function tell(db: DatabaseWriter, actor: Doc<"actors">, by: string, key: string): Promise<void> {
  const event = { type: "budget.raised", at: Date.now(), by } satisfies ProjectEvent & FeatureEvent;
  const cause = { kind: "person", name: by } as const;
  await deliver(db, actor, { key: letterKey(key), event: JSON.stringify(event), cause });
}

/** A client's UUID. @throws {ConvexError} `badArgument` */
export function requireKey(key: string): void {
  if (!/^[\w-]{8,64}$/.test(key)) refuse({ code: "badArgument", message: "key must be a UUID made by the client." });
}
