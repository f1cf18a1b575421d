// The small shell that outlives the server: what it claims, writes and clears away.
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, tempDir } from "../testing/world.ts";
import { chooseIsolation } from "./isolation.ts";
import { allProcesses, descendants, isAlive } from "./processes.ts";
import { exitCodeOf, killRest, settleClaim, supervise } from "./supervisor.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

const PATH = process.env.PATH ?? "/usr/bin:/bin";

function setup() {
  const dir = tempDir();
  cleanups.push(dir.remove);
  const runDir = join(dir.path, "run-1");
  const home = join(dir.path, "home");
  mkdirSync(home);
  const isolation = chooseIsolation("group", { dir: dir.path, hide: [], expose: [], path: PATH, images: [] });
  const start = (script: string) => {
    const ended = Promise.withResolvers<void>();
    const supervisor = supervise(
      { runDir, argv: ["/bin/sh", "-c", script], env: { PATH, HOME: home }, home, isolation },
      ended.resolve,
    );
    cleanups.push(() => killRest(supervisor.pid, isolation, runDir));
    return { supervisor, ended: ended.promise };
  };
  return { runDir, home, start };
}

describe("the supervisor", () => {
  test("V1: a folder claimed for nobody is a task that never starts, however late its supervisor comes", async () => {
    const { runDir, home, start } = setup();
    expect(await settleClaim(runDir)).toEqual({ kind: "neverStarted" });
    const { ended } = start("touch ran");
    await ended;
    expect(existsSync(join(home, "ran"))).toBeFalse();
    expect(exitCodeOf(runDir)).toBeNull();
    expect(await settleClaim(runDir)).toEqual({ kind: "neverStarted" });
  });

  test("V1: a folder the supervisor claimed leads to the living process", async () => {
    const { runDir, home, start } = setup();
    const { supervisor } = start("touch ran; sleep 300");
    await eventually(() => existsSync(join(home, "ran")), "the task to run");
    expect(await settleClaim(runDir)).toEqual({ kind: "started", supervisor });
    expect(isAlive(supervisor)).toBeTrue();
  });

  test("V1: a claim whose supervisor has ended leads to no process, not to one with the same id", async () => {
    const { runDir, start } = setup();
    const { ended } = start("exit 3");
    await ended;
    await Bun.write(join(runDir, "claim"), `${process.pid}\n`); // as if the id had been given to somebody else since
    const claim = await settleClaim(runDir);
    expect(claim.kind === "started" && isAlive(claim.supervisor)).toBeFalse();
    expect(claim.kind).toBe("started");
  });

  test("V2: the exit code is on disk when the supervisor ends; half a line is none", async () => {
    const { runDir, start } = setup();
    await start("exit 42").ended;
    expect(exitCodeOf(runDir)).toBe(42);
    await Bun.write(join(runDir, "exit"), "4");
    expect(exitCodeOf(runDir)).toBeNull();
  });

  test("V3: a child that holds the output open does not delay the end, and is gone without anybody's help", async () => {
    const { runDir, start } = setup();
    const { supervisor, ended } = start("sleep 300 & echo gone");
    await ended;
    expect(exitCodeOf(runDir)).toBe(0);
    await eventually(() => descendants(supervisor.pid, allProcesses()).length === 0, "the child to be gone");
  });

  test("V4: standard output and error are one file, in the order they were written; standard input is empty", async () => {
    const { runDir, start } = setup();
    await start("echo one; echo two >&2; cat; echo three").ended;
    expect(readFileSync(join(runDir, "output"), "utf8")).toBe("one\ntwo\nthree\n");
  });

  test("a main process that dies by a signal has 128 and the signal as its code", async () => {
    const { runDir, start } = setup();
    await start("kill -SEGV $$").ended;
    expect(exitCodeOf(runDir)).toBe(139);
  });
});
