// An agent's task, with the stock AWS client against local/ecs: one per effect, whatever happens to the answers.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { StopTaskCommand } from "@aws-sdk/client-ecs";
import { aServer, type Caller, CLUSTER } from "@omakase/local-ecs/testing/world";
import type { RunTask, StopTask } from "@omakase/machines";
import type { TaskEvent } from "../../convex/ecs.ts";
import { systemClock } from "../actors/clock.ts";
import { clientToken, startedBy } from "../actors/effect-tokens.ts";
import { isRunCode } from "../agents/run-code.ts";
import { LaunchPace } from "../rates/launch-pace.ts";
import { aContext, aConvex, aLog, refusal } from "../testing/edge.ts";
import { ORPHAN_REASON, runTask, stopTask, type TaskSettings } from "./performers.ts";
import { createEcsSweep } from "./sweep.ts";

const AGENT = "omakase/sample/oma-1/coder-1";
const settings: TaskSettings = {
  cluster: CLUSTER,
  taskDefinition: "sleeper",
  subnets: ["subnet-1"],
  securityGroups: [],
  publicUrl: "http://orchestrator.test",
  secret: "a secret of this test, long enough",
};

let caller: Caller;
let end: () => Promise<void>;
beforeAll(async () => {
  ({ caller, end } = await aServer({ vcpu: 100, runTaskPerSecond: 1_000 }));
  await caller.define("sleeper", "sleep 30");
  await caller.define("quick", "exit 2");
});
afterAll(() => end());
afterEach(() => fetch(`${caller.url}/__faults`, { method: "DELETE", headers: { "x-omakase-local": "1" } }));

let runs = 0;
interface Over {
  readonly run?: object | null;
  readonly askedAt?: number;
  readonly settings?: Partial<TaskSettings>;
  readonly effectId?: string;
  /** What `reconcile.launch` says. @default wanted */
  readonly over?: string;
  readonly isRepeated?: boolean;
}
function setup(over: Over = {}) {
  const effectId = over.effectId ?? `${AGENT}:${++runs}:0`;
  const { caller: convex, calls } = aConvex({
    "runs:byAgent": () => over.run ?? null,
    "reconcile:launch": () => ({ over: over.over ?? null }),
  });
  const pace = new LaunchPace(systemClock, 1_000);
  const compensated: string[] = [];
  const { log, of } = aLog();
  const effect = { kind: "runTask", agent: AGENT, role: "coder", attempt: 1, limits: {} } as RunTask;
  const { askedAt = Date.now(), isRepeated = false } = over;
  const context = aContext({ effectId, actor: AGENT, askedAt, isRepeated });
  const perform = async () => {
    const performed = await runTask({
      ...{ ecs: caller.ecs, settings: { ...settings, ...over.settings }, convex, pace, log },
      onCompensated: async (_, __, taskArn) => void compensated.push(taskArn),
    })(effect, context);
    if (performed.kind !== "answer") throw new Error("a launch is settled by its answer");
    last = performed.event;
    stopped = performed.launch?.isStopped;
    return performed.launch?.taskArn;
  };
  let last: { readonly type: string } | null = null;
  let stopped: boolean | undefined;
  const launched = async () =>
    (await caller.journal()).filter((entry) => entry.clientToken === clientToken(effectId) && entry.result === "new");
  return { effectId, perform, launched, of, convex, pace, compensated, answered: () => last, isStopped: () => stopped, calls };
}

