// Task metadata endpoint version 4: what a task may know of itself. The address is unguessable; nothing in it is secret.
import { containerArn } from "../domain/arn.ts";
import type { TaskRecord } from "../domain/task.ts";
import type { Store } from "../store/store.ts";

/** Answers `/v4/<id>` (the container) and `/v4/<id>/task`. Statistics are not covered: 404, as for an unknown id. */
export function answerMetadata(store: Store, path: string): Response {
  const [metadataId = "", rest, ...more] = path.slice("/v4/".length).split("/");
  const record = more.length === 0 ? store.tasks.getByMetadataId(metadataId) : null;
  if (!record) return notFound();
  if (rest === undefined || rest === "") return Response.json(container(record));
  return rest === "task" ? Response.json(task(record)) : notFound();
}

const notFound = (): Response => new Response("V4 metadata: not found", { status: 404 });

const iso = (epochSeconds: number | undefined): string | undefined =>
  epochSeconds === undefined ? undefined : new Date(epochSeconds * 1000).toISOString();

function container({ id, cluster, wire, plan, family, revision, containerName }: TaskRecord): Readonly<Record<string, unknown>> {
  const [only] = wire.containers;
  return {
    DockerId: only?.runtimeId,
    Name: containerName,
    DockerName: containerName,
    Image: plan.image,
    ImageID: "",
    Labels: {
      "com.amazonaws.ecs.cluster": wire.clusterArn,
      "com.amazonaws.ecs.container-name": containerName,
      "com.amazonaws.ecs.task-arn": wire.taskArn,
      "com.amazonaws.ecs.task-definition-family": family,
      "com.amazonaws.ecs.task-definition-version": String(revision),
    },
    DesiredStatus: wire.desiredStatus,
    KnownStatus: only?.lastStatus,
    Limits: { CPU: Number(only?.cpu ?? 0), Memory: plan.memoryMiB },
    CreatedAt: iso(wire.createdAt),
    StartedAt: iso(wire.startedAt),
    Type: "NORMAL",
    ContainerARN: only?.containerArn ?? containerArn(cluster, id, containerName),
    ...(plan.log
      ? { LogDriver: "awslogs", LogOptions: { "awslogs-group": plan.log.group, "awslogs-stream": plan.log.stream } }
      : {}),
    Networks: [{ NetworkMode: "awsvpc", IPv4Addresses: ["127.0.0.1"] }],
  };
}

function task(record: TaskRecord): Readonly<Record<string, unknown>> {
  const { wire, family, revision } = record;
  return {
    Cluster: wire.clusterArn,
    TaskARN: wire.taskArn,
    Family: family,
    Revision: String(revision),
    DesiredStatus: wire.desiredStatus,
    KnownStatus: wire.lastStatus,
    Limits: { CPU: Number(wire.cpu) / 1024, Memory: Number(wire.memory) },
    PullStartedAt: iso(wire.pullStartedAt),
    PullStoppedAt: iso(wire.pullStoppedAt),
    AvailabilityZone: wire.availabilityZone,
    LaunchType: "FARGATE",
    Containers: [container(record)],
  };
}
