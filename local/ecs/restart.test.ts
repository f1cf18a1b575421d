// The server dies or is told to go, with tasks running: the process is real, and so is kill -9.
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { StopTaskCommand } from "@aws-sdk/client-ecs";
import { lastPart } from "./domain/arn.ts";
import type { WireTask } from "./domain/task.ts";
import { Store } from "./store/store.ts";
import { allProcesses, carriersOf, commandOf, signal } from "./tasks/processes.ts";
import { aProcess, aTarget, type ServerProcess } from "./testing/process.ts";
import { type Caller, CLUSTER, eventually, tempDir } from "./testing/world.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function setup() {
  const dir = tempDir();
  cleanups.push(dir.remove);
  const data = join(dir.path, "data");
  // A test that fails half-way has killed its server: what that server started is ours to end.
  cleanups.push(() => {
    for (const { pid } of allProcesses()) if (commandOf(pid).includes(data)) signal(-pid, "SIGKILL");
  });
  const start = async (flags: readonly string[] = []): Promise<ServerProcess> => {
    const server = await aProcess(data, flags);
    cleanups.push(() => server.kill("SIGTERM"));
    return server;
  };
  /** A file in the task's home: what it leaves there we see, what we put there it sees, however it is isolated. */
  const at = (taskArn: string, name: string): string => join(data, "tasks", lastPart(taskArn), "home", name);
  return { data, start, at, keyFile: join(dir.path, "key") };
}

const marked = (mark: string): number[] => carriersOf(`MARK=${mark}`, allProcesses());
const starts = async (caller: Caller, taskArn: string): Promise<number> =>
  (await caller.journal()).filter((entry) => entry.operation === "StartContainer" && entry.taskArn === taskArn).length;
const exists = (path: string): Promise<boolean> => eventually(() => (existsSync(path) ? true : null), path);

/** Takes the stored task back to the moment when attempt `attempt` was decided and nothing was heard of it. */
function rewind(data: string, taskArn: string, attempt: number): void {
  const store = Store.open(data);
  const record = store.tasks.get(lastPart(taskArn))!;
  const wire: WireTask = { ...record.wire, lastStatus: "PENDING", version: 2 };
  store.transaction(() => store.tasks.save({ ...record, wire, run: { kind: "starting", attempt } }));
  store.close();
}

/** Runs until there is a file `go` in its home, then exits with 7. */
const WAITER = "echo ran; touch up; until [ -e go ]; do sleep 0.02; done; exit 7";

describe("kill -9 of the server", () => {
  test("L3: a running task goes on, is found again, and its exit code is known", async () => {
    const { start, at } = setup();
    const first = await start();
    await first.caller.define("waiter", WAITER);
    const { taskArn } = await first.caller.runOne("waiter", { clientToken: "token" });
    await exists(at(taskArn, "up"));
    await first.kill("SIGKILL");
    const second = await start();
    expect(await second.caller.describe(taskArn)).toMatchObject({ lastStatus: "RUNNING" });
    await Bun.write(at(taskArn, "go"), "");
    const stopped = await second.caller.reaches(taskArn, "STOPPED");
    expect(stopped).toMatchObject({ stopCode: "EssentialContainerExited" });
    expect(stopped.containers![0]!.exitCode).toBe(7);
    expect(await second.caller.output(taskArn)).toEqual(["ran"]);
    expect((await second.caller.runOne("waiter", { clientToken: "token" })).taskArn).toBe(taskArn);
    expect(await starts(second.caller, taskArn)).toBe(1);
  });

  test("L3: a task that ended while nobody looked has its exit code and its last words", async () => {
    const { start, at } = setup();
    const first = await start();
    const mark = crypto.randomUUID();
    await first.caller.define("waiter", `export MARK=${mark}; sh -c '${WAITER}'; code=$?; echo last words; exit $code`);
    const { taskArn } = await first.caller.runOne("waiter");
    await exists(at(taskArn, "up"));
    await first.kill("SIGKILL");
    await Bun.write(at(taskArn, "go"), "");
    await eventually(() => marked(mark).length === 0, "the task to end");
    const second = await start();
    expect((await second.caller.reaches(taskArn, "STOPPED")).containers![0]!.exitCode).toBe(7);
    expect(await second.caller.output(taskArn)).toEqual(["ran", "last words"]);
  });

  test("L3: an adopted task can be stopped, and a stop under way is completed", async () => {
    const { start, at } = setup();
    const first = await start();
    await first.caller.define("stubborn", "trap '' TERM; touch up; while :; do sleep 300; done");
    await first.caller.define("polite", "trap 'exit 9' TERM; touch up; sleep 300 & wait");
    const stubborn = await first.caller.runOne("stubborn");
    const polite = await first.caller.runOne("polite");
    await Promise.all([exists(at(stubborn.taskArn, "up")), exists(at(polite.taskArn, "up"))]);
    await first.caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: stubborn.taskArn }));
    await first.kill("SIGKILL");
    const second = await start();
    await second.caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: polite.taskArn }));
    expect((await second.caller.reaches(polite.taskArn, "STOPPED")).containers![0]!.exitCode).toBe(9);
    expect((await second.caller.reaches(stubborn.taskArn, "STOPPED")).containers![0]!.exitCode).toBe(137);
  });

  test("L2: dead between starting a process and storing that, it finds the process and starts no other", async () => {
    const { start, at, data } = setup();
    const first = await start();
    await first.caller.define("waiter", WAITER);
    const { taskArn } = await first.caller.runOne("waiter");
    await exists(at(taskArn, "up"));
    await first.kill("SIGKILL");
    rewind(data, taskArn, 1);
    const second = await start();
    expect(await second.caller.reaches(taskArn, "RUNNING")).toMatchObject({ version: 3 });
    await Bun.write(at(taskArn, "go"), "");
    expect((await second.caller.reaches(taskArn, "STOPPED")).containers![0]!.exitCode).toBe(7);
    expect(await second.caller.output(taskArn)).toEqual(["ran"]);
  });

  test("L2: dead between storing an attempt and starting its process, it starts one", async () => {
    const { start, data } = setup();
    const first = await start(["--latency", "0,600000,0"]);
    await first.caller.define("quick", "echo ran");
    const { taskArn } = await first.caller.runOne("quick");
    await first.caller.reaches(taskArn, "PENDING");
    await first.kill("SIGKILL");
    rewind(data, taskArn, 1);
    const second = await start();
    expect((await second.caller.reaches(taskArn, "STOPPED")).containers![0]!.exitCode).toBe(0);
    expect(await second.caller.output(taskArn)).toEqual(["ran"]);
    expect(await starts(second.caller, taskArn)).toBe(1);
  });

  test("L2: killed at any moment of many launches, each task runs exactly once", async () => {
    const { start } = setup();
    const flags = ["--vcpu", "100", "--latency", "0,0,0", "--run-task-per-second", "1000"];
    let server = await start(flags);
    await server.caller.define("quick", "echo ran $RUN");
    const tokens = Array.from({ length: 40 }, (_, index) => `run-${index}`);
    const launch = (token: string): Promise<{ taskArn: string }> => {
      const environment = [{ name: "RUN", value: token }];
      return server.caller.runOne("quick", {
        clientToken: token,
        overrides: { containerOverrides: [{ name: "agent", environment }] },
      });
    };
    for (let round = 0; round < 4; round++) {
      const batch = tokens.slice(round * 10, round * 10 + 10).map(launch);
      await Bun.sleep(round * 7); // a different moment each time: while accepted, while starting, while running
      await server.kill("SIGKILL");
      await Promise.allSettled(batch);
      server = await start(flags);
    }
    const tasks = await Promise.all(tokens.map(launch));
    expect(new Set(tasks.map(({ taskArn }) => taskArn)).size).toBe(tokens.length);
    await Promise.all(tasks.map(({ taskArn }) => server.caller.reaches(taskArn, "STOPPED")));
    for (const [index, { taskArn }] of tasks.entries()) {
      expect(await server.caller.output(taskArn)).toEqual([`ran ${tokens[index]}`]);
      expect(await starts(server.caller, taskArn)).toBe(1);
    }
  }, 30_000);
});

