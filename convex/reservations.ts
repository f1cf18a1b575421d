// What a run may spend: reserved in the transaction that asks for its task, metered while it works, settled once it is over.
//
//   M1. Spent and reserved together never pass an allowance by a launch: a run reserves its whole ceiling, or is refused.
//   M2. A reservation is released exactly once, however many ends of the run are told; the ledgers then hold what it really came to.
//   M3. What a gateway process tells is its total so far: told again, or late, it counts once.
//   M4. The gateway's measure is what counts; a container's own account counts above it only as far as the run had reserved.
//   M5. A run counts for the month (UTC) it was launched in, whenever it ends.

import { type BudgetLevel, DEFAULT_SETTINGS } from "@omakase/machines/roles";
import type { Infer } from "convex/values";
import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import {
  type Allowance,
  type Amount,
  combined,
  lacking,
  least,
  type Metered,
  microUsd,
  minus,
  monthInWords,
  monthOf,
  most,
  NOT_METERED,
  NOTHING,
  ofMetered,
  ofUsage,
  overrun,
  plus,
  usdOf,
} from "./money.ts";
import { projectOf } from "./shardOf.ts";
import type { vBudgets, vReceipt } from "./validators.ts";

export type Budgets = Infer<typeof vBudgets>;

/** Until an admin says otherwise. */
export const DEFAULT_BUDGETS: Budgets = { feature: { usd: 30, tokens: null }, month: { usd: 1_000, tokens: null } };

type Ledger = Pick<Doc<"ledgers">, "reserved" | "spent" | "granted" | "runs">;
const EMPTY: Ledger = { reserved: NOTHING, spent: NOTHING, granted: NOTHING, runs: 0 };

/** One budget a run counts towards. */
export interface Account {
  readonly level: Exclude<BudgetLevel, "run">;
  readonly scope: string;
  readonly period: string;
  readonly allowance: Allowance;
  readonly ledger: Ledger;
}

export interface Refusal {
  readonly level: Exclude<BudgetLevel, "run">;
  readonly reason: string;
}

/** A run's ceiling, as its frozen launch has it; one that was asked for by an older build names no tokens. */
export const ceilingOf = ({ maxBudgetUsd, maxTokens }: { maxBudgetUsd: number; maxTokens?: number }): Amount => ({
  microUsd: microUsd(maxBudgetUsd),
  tokens: maxTokens ?? DEFAULT_SETTINGS.agent.maxTokens,
});

const organizationOf = (address: string): string => address.split("/", 1)[0] ?? "";

export const ledgerOf = (db: DatabaseReader, scope: string, period: string) =>
  db
    .query("ledgers")
    .withIndex("by_scope", (q) => q.eq("scope", scope).eq("period", period))
    .unique();

/** What a project and its organisation may spend this month, and have. */
export async function sharedAccounts(db: DatabaseReader, project: Doc<"projects">, month: string): Promise<Account[]> {
  const organization = await db.get(project.organization);
  const budgets = project.budgets ?? DEFAULT_BUDGETS;
  const scope = organizationOf(project.address);
  const [ours, theirs] = await Promise.all([ledgerOf(db, project.address, month), ledgerOf(db, scope, month)]);
  return [
    { level: "project", scope: project.address, period: month, allowance: budgets.month, ledger: ours ?? EMPTY },
    {
      level: "organization",
      scope,
      period: month,
      allowance: organization?.budget ?? { usd: null, tokens: null },
      ledger: theirs ?? EMPTY,
    },
  ];
}

/** What one feature may spend in all, grants included, and has. */
export async function featureAccount(db: DatabaseReader, project: Doc<"projects">, feature: string): Promise<Account> {
  const { usd, tokens } = (project.budgets ?? DEFAULT_BUDGETS).feature;
  const ledger = (await ledgerOf(db, feature, "all")) ?? EMPTY;
  const allowance = {
    usd: usd === null ? null : usd + usdOf(ledger.granted),
    tokens: tokens === null ? null : tokens + ledger.granted.tokens,
  };
  return { level: "feature", scope: feature, period: "all", allowance, ledger };
}

const NAMES = { feature: "The feature's budget", project: "The project's budget", organization: "The organisation's budget" };

/** Why another run of this size cannot be paid for from an account, in words; null when it can. */
export function shortOf({ level, period, allowance, ledger }: Account, wanted: Amount): string | null {
  const figures = lacking(allowance, ledger, wanted);
  const when = period === "all" ? "" : ` for ${monthInWords(period)}`;
  return figures && `${NAMES[level]}${when} has no room: ${figures}`;
}

interface Launch {
  readonly project: Doc<"projects">;
  readonly feature: string;
  readonly agent: string;
  readonly effectId: string;
  readonly role: Doc<"agentRuns">["role"];
  readonly wanted: Amount;
  /** ms. */
  readonly at: number;
}

/** M1. @returns null when it is reserved */
export async function reserve(db: DatabaseWriter, launch: Launch): Promise<Refusal | null> {
  const { project, feature, agent, effectId, wanted, at } = launch;
  const month = monthOf(at);
  const accounts = [await featureAccount(db, project, feature), ...(await sharedAccounts(db, project, month))];
  for (const account of accounts) {
    const reason = shortOf(account, wanted);
    if (reason !== null) return { level: account.level, reason };
  }
  for (const { scope, period } of accounts) {
    await post(db, scope, period, (ledger) => ({ reserved: plus(ledger.reserved, wanted), runs: ledger.runs + 1 }));
  }
  await db.insert("reservations", {
    effectId,
    agent,
    feature,
    month,
    reserved: wanted,
    metered: NOT_METERED,
    settled: null,
    overBudget: null,
    receipt: receiptOf(launch, accounts),
  });
  return null;
}

