// Delayed work that belongs to a task and is forgotten when the server lets go of its tasks.

export class Timers {
  private readonly pending = new Set<ReturnType<typeof setTimeout>>();
  private isClosed = false;

  constructor(
    /** Runs work that must not take the server down when it fails. */
    private readonly guarded: (taskId: string, work: () => void) => void,
  ) {}

  after(delayMs: number, taskId: string, work: () => void): void {
    if (this.isClosed) return;
    const timer = setTimeout(() => {
      this.pending.delete(timer);
      this.guarded(taskId, work);
    }, delayMs);
    this.pending.add(timer);
  }

  close(): void {
    this.isClosed = true;
    for (const timer of this.pending) clearTimeout(timer);
    this.pending.clear();
  }
}
