// The one way a task's record changes: read, step, store, announce, as one transaction (S1).
import type { LastStatus, TaskRecord } from "../domain/task.ts";
import { stateChangeEvent } from "../events/state-change.ts";
import type { Faults } from "../faults.ts";
import type { Store } from "../store/store.ts";

/** Who wants events, and which: the rule between ECS and the target. */
export interface EventRule {
  /** Changes to these are told. @default every one */
  readonly statuses?: readonly LastStatus[] | undefined;
  /** Called after a change with an event was stored. */
  readonly onEvent: () => void;
}

export class Changes {
  constructor(
    private readonly store: Store,
    private readonly faults: Faults,
    private readonly now: () => number,
    /** Null when nobody wants events. */
    private readonly rule: EventRule | null,
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
    if (hasEvents) this.rule?.onEvent();
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
    this.rule?.onEvent();
  }

  /** Puts a record's event on its way, with what a fault makes of it. */
  private announce(record: TaskRecord): boolean {
    const { lastStatus } = record.wire;
    if (this.rule === null || this.rule.statuses?.includes(lastStatus) === false) return false;
    const fault = this.faults.takeEvent(lastStatus);
    if (fault?.kind === "drop") return false;
    const nowMs = this.now();
    const body = stateChangeEvent(record, nowMs);
    this.store.outbox.add(body, nowMs, nowMs + (fault?.kind === "delay" ? fault.delayMs : 0));
    if (fault?.kind === "duplicate") this.store.outbox.add(body, nowMs, nowMs);
    return true;
  }
}
