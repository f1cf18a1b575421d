// Takes every task from PROVISIONING to STOPPED: waits, has its process started, stops it, notices its end. Decides nothing about who may start.
//   L1. A change that can be seen from outside and its event are one transaction (S1); nothing is done in the world before it is stored.
//   L2. A task's process is started at most once (starting.ts).
//   L3. The death of this server touches no task: its successor finds each one by pid and start time, or by the exit code it left.
//   L4. STOPPED means that no process of the task is left and its folder is gone.
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { enter, type StopCode, seconds, type TaskRecord } from "../domain/task.ts";
import type { Faults } from "../faults.ts";
import type { Log } from "../log.ts";
import type { Store } from "../store/store.ts";
import type { Changes } from "./changes.ts";
import { Ending, KILL_ALL_AFTER_MS } from "./ending.ts";
import type { Images } from "./images.ts";
import type { Isolation } from "./isolation.ts";
import { OutputReader } from "./output.ts";
import { runDir, taskDir, tasksDir } from "./places.ts";
import { isAlive, isOfThisBoot } from "./processes.ts";
import { Starting } from "./starting.ts";
import { exitCodeOf, killMain, killRest, removeFolders } from "./supervisor.ts";
import { Timers } from "./timers.ts";
import { Watch } from "./watch.ts";

export interface Latency {
  /** Between RunTask and PENDING. */
  readonly provisioningMs: number;
  /** Between PENDING and the start of the process. */
  readonly pendingMs: number;
  /** Between the end of the process and STOPPED. */
  readonly stoppingMs: number;
}

export interface LifecycleDeps {
  readonly store: Store;
  readonly changes: Changes;
  readonly images: Images;
  readonly isolation: Isolation;
  readonly faults: Faults;
  readonly latency: Latency;
  readonly dir: string;
  readonly now: () => number;
  readonly log: Log;
  /** Where a task's metadata can be read. */
  readonly metadataUri: (record: TaskRecord) => string;
}

export interface StopCause {
  readonly stopCode: StopCode;
  readonly reason: string;
  /** Between SIGTERM and SIGKILL; null: what the definition says. */
  readonly graceMs: number | null;
}

/** What tasks are given at most when the machine under them goes away. */
const SHUTDOWN_GRACE_MS = 10_000;
/** Beyond that and the killing, before shutting down goes on without a task that cannot be ended. */
const SHUTDOWN_MARGIN_MS = 3_000;
const FOLDER_RETRY_MS = 500;

export class Lifecycle {
  readonly output: OutputReader;
  private readonly watch: Watch;
  private readonly timers = new Timers((id, work) => this.guarded(id, work));
  private readonly ending: Ending;
  private readonly starting: Starting;
  private isClosed = false;
  private isClosing = false;

  constructor(private readonly deps: LifecycleDeps) {
    const { store, isolation, now } = deps;
    this.ending = new Ending(store, isolation, this.timers, now);
    this.starting = new Starting(deps, {
      onStarted: ({ id, plan }, supervisor, isOurChild) =>
        this.watch.add(id, supervisor, { memoryMiB: plan.memoryMiB, isOurChild }),
      onRefused: (id, reason) => this.failToStart(id, reason),
      onExit: (id) => this.onExit(id),
      guarded: (id, work) => this.guarded(id, work),
    });
    this.output = new OutputReader(store, now, (id) => {
      const record = store.tasks.get(id);
      return record && record.run.kind !== "none" ? join(runDir(deps.dir, id, record.run.attempt), "output") : null;
    });
    this.watch = new Watch(this.output, {
      onGone: (id) => this.onExit(id),
      onOutOfMemory: (id, usedMiB) => this.onOutOfMemory(id, usedMiB),
      onError: (id, error) => deps.log("task.error", { taskId: id, error: messageOf(error) }),
    });
  }

  /** Whether the machine is going down: nothing new is taken. */
  get isShuttingDown(): boolean {
    return this.isClosing;
  }

  /** Sees a newly stored task through. Call it after the commit. */
  begin(id: string): void {
    this.timers.after(this.deps.latency.provisioningMs, id, () => this.pull(id));
  }

  /** Takes up every task an earlier server left (L3). */
  async adoptAll(): Promise<void> {
    const ids = this.deps.store.tasks.living().map(({ id }) => id);
    this.removeStrayFolders(new Set(ids));
    for (const id of ids) {
      try {
        await this.adopt(id);
      } catch (error) {
        this.failToStart(id, `CannotStartContainerError: ${messageOf(error)}`);
      }
    }
  }

