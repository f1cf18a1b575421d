// The armed timers of the shards we hold, earliest first. Memory only: the rows are the truth.
//   T1. A timer that was cancelled or armed again never comes due here.
//   T2. Due timers come in order of their due time, late ones at once.

import type { Holding } from "./holding.ts";
import { timerKey } from "./inbox.ts";

export interface ArmedTimer {
  readonly holding: Holding;
  readonly actor: string;
  readonly timerId: string;
  readonly armedSequence: number;
  /** ms since the epoch. */
  readonly dueAt: number;
}

export class TimerWheel {
  private readonly armed = new Map<string, ArmedTimer>();
  /** A binary heap by due time; entries that `armed` no longer holds are passed over when they surface. */
  private readonly heap: ArmedTimer[] = [];

  get size(): number {
    return this.armed.size;
  }

  arm(timer: ArmedTimer): void {
    this.armed.set(timerKey(timer.actor, timer.timerId), timer);
    this.push(timer);
    // Cancelled entries must not pile up when every timer is cancelled long before it is due.
    if (this.heap.length > 64 && this.heap.length > 4 * this.armed.size) this.rebuild();
  }

  cancel(actor: string, timerId: string): void {
    this.armed.delete(timerKey(actor, timerId));
  }

  forget(holding: Holding): void {
    for (const [key, timer] of this.armed) if (timer.holding === holding) this.armed.delete(key);
  }

  /** When the next one is due, ms; null when none is armed. */
  nextDueAt(): number | null {
    this.dropStale();
    return this.heap[0]?.dueAt ?? null;
  }

  /** Removes and returns what is due at `now`. */
  takeDue(now: number): ArmedTimer[] {
    const due: ArmedTimer[] = [];
    for (;;) {
      this.dropStale();
      const first = this.heap[0];
      if (!first || first.dueAt > now) return due;
      this.pop();
      this.armed.delete(timerKey(first.actor, first.timerId));
      due.push(first);
    }
  }

  private dropStale(): void {
    for (let first = this.heap[0]; first && this.armed.get(timerKey(first.actor, first.timerId)) !== first; first = this.heap[0])
      this.pop();
  }

  private rebuild(): void {
    this.heap.length = 0;
    for (const timer of this.armed.values()) this.push(timer);
  }

  private push(timer: ArmedTimer): void {
    const heap = this.heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.dueAt <= timer.dueAt) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  private pop(): void {
    const heap = this.heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.dueAt < heap[child]!.dueAt) child++;
      if (heap[child]!.dueAt >= last.dueAt) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
