// The deployment's clock: commit timestamps and creation times.
//   C1. Commit timestamps strictly increase, across restarts and whatever the machine's clock does. The file holds a bound a little
//       ahead of the last one (settings.ts), where the clock goes on after a restart.
//   C2. Creation times strictly increase too, so documents list in the order they were made.

const NS_PER_MS = 1_000_000n;

export class Clock {
  private lastCreationTime: number;

  /** @param last ns of the last commit ever acknowledged. @param now ms since the epoch */
  constructor(
    private last: bigint,
    private readonly now: () => number,
  ) {
    this.lastCreationTime = Number(last / NS_PER_MS);
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
