// Virtual time for a simulation: what is due next runs next, then every promise it has settled. Nothing waits for real, so an hour
// costs what happens in it. And processes: what makes them die, stop and go on without their own code knowing.

import type { Choices } from "@omakase/machines/testing/seeded";
import type { Clock } from "../actors/clock.ts";
import { Unanswered } from "../store/host-store.ts";

interface Entry {
  readonly dueAt: number;
  readonly run: () => void;
}

export class Scheduler {
  nowMs: number;
  readonly #entries = new Set<Entry>();

  constructor(startAt = 1_700_000_000_000) {
    this.nowMs = startAt;
  }

  /** Runs `run` in `ms`. @returns cancels it */
  after(ms: number, run: () => void): () => void {
    const entry = { dueAt: this.nowMs + Math.max(0, ms), run };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  /** Lets things happen, earliest first, until `isDone` holds. @returns false when nothing was left to happen or `limitMs` has passed */
  async runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.nowMs + limitMs;
    await promises();
    while (!isDone()) {
      const next = this.#next();
      if (!next || next.dueAt > end) return false;
      this.#entries.delete(next);
      this.nowMs = Math.max(this.nowMs, next.dueAt);
      next.run();
      await promises();
    }
    return true;
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    await this.runUntil(() => false, ms);
    this.nowMs = end;
  }

  #next(): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries) if (!first || entry.dueAt < first.dueAt) first = entry;
    return first;
  }
}

/** Every promise job that is ready, and those they make ready, run before the next immediate. */
const promises = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** How a call over the network can go wrong, as probabilities. */
export interface Weather {
  /** The request never arrives; the caller hears so after a time-out. */
  readonly lostRequest: number;
  /** It is done, and the caller never hears so. */
  readonly lostAnswer: number;
  /** Longest way there or back, ms. */
  readonly latencyMs: number;
}

export const CALM: Weather = { lostRequest: 0, lostAnswer: 0, latencyMs: 2 };

const TIMEOUT_MS = 400;

/** One operating-system process: everything in it hangs on `clock` and `call`. */
export class Process {
  isAlive = true;
  /** How far this machine's wall clock is from the store's. It may jump; what has elapsed does not. */
  wallOffsetMs = 0;
  #stoppedUntil = 0;
  readonly clock: Clock;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly choices: Choices,
    private readonly weather: () => Weather,
  ) {
    this.clock = {
      now: () => Math.round(scheduler.nowMs + this.wallOffsetMs),
      elapsed: () => scheduler.nowMs,
      after: (ms, run) => scheduler.after(ms, () => this.#enter(run)),
      random: () => choices.next(),
    };
  }

  /** kill -9: nothing in it runs again. A request on its way may still arrive. */
  kill(): void {
    this.isAlive = false;
  }

  /** SIGSTOP, and SIGCONT after `ms`: what became due meanwhile runs then. */
  pause(ms: number): void {
    this.#stoppedUntil = Math.max(this.#stoppedUntil, this.scheduler.nowMs + ms);
  }

  /** Runs `work` on the other side of a network. What goes in and out is copied, as on a wire. */
  call<Result>(work: () => Result): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    if (!this.isAlive) return promise;
    const { lostRequest, lostAnswer } = this.weather();
    if (this.choices.chance(lostRequest)) {
      this.#later(TIMEOUT_MS, () => reject(new Unanswered("the request was lost")));
      return promise;
    }
    const isAnswerLost = this.choices.chance(lostAnswer);
    this.scheduler.after(this.#latency(), () => {
      if (!this.isAlive && this.choices.chance(0.5)) return;
      try {
        const result = structuredClone(work());
        if (isAnswerLost) this.#later(TIMEOUT_MS, () => reject(new Unanswered("the answer was lost")));
        else this.#later(this.#latency(), () => resolve(result));
      } catch (error) {
        this.#later(this.#latency(), () => reject(error));
      }
    });
    return promise;
  }

  /** Calls back inside the process. */
  #later(ms: number, run: () => void): void {
    this.scheduler.after(ms, () => this.#enter(run));
  }

  #latency = () => this.choices.next() * this.weather().latencyMs;

  #enter(run: () => void): void {
    if (!this.isAlive) return;
    const waitMs = this.#stoppedUntil - this.scheduler.nowMs;
    if (waitMs > 0) this.#later(waitMs, run);
    else run();
  }
}
