// Time, chance and waiting as arguments (facts: durable 6, test 16): the whole host runs on a seeded scheduler in the simulation.

export interface Clock {
  /** ms since the epoch. It may jump: for what is stored or shown. */
  now(): number;
  /** ms since some moment, never back and never in jumps: for how long something takes. */
  elapsed(): number;
  /** Calls back once after `ms`. @returns cancels it */
  after(ms: number, call: () => void): () => void;
  /** 0 ≤ x < 1. */
  random(): number;
}

/** Longest delay `setTimeout` can take. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: Date.now,
  elapsed: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, Math.max(0, Math.min(ms, MAX_TIMEOUT_MS)));
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

export const wait = (clock: Clock, ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
