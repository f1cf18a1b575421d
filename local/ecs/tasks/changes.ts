// The one way a task's record changes: read, step, store, announce, as one transaction (S1).
import type { TaskRecord } from "../domain/task.ts";
import { stateChangeEvent } from "../events/state-change.ts";
import type { Faults } from "../faults.ts";
import type { Store } from "../store/store.ts";

export class Changes {
  constructor(
    private readonly store: Store,
    private readonly faults: Faults,
    private readonly now: () => number,
    /** Told after a change with an event was stored; null when nobody wants events. */
    private readonly onEvent: (() => void) | null,
  ) {}

  /**
   * Stores what `steps` returns, in order, each with its event when its version is new. No steps: nothing changes.
   * @returns the last of them; null when nothing changed or there is no such task
   */
  apply(id: string, steps: (task: TaskRecord) => readonly TaskRecord[]): TaskRecord | null {
    let hasEvents = false;
    const last = this.store.transaction(() => {
      const before = this.store.tasks.get(id);
      if (!before) return null;
      let { version } = before.wire;
      let record: TaskRecord | null = null;
      for (record of steps(before)) {
        if (record.wire.version !== version) hasEvents = this.announce(record) || hasEvents;
        version = record.wire.version;
      }
      if (record) this.store.tasks.save(record);
      return record;
    });
    if (hasEvents) this.onEvent?.();
    return last;
  }

  /** Stores new tasks with their first events, in the caller's transaction. Call `published` after the commit. */
  insert(records: readonly TaskRecord[]): void {
    for (const record of records) {
      this.store.tasks.insert(record);
      this.announce(record);
    }
  }

  published(): void {
    this.onEvent?.();
  }

  /** Puts a record's event on its way, with what a fault makes of it. */
  private announce(record: TaskRecord): boolean {
    if (!this.onEvent) return false;
    const fault = this.faults.takeEvent(record.wire.lastStatus);
    if (fault?.kind === "drop") return false;
    const nowMs = this.now();
    const body = stateChangeEvent(record, nowMs);
    this.store.outbox.add(body, nowMs, nowMs + (fault?.kind === "delay" ? fault.delayMs : 0));
    if (fault?.kind === "duplicate") this.store.outbox.add(body, nowMs, nowMs);
    return true;
  }
}
