// Keeps a far side that is down from being called by everything that waits for it: after `threshold` failures in a row nothing is
// sent for `openMs`; then one call at a time probes it.

import type { Clock } from "./clock.ts";

/** What a call has shown of the far side; `unknown` when it was given up before an answer. */
export type Health = "up" | "down" | "unknown";

export class Breaker {
  private failures = 0;
  private openUntil = 0;
  private probe: object | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly threshold = 5,
    private readonly openMs = 2_000,
  ) {}

  get isOpen(): boolean {
    return this.failures >= this.threshold;
  }

  /** ms until a call may be made; 0: now. While a probe is on its way: until it is worth looking again. */
  waitMs(): number {
    if (!this.isOpen) return 0;
    return this.probe ? this.openMs : Math.max(0, this.openUntil - this.clock.elapsed());
  }

  /** A call begins. @returns to be called once, however it ends */
  begin(): (health: Health) => void {
    const call = {};
    if (this.isOpen) this.probe = call;
    return (health) => {
      if (this.probe === call) this.probe = null;
      if (health === "up") this.failures = 0;
      if (health !== "down") return;
      this.failures++;
      if (this.isOpen) this.openUntil = this.clock.elapsed() + this.openMs;
    };
  }
}
