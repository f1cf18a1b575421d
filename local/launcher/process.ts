// One child process of the launcher: its log file, its ready line, its end. Restarts it when it dies, a bounded number of times.
//   L1. A child gets exactly the environment it is given: nothing of the launcher's own shell.
//   L2. After `stop()` has resolved the process is gone.

import { type FileHandle, open } from "node:fs/promises";
import { LaunchError } from "./options.ts";

export interface ProcessSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Whether the process is up. A line on its standard output, or an answer of its HTTP port. */
  readonly ready: { readonly kind: "line" } | { readonly kind: "http"; readonly url: string };
  /** Between SIGTERM and SIGKILL. @default 15,000 ms */
  readonly stopTimeoutMs?: number;
}

/** In the environment of every child, so that one left over by a killed launcher is known again. */
export const CHILD_MARK = "OMAKASE_LAUNCHED=1";

const READY_TIMEOUT_MS = 60_000;
/** A child that dies more often than this within a minute stays down: something is wrong that a restart does not mend. */
const MAX_RESTARTS_A_MINUTE = 10;
/** Doubled with each death within the minute. */
const RESTART_BASE_MS = 50;

export class ManagedProcess {
  private child: Bun.Subprocess<"ignore", "pipe", "pipe"> | null = null;
  private log: FileHandle | null = null;
  private stopping = false;
  private readonly deaths: number[] = [];
  private readonly lastLines: string[] = [];
  /** Of the child that runs: its output is written to the log to the end before the log is closed. */
  private following: Promise<unknown> = Promise.resolve();

  constructor(
    readonly spec: ProcessSpec,
    private readonly tell: (line: string) => void,
    /** Told each process id, so that a checker can find it. */
    private readonly onPid: (pid: number) => void,
  ) {}

  /** Null while it is down. */
  get pid(): number | null {
    const { child } = this;
    return child && child.exitCode === null && child.signalCode === null ? child.pid : null;
  }

  /** Starts it and waits until it is ready. @throws {LaunchError} with the child's own last words. */
  async start(): Promise<void> {
    this.log ??= await open(this.spec.logFile, "a", 0o600);
    await this.launch();
  }

  private async launch(): Promise<void> {
    const child = Bun.spawn([...this.spec.command], {
      cwd: this.spec.cwd,
      env: { ...this.spec.env, OMAKASE_LAUNCHED: "1" },
      // A session of its own: Ctrl-C in a terminal reaches the launcher alone, which ends the parts in order.
      detached: true,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.child = child;
    this.lastLines.length = 0;
    this.onPid(child.pid);
    const readyLine = Promise.withResolvers<void>();
    this.following = Promise.all([
      this.follow(child.stdout, (line) => {
        if (line.startsWith("{") && line.includes('"ready":true')) readyLine.resolve();
      }),
      this.follow(child.stderr, () => {}),
    ]);
    const died = child.exited.then(() => {
      throw new LaunchError(`${this.spec.name} did not start: ${this.lastWords()} (log: ${this.spec.logFile})`);
    });
    const timeout = AbortSignal.timeout(READY_TIMEOUT_MS);
    const late = new Promise<never>((_, reject) => {
      timeout.addEventListener("abort", () =>
        reject(
          new LaunchError(`${this.spec.name} was not ready within ${READY_TIMEOUT_MS / 1000} s (log: ${this.spec.logFile})`),
        ),
      );
    });
    await Promise.race([this.spec.ready.kind === "line" ? readyLine.promise : answers(this.spec.ready.url, timeout), died, late]);
    died.catch(() => {});
    late.catch(() => {});
    void child.exited.then((code) => this.onExit(child, code));
  }

  private lastWords(): string {
    return this.lastLines.at(-1) ?? `it ended with code ${this.child?.exitCode ?? "unknown"} and said nothing`;
  }

  private async follow(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.trim() === "") continue;
        onLine(line);
        this.lastLines.push(line.slice(0, 500));
        if (this.lastLines.length > 20) this.lastLines.shift();
        await this.log?.appendFile(`${line}\n`);
      }
    }
  }

  private async onExit(child: Bun.Subprocess, code: number | null): Promise<void> {
    if (this.stopping || this.child !== child) return;
    this.tell(`${this.spec.name} ended (${child.signalCode ?? `code ${code}`}); starting it again`);
    while (!this.stopping) {
      const now = Date.now();
      this.deaths.push(now);
      const recent = this.deaths.filter((at) => now - at < 60_000).length;
      if (recent > MAX_RESTARTS_A_MINUTE) {
        this.tell(
          `${this.spec.name} ended ${recent} times within a minute and stays down: ${this.lastWords()} (log: ${this.spec.logFile})`,
        );
        return;
      }
      await Bun.sleep(RESTART_BASE_MS * 2 ** (recent - 1));
      if (this.stopping) return;
      try {
        await this.launch();
        return;
      } catch (error) {
        this.tell(error instanceof Error ? error.message : String(error));
      }
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const child = this.child;
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      const killer = setTimeout(() => child.kill("SIGKILL"), this.spec.stopTimeoutMs ?? 15_000);
      await child.exited;
      clearTimeout(killer);
    }
    await this.following;
    await this.log?.close();
    this.log = null;
  }
}

async function answers(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2_000), redirect: "manual" });
      if (response.status < 500) return;
    } catch {
      // not listening yet
    }
    await Bun.sleep(50);
  }
}
