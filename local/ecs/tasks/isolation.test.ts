// What a task can see and what it can leave behind, for each isolation that works on this machine.
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { StopTaskCommand } from "@aws-sdk/client-ecs";
import { aProcess } from "../testing/process.ts";
import { aServer, CLUSTER, eventually, tempDir } from "../testing/world.ts";
import { bubblewrapView, chooseIsolation, type IsolationKind, type IsolationNeeds } from "./isolation.ts";
import { allProcesses, carriersOf } from "./processes.ts";

const needs: IsolationNeeds = { dir: "/tmp", hide: [], expose: [], path: process.env.PATH ?? "/usr/bin:/bin", images: [] };
const KINDS = (["bubblewrap", "namespace", "group"] as const).filter((kind) => {
  try {
    return chooseIsolation(kind, needs).kind === kind;
  } catch {
    return false; // not installed here: the README says which kinds a machine needs for all of these to run
  }
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setup(isolation: IsolationKind) {
  const { caller, end, dir } = await aServer({
    isolation,
    imageEnv: { FROM_IMAGE: "image", ROLE: "image" },
    expose: [dirname(process.execPath)],
  });
  cleanups.push(end);
  return { caller, dir };
}

/** Processes that were started with this mark in their environment, wherever they hid since. */
const marked = (mark: string): number[] => carriersOf(`MARK=${mark}`, allProcesses());

test("on this machine at least the process group works", () => {
  expect(KINDS).toContain("group");
});

for (const kind of KINDS) {
  describe(`isolation ${kind}`, () => {
    test("a task's environment is what was asked for and nothing of ours", async () => {
      const { caller } = await setup(kind);
      await caller.define("dump", "env");
      const overrides = { containerOverrides: [{ name: "agent", environment: [{ name: "RUN", value: "run-1" }] }] };
      const { taskArn } = await caller.runOne("dump", { overrides });
      await caller.reaches(taskArn, "STOPPED");
      const env = Object.fromEntries((await caller.output(taskArn)).map((line) => line.split(/=(.*)/s).slice(0, 2)));
      const { PWD: _pwd, OLDPWD: _oldPwd, SHLVL: _level, _: _last, ...given } = env; // shells set these themselves
      expect(Object.keys(given).toSorted()).toEqual([
        "ECS_CONTAINER_METADATA_URI_V4",
        "FROM_IMAGE",
        "HOME",
        "PATH",
        "ROLE",
        "RUN",
      ]);
      expect(given).toMatchObject({ FROM_IMAGE: "image", ROLE: "dump", RUN: "run-1", PATH: needs.path });
    });

    test("a task starts in an empty home of its own, which is gone when it has stopped", async () => {
      const { caller, dir } = await setup(kind);
      await caller.define("homely", 'pwd; ls -A "$HOME" | wc -l; echo kept > "$HOME/file" && cat "$HOME/file"');
      const { taskArn } = await caller.runOne("homely");
      await caller.reaches(taskArn, "STOPPED");
      const [home = "", count, kept] = await caller.output(taskArn);
      expect(home).toStartWith(dir);
      expect([count?.trim(), kept]).toEqual(["0", "kept"]);
      expect(readdirSync(join(dir, "tasks"))).toEqual([]);
    });

    test("children that leave the group, the session and their parent are gone with the main process", async () => {
      const { caller } = await setup(kind);
      const mark = crypto.randomUUID();
      const scatter =
        "sleep 300 & setsid sleep 300 & (setsid sh -c 'sleep 300 & sleep 300' &) ; sleep 0.1; echo scattered; exit 6";
      const definition = {
        name: "agent",
        image: "omakase/shell:1",
        command: [scatter],
        environment: [{ name: "MARK", value: mark }],
      };
      await caller.define("scatter", "", { containerDefinitions: [definition] });
      const { taskArn } = await caller.runOne("scatter");
      await eventually(() => marked(mark).length >= 4, "the children to be there");
      const stopped = await caller.reaches(taskArn, "STOPPED");
      expect(stopped.containers![0]!.exitCode).toBe(6);
      expect(marked(mark)).toEqual([]);
    });

    test("SIGTERM reaches the main process only; what ignores it is killed with all it started", async () => {
      const { caller } = await setup(kind);
      await caller.define(
        "polite",
        "(trap 'echo child got it' TERM; sleep 300 & wait) & trap 'echo main got it; exit 9' TERM; echo up; wait",
      );
      const polite = await caller.runOne("polite");
      await caller.says(polite.taskArn, "up");
      await caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: polite.taskArn }));
      expect((await caller.reaches(polite.taskArn, "STOPPED")).containers![0]!.exitCode).toBe(9);
      expect(await caller.output(polite.taskArn)).toEqual(["up", "main got it"]);

      const mark = crypto.randomUUID();
      await caller.define(
        "stubborn",
        `export MARK=${mark}; trap '' TERM; setsid sleep 300 & echo up; while :; do sleep 300; done`,
      );
      const stubborn = await caller.runOne("stubborn");
      await caller.says(stubborn.taskArn, "up");
      await caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: stubborn.taskArn }));
      expect((await caller.reaches(stubborn.taskArn, "STOPPED")).containers![0]!.exitCode).toBe(137);
      expect(marked(mark)).toEqual([]);
    });

    test("a task that takes more memory than it has is killed, and the reason says so", async () => {
      const { caller } = await setup(kind);
      await caller.define(
        "greedy",
        `exec ${process.execPath} -e 'const kept = []; setInterval(() => kept.push(Buffer.alloc(50e6, 1)), 20)'`,
      );
      const stopped = await caller.reaches((await caller.runOne("greedy")).taskArn, "STOPPED");
      expect(stopped.containers![0]).toMatchObject({
        exitCode: 137,
        reason: "OutOfMemoryError: Container killed due to memory usage",
      });
    });

    if (kind === "group") return;

    test("a task sees no other process of this machine, nor its environment", async () => {
      const dir = tempDir();
      cleanups.push(dir.remove);
      const secret = `planted-${crypto.randomUUID()}`;
      const server = await aProcess(dir.path, [], { PLANTED: secret });
      cleanups.push(() => server.kill("SIGTERM"));
      await server.caller.define(
        "spy",
        "cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -c planted-; ls -d /proc/[0-9]* | wc -l",
      );
      const { taskArn } = await server.caller.runOne("spy");
      await server.caller.reaches(taskArn, "STOPPED");
      const [found, processes] = await server.caller.output(taskArn);
      expect(found).toBe("0");
      expect(Number(processes)).toBeLessThan(10);
    });

    if (kind === "namespace") return;

    test("a task cannot read this server's state or the user's home, nor write outside its own", async () => {
      const { caller, dir } = await setup(kind);
      const probe = `ls ${dir}/ecs.sqlite; ls -A ${homedir()} | wc -l; touch /usr/planted; touch /tmp/planted && echo private`;
      await caller.define("intruder", probe);
      const { taskArn } = await caller.runOne("intruder");
      await caller.reaches(taskArn, "STOPPED");
      expect((await caller.output(taskArn)).join("\n")).toContain("private");
      expect(existsSync("/tmp/planted")).toBeFalse();
      expect(existsSync("/usr/planted")).toBeFalse();
    });
  });
}

