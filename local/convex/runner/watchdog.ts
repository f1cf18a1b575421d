// Ends queries and mutations that wait for something that will never come.
//   W1. Time is counted in ticks of the event loop, at most `TICK_MS` each: a process that was starved by its machine
//       does not spend the budget of the functions it was running.
//   W2. A function that is making progress never meets the watchdog: all its awaits are microtasks, and timers run after those.
// A synchronous endless loop cannot be ended from inside its own thread; the README says so.
import { FunctionError } from "./failure.ts";
import { realSetInterval } from "./real-globals.ts";

const TICK_MS = 50;

interface Watched {
  ticks: number;
  readonly expire: (text: string) => void;
}

export class Watchdog {
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | null = null;

  /** @param limitMs active waiting time a query or mutation may spend. Default 1 s, as in Convex. */
  constructor(readonly limitMs = 1000) {}

  /** Settles like `work`, or rejects when the limit passes; `onExpiry` is told first, to close the call (C2). */
  watch<T>(work: Promise<T>, onExpiry: (text: string) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const watched: Watched = {
        ticks: 0,
        expire: (text) => {
          onExpiry(text);
          reject(new FunctionError(text));
        },
      };
      this.#watched.add(watched);
      this.#timer ??= realSetInterval(() => this.#tick(), TICK_MS);
      work.then(
        (value) => {
          this.#watched.delete(watched);
          resolve(value);
        },
        (error: unknown) => {
          this.#watched.delete(watched);
          reject(error);
        },
      );
    });
  }

  #tick(): void {
    if (this.#watched.size === 0) {
      if (this.#timer !== null) clearInterval(this.#timer);
      this.#timer = null;
      return;
    }
    for (const watched of this.#watched) {
      watched.ticks += 1;
      if (watched.ticks * TICK_MS < this.limitMs) continue;
      this.#watched.delete(watched);
      watched.expire(`Function execution timed out (maximum duration: ${this.limitMs / 1000}s)`);
    }
  }
}
