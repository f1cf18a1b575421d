// An agent's task, with the stock AWS client against local/ecs: one per effect, whatever happens to the answers.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { aServer, type Caller, CLUSTER } from "@omakase/local-ecs/testing/world";
import type { RunTask, StopTask } from "@omakase/machines";
import type { TaskEvent } from "../../convex/ecs.ts";
import { clientToken, startedBy } from "../actors/effect-tokens.ts";
import { isRunCode } from "../agents/run-code.ts";
import { aContext, aConvex, aLog, refusal } from "../testing/edge.ts";
import { runTask, stopTask, type TaskSettings } from "./performers.ts";
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
function setup(over: { run?: object | null; askedAt?: number; settings?: Partial<TaskSettings>; effectId?: string } = {}) {
  const effectId = over.effectId ?? `${AGENT}:${++runs}:0`;
  const { caller: convex } = aConvex({ "runs:byAgent": () => over.run ?? null });
  const { log, of } = aLog();
  const effect = { kind: "runTask", agent: AGENT, role: "coder", attempt: 1, limits: {} } as RunTask;
  const context = aContext({ effectId, actor: AGENT, askedAt: over.askedAt ?? Date.now() });
  const perform = async () => {
    const performed = await runTask(caller.ecs, { ...settings, ...over.settings }, convex, log)(effect, context);
    return performed.kind === "answer" ? performed.taskArn : null;
  };
  const launched = async () =>
    (await caller.journal()).filter((entry) => entry.clientToken === clientToken(effectId) && entry.result === "new");
  return { effectId, perform, launched, of, convex };
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

  test.each(["capacity", "throttle", "serverError"])(
    "%s is waited for",
    async (kind) => {
      await caller.fault({ target: "api", operation: "RunTask", kind, times: 10 });
      expect(await refusal(setup().perform())).toMatchObject({ code: "ecs_unavailable", retryable: true });
    },
    15_000,
  );

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
    expect(await createEcsSweep(caller.ecs, CLUSTER, convex, aLog().log).run()).toBe(1);
    expect(told[0]).toMatchObject({
      lastStatus: "STOPPED",
      exitCode: 2,
      startedBy: "0123456789abcdef",
      stopCode: "EssentialContainerExited",
    });
  });

  test("calls a task lost that is missing five times in a row, under one key", async () => {
    const taskArn = "arn:aws:ecs:us-east-1:000000000000:task/omakase/ffffffffffffffffffffffffffffffff";
    const { caller: convex, calls } = aConvex({
      "ecs:watched": () => [{ runId: "run-1", taskArn, startedBy: "x", agent: AGENT, attempt: 2 }],
      "mailbox:deliver": () => ({ stored: 1, duplicate: 0, unknown: [] }),
    });
    const sweep = createEcsSweep(caller.ecs, CLUSTER, convex, aLog().log);
    const delivered = () => calls.filter(({ name }) => name === "mailbox:deliver");
    for (let time = 1; time <= 4; time++) await sweep.run();
    expect(delivered()).toEqual([]);
    for (let time = 5; time <= 6; time++) await sweep.run();
    const letters = delivered().flatMap(({ args }) => args.deliveries as { key: string; event: string }[]);
    expect(letters.map(({ key }) => key)).toEqual(["lost:run-1", "lost:run-1"]);
    expect(JSON.parse(letters[0]!.event)).toMatchObject({ type: "task.lost", attempt: 2 });
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
    expect(await createEcsSweep(caller.ecs, CLUSTER, convex, aLog().log).run()).toBe(0);
  });
});