  /**
   * Asks a task to stop. Safe to repeat: a task that is stopping goes on doing so.
   * @param alongside what else belongs into the transaction
   * @returns whether this call made it stop; null when there is no such task
   */
  stop(id: string, cause: StopCause, alongside: (isNew: boolean) => void = () => {}): boolean | null {
    const { store, changes, latency, now, log } = this.deps;
    const nowMs = now();
    const record = changes.apply(id, (task) => {
      const isNew = task.wire.desiredStatus !== "STOPPED";
      alongside(isNew);
      if (!isNew) return [];
      const { stopCode, reason } = cause;
      const stopping = { desiredStatus: "STOPPED", stopCode, stoppedReason: reason, stoppingAt: seconds(nowMs) } as const;
      if (task.wire.lastStatus !== "RUNNING") return [enter(task, "DEPROVISIONING", stopping)];
      const killAtMs = nowMs + (cause.graceMs ?? task.plan.stopTimeoutMs);
      const deactivating = { ...enter(task, "DEACTIVATING", stopping), killAtMs };
      return [deactivating, enter(deactivating, "STOPPING")];
    });
    if (!record) return store.tasks.get(id) ? false : null;
    log("task.stopping", { taskArn: record.wire.taskArn, stopCode: cause.stopCode, reason: cause.reason });
    if (record.wire.lastStatus === "DEPROVISIONING") this.timers.after(latency.stoppingMs, id, () => this.finish(id));
    else this.ending.begin(id);
    return true;
  }

  /** The machine shuts down: every task is stopped, and none is left when this resolves, whatever it does about SIGTERM. */
  async shutDown(): Promise<void> {
    const { store, log } = this.deps;
    this.isClosing = true;
    this.starting.close();
    for (const { id, plan } of store.tasks.living()) {
      const graceMs = Math.min(plan.stopTimeoutMs, SHUTDOWN_GRACE_MS);
      const reason = "The machine that runs the task is shutting down.";
      if (this.stop(id, { stopCode: "TerminationNotice", reason, graceMs }) === false) this.hurry(id);
    }
    const untilMs = Date.now() + SHUTDOWN_GRACE_MS + KILL_ALL_AFTER_MS + SHUTDOWN_MARGIN_MS;
    while (store.tasks.living().length > 0 && Date.now() < untilMs) await Bun.sleep(10);
    for (const { wire } of store.tasks.living()) log("task.left_behind", { taskArn: wire.taskArn, lastStatus: wire.lastStatus });
    this.close();
  }

  /** Lets go of everything without touching a task. */
  close(): void {
    this.isClosed = true;
    this.starting.close();
    this.watch.close();
    this.timers.close();
  }

  private pull(id: string): void {
    const nowS = seconds(this.deps.now());
    const pulling = { connectivity: "CONNECTED", connectivityAt: nowS, pullStartedAt: nowS } as const;
    const record = this.deps.changes.apply(id, (task) =>
      task.wire.lastStatus === "PROVISIONING" ? [enter(task, "PENDING", pulling)] : [],
    );
    if (record) this.timers.after(this.deps.latency.pendingMs, id, () => this.starting.enqueue(id));
  }

  private async adopt(id: string): Promise<void> {
    const record = this.deps.store.tasks.get(id);
    if (!record) return;
    const { wire, run } = record;
    const { latency, log } = this.deps;
    if (wire.lastStatus === "STOPPED") return;
    if (wire.lastStatus === "PROVISIONING") this.begin(id);
    else if (wire.lastStatus === "DEPROVISIONING") this.timers.after(latency.stoppingMs, id, () => this.finish(id));
    else if (run.kind === "none") this.timers.after(latency.pendingMs, id, () => this.starting.enqueue(id));
    else if (run.kind === "starting") {
      // The earlier server died between deciding to start and storing that it had.
      if (await this.starting.settle(id, run.attempt)) await this.adopt(id);
    } else if (!isAlive(run.supervisor)) this.onExit(id);
    else {
      log("task.adopted", { taskArn: wire.taskArn, startedBy: wire.startedBy, pid: run.supervisor.pid });
      this.watch.add(id, run.supervisor, { memoryMiB: record.plan.memoryMiB, isOurChild: false });
      if (wire.lastStatus === "STOPPING") this.ending.begin(id);
    }
  }

  /** Shortens what is left of a stopping task's time. */
  private hurry(id: string): void {
    const killAtMs = this.deps.now() + SHUTDOWN_GRACE_MS;
    const isLater = ({ killAtMs: planned }: TaskRecord): boolean => planned !== null && planned > killAtMs;
    if (this.deps.changes.apply(id, (task) => (isLater(task) ? [{ ...task, killAtMs }] : []))) this.ending.killInTime(id);
  }

