"use client";
// A run's log, from its first line, live: reads what is there part by part, then waits for what comes.

import { type ConvexReactClient, useConvex } from "convex/react";
import { useCallback, useMemo, useSyncExternalStore } from "react";
import { api, type Id } from "../../lib/api.ts";
import { LogBook, type LogPages } from "./log-book.ts";

export interface RunLog extends LogPages {
  /** Whether everything that was there has been read. */
  readonly isCaughtUp: boolean;
  readonly error: unknown;
}

export function useRunLog(run: Id<"agentRuns">): RunLog & { retry: () => void } {
  const client = useConvex();
  const reader = useMemo(() => new LogReader(client, run), [client, run]);
  const log = useSyncExternalStore(reader.subscribe, reader.read, reader.read);
  return { ...log, retry: useCallback(() => reader.retry(), [reader]) };
}

/** Reads while somebody listens; what has been read is kept. */
class LogReader {
  private readonly book = new LogBook();
  private readonly listeners = new Set<() => void>();
  private log: RunLog;
  private next = 1;
  private endWatch: (() => void) | null = null;

  constructor(
    private readonly client: ConvexReactClient,
    private readonly run: Id<"agentRuns">,
  ) {
    this.log = { ...this.book.add([]), isCaughtUp: false, error: null };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.endWatch === null) this.watch();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.endWatch?.();
      this.endWatch = null;
    };
  };

  readonly read = (): RunLog => this.log;

  retry(): void {
    this.publish({ ...this.log, error: null });
    this.watch();
  }

  /** Always asks for what comes after the last event it has: an answer is never read twice. */
  private watch(): void {
    this.endWatch?.();
    const watch = this.client.watchQuery(api.runs.logs, { run: this.run, from: this.next });
    const look = () => {
      try {
        const answer = watch.localQueryResult();
        if (answer === undefined) return;
        this.publish({ ...this.book.add(answer.chunks), isCaughtUp: !answer.hasMore, error: null });
        if (answer.next === this.next) return;
        this.next = answer.next;
        this.watch();
      } catch (error) {
        this.publish({ ...this.log, error });
      }
    };
    this.endWatch = watch.onUpdate(look);
    look();
  }

  private publish(log: RunLog): void {
    this.log = log;
    for (const listener of this.listeners) listener();
  }
}
