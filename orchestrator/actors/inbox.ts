// Events that are stored and not yet consumed, in order of arrival, each once. Memory only: the mailbox rows are the truth.

import type { Mail, Source } from "../../convex/steps.ts";
import type { ActorEvent } from "./machine-step.ts";

export interface QueuedEvent {
  readonly actor: string;
  readonly shard: number;
  readonly source: Source;
  readonly eventId: string;
  readonly event: ActorEvent;
  readonly eventJson: string;
  readonly cause: Mail["cause"];
  /** How often this event was part of a commit that was refused. */
  refusals: number;
}

/** Consumed rows are remembered this long: a push computed before our commit may still arrive after it. */
const REMEMBERED = 10_000;

export class Inbox {
  private queue: QueuedEvent[] = [];
  private head = 0;
  /** Mailbox ids in the queue or in a commit. */
  private readonly known = new Set<string>();
  private readonly consumed = new Set<string>();

  get size(): number {
    return this.queue.length - this.head;
  }

  /** @returns whether it is new */
  add(event: QueuedEvent): boolean {
    if (event.source.kind === "mail") {
      if (this.known.has(event.source.id) || this.consumed.has(event.source.id)) return false;
      this.known.add(event.source.id);
    }
    this.queue.push(event);
    return true;
  }

  /** Takes up to `count` from the front. They stay known until `forgetMail` or `putBack`. */
  take(count: number): QueuedEvent[] {
    const taken = this.queue.slice(this.head, this.head + count);
    this.head += taken.length;
    if (this.head > 1_024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    return taken;
  }

  /** Puts events back to the front, in their order. */
  putBack(events: readonly QueuedEvent[]): void {
    this.queue = [...events, ...this.queue.slice(this.head)];
    this.head = 0;
  }

  /** The event is consumed, or nobody will ever consume it from here. */
  forgetMail(event: QueuedEvent): void {
    if (event.source.kind !== "mail") return;
    this.known.delete(event.source.id);
    this.consumed.add(event.source.id);
    if (this.consumed.size > REMEMBERED) {
      for (const oldest of this.consumed) {
        this.consumed.delete(oldest);
        break;
      }
    }
  }

  forgetShard(shard: number): void {
    const kept = this.queue.slice(this.head).filter((event) => {
      if (event.shard !== shard) return true;
      if (event.source.kind === "mail") this.known.delete(event.source.id);
      return false;
    });
    this.queue = kept;
    this.head = 0;
  }
}