function receiptOf({ project, role, at }: Launch, accounts: readonly Account[]): Infer<typeof vReceipt> {
  return {
    at,
    places: { taken: project.view.running.length, limit: project.limits.features },
    roleLimit: project.limits.perRole[role] ?? null,
    budgets: accounts.map(({ level, period, allowance, ledger: { spent, reserved } }) => ({
      level,
      period,
      spent,
      reserved,
      allowance,
    })),
  };
}

export const reservationOf = (db: DatabaseReader, effectId: string) =>
  db
    .query("reservations")
    .withIndex("by_effect", (q) => q.eq("effectId", effectId))
    .unique();

/** What a run came to. */
export interface Bill {
  readonly costUsd: number;
  readonly turns: number;
}

/** M2, M4. The run's own row is told what it used, too. Safe to repeat. @returns null for a run that reserved nothing */
export async function settleRun(db: DatabaseWriter, run: Doc<"agentRuns">): Promise<Bill | null> {
  const reservation = await reservationOf(db, run.effectId);
  if (reservation === null) return null;
  const { metered, reserved } = reservation;
  const settled = reservation.settled ?? most(ofMetered(metered), least(ofUsage(run.usage), reserved));
  if (reservation.settled === null) {
    for (const [scope, period] of scopesOf(reservation)) {
      await post(db, scope, period, (ledger) => ({
        reserved: minus(ledger.reserved, reserved),
        spent: plus(ledger.spent, settled),
      }));
    }
    await db.patch(reservation._id, { settled });
    await db.patch(run._id, { usage: withMetered(run.usage, metered) });
  }
  return { costUsd: usdOf(settled), turns: Math.max(run.usage.turns, metered.requests) };
}

/** Settles what an agent that is over still holds: a run whose end nobody has told. */
export async function settleAgent(db: DatabaseWriter, agent: string): Promise<void> {
  const rows = await db
    .query("reservations")
    .withIndex("by_agent", (q) => q.eq("agent", agent))
    .take(MOST_ATTEMPTS);
  for (const { settled, effectId } of rows) {
    if (settled !== null) continue;
    const run = await db
      .query("agentRuns")
      .withIndex("by_effect", (q) => q.eq("effectId", effectId))
      .unique();
    if (run !== null) await settleRun(db, run);
  }
}

/** Above what any settings allow: 50 for each of the two reasons. */
const MOST_ATTEMPTS = 100;

/** M3. @param total what this meter has seen of the run in all @returns the run's standing; null for a run that reserved nothing */
export async function meter(
  db: DatabaseWriter,
  effectId: string,
  name: string,
  total: Metered,
): Promise<{ spent: Amount; over: string | null } | null> {
  const reservation = await reservationOf(db, effectId);
  if (reservation === null) return null;
  const row = await db
    .query("meterings")
    .withIndex("by_effect", (q) => q.eq("effectId", effectId).eq("meter", name))
    .unique();
  const known = row?.metered ?? NOT_METERED;
  const now = combined(known, total, Math.max);
  const news = combined(now, known, (one, other) => one - other);
  if (row === null) await db.insert("meterings", { effectId, meter: name, metered: now });
  else await db.patch(row._id, { metered: now });
  const metered = combined(reservation.metered, news, (one, other) => one + other);
  const over = reservation.overBudget ?? overrun(ofMetered(metered), reservation.reserved);
  await db.patch(reservation._id, { metered, overBudget: over });
  if (reservation.settled !== null) await settleLate(db, reservation, ofMetered(metered));
  return { spent: ofMetered(metered), over };
}

/** An answer that was still streaming when its run was settled. */
async function settleLate(db: DatabaseWriter, reservation: Doc<"reservations">, metered: Amount): Promise<void> {
  const before = reservation.settled ?? NOTHING;
  const settled = most(before, metered);
  const more = minus(settled, before);
  if (more.microUsd === 0 && more.tokens === 0) return;
  for (const [scope, period] of scopesOf(reservation)) {
    await post(db, scope, period, (ledger) => ({ spent: plus(ledger.spent, more) }));
  }
  await db.patch(reservation._id, { settled });
}

/** Adds to what one feature may spend in all. */
export async function grantMore(db: DatabaseWriter, feature: string, more: Amount): Promise<void> {
  await post(db, feature, "all", ({ granted }) => ({ granted: plus(granted, more) }));
}

/** M5. */
const scopesOf = ({ feature, month }: Doc<"reservations">): readonly [string, string][] => [
  [feature, "all"],
  [projectOf(feature), month],
  [organizationOf(feature), month],
];

async function post(
  db: DatabaseWriter,
  scope: string,
  period: string,
  change: (ledger: Ledger) => Partial<Ledger>,
): Promise<void> {
  const row = await ledgerOf(db, scope, period);
  if (row === null) await db.insert("ledgers", { scope, period, ...EMPTY, ...change(EMPTY) });
  else await db.patch(row._id, change(row));
}

function withMetered(usage: Doc<"agentRuns">["usage"], metered: Metered): Doc<"agentRuns">["usage"] {
  return {
    turns: Math.max(usage.turns, metered.requests),
    inputTokens: Math.max(usage.inputTokens, metered.inputTokens),
    outputTokens: Math.max(usage.outputTokens, metered.outputTokens),
    cacheReadTokens: Math.max(usage.cacheReadTokens, metered.cacheReadTokens),
    cacheCreationTokens: Math.max(usage.cacheCreationTokens, metered.cacheCreationTokens),
    costUsd: Math.max(usage.costUsd, usdOf(metered)),
  };
}
