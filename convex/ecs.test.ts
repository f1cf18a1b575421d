import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import type { TaskEvent } from "./ecs.ts";
import { AGENT, anAgent, aRunTask, aWorld, mailOf, runOf, type World } from "./world.testing.ts";

const anEvent = (more: Partial<TaskEvent> = {}): TaskEvent => ({
  taskArn: "arn:1",
  startedBy: aRunTask(AGENT).run.startedBy,
  version: 3,
  lastStatus: "RUNNING",
  exitCode: null,
  stopCode: null,
  reason: null,
  at: 5000,
  ...more,
});
const stopped = anEvent({ version: 5, lastStatus: "STOPPED", exitCode: 0, stopCode: "EssentialContainerExited", reason: "done" });
const receive = ({ service }: World, ...events: TaskEvent[]) => service.mutation(api.ecs.receive, { events });
const told = async (world: World) =>
  (await mailOf(world, AGENT)).map(({ event }) => (JSON.parse(event) as { type: string }).type).sort();

describe("ecs.receive", () => {
  test("running and stopped tasks are told to their agent, and recorded on the run", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    expect(await receive(world, anEvent({ version: 2, lastStatus: "PENDING" }), anEvent(), stopped)).toEqual({
      told: 2,
      dropped: 0,
      unknown: [],
    });
    expect(await told(world)).toEqual(["task.running", "task.stopped"]);
    expect(await runOf(world, effectId)).toMatchObject({
      state: "ended",
      taskArn: "arn:1",
      exitCode: 0,
      stopCode: "EssentialContainerExited",
      endedAt: 5000,
    });
  });

  test("in any order and however often, an event not newer than the last one is dropped", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    expect(await receive(world, stopped, anEvent(), stopped)).toEqual({ told: 1, dropped: 2, unknown: [] });
    expect(await receive(world, { ...stopped, version: 6 })).toEqual({ told: 0, dropped: 0, unknown: [] });
    expect(await told(world)).toEqual(["task.stopped"]);
    expect(await runOf(world, effectId)).toMatchObject({ state: "ended", taskVersion: 6 });
  });

  test("a task that nobody started is named", async () => {
    const world = await aWorld();
    expect(await receive(world, anEvent({ startedBy: "someone" }))).toEqual({ told: 0, dropped: 0, unknown: ["arn:1"] });
  });
});

describe("ecs.watched", () => {
  test("lists runs that were not heard of lately and have not ended", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    const watched = (before: number) => world.service.query(api.ecs.watched, { before });
    expect(await watched(1000)).toEqual([]);
    expect(await watched(1001)).toMatchObject([{ runId: effectId, agent: AGENT, attempt: 1, taskArn: null, state: "requested" }]);
    await world.service.mutation(api.runs.claim, { effectId, claimId: "c", model: "m" });
    expect(await watched(Date.now() - 60_000)).toEqual([]);
    expect(await watched(Date.now() + 60_000)).toMatchObject([{ runId: effectId, state: "claimed" }]);
    await receive(world, stopped);
    expect(await watched(Date.now() + 60_000)).toEqual([]);
  });
});
