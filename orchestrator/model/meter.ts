// What each run has spent at the model, and whether it may spend more. Memory is only the way to the database: totals are stored in
// batches, and a new process begins with what is stored.
//
//   B1. A run over its budget gets no further answer; the answers under way when it passed it are the overshoot, at most MOST_AT_ONCE.
//   B2. Totals are told, never differences: a batch that is told again changes nothing. Each process is a meter of its own.
//   B3. What is not stored yet counts already; a kill loses at most what FLUSH_MS gathered.
//   B4. Who is refused has been stored as over its budget, if the database answers: its own report must not come before.

import { api } from "../../convex/_generated/api.js";
import { type Amount, combined, type Metered, NOT_METERED, ofMetered, overrun, plus } from "../../convex/money.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import { isPriced, microUsdOf } from "./prices.ts";
import type { TokenUsage } from "./usage-reader.ts";

const FLUSH_MS = 200;
const FLUSH_AGAIN_MS = 1_000;
const MOST_IN_A_CALL = 100;
/** Answers of one run under way at once. */
export const MOST_AT_ONCE = 16;
/** Runs kept in memory; beyond that, those with everything stored and nothing under way are forgotten. */
const MOST_RUNS = 1_000;

const add = (one: number, other: number): number => one + other;

interface Budget {
  readonly reserved: Amount;
  readonly spent: Amount;
  readonly over: string | null;
}

interface Account {
  /** Null: the run has reserved nothing, and nothing is metered against. */
  readonly reserved: Amount | null;
  /** As stored, over all meters. */
  stored: Amount;
  over: string | null;
  /** By this process. */
  total: Metered;
  told: Metered;
  underWay: number;
}

export interface MeterDeps {
  readonly convex: ConvexCaller;
  readonly log: Log;
  /** Names this process among the meters. @default a new UUID */
  readonly name?: string;
}

export class Meter {
  readonly #accounts = new Map<string, Account>();
  readonly #changed = new Set<string>();
  readonly #name: string;
  readonly #unpriced = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #flushing: Promise<void> | null = null;

  constructor(private readonly deps: MeterDeps) {
    this.#name = deps.name ?? crypto.randomUUID();
  }

  knows = (run: string): boolean => this.#accounts.has(run);

  /** A run this process has not seen yet, as it is stored. */
  open(run: string, budget: Budget | null): void {
    if (this.#accounts.has(run)) return;
    if (this.#accounts.size >= MOST_RUNS) this.#forgetIdle();
    this.#accounts.set(run, {
      reserved: budget?.reserved ?? null,
      stored: budget?.spent ?? { microUsd: 0, tokens: 0 },
      over: budget?.over ?? null,
      total: NOT_METERED,
      told: NOT_METERED,
      underWay: 0,
    });
  }

  /** B1. Why the run gets no further answer, in words; null while it does. */
  over(run: string): string | null {
    const account = this.#accounts.get(run);
    if (!account?.reserved) return null;
    const untold = combined(account.total, account.told, (total, told) => total - told);
    return account.over ?? overrun(plus(account.stored, ofMetered(untold)), account.reserved);
  }

  /** @returns false when too many are under way */
  begin(run: string): boolean {
    const account = this.#accounts.get(run);
    if (!account) return true;
    if (account.underWay >= MOST_AT_ONCE) return false;
    account.underWay++;
    return true;
  }

  /** An answer has ended; `usage` is null when it used nothing (an error, a refusal). */
  end(run: string, model: string, usage: TokenUsage | null): void {
    const account = this.#accounts.get(run);
    if (!account) return;
    account.underWay = Math.max(0, account.underWay - 1);
    if (usage === null) return;
    if (!isPriced(model) && !this.#unpriced.has(model)) {
      this.#unpriced.add(model);
      this.deps.log.warn("model.unpriced", { model, as: "the dearest" });
    }
    const { cacheCreation1hTokens, ...tokens } = usage;
    account.total = combined(account.total, { requests: 1, ...tokens, microUsd: microUsdOf(model, usage) }, add);
    this.#changed.add(run);
    this.#flushLater(FLUSH_MS);
  }

  /** Stores what is not stored. Resolves when it is, or when the database does not answer; then it is tried again. */
  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#flushing;
    this.#flushing = this.#store().finally(() => {
      this.#flushing = null;
    });
    await this.#flushing;
  }

  #flushLater(ms: number): void {
    this.#timer ??= setTimeout(() => void this.flush(), ms);
  }

  async #store(): Promise<void> {
    const runs = [...this.#changed].slice(0, MOST_IN_A_CALL).flatMap((run) => {
      const account = this.#accounts.get(run);
      return account ? [{ effectId: run, metered: account.total }] : [];
    });
    if (runs.length === 0) return;
    try {
      const standings = await this.deps.convex.mutation(api.runs.meter, { meter: this.#name, runs });
      for (const { effectId, metered } of runs) {
        const account = this.#accounts.get(effectId);
        if (!account) continue;
        account.told = metered;
        if (account.total === metered) this.#changed.delete(effectId);
      }
      for (const { effectId, spent, over } of standings) {
        const account = this.#accounts.get(effectId);
        if (!account) continue;
        account.stored = spent;
        if (over !== null && account.over === null) this.deps.log.warn("model.over_budget", { run: effectId, reason: over });
        account.over = over;
      }
      if (this.#changed.size > 0) this.#flushLater(0);
    } catch (error) {
      this.deps.log.warn("model.meter_not_stored", { runs: runs.length, reason: reasonOf(error) });
      this.#flushLater(FLUSH_AGAIN_MS);
    }
  }

  #forgetIdle(): void {
    for (const [run, { underWay }] of this.#accounts) if (underWay === 0 && !this.#changed.has(run)) this.#accounts.delete(run);
  }
}
