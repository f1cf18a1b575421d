// One period of owning a shard, from the claim to the loss. Everything in memory that came in under it belongs to it, so that what
// is left over from an earlier period, in a queue or in flight, can never be taken for something of the next.

import type { Epoch } from "../../convex/steps.ts";

/** At least so many consumed rows are remembered: a window computed before our commit may arrive after it. */
const REMEMBERED = 4_096;

export class Holding {
  readonly #lost = new AbortController();
  #isClosed = false;
  /** After an outage of our own: until then nobody is taken for silent. On the clock that cannot jump. */
  graceUntil = Number.NEGATIVE_INFINITY;
  /** Mailbox rows that are in memory, and the last that were consumed. */
  readonly #waiting = new Set<string>();
  #consumed = new Set<string>();
  /** Those before them. Forgotten all at once: to find the oldest of a set takes longer the more were taken out of it. */
  #consumedBefore: ReadonlySet<string> = new Set();

  constructor(
    /** Proof of ownership for every write. */
    readonly epoch: Epoch,
  ) {}

  get shard(): number {
    return this.epoch.shard;
  }

  get isLost(): boolean {
    return this.#lost.signal.aborted;
  }

  /** Whether anything of it may be begun. */
  get isOpen(): boolean {
    return !this.#isClosed && !this.isLost;
  }

  /** Nothing new is begun; what is in flight may end. */
  close(): void {
    this.#isClosed = true;
  }

  /** Aborted when the shard is not ours any more. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  lose(): void {
    this.#lost.abort();
  }

  /** A mailbox row comes into memory. @returns whether it is new */
  admit(mailId: string): boolean {
    if (this.#waiting.has(mailId) || this.#consumed.has(mailId) || this.#consumedBefore.has(mailId)) return false;
    this.#waiting.add(mailId);
    return true;
  }

  /** Its step is stored. */
  consumed(mailId: string): void {
    this.#waiting.delete(mailId);
    this.#consumed.add(mailId);
    if (this.#consumed.size < REMEMBERED) return;
    this.#consumedBefore = this.#consumed;
    this.#consumed = new Set();
  }

  /** It leaves memory and stays in the mailbox: it may come again. */
  leave(mailId: string): void {
    this.#waiting.delete(mailId);
  }
}