describe("launching", () => {
  test("E1: is one task however often it is asked for, named after its effect, with nothing secret in it", async () => {
    const { perform, launched, effectId } = setup();
    const taskArn = await perform();
    expect(await perform()).toBe(taskArn);
    expect(await launched()).toHaveLength(1);
    const task = await caller.describe(taskArn!);
    expect(task.startedBy).toBe(startedBy(effectId));
    const environment = Object.fromEntries(
      task.overrides!.containerOverrides![0]!.environment!.map(({ name, value }) => [name, value]),
    );
    expect(Object.keys(environment).sort()).toEqual(["OMAKASE_CODE", "OMAKASE_RUN", "OMAKASE_URL"]);
    expect(isRunCode(settings.secret, effectId, environment.OMAKASE_CODE!)).toBe(true);
  });

  test("E1: is one task when the answer is lost, again and again", async () => {
    const { perform, launched } = setup();
    await caller.fault({ target: "api", operation: "RunTask", kind: "dropReply", times: 20 });
    expect(await refusal(perform())).toMatchObject({ code: "ecs_unavailable", retryable: true });
    await fetch(`${caller.url}/__faults`, { method: "DELETE", headers: { "x-omakase-local": "1" } });
    expect(await perform()).toStartWith("arn:aws:ecs:");
    expect(await launched()).toHaveLength(1);
  }, 15_000);

  test("E3: adopts the task that an earlier deployment's settings have launched, and says so loudly", async () => {
    const first = setup();
    const taskArn = await first.perform();
    const second = setup({ effectId: first.effectId, settings: { publicUrl: "http://moved.test" } });
    expect(await second.perform()).toBe(taskArn!);
    expect(await first.launched()).toHaveLength(1);
    expect(second.of("ecs.launch_conflict")).toHaveLength(1);
  });

  test("E3: after half a day looks for the task before it launches one", async () => {
    const askedAt = Date.now() - 13 * 3_600_000;
    const known = setup({ askedAt, run: { effectId: "x", taskArn: "arn:of:the:run" } });
    expect(await known.perform()).toBe("arn:of:the:run");
    const first = setup();
    const taskArn = await first.perform();
    const listed = setup({ effectId: first.effectId, askedAt, run: { effectId: first.effectId, taskArn: null } });
    expect(await listed.perform()).toBe(taskArn!);
    const never = setup({ askedAt });
    expect(await never.perform()).toStartWith("arn:aws:ecs:");
    expect(await never.launched()).toHaveLength(1);
  });

  test("E3: a day later ECS has forgotten the token: the task that runs, or that its run knows, is the one; no second is started", async () => {
    let aheadMs = 0;
    const aging = await aServer({ vcpu: 100, now: () => Date.now() + aheadMs });
    try {
      await aging.caller.define("sleeper", "sleep 30");
      await aging.caller.define("quick", "exit 0");
      const perform = async (effectId: string, taskDefinition: string, taskArn: string | null) => {
        const { caller: convex } = aConvex({
          "reconcile:launch": () => ({ over: null }),
          "runs:byAgent": () => ({ effectId, taskArn }),
        });
        const now = () => Date.now() + aheadMs;
        const performed = await runTask({
          ...{ ecs: aging.caller.ecs, settings: { ...settings, taskDefinition }, convex, log: aLog().log, now },
          pace: new LaunchPace(systemClock),
        })(
          { kind: "runTask", agent: AGENT, role: "coder", attempt: 1, limits: {} } as RunTask,
          aContext({ effectId, actor: AGENT, askedAt: startedAt }),
        );
        return performed.kind === "answer" ? performed.launch?.taskArn : undefined;
      };
      const startedAt = Date.now();
      const running = await perform("a/b/c/coder-1:1:0", "sleeper", null);
      const ended = await perform("a/b/c/coder-1:2:0", "quick", null);
      await aging.caller.reaches(ended!, "STOPPED");
      aheadMs = 25 * 3_600_000;
      expect(await perform("a/b/c/coder-1:1:0", "sleeper", null)).toBe(running!);
      expect(await perform("a/b/c/coder-1:2:0", "quick", ended!)).toBe(ended!);
      const launched = (await aging.caller.journal()).filter(
        ({ operation, result }) => operation === "RunTask" && result === "new",
      );
      expect(launched).toHaveLength(2);
    } finally {
      await aging.end();
    }
  }, 15_000);

  test("a server fault is tried again", async () => {
    await caller.fault({ target: "api", operation: "RunTask", kind: "serverError", times: 10 });
    expect(await refusal(setup().perform())).toMatchObject({ code: "ecs_unavailable", retryable: true });
  }, 15_000);

  test.each([
    ["throttle", "ECS throttles launches"],
    ["capacity", "ECS has no room for another task"],
  ])(
    "E5: %s is a wait, not a failure",
    async (kind, reason) => {
      await caller.fault({ target: "api", operation: "RunTask", kind, times: 10 });
      const { perform, pace } = setup();
      expect(await refusal(perform())).toMatchObject({ code: "rate_limited", reason });
      // A throttle slows all launches down; a full cluster is asked again by one at a time.
      expect(kind === "throttle" ? pace.rate : pace.wait()?.reason).toBe(kind === "throttle" ? 500 : reason);
    },
    15_000,
  );

  test("E5: the account's vCPU ceiling is a wait, and one launch at a time asks whether there is room again", async () => {
    const full = await aServer({ vcpu: 0.25 });
    try {
      await full.caller.define("sleeper", "sleep 30");
      const tight = { ecs: full.caller.ecs, settings, pace: new LaunchPace(systemClock), log: aLog().log };
      const { caller: convex } = aConvex({ "reconcile:launch": () => ({ over: null }) });
      const perform = (index: number) =>
        runTask({ ...tight, convex })(
          { kind: "runTask", agent: AGENT, role: "coder", attempt: 1, limits: {} } as RunTask,
          aContext({ effectId: `${AGENT}:full:${index}`, actor: AGENT }),
        );
      const first = await perform(1);
      const refused = await refusal(perform(2));
      expect(refused).toMatchObject({ code: "rate_limited", reason: expect.stringContaining("ECS has no room: You've reached") });
      expect((await refusal(perform(3))).message).toContain("ECS has no room"); // not even sent
      const task = (first.kind === "answer" && first.launch?.taskArn) || "";
      await full.caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task }));
      await full.caller.reaches(task, "STOPPED");
      tight.pace.freed();
      expect(await perform(2)).toMatchObject({ event: { type: "task.accepted" } });
    } finally {
      await full.end();
    }
  });

  test.each([
    ["tried before", { isRepeated: true }],
    ["a second old", { askedAt: Date.now() - 60_000 }],
    ["from a clock that is ahead", { askedAt: Date.now() + 60_000 }],
  ])(
    "E4: one that is %s and over, as stored, is never sent and costs no turn; its agent is told, and need not wait for a task's end",
    async (_, when) => {
      const { perform, launched, answered, pace } = setup({ over: "Cancelled by Dana", ...when });
      expect(await perform()).toBeUndefined();
      expect([await launched(), pace.wait()]).toEqual([[], null]);
      expect(answered()).toMatchObject({ type: "task.refused", reason: "Cancelled by Dana" });
    },
  );

  test("one that has just been committed is sent without a question: the commit has wanted it", async () => {
    const { perform, calls, isStopped } = setup();
    expect(await perform()).toStartWith("arn:aws:ecs:");
    expect([calls, isStopped()]).toEqual([[], false]);
  });

  test("E4: one that was over when it was settled is performed again: its task is stopped, and the repair is told", async () => {
    const first = setup();
    const taskArn = await first.perform();
    const later = setup({ effectId: first.effectId, over: "Cancelled by Dana", isRepeated: true });
    expect(await later.perform()).toBe(taskArn!);
    expect([later.compensated, later.isStopped()]).toEqual([[taskArn!], true]);
    expect((await caller.reaches(taskArn!, "STOPPED")).stopCode).toBe("UserInitiated");
  });

  test("a task the orphan sweep has stopped is refused to the agent as infrastructure: only another attempt can help", async () => {
    const { perform, answered } = setup();
    const taskArn = await perform();
    const reason = `${ORPHAN_REASON}: No run of this name is known`;
    await caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: taskArn!, reason }));
    await caller.reaches(taskArn!, "STOPPED");
    expect(await perform()).toBeUndefined();
    expect(answered()).toMatchObject({ type: "task.refused", class: "infrastructure", reason });
  });

  test("E2: the bytes are those of the first try, whatever day it is: nothing but the effect and the settings is in them", async () => {
    const { perform, effectId } = setup();
    const taskArn = await perform();
    const again = setup({ effectId, askedAt: Date.now() - 3_600_000 });
    expect(await again.perform()).toBe(taskArn!);
    const hashes = (await caller.journal())
      .filter(({ clientToken: token }) => token === clientToken(effectId))
      .map((entry) => (entry as { overridesHash?: string }).overridesHash);
    expect([hashes.length, new Set(hashes).size]).toEqual([2, 1]);
  });

  test("a task definition or a cluster that is not there is final", async () => {
    for (const wrong of [{ taskDefinition: "nobody" }, { cluster: "nowhere" }]) {
      expect(await refusal(setup({ settings: wrong }).perform())).toMatchObject({ code: "ecs_refused", retryable: false });
    }
  });
});

