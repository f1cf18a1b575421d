// One task's process: a small shell that outlives this server, starts the task once, and writes down how it ended.
//   V1. A folder is claimed once, by an exclusive create: the supervisor then runs the task, or a restarted server knows it never will.
//   V2. The exit code is on disk before the supervisor ends. A line without its newline was never written.
//   V3. When the main process ends, everything it started is killed at once; nothing of it can hold the output open and delay the end.
//   V4. The output goes straight to a file: no reader, living or dead, can make the task wait.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessMark } from "../domain/task.ts";
import type { Isolation } from "./isolation.ts";
import { allProcesses, carriersOf, commandOf, descendants, endedMark, firstborn, markOf, signal } from "./processes.ts";

/** `$1` is the claimed folder, the rest is the command. The last line kills the supervisor's own group, itself included. */
const SCRIPT = `set -C
echo "$$" >"$1/claim" || exit 75
set +C
run=$1
shift
"$@" </dev/null >>"$run/output" 2>&1
echo "$?" >"$run/exit"
kill -KILL 0`;

export interface SuperviseOptions {
  /** The folder to claim: `output`, `claim` and `exit` are made in it. */
  readonly runDir: string;
  readonly argv: readonly string[];
  /** All the process gets to see of any environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The task's scratch folder: where it starts, and the one place it may surely write to. */
  readonly home: string;
  readonly isolation: Isolation;
}

/** Starts the supervisor in a session of its own. `onExit` is called when it ends, unless this server ends first. @returns its mark */
export function supervise(options: SuperviseOptions, onExit: () => void): ProcessMark {
  const { runDir, argv, env, home, isolation } = options;
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  closeSync(openSync(join(runDir, "output"), "a", 0o600));
  const child = spawn("/bin/sh", ["-c", SCRIPT, "omakase-task", runDir, ...isolation.wrap(argv, home)], {
    cwd: home,
    env,
    stdio: "ignore",
    detached: true,
  });
  // Listening to "error" also keeps a failed spawn from being thrown where nobody catches it.
  child.on("error", onExit);
  child.on("exit", onExit);
  child.unref();
  if (child.pid === undefined) throw new Error("the supervisor could not be started: is /bin/sh there, and the folder readable?");
  return markOf(child.pid) ?? endedMark(child.pid);
}

/** Who claimed a folder (V1). */
export type Claim = { readonly kind: "neverStarted" } | { readonly kind: "started"; readonly supervisor: ProcessMark };

/** How long a supervisor may take between making the claim and writing its pid into it: it is one `echo`. */
const CLAIM_WAIT_MS = 1_000;
const NOBODY = "0\n";

/** Finds out whether a task was started, by claiming its folder for nobody: a supervisor that comes later finds it taken and goes. */
export async function settleClaim(runDir: string): Promise<Claim> {
  const file = join(runDir, "claim");
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, NOBODY, { flag: "wx", mode: 0o600 });
    return { kind: "neverStarted" };
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  let text = readFileSync(file, "utf8");
  for (const untilMs = Date.now() + CLAIM_WAIT_MS; text === "" && Date.now() < untilMs; text = readFileSync(file, "utf8"))
    await Bun.sleep(5);
  if (text === NOBODY) return { kind: "neverStarted" };
  const pid = Number(text);
  const isOurs = pid > 1 && commandOf(pid).includes(runDir);
  return { kind: "started", supervisor: (isOurs ? markOf(pid) : null) ?? endedMark(pid) };
}

/** The exit code the supervisor wrote (V2); null: it was killed before it could. */
export function exitCodeOf(runDir: string): number | null {
  try {
    const text = readFileSync(join(runDir, "exit"), "utf8");
    return /^\d{1,3}\n$/.test(text) ? Number(text) : null;
  } catch {
    return null;
  }
}

/** Asks the task's main process to end, and nobody else: as a container does. @returns whether it was there */
export function terminate(supervisor: number, isolation: Isolation): boolean {
  const main = firstborn(supervisor, isolation.mainDepth);
  return main !== null && signal(main, "SIGTERM");
}

/** Kills the task's main process with all its sandbox; the supervisor then writes 137 and clears away the rest. */
export function killMain(supervisor: number): boolean {
  const direct = firstborn(supervisor, 1);
  return direct !== null && signal(direct, "SIGKILL");
}

/**
 * Kills whatever is left of a task, supervisor included. Without a process namespace that means: its group and session, and what still
 * carries the task's metadata id, which nobody else knows, in its environment.
 */
export function killRest(supervisor: number, isolation: Isolation, metadataId: string): void {
  signal(-supervisor, "SIGKILL");
  if (isolation.endsWholeTree) return;
  // A process that forks while it is looked for is found the next time round.
  for (let round = 0; round < 10; round++) {
    const rows = allProcesses();
    const left = [...descendants(supervisor, rows).map(({ pid }) => pid), ...carriersOf(metadataId, rows)];
    if (left.length === 0) return;
    for (const pid of left) signal(pid, "SIGKILL");
  }
}

/** Removes a task's folders. Safe to repeat. */
export function removeFolders(...folders: readonly string[]): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
