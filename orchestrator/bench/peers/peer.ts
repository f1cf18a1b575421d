// What is measured of a peer, in the terms of bench:host.

export interface PeerFigures {
  /** Durable steps a second of one workflow, one after another. */
  readonly steps1: number;
  /** The same of 64 workflows at once. */
  readonly steps64: number;
  /** From the start of its processes to the last of 1,000 workflows whose timers are overdue, ms. */
  readonly recovery1kMs: number;
}

export const SLEEPERS = 1_000;
/** Long enough for all to be asleep before the first wakes. */
export const SLEEP_MS = 15_000;
/** Whoever says that it sleeps has still to write that down: killed before, it would sleep anew, and recovery seem to take that long. */
export const JOURNALLED_MS = 1_500;

export async function eachAtOnce(count: number, atOnce: number, run: () => Promise<unknown>): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) await run();
    }),
  );
}