describe("stopping", () => {
  const stop = (taskArn: string | null, run: object | null = null, cluster = CLUSTER) =>
    stopTask(
      caller.ecs,
      { cluster },
      aConvex({ "runs:byAgent": () => run }).caller,
    )({ kind: "stopTask", attempt: 1, taskArn, reason: "cancelled by Dana" } as StopTask, aContext({ actor: AGENT }));

  test("stops the task, and is content with one that has stopped", async () => {
    const taskArn = await setup().perform();
    await stop(taskArn!);
    expect((await caller.reaches(taskArn!, "STOPPED")).stopCode).toBe("UserInitiated");
    expect(await stop(taskArn!)).toEqual({ kind: "answer", event: null });
  });

  test("finds a task whose launch was never answered by what it was started by", async () => {
    const { perform, effectId } = setup();
    const taskArn = await perform();
    await stop(null, { effectId, taskArn: null });
    expect((await caller.reaches(taskArn!, "STOPPED")).stopCode).toBe("UserInitiated");
  });

  test("is content with a task ECS has forgotten or never had, but not with a cluster that is not there", async () => {
    const forgotten = "arn:aws:ecs:us-east-1:000000000000:task/omakase/0123456789abcdef0123456789abcdef";
    expect(await stop(forgotten)).toEqual({ kind: "answer", event: null });
    expect(await stop(null)).toEqual({ kind: "answer", event: null });
    expect(await refusal(stop(forgotten, null, "nowhere"))).toMatchObject({ code: "ecs_refused" });
  });
});