  /** The supervisor has ended: nothing of the task may be left, and its exit code is on disk or was lost with it. */
  private onExit(id: string): void {
    if (this.isClosed) return;
    this.guarded(id, () => {
      const { store, changes, isolation, latency, dir, now, log } = this.deps;
      const before = store.tasks.get(id);
      if (before?.run.kind !== "started" || before.wire.lastStatus === "DEPROVISIONING" || before.wire.lastStatus === "STOPPED")
        return;
      const { supervisor, attempt } = before.run;
      this.watch.remove(id);
      const exitCode = exitCodeOf(runDir(dir, id, attempt));
      const isHostGone = exitCode === null && !isOfThisBoot(supervisor);
      if (!isHostGone) killRest(supervisor.pid, isolation, before.metadataId);
      const nowS = seconds(now());
      const cause: { stopCode: StopCode; stoppedReason: string } = isHostGone
        ? { stopCode: "InfrastructureHealth", stoppedReason: "The machine that ran the task was restarted." }
        : { stopCode: "EssentialContainerExited", stoppedReason: "Essential container in task exited" };
      const record = changes.apply(id, (task) => {
        const ended =
          task.wire.desiredStatus === "STOPPED" ? {} : ({ desiredStatus: "STOPPED", stoppingAt: nowS, ...cause } as const);
        // A supervisor that could not write the code was killed from outside, and its task with it.
        const exit = isHostGone ? {} : { exitCode: exitCode ?? 137 };
        return [enter(task, "DEPROVISIONING", { ...ended, executionStoppedAt: nowS }, exit)];
      });
      if (record)
        log("task.exited", { taskArn: record.wire.taskArn, startedBy: record.wire.startedBy, exitCode: exitCode ?? 137 });
      this.timers.after(latency.stoppingMs, id, () => this.finish(id));
    });
  }

  private onOutOfMemory(id: string, usedMiB: number): void {
    const reason = "OutOfMemoryError: Container killed due to memory usage";
    const record = this.deps.changes.apply(id, (task) => [
      { ...task, wire: { ...task.wire, containers: task.wire.containers.map((container) => ({ ...container, reason })) } },
    ]);
    if (record?.run.kind !== "started") return;
    const fields = { taskArn: record.wire.taskArn, usedMiB: Math.round(usedMiB), allowedMiB: record.plan.memoryMiB };
    this.deps.log("task.out_of_memory", fields);
    killMain(record.run.supervisor.pid);
  }

  /** The process was never started: no exit code, and ECS says why in two places. */
  private failToStart(id: string, reason: string): void {
    const nowS = seconds(this.deps.now());
    const failed = {
      desiredStatus: "STOPPED",
      stopCode: "TaskFailedToStart",
      stoppedReason: reason,
      stoppingAt: nowS,
      executionStoppedAt: nowS,
    } as const;
    const record = this.deps.changes.apply(id, (task) =>
      task.wire.lastStatus === "PENDING" ? [enter(task, "DEPROVISIONING", failed, { reason })] : [],
    );
    if (!record) return;
    this.deps.log("task.failed_to_start", { taskArn: record.wire.taskArn, startedBy: record.wire.startedBy, reason });
    this.timers.after(this.deps.latency.stoppingMs, id, () => this.finish(id));
  }

  /** The rest of the output is taken in bit by bit, then the folder goes, then the task is STOPPED (L4). */
  private finish(id: string): void {
    try {
      if (this.output.takeLast(id)) {
        this.timers.after(0, id, () => this.finish(id));
        return;
      }
    } catch (error) {
      // What a task wrote is no reason to leave it hanging.
      this.deps.log("task.output_lost", { taskId: id, error: messageOf(error) });
    }
    try {
      removeFolders(taskDir(this.deps.dir, id));
    } catch (error) {
      this.deps.log("task.folder_stays", { taskId: id, error: messageOf(error) });
      this.timers.after(FOLDER_RETRY_MS, id, () => this.finish(id));
      return;
    }
    const stopped = { stoppedAt: seconds(this.deps.now()) };
    this.deps.changes.apply(id, (task) => (task.wire.lastStatus === "DEPROVISIONING" ? [enter(task, "STOPPED", stopped)] : []));
  }

  /** What a crash between two removals left. */
  private removeStrayFolders(living: ReadonlySet<string>): void {
    const all = tasksDir(this.deps.dir);
    mkdirSync(all, { recursive: true, mode: 0o700 });
    const strays = readdirSync(all).filter((id) => !living.has(id));
    removeFolders(...strays.map((id) => join(all, id)));
  }

  /** A failure here (a full disk, a folder taken away) ends the task it belongs to, not the server. */
  private guarded(id: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.deps.log("task.error", { taskId: id, error: messageOf(error) });
      this.failToStart(id, `CannotStartContainerError: ${messageOf(error)}`);
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
