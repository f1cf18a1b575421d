// The deployment's clock: commit timestamps and creation times.
//   C1. Commit timestamps strictly increase, across restarts and whatever the machine's clock does.
//   C2. Creation times strictly increase too, so documents list in the order they were made.

const NS_PER_MS = 1_000_000n;

export class Clock {
  private last = 0n;
  private lastCreationTime = 0;

  /** @param last ns of the last commit, as far as is known yet. @param now ms since the epoch */
  constructor(
    last: bigint,
    private readonly now: () => number,
  ) {
    this.reach(last);
  }

  /** There was a commit at `ts` (ns), before this clock. */
  reach(ts: bigint): void {
    if (ts > this.last) this.last = ts;
    // What was made in the commit's millisecond has creation times of a fraction more (C2).
    this.lastCreationTime = Math.max(this.lastCreationTime, Number(ts / NS_PER_MS) + 1);
  }

  get latestTs(): bigint {
    return this.last;
  }

  /** ms since the epoch, as the machine says. */
  nowMs(): number {
    return this.now();
  }

  /** The next commit's timestamp, ns: max(now, last + 1, `atLeast`). */
  tick(atLeast = 0n): bigint {
    const now = BigInt(Math.floor(this.now() * 1000)) * 1000n; // a double holds microseconds of today exactly
    this.last = now > this.last ? now : this.last + 1n;
    if (atLeast > this.last) this.last = atLeast;
    return this.last;
  }

  /** The next document's `_creationTime`, ms: the call's frozen time, or the next double after the last one given (C2). */
  creationTime(frozenMs: number): number {
    this.lastCreationTime = frozenMs > this.lastCreationTime ? frozenMs : nextDouble(this.lastCreationTime);
    return this.lastCreationTime;
  }
}

const view = new DataView(new ArrayBuffer(8));

function nextDouble(value: number): number {
  view.setFloat64(0, value);
  view.setBigUint64(0, view.getBigUint64(0) + 1n); // positive and finite: the next bit pattern is the next number
  return view.getFloat64(0);
}
