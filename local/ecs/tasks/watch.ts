// Looks at what runs, on a timer that stands still when nothing does: output to take in, adopted processes that have ended, memory beyond the limit.
import type { ProcessMark } from "../domain/task.ts";
import type { OutputReader } from "./output.ts";
import { allProcesses, descendants, isAlive, type ProcessRow, privateMemoryMiB } from "./processes.ts";

const TICK_MS = 100;
/** The memory of a task is added up this rarely: it means reading every process of the machine. */
const MEMORY_EVERY_TICKS = 10;

interface Watched {
  readonly supervisor: ProcessMark;
  readonly memoryMiB: number;
  /** The system tells us of the end of our own children; of an adopted one nobody does. */
  readonly isOurChild: boolean;
}

export interface WatchEvents {
  readonly onGone: (taskId: string) => void;
  readonly onOutOfMemory: (taskId: string, usedMiB: number) => void;
  readonly onError: (taskId: string, error: unknown) => void;
}

export class Watch {
  private readonly watched = new Map<string, Watched>();
  private timer: ReturnType<typeof setInterval> | null = null;
  private ticks = 0;

  constructor(
    private readonly output: OutputReader,
    private readonly events: WatchEvents,
  ) {}

  add(taskId: string, supervisor: ProcessMark, about: { readonly memoryMiB: number; readonly isOurChild: boolean }): void {
    this.watched.set(taskId, { supervisor, ...about });
    this.timer ??= setInterval(() => this.tick(), TICK_MS);
  }

  remove(taskId: string): void {
    this.watched.delete(taskId);
    if (this.watched.size === 0) this.close();
  }

  close(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
  }

  private tick(): void {
    this.ticks += 1;
    const rows = this.ticks % MEMORY_EVERY_TICKS === 0 ? allProcesses() : null;
    for (const [taskId, task] of [...this.watched]) {
      try {
        this.look(taskId, task, rows);
      } catch (error) {
        this.events.onError(taskId, error);
      }
    }
  }

  private look(taskId: string, { supervisor, memoryMiB, isOurChild }: Watched, rows: readonly ProcessRow[] | null): void {
    if (!isOurChild && !isAlive(supervisor)) {
      this.events.onGone(taskId);
      return;
    }
    this.output.take(taskId);
    if (!rows) return;
    const usedMiB = privateMemoryMiB(descendants(supervisor.pid, rows));
    if (usedMiB > memoryMiB) this.events.onOutOfMemory(taskId, usedMiB);
  }
}
