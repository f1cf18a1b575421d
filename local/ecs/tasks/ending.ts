// Ends the process of a task that is stopping: SIGTERM to its main process, SIGKILL when its time has come, and whatever resists.
import type { Store } from "../store/store.ts";
import type { Isolation } from "./isolation.ts";
import { isAlive } from "./processes.ts";
import { killMain, killRest, terminate } from "./supervisor.ts";
import type { Timers } from "./timers.ts";

/** SIGTERM is tried again while the main process does not exist yet. */
const TERM_RETRY_MS = 20;
/** After SIGKILL the supervisor clears up by itself; if it does not, it is killed as well. */
export const KILL_ALL_AFTER_MS = 2_000;

export class Ending {
  constructor(
    private readonly store: Store,
    private readonly isolation: Isolation,
    private readonly timers: Timers,
    private readonly now: () => number,
  ) {}

  /** SIGTERM now, SIGKILL at the record's `killAtMs`. The record must be stored as STOPPING. */
  begin(id: string): void {
    this.askToEnd(id);
    this.killInTime(id);
  }

  /** Waits for the record's `killAtMs` and kills. Call it again when that has been brought forward. */
  killInTime(id: string): void {
    const task = this.stopping(id);
    if (!task) return;
    if (task.killInMs > 0) {
      this.timers.after(task.killInMs, id, () => this.killInTime(id));
      return;
    }
    killMain(task.pid);
    this.timers.after(KILL_ALL_AFTER_MS, id, () => {
      const stubborn = this.stopping(id);
      if (stubborn) killRest(stubborn.pid, this.isolation, stubborn.metadataId);
    });
  }

  private askToEnd(id: string): void {
    const task = this.stopping(id);
    if (!task || task.killInMs <= 0 || terminate(task.pid, this.isolation)) return;
    this.timers.after(TERM_RETRY_MS, id, () => this.askToEnd(id));
  }

  /** A stopping task's supervisor while it lives. Read anew each time: it may end, or be hurried, meanwhile. */
  private stopping(id: string): { readonly pid: number; readonly killInMs: number; readonly metadataId: string } | null {
    const record = this.store.tasks.get(id);
    if (record?.wire.lastStatus !== "STOPPING" || record.run.kind !== "started" || !isAlive(record.run.supervisor)) return null;
    return { pid: record.run.supervisor.pid, killInMs: (record.killAtMs ?? 0) - this.now(), metadataId: record.metadataId };
  }
}
