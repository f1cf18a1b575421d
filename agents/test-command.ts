// The project's own test command, run by us in the working copy as it was committed. It is a stranger's program: it gets an
// environment made from nothing, a home of its own, a time limit and a bound on what it may say.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { visible } from "./bounded-text.ts";
import { killLeftovers, run } from "./processes.ts";

export interface TestRun {
  readonly command: string;
  readonly passed: boolean;
  /** "exit 1", "a time-out after 600 s". */
  readonly how: string;
  /** The end of what it put out. */
  readonly output: string;
  readonly durationMs: number;
}

const MAX_OUTPUT_BYTES = 8 * 1024;

export interface TestCommandOptions {
  readonly cwd: string;
  /** A fresh folder. */
  readonly home: string;
  readonly path: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Runs the command with `sh -c`. Its failure is an answer. */
export async function runTestCommand(
  command: string,
  { cwd, home, path, timeoutMs, signal }: TestCommandOptions,
): Promise<TestRun> {
  await mkdir(join(home, "tmp"), { recursive: true });
  const startedAt = performance.now();
  const ran = await run(["sh", "-c", command], {
    cwd,
    env: {
      PATH: path,
      HOME: home,
      TMPDIR: join(home, "tmp"),
      LANG: "C.UTF-8",
      TERM: "dumb",
      CI: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
    },
    timeoutMs,
    signal,
    maxOutputBytes: MAX_OUTPUT_BYTES,
  });
  killLeftovers(home, null);
  const how = ran.isTimedOut ? `a time-out after ${Math.round(timeoutMs / 1_000)} s` : `exit ${ran.exitCode ?? "by a signal"}`;
  const output = visible(
    [ran.stdout, ran.stderr]
      .map((text) => text.trimEnd())
      .filter((text) => text !== "")
      .join("\n"),
  );
  return { command, passed: ran.exitCode === 0, how, output, durationMs: performance.now() - startedAt };
}