describe("SIGTERM of the server", () => {
  test("L4: stops every task, politely and then not, and leaves no process and no folder", async () => {
    const { start, at, data, keyFile } = setup();
    const target = aTarget();
    cleanups.push(target.stop);
    await Bun.write(keyFile, "key");
    const server = await start(["--events-url", target.url, "--events-key-file", keyFile]);
    const mark = crypto.randomUUID();
    await server.caller.define("polite", `export MARK=${mark}; trap 'exit 9' TERM; touch up; sleep 300 & wait`);
    await server.caller.define(
      "stubborn",
      `export MARK=${mark}; trap '' TERM; setsid sleep 300 & touch up; while :; do sleep 300; done`,
    );
    const polite = await server.caller.runOne("polite");
    const stubborn = await server.caller.runOne("stubborn");
    await Promise.all([exists(at(polite.taskArn, "up")), exists(at(stubborn.taskArn, "up"))]);
    expect(marked(mark).length).toBeGreaterThan(0);
    expect(await server.kill("SIGTERM")).toBe(0);
    expect(marked(mark)).toEqual([]);
    expect(readdirSync(join(data, "tasks"))).toEqual([]);
    const ends = target.events.filter(({ detail }) => detail.lastStatus === "STOPPED").map(({ detail }) => detail.taskArn);
    expect(ends.toSorted()).toEqual([polite.taskArn, stubborn.taskArn].toSorted());

    const next = await start();
    const stopCode = "TerminationNotice";
    expect(await next.caller.describe(polite.taskArn)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode,
      containers: [{ exitCode: 9 }],
    });
    expect(await next.caller.describe(stubborn.taskArn)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode,
      containers: [{ exitCode: 137 }],
    });
  });
});

describe("starting", () => {
  test("S2: a second server on the same folder is refused in one sentence", async () => {
    const { start, data } = setup();
    await start();
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "main.ts"), "--dir", data, "--port", "0"], {
      env: {},
      stdout: "ignore",
      stderr: "pipe",
    });
    expect(await child.exited).toBe(1);
    expect(await new Response(child.stderr).text()).toMatch(/^Another ECS server is using .*--dir of its own\.\n$/);
  });

  test("a state file that is none is refused in one sentence", async () => {
    const { data } = setup();
    await Bun.write(join(data, "ecs.sqlite"), "not a database, and long enough to be looked at twice".repeat(50));
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "main.ts"), "--dir", data, "--port", "0"], {
      env: {},
      stdout: "ignore",
      stderr: "pipe",
    });
    expect(await child.exited).toBe(1);
    expect(await new Response(child.stderr).text()).toMatch(
      /^The state file .* cannot be opened .*: move it away to start empty\.\n$/,
    );
  });
});
