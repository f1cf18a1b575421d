// A rate limit as AWS describes its own: a bucket that holds a burst and refills at a steady rate.

export class TokenBucket {
  private tokens: number;
  private refilledAtMs: number;

  /** @param perSecond tokens added each second @param burst how many it holds, and how many it starts with */
  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
    private readonly now: () => number,
  ) {
    this.tokens = burst;
    this.refilledAtMs = now();
  }

  /** Takes `count` tokens, or none at all. @returns whether they were there */
  take(count: number): boolean {
    const nowMs = this.now();
    this.tokens = Math.min(this.burst, this.tokens + ((nowMs - this.refilledAtMs) / 1000) * this.perSecond);
    this.refilledAtMs = nowMs;
    if (this.tokens < count) return false;
    this.tokens -= count;
    return true;
  }
}
