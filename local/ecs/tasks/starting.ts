// Starts tasks' processes: one after the other, each at most once.
//   L2. The attempt is stored, then its folder is claimed (V1): whoever dies when, a task's process is started at most once.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { enter, type ProcessMark, seconds, type TaskRecord } from "../domain/task.ts";
import type { ResolvedImage } from "./images.ts";
import type { LifecycleDeps } from "./lifecycle.ts";
import { runDir, taskDir } from "./places.ts";
import { settleClaim, supervise } from "./supervisor.ts";

export interface StartingEvents {
  readonly onStarted: (record: TaskRecord, supervisor: ProcessMark, isOurChild: boolean) => void;
  readonly onRefused: (id: string, reason: string) => void;
  readonly onExit: (id: string) => void;
  /** Runs work that must not take the server down when it fails. */
  readonly guarded: (id: string, work: () => void) => void;
}

export class Starting {
  private readonly queue: string[] = [];
  private isBusy = false;
  private isClosed = false;

  constructor(
    private readonly deps: LifecycleDeps,
    private readonly events: StartingEvents,
  ) {}

  /** Starts the task when its turn comes: between two starts the event loop turns, and requests are answered. */
  enqueue(id: string): void {
    this.queue.push(id);
    if (this.isBusy) return;
    this.isBusy = true;
    const next = (): void => {
      const turn = this.isClosed ? undefined : this.queue.shift();
      this.isBusy = turn !== undefined;
      if (turn === undefined) return;
      this.events.guarded(turn, () => this.start(turn));
      setImmediate(next);
    };
    setImmediate(next);
  }

  /** Nothing is started any more. */
  close(): void {
    this.isClosed = true;
  }

  /** Takes up a start an earlier server stored and may have made. @returns whether the process was started */
  async settle(id: string, attempt: number): Promise<boolean> {
    const claim = await settleClaim(runDir(this.deps.dir, id, attempt));
    if (claim.kind === "neverStarted") this.enqueue(id);
    else this.recordStarted(id, attempt, claim.supervisor, false);
    return claim.kind === "started";
  }

  private start(id: string): void {
    const { store, changes, isolation, dir, log } = this.deps;
    const pending = store.tasks.get(id);
    if (pending?.wire.lastStatus !== "PENDING") return;
    const home = join(taskDir(dir, id), "home");
    const image = this.resolve(pending, home);
    if (image.kind === "refused") {
      this.events.onRefused(id, image.reason);
      return;
    }
    const attempt = pending.run.kind === "none" ? 1 : pending.run.attempt + 1;
    changes.apply(id, (task) => [{ ...task, run: { kind: "starting", attempt } }]); // L2
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const { argv, env } = image;
    const supervisor = supervise({ runDir: runDir(dir, id, attempt), argv, env, home, isolation }, () => this.events.onExit(id));
    this.recordStarted(id, attempt, supervisor, true);
    log("task.started", { taskArn: pending.wire.taskArn, startedBy: pending.wire.startedBy, pid: supervisor.pid });
  }

  private resolve(pending: TaskRecord, home: string): ResolvedImage {
    const reason = this.deps.faults.takeStart();
    return reason === null
      ? this.deps.images.resolve(pending, this.deps.metadataUri(pending), home)
      : { kind: "refused", reason };
  }

  private recordStarted(id: string, attempt: number, supervisor: ProcessMark, isOurChild: boolean): void {
    const { store, changes, now } = this.deps;
    const nowMs = now();
    const at = new Date(nowMs).toISOString();
    const started = { pullStoppedAt: seconds(nowMs), startedAt: seconds(nowMs) };
    const record = changes.apply(id, (task) => {
      const { taskArn, startedBy = null } = task.wire;
      store.journal.add({ operation: "StartContainer", at, taskArn, startedBy, pid: supervisor.pid });
      if (task.plan.log) store.logs.createStream(task.plan.log.group, task.plan.log.stream, id, nowMs);
      return [enter({ ...task, run: { kind: "started", attempt, supervisor } }, "RUNNING", started)];
    });
    if (record) this.events.onStarted(record, supervisor, isOurChild);
  }
}
