// Programs of others, run with exactly the environment given, in a process group of their own, with bounded output, and ended for sure.
//   P1. Nothing is inherited: neither environment nor input.
//   P2. When a program is over, so is everything it started: its group, its session, and whatever still carries its home.

import { readdirSync, readFileSync } from "node:fs";
import { tailOf } from "./bounded-text.ts";

export interface Ran {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly isTimedOut: boolean;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Ends the program (SIGTERM, and SIGKILL after two seconds) when aborted. */
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
  /** Of each of the two outputs, the end is kept. @default 4 MiB */
  readonly maxOutputBytes?: number;
}

const KILL_AFTER_MS = 2_000;
/** A program that is over has this long for the rest of its output to arrive; only an escaped process needs longer. */
export const OUTPUT_GRACE_MS = 1_000;

/** Runs a program to its end. Says how it ended; throws only when it cannot be started. */
export async function run(argv: readonly string[], options: RunOptions): Promise<Ran> {
  const { cwd, env, input, signal, timeoutMs, maxOutputBytes = 4 * 1024 * 1024 } = options;
  const child = Bun.spawn([...argv], {
    cwd,
    env,
    detached: true,
    stdin: input === undefined ? "ignore" : new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const timeout = AbortSignal.timeout(timeoutMs);
  const end = () => endGroup(child.pid, child.exited, KILL_AFTER_MS);
  const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
  either.addEventListener("abort", end);
  if (either.aborted) end();
  try {
    const [stdout, stderr] = [new Tail(child.stdout, maxOutputBytes), new Tail(child.stderr, maxOutputBytes)];
    await child.exited;
    killGroup(child.pid, "SIGKILL"); // P2
    await atMost(OUTPUT_GRACE_MS, Promise.all([stdout.ended, stderr.ended]));
    return { exitCode: child.exitCode, stdout: stdout.text, stderr: stderr.text, isTimedOut: timeout.aborted };
  } finally {
    either.removeEventListener("abort", end);
  }
}

/** SIGTERM to a whole group, SIGKILL to what is left of it after `killAfterMs`. */
export function endGroup(pid: number, exited: Promise<unknown>, killAfterMs: number): void {
  killGroup(pid, "SIGTERM");
  const timer = setTimeout(() => killGroup(pid, "SIGKILL"), killAfterMs);
  void exited.finally(() => clearTimeout(timer));
}

export function killGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  if (pid <= 1) return; // -1 would be everybody
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in it.
  }
}

/**
 * P2: kills what was started with `home` for a home, and what belongs to the session of `leader`. A process that shed both is
 * caught only by the container's own end. @returns how many there were
 */
export function killLeftovers(home: string, leader: number | null): number {
  if (leader !== null) killGroup(leader, "SIGKILL");
  let killed = 0;
  for (const name of proc()) {
    const id = Number(name);
    if (id === process.pid || !((leader !== null && sessionOf(id) === leader) || hasHome(id, home))) continue;
    try {
      process.kill(id, "SIGKILL");
      killed += 1;
    } catch {
      // It ended meanwhile, or is not ours.
    }
  }
  return killed;
}

function proc(): readonly string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return []; // no /proc: not Linux, so the group was all there is to do
  }
}

/** The fourth field after the command, which is in parentheses and may contain anything. */
function sessionOf(pid: number): number | null {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  const [state, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return session === undefined || state === "Z" ? null : Number(session);
}

const hasHome = (pid: number, home: string): boolean => readOrEmpty(`/proc/${pid}/environ`).split("\0").includes(`HOME=${home}`);

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Reads a stream as it comes and keeps its last `maxBytes`. */
export class Tail {
  /** Never fails. May never come: a process that escaped can keep a stream open. */
  readonly ended: Promise<void>;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(
    stream: ReadableStream<Uint8Array>,
    private readonly maxBytes: number,
  ) {
    this.ended = this.#read(stream).catch(() => undefined);
  }

  /** What was kept so far. */
  get text(): string {
    return tailOf(Buffer.concat(this.#chunks).toString("utf8"), this.maxBytes);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) {
      this.#chunks.push(chunk);
      this.#size += chunk.byteLength;
      if (this.#size <= this.maxBytes * 2) continue;
      const kept = Buffer.concat(this.#chunks).subarray(-this.maxBytes);
      this.#chunks = [kept];
      this.#size = kept.byteLength;
    }
  }
}

/** Waits for `work`, but not longer than `ms`. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
