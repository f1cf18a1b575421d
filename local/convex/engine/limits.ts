// What a transaction may use, and what it has used. The numbers and texts are Convex's.
//   L1. Reads are never given back: a nested call that fails has read what it read. Writes are, with the call that made them.
import { FunctionError } from "./errors.ts";

export type TransactionUsage = {
  bytesRead: number;
  documentsRead: number;
  /** Index ranges: each get, query and page counts one. */
  databaseQueries: number;
  bytesWritten: number;
  documentsWritten: number;
};
/** The most a transaction may use, field by field. */
export type TransactionLimits = TransactionUsage;

const NOTHING_USED: Readonly<TransactionUsage> = {
  bytesRead: 0,
  documentsRead: 0,
  databaseQueries: 0,
  bytesWritten: 0,
  documentsWritten: 0,
};

const MIB = 1 << 20;
export const DEFAULT_LIMITS: Readonly<TransactionLimits> = {
  bytesRead: 16 * MIB,
  documentsRead: 32_000,
  databaseQueries: 4_096,
  bytesWritten: 16 * MIB,
  documentsWritten: 16_000,
};

const SEE = "This is a Convex limit: https://docs.convex.dev/production/state/limits";

/** Counts one transaction's use; a nested call counts on top of its parent's. @throws {FunctionError} from every count that passes a limit */
export class Meter {
  readonly usage: TransactionUsage;

  constructor(
    private readonly limits: Readonly<TransactionLimits> = DEFAULT_LIMITS,
    private readonly from: Readonly<TransactionUsage> = NOTHING_USED,
    private readonly parent: Meter | null = null,
  ) {
    const { bytesRead, documentsRead, databaseQueries, bytesWritten, documentsWritten } = from;
    this.usage = { bytesRead, documentsRead, databaseQueries, bytesWritten, documentsWritten };
  }

  /** A nested call's meter; `limits` can only tighten. */
  child(limits: Partial<TransactionLimits>): Meter {
    const tightened = { ...this.limits };
    for (const name of Object.keys(tightened) as (keyof TransactionLimits)[]) {
      const allowance = limits[name];
      if (allowance !== undefined) tightened[name] = Math.min(tightened[name], this.usage[name] + allowance);
    }
    return new Meter(tightened, { ...this.usage }, this);
  }

  /** Takes over what a nested call wrote (its reads came here at once, L1). */
  adopt(child: Meter): void {
    this.usage.bytesWritten += child.usage.bytesWritten - child.from.bytesWritten;
    this.usage.documentsWritten += child.usage.documentsWritten - child.from.documentsWritten;
  }

  range(): void {
    for (let meter: Meter | null = this; meter; meter = meter.parent) meter.usage.databaseQueries++;
    this.check(
      "databaseQueries",
      (limit) => `Too many index ranges read in a single function execution (limit: ${limit}). ${SEE}`,
    );
  }

  read(bytes: number): void {
    for (let meter: Meter | null = this; meter; meter = meter.parent) {
      meter.usage.documentsRead++;
      meter.usage.bytesRead += bytes;
    }
    this.check("bytesRead", (limit) => `Read too much data in a single function execution (limit: ${limit} bytes). ${SEE}`);
    this.check("documentsRead", (limit) => `Scanned too many documents in a single function execution (limit: ${limit}). ${SEE}`);
  }

  write(bytes: number): void {
    this.usage.documentsWritten++;
    this.usage.bytesWritten += bytes;
    this.check("bytesWritten", (limit) => `Wrote too much data in a single function execution (limit: ${limit} bytes). ${SEE}`);
    this.check(
      "documentsWritten",
      (limit) => `Wrote too many documents in a single function execution (limit: ${limit}). ${SEE}`,
    );
  }

  private check(name: keyof TransactionUsage, text: (limit: number) => string): void {
    if (this.usage[name] > this.limits[name]) throw new FunctionError("TransactionLimitExceeded", text(this.limits[name]));
  }
}
