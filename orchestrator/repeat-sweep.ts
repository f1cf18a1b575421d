// When sweeps run: now, then every so often, and at once after a take-over, one at a time.

import { reasonOf } from "./errors.ts";
import type { Log } from "./log.ts";

export interface Repeated {
  /** Runs it now, or once more when it is running. Safe to repeat. */
  soon(): void;
  /** The one that is running ends by itself; no other begins. */
  stop(): void;
}

/** Runs a sweep now and then `everyMs` after each end, one at a time, until `stop`. */
export function repeatSweep(name: string, everyMs: number, sweep: () => Promise<unknown>, log: Log): Repeated {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let isRunning = false;
  let isWanted = false;
  let stopped = false;
  const turn = async () => {
    timer = null;
    isRunning = true;
    isWanted = false;
    try {
      await sweep();
    } catch (error) {
      log.warn("sweep.failed", { name, reason: reasonOf(error) });
    }
    isRunning = false;
    if (!stopped) timer = setTimeout(() => void turn(), isWanted ? 0 : everyMs);
  };
  void turn();
  return {
    soon: () => {
      isWanted = true;
      if (isRunning || stopped || !timer) return;
      clearTimeout(timer);
      timer = setTimeout(() => void turn(), 0);
    },
    stop: () => {
      stopped = true;
      if (timer) clearTimeout(timer);
    },
  };
}
