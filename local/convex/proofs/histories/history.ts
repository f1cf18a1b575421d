// What clients did and saw. Lists only ever grow, and every value is appended once in a whole history: so a read tells which
// transactions came before it, and in which order.

export type Operation =
  | { readonly kind: "append"; readonly list: string; readonly value: number }
  /** `seen`: the whole list, own appends included. */
  | { readonly kind: "read"; readonly list: string; readonly seen: readonly number[] };

export interface Txn {
  /** Its place in the history. */
  readonly id: number;
  readonly client: string;
  /** ms on one clock for all clients. -Infinity: no telling when it began (a subscription's update). */
  readonly invokedAtMs: number;
  readonly completedAtMs: number;
  /** An aborted transaction's operations are what it tried to append. */
  readonly outcome: "committed" | "aborted";
  readonly operations: readonly Operation[];
  /** The transaction that the same client saw before this one, where the clock cannot tell: an earlier update of a subscription. */
  readonly follows?: number;
}

/** Collects transactions as they end. */
export class History {
  readonly txns: Txn[] = [];

  add(txn: Omit<Txn, "id">): number {
    const id = this.txns.length;
    this.txns.push({ id, ...txn });
    return id;
  }

  get operationCount(): number {
    return this.txns.reduce((count, txn) => count + txn.operations.length, 0);
  }
}