describe("what bubblewrap is told", () => {
  function setup() {
    const dir = tempDir();
    cleanups.push(dir.remove);
    const at = (...parts: string[]): string => join(dir.path, ...parts);
    for (const folder of [at("project", "node_modules"), at("project", "agents"), at("project", "state")])
      mkdirSync(folder, { recursive: true });
    for (const file of [
      at("project", "package.json"),
      at("project", "agents", "package.json"),
      at("project", "agents", "run.ts"),
    ])
      writeFileSync(file, "{}");
    const view = bubblewrapView({ ...needs, dir: at("project", "state"), images: [["bun", at("project", "agents", "run.ts")]] });
    /** Where in the list of mounts this one stands; -1: nowhere. */
    const place = (...words: string[]): number =>
      view.findIndex((_, index) => words.every((word, offset) => view[index + offset] === word));
    return { project: at("project"), state: at("project", "state"), view, place };
  }

  test("everything is read-only, home and /tmp are hidden, and the network is left", () => {
    const { view, place } = setup();
    expect(place("--ro-bind", "/", "/")).toBeGreaterThan(-1);
    expect(place("--tmpfs", "/tmp")).toBeGreaterThan(place("--ro-bind", "/", "/"));
    expect(place("--tmpfs", homedir())).toBeGreaterThan(place("--ro-bind", "/", "/"));
    expect(view).toContain("--unshare-pid");
    expect(view).not.toContain("--unshare-net");
  });

  test("the whole project of an image's program can be read, without its folder being the user's home", () => {
    const { project, place } = setup();
    expect(place("--ro-bind", project, project)).toBeGreaterThan(place("--tmpfs", "/tmp"));
    expect(place("--ro-bind", "/tmp", "/tmp")).toBe(-1);
  });

  test("the server's state stays hidden inside a project that can be read", () => {
    const { project, state, place } = setup();
    expect(place("--tmpfs", state)).toBeGreaterThan(place("--ro-bind", project, project));
  });
});
