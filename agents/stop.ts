// Being asked to stop, by whomever: the first one to ask counts, and from then on the clock runs.

import { RunFailure } from "./ending.ts";

export type StopCause =
  | { readonly by: "signal" }
  | { readonly by: "orchestrator"; readonly reason: string }
  | { readonly by: "wallClock"; readonly limitMs: number };

/** Kept back from the budget for the log and the report. */
const LAST_WORDS_MS = 6_000;
/** What is left of the container's stop time-out (30 s) is for the report and for luck. */
const BUDGET_MS = 20_000;

export class Stop {
  readonly #controller = new AbortController();
  readonly #late = new AbortController();
  #asked: { readonly cause: StopCause; readonly atMs: number } | null = null;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborted when also saving what was done has to end: 14 s after the stop. */
  get lateSignal(): AbortSignal {
    return this.#late.signal;
  }

  /** Safe to repeat: later causes change nothing. */
  ask(cause: StopCause): void {
    if (this.#asked !== null) return;
    this.#asked = { cause, atMs: performance.now() };
    this.#controller.abort();
    setTimeout(() => this.#late.abort(), BUDGET_MS - LAST_WORDS_MS).unref();
  }

  /** How long may still be spent before the process has to be gone. Not asked to stop: for ever. */
  get leftMs(): number {
    return this.#asked === null ? Number.POSITIVE_INFINITY : Math.max(0, this.#asked.atMs + BUDGET_MS - performance.now());
  }

  /** The stop as the failure it makes of a run; null when nobody asked. */
  get failure(): RunFailure | null {
    const cause = this.#asked?.cause;
    switch (cause?.by) {
      case undefined:
        return null;
      case "signal":
        return new RunFailure("infrastructure", "terminated", "The container was told to stop.");
      case "orchestrator":
        return new RunFailure("infrastructure", "stopped", `Stopped: ${cause.reason}`);
      case "wallClock":
        return new RunFailure("agent", "wall-clock", `The run took longer than ${Math.round(cause.limitMs / 1_000)} s.`);
      default:
        return cause satisfies never;
    }
  }
}
