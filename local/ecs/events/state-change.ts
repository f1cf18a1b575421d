// "ECS Task State Change" as EventBridge hands it on: the task of DescribeTasks, times in ISO 8601. Tags are not part of it in AWS either.
import { ACCOUNT, REGION } from "../domain/arn.ts";
import type { TaskRecord } from "../domain/task.ts";

/** The event's JSON text. Its `id` is new on every call: one change makes one event, however often that is delivered. */
export function stateChangeEvent({ wire }: TaskRecord, nowMs: number): string {
  const time = new Date(nowMs).toISOString();
  const detail = Object.fromEntries(
    Object.entries(wire).map(([name, value]) => [
      name,
      name.endsWith("At") && typeof value === "number" ? new Date(value * 1000).toISOString() : value,
    ]),
  );
  return JSON.stringify({
    version: "0",
    id: crypto.randomUUID(),
    "detail-type": "ECS Task State Change",
    source: "aws.ecs",
    account: ACCOUNT,
    time,
    region: REGION,
    resources: [wire.taskArn],
    detail: { ...detail, updatedAt: time },
  });
}
