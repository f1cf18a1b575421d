// The rows of the tables in memory, and transactions over them: what a transaction wrote is taken back when it throws, and whoever
// watches is told when it did not. Knows no rule of the host's (tables.ts) nor of who owns what (ownership.ts).

import type { Trouble } from "../../convex/poison.ts";
import type { Actor, Mail, PendingEffect, Spawn, Step, WholeStep } from "../../convex/steps.ts";

export interface ActorRow extends Actor {
  /** The snapshot of its initial transition: where a fold of its log begins. */
  readonly bornWith: string;
  readonly bornOf: string;
  readonly view: Step["view"] | Spawn["view"];
}

export interface TransitionRow extends Pick<WholeStep, "actor" | "eventId" | "eventType" | "at" | "ignored" | "from" | "to"> {
  readonly event: string;
  readonly cause: Mail["cause"];
  readonly sequence: number;
  /** The epoch of the owner that stored it. */
  readonly epoch: number;
  readonly storedAt: number;
}

export interface OutboxRow extends PendingEffect {
  readonly shard: number;
  readonly state: "pending" | "done" | "failed";
  readonly error: string | null;
  readonly storedAt: number;
  /** How often it was settled: once, if all is well. */
  readonly settled: number;
}

export interface TimerRow {
  readonly actor: string;
  readonly timerId: string;
  readonly armedSequence: number;
  readonly dueAt: number;
}

export interface MailRow extends Mail {
  readonly shard: number;
}

export interface ShardRow {
  readonly epoch: number;
  /** "" is nobody. */
  readonly owner: string;
  readonly freeSince: number;
}

export interface HeartbeatRow {
  readonly heardAt: number;
  readonly ttlMs: number;
}

export class Rows {
  readonly actors = new Map<string, ActorRow>();
  readonly mailbox = new Map<string, MailRow>();
  readonly transitions: TransitionRow[] = [];
  readonly outbox = new Map<string, OutboxRow>();
  readonly timers = new Map<string, TimerRow>();
  readonly troubles = new Map<string, Trouble>();
  readonly shards = new Map<number, ShardRow>();
  readonly heartbeats = new Map<string, HeartbeatRow>();
  /** The sequence at which an event was taken. */
  protected readonly receipts = new Map<string, number>();
  /** Told after each transaction. */
  readonly watchers = new Set<() => void>();
  #undo: (() => void)[] = [];

  /** @throws what `work` throws, with everything it wrote taken back */
  transaction<Result>(work: () => Result): Result {
    this.#undo = [];
    try {
      const result = work();
      for (const watcher of this.watchers) watcher();
      return result;
    } catch (error) {
      for (const undo of this.#undo.reverse()) undo();
      throw error;
    }
  }

  /** A backup of everything, as it is now. @returns puts it back, whatever has happened since */
  backup(): () => void {
    const tables = [
      this.actors,
      this.mailbox,
      this.outbox,
      this.timers,
      this.troubles,
      this.shards,
      this.heartbeats,
      this.receipts,
    ] as Map<unknown, unknown>[];
    const copies = tables.map((table) => new Map(table));
    const steps = this.transitions.length;
    return () => {
      for (const [index, table] of tables.entries()) {
        table.clear();
        for (const [key, row] of copies[index] ?? []) table.set(key, row);
      }
      this.transitions.length = steps;
      for (const watcher of this.watchers) watcher();
    };
  }

  /** Writes a row. Inside a transaction. */
  put<Key, Row>(table: Map<Key, Row>, key: Key, row: Row): void {
    const before = table.get(key);
    this.#undo.push(() => (before === undefined ? table.delete(key) : table.set(key, before)));
    table.set(key, row);
  }

  /** Removes a row, if it is there. Inside a transaction. */
  remove<Key, Row>(table: Map<Key, Row>, key: Key): void {
    const before = table.get(key);
    if (before === undefined) return;
    this.#undo.push(() => table.set(key, before));
    table.delete(key);
  }

  /** Adds to the log of transitions. Inside a transaction. */
  append(row: TransitionRow): void {
    this.transitions.push(row);
    this.#undo.push(() => this.transitions.pop());
  }
}
