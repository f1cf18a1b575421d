// Events as the orchestrator gets them: at least once, with the key, whatever happens to either side in between.
import { afterEach, describe, expect, test } from "bun:test";
import type { EcsOptions } from "../ecs.ts";
import { aProcess, aTarget, type StateChange } from "../testing/process.ts";
import { aServer, eventually, tempDir } from "../testing/world.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const KEY = "a-key-for-tests";

async function setup(rule: Pick<EcsOptions, "eventStatuses"> = {}) {
  const target = aTarget();
  const { caller, end } = await aServer({ events: { url: target.url, apiKey: KEY }, ...rule });
  cleanups.push(target.stop, end);
  await caller.define("quick", "exit 5");
  const statusesOf = (taskArn: string): string[] =>
    target.events.filter(({ detail }) => detail.taskArn === taskArn).map(({ detail }) => detail.lastStatus);
  return { target, caller, statusesOf };
}

describe("delivery of state changes", () => {
  test("every change is told once, with the key, in EventBridge's shape", async () => {
    const { target, caller, statusesOf } = await setup();
    const { taskArn } = await caller.runOne("quick", { startedBy: "step-1", tags: [{ key: "role", value: "coder" }] });
    await eventually(() => statusesOf(taskArn).includes("STOPPED"), "the last event");
    expect(statusesOf(taskArn).toSorted()).toEqual(["DEPROVISIONING", "PENDING", "PROVISIONING", "RUNNING", "STOPPED"]);
    const versions = target.events.map(({ detail }) => detail.version);
    expect(versions.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
    expect(new Set(target.keys)).toEqual(new Set([KEY]));
    const stopped = target.events.find(({ detail }) => detail.lastStatus === "STOPPED") as StateChange;
    expect(stopped).toMatchObject({
      version: "0",
      "detail-type": "ECS Task State Change",
      source: "aws.ecs",
      resources: [taskArn],
      detail: { taskArn, startedBy: "step-1", stopCode: "EssentialContainerExited", containers: [{ exitCode: 5 }] },
    });
    expect(stopped.detail.createdAt).toMatch(/^\d{4}-.*Z$/);
    expect(stopped.detail).not.toHaveProperty("tags");
  });

  test("a rule passes on only the changes it names", async () => {
    const { target, caller } = await setup({ eventStatuses: ["RUNNING", "STOPPED"] });
    for (const _ of [1, 2]) await caller.reaches((await caller.runOne("quick")).taskArn, "STOPPED");
    await eventually(() => target.events.length >= 4, "both tasks' events");
    expect(target.events.map(({ detail }) => detail.lastStatus).toSorted()).toEqual(["RUNNING", "RUNNING", "STOPPED", "STOPPED"]);
  });

  test("an event is there within milliseconds of the change", async () => {
    const { target, caller, statusesOf } = await setup();
    const { taskArn } = await caller.runOne("quick");
    await eventually(() => statusesOf(taskArn).includes("STOPPED"), "the last event");
    const task = await caller.describe(taskArn);
    const told = target.events.find(({ detail }) => detail.lastStatus === "STOPPED")!;
    expect(new Date(told.time).getTime() - task.stoppedAt!.getTime()).toBeLessThan(50);
  });

  test("E1: a target that is down gets everything when it is back", async () => {
    const { target, caller, statusesOf } = await setup();
    target.answer(503);
    const { taskArn } = await caller.runOne("quick");
    await caller.reaches(taskArn, "STOPPED");
    expect(statusesOf(taskArn)).toEqual([]);
    target.answer(200);
    await eventually(() => statusesOf(taskArn).length === 5, "all five events");
  });

  test("E1: what was not delivered when the server was killed is delivered by its successor", async () => {
    const dir = tempDir();
    const target = aTarget();
    cleanups.push(target.stop, dir.remove);
    target.answer(503);
    const keyFile = `${dir.path}/key`;
    await Bun.write(keyFile, `${KEY}\n`);
    const flags = ["--events-url", target.url, "--events-key-file", keyFile];
    const first = await aProcess(`${dir.path}/data`, flags);
    await first.caller.define("quick", "exit 5");
    const { taskArn } = await first.caller.runOne("quick");
    await first.caller.reaches(taskArn, "STOPPED");
    await first.kill("SIGKILL");
    target.answer(200);
    const second = await aProcess(`${dir.path}/data`, flags);
    cleanups.push(() => second.kill("SIGTERM"));
    await eventually(() => new Set(target.events.map(({ detail }) => detail.version)).size === 5, "all five versions");
  });

  test("a refusal for good is not repeated", async () => {
    const { target, caller } = await setup();
    target.answer(400);
    await caller.reaches((await caller.runOne("quick")).taskArn, "STOPPED");
    await eventually(() => target.keys.length >= 5, "five refusals");
    target.answer(200);
    const { taskArn } = await caller.runOne("quick");
    await eventually(
      () => target.events.some(({ detail }) => detail.taskArn === taskArn && detail.lastStatus === "STOPPED"),
      "the next task's events",
    );
    expect(new Set(target.events.map(({ detail }) => detail.taskArn))).toEqual(new Set([taskArn]));
  });

  test("faults drop, double and delay events", async () => {
    const { target, caller, statusesOf } = await setup();
    await caller.fault({ target: "event", kind: "drop", lastStatus: "PENDING" });
    await caller.fault({ target: "event", kind: "duplicate", lastStatus: "RUNNING" });
    await caller.fault({ target: "event", kind: "delay", delayMs: 400, lastStatus: "DEPROVISIONING" });
    const { taskArn } = await caller.runOne("quick");
    await eventually(() => statusesOf(taskArn).includes("DEPROVISIONING"), "the delayed event");
    expect(statusesOf(taskArn).toSorted()).toEqual(["DEPROVISIONING", "PROVISIONING", "RUNNING", "RUNNING", "STOPPED"]);
    expect(statusesOf(taskArn).at(-1)).toBe("DEPROVISIONING");
    const doubled = target.events.filter(({ detail }) => detail.lastStatus === "RUNNING").map(({ id }) => id);
    expect(new Set(doubled).size).toBe(1);
  });
});