describe("the sweep", () => {
  const nobodyLost = () => Promise.reject(new Error("nothing was lost"));

  test("tells what no event has told: a task that stopped", async () => {
    const task = await caller.runOne("quick", { startedBy: "0123456789abcdef" });
    await caller.reaches(task.taskArn, "STOPPED");
    const told: TaskEvent[] = [];
    const { caller: convex } = aConvex({
      "ecs:watched": () => [{ runId: "r", taskArn: task.taskArn, startedBy: "0123456789abcdef", agent: AGENT, attempt: 1 }],
      "ecs:receive": ({ events }) => {
        told.push(...(events as TaskEvent[]));
        return { told: 1, dropped: 0, unknown: [] };
      },
    });
    expect(await createEcsSweep(caller.ecs, CLUSTER, convex, aLog().log, nobodyLost).run()).toBe(1);
    expect(told[0]).toMatchObject({
      lastStatus: "STOPPED",
      exitCode: 2,
      startedBy: "0123456789abcdef",
      stopCode: "EssentialContainerExited",
    });
  });

  test("calls a task lost that is missing five times in a row, and again until that is decided", async () => {
    const taskArn = "arn:aws:ecs:us-east-1:000000000000:task/omakase/ffffffffffffffffffffffffffffffff";
    const run = { runId: "run-1", taskArn, startedBy: "x", agent: AGENT, attempt: 2 };
    const { caller: convex } = aConvex({ "ecs:watched": () => [run] });
    const lost: string[] = [];
    const sweep = createEcsSweep(caller.ecs, CLUSTER, convex, aLog().log, async ({ runId }) => {
      lost.push(runId);
      if (lost.length === 1) throw new Error("the branch cannot be read");
    });
    for (let time = 1; time <= 4; time++) await sweep.run();
    expect(lost).toEqual([]);
    for (let time = 5; time <= 6; time++) await sweep.run();
    expect(lost).toEqual(["run-1", "run-1"]);
  });

  test("leaves the tasks of projects that another orchestrator looks after to it", async () => {
    const { caller: convex } = aConvex({
      "ecs:watched": () => [{ runId: "r", taskArn: "t", startedBy: "x", agent: AGENT, attempt: 1 }],
    });
    const nobody = () => false;
    for (let time = 0; time < 6; time++)
      await createEcsSweep(caller.ecs, "nowhere", convex, aLog().log, nobodyLost, nobody).run();
  });

  test("asks for at most a hundred tasks at a time", async () => {
    const watched = Array.from({ length: 150 }, (_, at) => ({
      runId: `r${at}`,
      taskArn: at.toString(16).padStart(32, "0"),
      startedBy: "x",
      agent: AGENT,
      attempt: 1,
    }));
    const { caller: convex } = aConvex({ "ecs:watched": () => watched });
    expect(await createEcsSweep(caller.ecs, CLUSTER, convex, aLog().log, nobodyLost).run()).toBe(0);
  });
});
