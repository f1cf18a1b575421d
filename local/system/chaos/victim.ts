// One process that is killed and comes back. Unlike the launcher's children it may die as often as somebody likes.

import { closeSync, openSync } from "node:fs";
import type { ProcessSpec } from "@omakase/local-launcher/process";

const READY_TIMEOUT_MS = 30_000;
const LOOK_EVERY_MS = 15;

export class Victim {
  /** How often it died of itself or of us, in all. */
  deaths = 0;
  /** How much later than at once its next start comes, ms: once. */
  awayMs = 0;
  private child: Bun.Subprocess | null = null;
  private stopped = false;
  private isPaused = false;
  private readonly log: number;
  private running: Promise<void> = Promise.resolve();

  constructor(
    readonly spec: ProcessSpec,
    /** Told of each end; a signal of ours or one it gave itself. */
    private readonly onDeath: (name: string, how: string) => void,
    /** The command of its next start; the spec's unless a fault changes it. */
    public command: readonly string[] = spec.command,
  ) {
    this.log = openSync(spec.logFile, "a", 0o600);
  }

  get name(): string {
    return this.spec.name;
  }

  get pid(): number | null {
    const { child } = this;
    return child && child.exitCode === null && child.signalCode === null ? child.pid : null;
  }

  /** Up, and not stopped in its tracks. */
  get isLively(): boolean {
    return this.pid !== null && !this.isPaused;
  }

  /** Starts it and keeps it going. Resolves when it is ready for the first time. @throws when it is not within 30 s */
  async start(): Promise<void> {
    this.running = this.keepGoing();
    await this.ready();
  }

  private async keepGoing(): Promise<void> {
    while (!this.stopped) {
      const { cwd, env } = this.spec;
      this.child = Bun.spawn([...this.command], {
        cwd,
        env: { ...env, OMAKASE_LAUNCHED: "1" },
        detached: true,
        stdin: "ignore",
        stdout: this.log,
        stderr: this.log,
      });
      await this.child.exited;
      this.isPaused = false;
      if (this.stopped) break;
      this.deaths++;
      const { signalCode, exitCode } = this.child;
      this.onDeath(this.name, String(signalCode ?? `code ${exitCode}`));
      await this.stayAway();
    }
  }

  private async stayAway(): Promise<void> {
    const until = Date.now() + this.awayMs;
    this.awayMs = 0;
    do await Bun.sleep(20);
    while (!this.stopped && Date.now() < until);
  }

  /** Resolves when its port answers. @throws after 30 s */
  async ready(): Promise<void> {
    const url = this.spec.ready.kind === "http" ? this.spec.ready.url : null;
    if (url === null) throw new Error(`${this.name} has no address to ask`);
    for (const until = Date.now() + READY_TIMEOUT_MS; ; ) {
      try {
        const response = await fetch(url, { signal: AbortSignal.timeout(2_000), redirect: "manual" });
        await response.arrayBuffer();
        if (response.status < 500) return;
      } catch {
        // not yet
      }
      if (Date.now() > until)
        throw new Error(`${this.name} was not ready within ${READY_TIMEOUT_MS / 1000} s (log: ${this.spec.logFile})`);
      await Bun.sleep(LOOK_EVERY_MS);
    }
  }

  /** @returns whether there was anybody to send it to */
  signal(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): boolean {
    const { pid } = this;
    if (pid === null) return false;
    process.kill(pid, signal);
    if (signal === "SIGSTOP") this.isPaused = true;
    if (signal === "SIGCONT") this.isPaused = false;
    return true;
  }

  /** Ends it for good. Safe to repeat. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    this.signal("SIGCONT");
    this.signal("SIGTERM");
    const killer = setTimeout(() => this.signal("SIGKILL"), 5_000);
    await this.running;
    clearTimeout(killer);
    closeSync(this.log);
  }
}
