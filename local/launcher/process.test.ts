import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManagedProcess } from "./process.ts";

const folder = mkdtempSync(join(tmpdir(), "omakase-process-"));
const started: ManagedProcess[] = [];
afterEach(async () => {
  for (const child of started.splice(0)) await child.stop();
  rmSync(folder, { recursive: true, force: true });
});

function setup(script: string, env: Record<string, string> = {}) {
  const told: string[] = [];
  const pids: number[] = [];
  const spec = {
    name: "part",
    command: [process.execPath, "-e", script],
    cwd: tmpdir(),
    env: { PATH: process.env.PATH ?? "", ...env },
    logFile: join(tmpdir(), `omakase-part-${process.pid}.log`),
    ready: { kind: "line" } as const,
    stopTimeoutMs: 500,
  };
  const child = new ManagedProcess(
    spec,
    (line) => told.push(line),
    (pid) => pids.push(pid),
  );
  started.push(child);
  return { child, told, pids };
}

const READY = "console.log(JSON.stringify({ ready: true })); setInterval(() => {}, 1000);";

const until = async (holds: () => boolean) => {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error("it did not come about within 10 s");
    await Bun.sleep(5);
  }
};
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe("a part of the launcher", () => {
  test("one that ends before it is ready gives its own last words", async () => {
    const { child } = setup('console.error("port 3210 is taken"); process.exit(1);');
    expect(child.start()).rejects.toThrow("part did not start: port 3210 is taken");
  });

  test("one that is killed is started again, and is down in between", async () => {
    const { child, told, pids } = setup(READY);
    await child.start();
    const first = child.pid ?? 0;
    process.kill(first, "SIGKILL");
    await until(() => pids.length === 2 && child.pid !== null && child.pid !== first);
    expect(told).toEqual(["part ended (SIGKILL); starting it again"]);
  });

  test("L1: it gets its own environment and nothing of the launcher's", async () => {
    process.env.PLANTED_FOR_THE_TEST = "secret";
    const { child } = setup(
      `if (process.env.PLANTED_FOR_THE_TEST) { console.error("it sees the secret"); process.exit(1); } ${READY}`,
    );
    await child.start();
    delete process.env.PLANTED_FOR_THE_TEST;
    expect(child.pid).not.toBeNull();
  });

  test("L2: after stop it is gone, also when it ignores SIGTERM", async () => {
    const { child } = setup(`process.on("SIGTERM", () => {}); ${READY}`);
    await child.start();
    const pid = child.pid ?? 0;
    await child.stop();
    expect(isAlive(pid)).toBe(false);
  });
});
