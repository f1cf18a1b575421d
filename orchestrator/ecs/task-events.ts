// ECS tasks as they change, pushed by EventBridge to an API destination: checked, parsed, stored. At least once and in no order:
// Convex keeps the highest version per task and drops the rest.

import { timingSafeEqual } from "node:crypto";
import type { Task } from "@aws-sdk/client-ecs";
import { Elysia } from "elysia";
import type { TaskEvent } from "../../convex/ecs.ts";
import { reasonOf } from "../errors.ts";
import { readBounded } from "../http/bounded-body.ts";
import type { Log } from "../log.ts";

export interface TaskEventsDeps {
  /** What EventBridge's connection sends as `x-api-key`. */
  readonly key: string;
  readonly log: Log;
  readonly store: (events: TaskEvent[]) => Promise<{ told: number; dropped: number; unknown: string[] }>;
  readonly count: (outcome: "stored" | "forged" | "malformed" | "unavailable") => void;
}

const MAX_BODY_BYTES = 256 * 1024;

export const taskEvents = ({ key, log, store, count }: TaskEventsDeps) =>
  new Elysia({ name: "ecs-events" }).post(
    "/events/ecs",
    async ({ request, status }) => {
      if (!isSame(key, request.headers.get("x-api-key") ?? "")) {
        count("forged");
        log.warn("webhook.refused", { source: "ecs", code: "forged" });
        return status(401, { code: "forged", message: "wrong x-api-key" });
      }
      const body = await readBounded(request, MAX_BODY_BYTES);
      if (body === null) return status(413, { code: "too_large", message: `an event has at most ${MAX_BODY_BYTES} bytes` });
      const event = parseEvent(body);
      if (event === null) {
        count("malformed");
        return status(400, { code: "malformed", message: "this is not an ECS Task State Change event" });
      }
      try {
        const { told, unknown } = await store([event]);
        count("stored");
        if (unknown.length > 0) log.warn("ecs.unknown_task", { taskArn: event.taskArn, startedBy: event.startedBy });
        return { told };
      } catch (error) {
        count("unavailable");
        log.error("ecs.event_not_stored", { taskArn: event.taskArn, reason: reasonOf(error) });
        return status(503, { code: "unavailable", message: "not stored: deliver it again" });
      }
    },
    { parse: "none" },
  );

function isSame(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The name of the agent's container in the task definition. */
export const AGENT_CONTAINER = "agent";

type Detail = Record<string, unknown>;

function parseEvent(body: Uint8Array): TaskEvent | null {
  try {
    const event = JSON.parse(new TextDecoder().decode(body)) as Detail;
    if (event["detail-type"] !== "ECS Task State Change") return null;
    return fromDetail(event.detail as Detail, Date.now());
  } catch {
    return null;
  }
}

/** One shape for EventBridge's detail and DescribeTasks' task. @returns null when it lacks what identifies it */
export function fromDetail(task: Detail | Task, now: number): TaskEvent | null {
  const { taskArn, startedBy, version, lastStatus, stopCode, stoppedReason, containers } = task as Detail & Task;
  if (typeof taskArn !== "string" || typeof lastStatus !== "string" || typeof version !== "number") return null;
  // AWS may put a container of its own beside ours (runtime monitoring does): the name decides, not the place.
  const list = Array.isArray(containers) ? containers : [];
  const main = list.find((container) => container.name === AGENT_CONTAINER) ?? list[0];
  return {
    taskArn,
    startedBy: typeof startedBy === "string" ? startedBy : "",
    version,
    lastStatus,
    exitCode: typeof main?.exitCode === "number" ? main.exitCode : null,
    stopCode: typeof stopCode === "string" ? stopCode : null,
    reason: [stoppedReason, main?.reason].filter((part) => typeof part === "string" && part !== "").join("; ") || null,
    at: now,
  };
}
