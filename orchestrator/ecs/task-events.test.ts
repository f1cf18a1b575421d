// State changes of tasks as EventBridge, and as everybody else, posts them.

import { describe, expect, test } from "bun:test";
import type { TaskEvent } from "../../convex/ecs.ts";
import { aLog } from "../testing/edge.ts";
import { taskEvents } from "./task-events.ts";

const KEY = "key-of-this-test";

function setup(fails = false) {
  const stored: TaskEvent[] = [];
  const counted: string[] = [];
  const { log, of } = aLog();
  const app = taskEvents({
    key: KEY,
    log,
    store: async (events) => {
      if (fails) throw new Error("no answer");
      stored.push(...events);
      return { told: 1, dropped: 0, unknown: events[0]?.startedBy === "stranger" ? ["x"] : [] };
    },
    count: (outcome) => counted.push(outcome),
  });
  const post = (body: unknown, key: string = KEY) =>
    app.handle(
      new Request("http://localhost/events/ecs", {
        method: "POST",
        headers: { "x-api-key": key },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    );
  return { post, stored, counted, of };
}

const anEvent = (detail: object = {}) => ({
  "detail-type": "ECS Task State Change",
  detail: {
    taskArn: "arn:aws:ecs:us-east-1:000000000000:task/omakase/1",
    startedBy: "0123456789abcdef0123456789abcdef",
    version: 5,
    lastStatus: "STOPPED",
    stopCode: "EssentialContainerExited",
    stoppedReason: "Essential container in task exited",
    containers: [{ name: "agent", exitCode: 2 }],
    ...detail,
  },
});

describe("a state change", () => {
  test("is stored before it is answered", async () => {
    const { post, stored, counted } = setup();
    const response = await post(anEvent());
    expect([response.status, await response.json()]).toEqual([200, { told: 1 }]);
    expect(stored[0]).toMatchObject({ version: 5, lastStatus: "STOPPED", exitCode: 2, stopCode: "EssentialContainerExited" });
    expect(counted).toEqual(["stored"]);
  });

  test("tells the agent's exit, whatever stands beside it in the task", async () => {
    const { post, stored } = setup();
    await post(
      anEvent({
        containers: [
          { name: "aws-guardduty-agent", exitCode: 0 },
          { name: "agent", exitCode: 1, reason: "OutOfMemoryError" },
        ],
      }),
    );
    expect(stored[0]).toMatchObject({ exitCode: 1, reason: "Essential container in task exited; OutOfMemoryError" });
  });

  test("of a task that never ran has no exit code", async () => {
    const { post, stored } = setup();
    await post(anEvent({ containers: [], stopCode: "TaskFailedToStart" }));
    expect(stored[0]).toMatchObject({ exitCode: null, stopCode: "TaskFailedToStart" });
  });

  test("of a task nobody knows is answered, and said in the log", async () => {
    const { post, of } = setup();
    expect((await post(anEvent({ startedBy: "stranger" }))).status).toBe(200);
    expect(of("ecs.unknown_task")).toHaveLength(1);
  });

  test("503 when it could not be stored: EventBridge tries again for a day", async () => {
    const { post, counted } = setup(true);
    expect((await post(anEvent())).status).toBe(503);
    expect(counted).toEqual(["unavailable"]);
  });
});

test("401 without the key or with a wrong one, 400 for anything else, 413 for too much: nothing is stored", async () => {
  const { post, stored } = setup();
  const statuses = [];
  for (const key of ["", "wrong", `${KEY}x`]) statuses.push((await post(anEvent(), key)).status);
  for (const body of [
    "",
    "null",
    "{}",
    { "detail-type": "Other", detail: anEvent().detail },
    anEvent({ version: "5" }),
    { ...anEvent(), detail: null },
  ]) {
    statuses.push((await post(body)).status);
  }
  statuses.push((await post("x".repeat(300_000))).status);
  expect(statuses).toEqual([401, 401, 401, 400, 400, 400, 400, 400, 400, 413]);
  expect(stored).toEqual([]);
});
