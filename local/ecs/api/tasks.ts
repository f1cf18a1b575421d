// StopTask, DescribeTasks, ListTasks.
import { lastPart, taskArn } from "../domain/arn.ts";
import type { TaskRecord } from "../domain/task.ts";
import { invalidParameter } from "../errors.ts";
import { existingCluster } from "./clusters.ts";
import { pagePosition, pageToken } from "./fields.ts";
import type { Operation, World } from "./world.ts";

/** AWS promises to show a stopped task for at least one hour: code that counts on more fails here too. */
const STOPPED_VISIBLE_MS = 3600 * 1000;
const MAX_REASON_CHARACTERS = 1024;

/** The task, when it is of that cluster and can still be seen. */
function visibleTask({ store, now }: World, cluster: string, reference: string): TaskRecord | null {
  const record = store.tasks.get(lastPart(reference));
  if (record?.cluster !== cluster) return null;
  const { stoppedAt } = record.wire;
  return stoppedAt !== undefined && now() - stoppedAt * 1000 > STOPPED_VISIBLE_MS ? null : record;
}

export const stopTask: Operation = (world, request) => {
  const { store, lifecycle, now } = world;
  const cluster = existingCluster(world, request.text("cluster")).name;
  const reason = (request.text("reason") ?? "Task stopped by user").slice(0, MAX_REASON_CHARACTERS);
  const record = visibleTask(world, cluster, request.requiredText("task"));
  if (!record) throw invalidParameter("The referenced task was not found.");
  lifecycle.stop(record.id, { stopCode: "UserInitiated", reason, graceMs: null }, (isNew) =>
    store.journal.add({
      operation: "StopTask",
      at: new Date(now()).toISOString(),
      result: isNew ? "new" : "replay",
      cluster,
      reason,
      taskArn: record.wire.taskArn,
    }),
  );
  const { wire } = store.tasks.get(record.id) ?? record;
  return { task: { ...wire, tags: store.catalogue.tags(wire.taskArn) } };
};

export const describeTasks: Operation = (world, request) => {
  const cluster = existingCluster(world, request.text("cluster")).name;
  const references = request.texts("tasks");
  if (references.length === 0) throw invalidParameter("Tasks cannot be empty.");
  if (references.length > 100) throw invalidParameter("Tasks cannot have more than 100 elements");
  const wantsTags = request.texts("include").includes("TAGS");
  const tasks: unknown[] = [];
  const failures: unknown[] = [];
  for (const reference of new Set(references)) {
    const record = visibleTask(world, cluster, reference);
    if (record) tasks.push({ ...record.wire, tags: wantsTags ? world.store.catalogue.tags(record.wire.taskArn) : [] });
    else failures.push({ arn: reference.startsWith("arn:") ? reference : taskArn(cluster, reference), reason: "MISSING" });
  }
  return { tasks, failures };
};

export const listTasks: Operation = (world, request) => {
  const cluster = existingCluster(world, request.text("cluster")).name;
  const startedBy = request.text("startedBy") ?? null;
  const family = request.text("family") ?? null;
  if (startedBy !== null && (family !== null || request.has("serviceName") || request.has("containerInstance"))) {
    throw invalidParameter("startedBy cannot be combined with another filter.");
  }
  const launchType = request.oneOf("launchType", ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"]);
  // There are neither services nor container instances here: a filter by one has no members.
  if (request.has("serviceName") || request.has("containerInstance") || (launchType ?? "FARGATE") !== "FARGATE")
    return { taskArns: [] };
  const limit = request.integerWithin("maxResults", 1, 100, 100);
  const rows = world.store.tasks.list({
    cluster,
    desiredStatus: request.oneOf("desiredStatus", ["RUNNING", "STOPPED"]) ?? "RUNNING",
    startedBy,
    family,
    stoppedAfterMs: world.now() - STOPPED_VISIBLE_MS,
    afterRow: pagePosition(request.text("nextToken")),
    limit: limit + 1,
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    taskArns: page.map(({ record }) => record.wire.taskArn),
    ...(rows.length > limit && last ? { nextToken: pageToken(last.row) } : {}),
  };
};
