// P1, P2 of processes.ts: programs of others get what they are given, and do not outlive their turn or hold up ours.
import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { killLeftovers, run } from "./processes.ts";

const PATH = process.env.PATH ?? "/usr/bin:/bin";
const sh = (script: string, more: Partial<Parameters<typeof run>[1]> = {}) =>
  run(["sh", "-c", script], { cwd: tmpdir(), env: { PATH }, timeoutMs: 20_000, ...more });

/** Waits in the shell until the last background process leads a session of its own. */
const HAS_ESCAPED = `until [ "$(cut -d' ' -f6 /proc/$!/stat)" = $! ]; do sleep 0.01; done`;

describe("a program", () => {
  test("P1: gets the environment it is given, and nothing to read", async () => {
    const { stdout } = await sh("env | cut -d= -f1 | sort | tr '\\n' ' '; cat", { env: { PATH, ONLY: "this" } });
    expect(stdout.split(" ").filter((name) => !["PWD", "SHLVL", "_", "OLDPWD", ""].includes(name))).toEqual(["ONLY", "PATH"]);
  });

  test("P2: that leaves a process behind, even one that shed group, session and environment, holds nobody up", async () => {
    const startedAt = performance.now();
    const { stdout, exitCode } = await sh(`echo done; sleep 30 & env -i setsid sleep 5 & ${HAS_ESCAPED}; exit 3`);
    expect([stdout.trim(), exitCode]).toEqual(["done", 3]);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  test("P2: that ignores SIGTERM is killed when its time is over", async () => {
    const { exitCode, isTimedOut } = await sh("trap '' TERM; echo on; while true; do sleep 0.05; done", { timeoutMs: 200 });
    expect([exitCode, isTimedOut]).toEqual([null, true]);
  });

  test("P2: what carries a home is found and killed, wherever it went", async () => {
    const home = `/nowhere/${crypto.randomUUID()}`;
    await sh(`setsid sleep 30 >/dev/null 2>&1 & ${HAS_ESCAPED}`, { env: { PATH, HOME: home } });
    expect(killLeftovers(home, null)).toBeGreaterThan(0);
    const end = Date.now() + 5_000; // the kernel takes its time to bury the dead
    while (killLeftovers(home, null) > 0 && Date.now() < end) await Bun.sleep(5);
    expect(killLeftovers(home, null)).toBe(0);
  });

  test("that never stops talking keeps its last words only", async () => {
    const { stdout } = await sh("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done", { maxOutputBytes: 1_000 });
    expect(stdout.length).toBeLessThan(1_100);
    expect(stdout.trimEnd().endsWith("line 19999")).toBe(true);
  });
});
