// Keeps a far side that is down from being called by everything that waits for it: after `threshold` failures in a row nothing is
// sent for `openMs`; then one call at a time probes it.

import type { Clock } from "./clock.ts";

export class Breaker {
  private failures = 0;
  private openUntil = 0;
  private probing = false;

  constructor(
    private readonly clock: Clock,
    private readonly threshold = 5,
    private readonly openMs = 2_000,
  ) {}

  /** ms until a call may be made; 0: now. */
  waitMs(): number {
    if (this.failures < this.threshold) return 0;
    if (this.probing) return this.openMs;
    return Math.max(0, this.openUntil - this.clock.now());
  }

  get isOpen(): boolean {
    return this.failures >= this.threshold;
  }

  begin(): void {
    if (this.isOpen) this.probing = true;
  }

  succeeded(): void {
    this.failures = 0;
    this.probing = false;
  }

  failed(): void {
    this.failures++;
    this.probing = false;
    if (this.isOpen) this.openUntil = this.clock.now() + this.openMs;
  }
}
