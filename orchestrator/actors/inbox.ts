// Events that are stored and not yet consumed, in order of arrival, each once. Memory only: the mailbox rows are the truth, and
// what leaves here unconsumed is still there. From outside at most a window a shard is in memory (`mailbox.outside`); what our own
// actors send each other is bounded by what they do.

import type { Mail, Source } from "../../convex/steps.ts";
import type { Holding } from "./holding.ts";

export interface QueuedEvent {
  readonly actor: string;
  readonly holding: Holding;
  readonly source: Source;
  readonly eventId: string;
  /** JSON, not looked at before it is taken: a stranger may have written it. */
  readonly event: string;
  readonly cause: Mail["cause"];
}

export class Inbox {
  private queue: QueuedEvent[] = [];
  private head = 0;
  private added = 0;
  /** The timer events in memory; one that was cancelled or armed again since is not here any more. */
  private readonly fired = new Map<string, QueuedEvent>();
  private readonly watchers = new Set<() => void>();

  get size(): number {
    return this.queue.length - this.head;
  }

  /** Events that have ever come in; those among them that do not wait any more are `size` less. */
  get arrivals(): number {
    return this.added;
  }

  /** @returns whether it is new */
  add(event: QueuedEvent): boolean {
    if (!event.holding.isOpen) return false;
    if (event.source.kind === "mail") {
      if (!event.holding.admit(event.source.id)) return false;
    } else this.fired.set(timerKey(event.actor, event.source.timerId), event);
    this.queue.push(event);
    this.added++;
    return true;
  }

  /** Takes up to `count` from the front, passing over what nobody may take any more. */
  take(count: number): QueuedEvent[] {
    const taken: QueuedEvent[] = [];
    while (taken.length < count && this.head < this.queue.length) {
      const event = this.queue[this.head++]!;
      if (this.isCurrent(event)) taken.push(event);
      else this.leave(event);
    }
    if (this.head > 1_024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    for (const watcher of this.watchers) watcher();
    return taken;
  }

  /** Calls back each time that events have been taken. They may be put back. @returns ends that */
  onTaken(call: () => void): () => void {
    this.watchers.add(call);
    return () => this.watchers.delete(call);
  }

  /** The first `count`, which stay where they are. */
  peek(count: number): QueuedEvent[] {
    return this.queue.slice(this.head, this.head + count);
  }

  /** Puts events back to the front, in their order. */
  putBack(events: readonly QueuedEvent[]): void {
    this.queue = [...events, ...this.queue.slice(this.head)];
    this.head = 0;
  }

  /** Whether it may still be taken: its shard is ours to work on, its timer as it was armed. */
  isCurrent(event: QueuedEvent): boolean {
    if (!event.holding.isOpen) return false;
    return event.source.kind === "mail" || this.fired.get(timerKey(event.actor, event.source.timerId)) === event;
  }

  /** A timer was cancelled or armed again: if it has fired and waits here, it is void. */
  supersede(actor: string, timerId: string): void {
    this.fired.delete(timerKey(actor, timerId));
  }

  /** Its step is stored. */
  consumed(event: QueuedEvent): void {
    if (event.source.kind === "mail") event.holding.consumed(event.source.id);
    else this.unfire(event, event.source.timerId);
  }

  /** It leaves memory and stays where it is stored. */
  leave(event: QueuedEvent): void {
    if (event.source.kind === "mail") event.holding.leave(event.source.id);
    else this.unfire(event, event.source.timerId);
  }

  private unfire(event: QueuedEvent, timerId: string): void {
    const key = timerKey(event.actor, timerId);
    if (this.fired.get(key) === event) this.fired.delete(key);
  }
}

export const timerKey = (actor: string, timerId: string) => `${actor} ${timerId}`;
