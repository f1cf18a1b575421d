// RunTask: one transaction that decides, and everything in the world after the answer.
//   R1. A client token launches its tasks once: the token, the tasks and their first events are one transaction, kept for 24 hours.
//   R2. The same token with other parameters launches nothing and names the tasks it launched.
//   R3. What is refused (rate, capacity, a bad parameter) leaves no trace.
import { ACCOUNT, clusterArn, containerArn, REGION, taskArn } from "../domain/arn.ts";
import { seconds, type Tag, type TaskRecord, type WireTask } from "../domain/task.ts";
import { AwsError, clientError, invalidParameter, serverError, throttled } from "../errors.ts";
import { existingCluster } from "./clusters.ts";
import { canonicalJson, type Fields, sha256 } from "./fields.ts";
import { type Overrides, readOverrides } from "./overrides.ts";
import { readTags } from "./tags.ts";
import { type Definition, existingDefinition } from "./task-definitions.ts";
import type { Operation, World } from "./world.ts";

const TOKEN_LIFETIME_MS = 24 * 3600 * 1000;
const NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone";
const OVER_QUOTA = "You've reached the limit on the number of vCPUs you can run concurrently";

interface RunTaskRequest {
  readonly cluster: string;
  readonly definition: Definition;
  readonly count: number;
  /** Where the task runs; one of the two members is what the caller chose. */
  readonly placement: { readonly launchType: "FARGATE" } | { readonly capacityProviderName: string };
  readonly overrides: Overrides;
  readonly startedBy: string | null;
  readonly group: string;
  readonly clientToken: string | null;
  /** SHA-256 of every parameter but the token. */
  readonly parametersHash: string;
  readonly tags: readonly Tag[];
  readonly subnet: string;
}

export const runTask: Operation = (world, request) => {
  const { store, lifecycle, launches, now } = world;
  if (lifecycle.isShuttingDown) throw serverError("Service Unavailable. Please try again later.");
  const wanted = readRunTask(world, request);
  if (!launches.take(wanted.count)) throw throttled();
  const { records, failures, isReplay } = store.transaction(() => decide(world, wanted, now()));
  if (!isReplay) {
    for (const { id } of records) lifecycle.begin(id);
    world.changes.published();
  }
  return { tasks: records.map(({ wire }) => ({ ...wire, tags: store.catalogue.tags(wire.taskArn) })), failures };
};

interface Decision {
  readonly records: readonly TaskRecord[];
  readonly failures: readonly { readonly arn?: string; readonly reason: string }[];
  readonly isReplay: boolean;
}

function decide(world: World, wanted: RunTaskRequest, nowMs: number): Decision {
  const { store, faults } = world;
  const replayed = replay(world, wanted, nowMs);
  if (replayed) return replayed;

  const isSpot = "capacityProviderName" in wanted.placement && wanted.placement.capacityProviderName === "FARGATE_SPOT";
  if (faults.takeApi("RunTask", ["capacity"]) !== null) {
    if (!isSpot) throw clientError(NO_CAPACITY);
    return { records: [], failures: Array.from({ length: wanted.count }, () => ({ reason: NO_CAPACITY })), isReplay: false };
  }
  const cpuUnits = wanted.overrides.size.cpuUnits;
  const free = Math.floor((world.cpuQuotaUnits - store.tasks.cpuUnitsInUse()) / cpuUnits);
  const count = Math.max(0, Math.min(wanted.count, free));
  const records = Array.from({ length: count }, () => newTask(wanted, nowMs));
  world.changes.insert(records);
  for (const { wire } of records) store.catalogue.tag(wire.taskArn, wanted.tags);
  if (records.length > 0) {
    if (wanted.clientToken !== null) {
      const row = { hash: wanted.parametersHash, taskIds: records.map(({ id }) => id) };
      store.tasks.saveToken(wanted.cluster, wanted.clientToken, row, nowMs + TOKEN_LIFETIME_MS);
    }
    journal(world, wanted, records, "new", nowMs);
  }
  const failures = Array.from({ length: wanted.count - count }, () => ({ reason: OVER_QUOTA }));
  return { records, failures, isReplay: false };
}

/** The tasks a token launched before (R1). @throws {AwsError} ConflictException (R2) */
function replay(world: World, wanted: RunTaskRequest, nowMs: number): Decision | null {
  const { store } = world;
  if (wanted.clientToken === null) return null;
  const earlier = store.tasks.token(wanted.cluster, wanted.clientToken, nowMs);
  if (!earlier) return null;
  if (earlier.hash !== wanted.parametersHash) {
    throw new AwsError("ConflictException", "The client token is already in use with different parameters.", 400, {
      resourceIds: earlier.taskIds.map((id) => taskArn(wanted.cluster, id)),
    });
  }
  const records = earlier.taskIds.flatMap((id) => store.tasks.get(id) ?? []);
  journal(world, wanted, records, "replay", nowMs);
  return { records, failures: [], isReplay: true };
}

function journal(
  { store }: World,
  wanted: RunTaskRequest,
  records: readonly TaskRecord[],
  result: "new" | "replay",
  nowMs: number,
): void {
  store.journal.add({
    operation: "RunTask",
    at: new Date(nowMs).toISOString(),
    result,
    cluster: wanted.cluster,
    clientToken: wanted.clientToken,
    startedBy: wanted.startedBy,
    taskDefinition: wanted.definition.arn,
    overridesHash: sha256(canonicalJson(wanted.overrides.wire)),
    taskArns: records.map(({ wire }) => wire.taskArn),
  });
}

function readRunTask(world: World, request: Fields): RunTaskRequest {
  const clientToken = readClientToken(request);
  const startedBy = request.text("startedBy") ?? null;
  if (startedBy !== null && !/^[a-zA-Z0-9_/-]{1,128}$/.test(startedBy)) {
    throw invalidParameter("startedBy must be at most 128 letters, numbers, hyphens, forward slashes and underscores.");
  }
  const count = request.integer("count") ?? 1;
  if (count < 1 || count > 10) throw invalidParameter("Count must be between 1 and 10.");
  const { name: cluster, defaultProviders } = existingCluster(world, request.text("cluster"));
  const definition = existingDefinition(world, request.requiredText("taskDefinition"));
  const placement = readPlacement(request, defaultProviders);
  const { clientToken: _, ...parameters } = request.raw;
  const tags = readTags(request);
  const inherited =
    request.oneOf("propagateTags", ["TASK_DEFINITION", "SERVICE", "NONE"]) === "TASK_DEFINITION"
      ? world.store.catalogue.tags(definition.arn)
      : [];
  return {
    cluster,
    definition,
    count,
    placement,
    overrides: readOverrides(request.object("overrides"), definition),
    startedBy,
    group: request.text("group") ?? `family:${definition.family}`,
    clientToken,
    parametersHash: sha256(canonicalJson(parameters)),
    tags: [...new Map([...inherited, ...tags].map((tag) => [tag.key, tag])).values()],
    subnet: readSubnet(request, definition.networkMode),
  };
}

/** 64 characters here, though most other calls of AWS allow 36. */
function readClientToken(request: Fields): string | null {
  const token = request.text("clientToken");
  if (token === undefined) return null;
  if (!/^[!-~]{1,64}$/.test(token)) throw invalidParameter("clientToken must be 1 to 64 characters in the range 33 to 126.");
  return token;
}

function readPlacement(request: Fields, defaultProviders: readonly string[]): RunTaskRequest["placement"] {
  const launchType = request.oneOf("launchType", ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"]);
  const asked = request.objects("capacityProviderStrategy").map((item) => item.requiredText("capacityProvider"));
  if (launchType !== undefined && asked.length > 0)
    throw invalidParameter("Cannot specify both launch type and capacity provider strategy.");
  if (launchType === "FARGATE") return { launchType };
  const [capacityProviderName] = asked.length > 0 ? asked : launchType === undefined ? defaultProviders : [];
  // Without either AWS means EC2, and there is no machine in the cluster: a forgotten launchType shows here, not in the cloud.
  if (capacityProviderName === undefined) throw invalidParameter("No Container Instances were found in your cluster.");
  if (capacityProviderName !== "FARGATE" && capacityProviderName !== "FARGATE_SPOT") {
    throw invalidParameter("The specified capacity provider was not found. Specify a valid capacity provider and try again.");
  }
  return { capacityProviderName };
}

function readSubnet(request: Fields, networkMode: string): string {
  const network = request.object("networkConfiguration")?.object("awsvpcConfiguration");
  if (networkMode !== "awsvpc") return "subnet-local";
  if (!network) throw invalidParameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  const [subnet] = network.texts("subnets");
  if (subnet === undefined) throw invalidParameter("subnets can not be empty.");
  return subnet;
}

function newTask(wanted: RunTaskRequest, nowMs: number): TaskRecord {
  const { cluster, definition, overrides } = wanted;
  const { container } = definition;
  const id = crypto.randomUUID().replaceAll("-", "");
  const arn = taskArn(cluster, id);
  const wire: WireTask = {
    taskArn: arn,
    clusterArn: clusterArn(cluster),
    taskDefinitionArn: definition.arn,
    group: wanted.group,
    ...wanted.placement,
    platformVersion: "1.4.0",
    platformFamily: "Linux",
    availabilityZone: `${REGION}a`,
    cpu: String(overrides.size.cpuUnits),
    memory: String(overrides.size.memoryMiB),
    ephemeralStorage: { sizeInGiB: 20 },
    ...(wanted.startedBy === null ? {} : { startedBy: wanted.startedBy }),
    enableExecuteCommand: false,
    attachments: [
      {
        id: crypto.randomUUID(),
        type: "ElasticNetworkInterface",
        status: "ATTACHED",
        details: [
          { name: "subnetId", value: wanted.subnet },
          { name: "networkInterfaceId", value: `eni-${ACCOUNT}` },
          { name: "privateIPv4Address", value: "127.0.0.1" },
        ],
      },
    ],
    attributes: [{ name: "ecs.cpu-architecture", value: process.arch === "arm64" ? "arm64" : "x86_64" }],
    overrides: overrides.wire,
    containers: [
      {
        containerArn: containerArn(cluster, id, crypto.randomUUID()),
        taskArn: arn,
        name: container.name,
        image: container.image,
        runtimeId: `${id}-${Math.floor(nowMs)}`,
        lastStatus: "PENDING",
        networkInterfaces: [],
        healthStatus: "UNKNOWN",
        cpu: String(container.cpuUnits),
        ...(container.memoryMiB === null ? {} : { memory: String(container.memoryMiB) }),
      },
    ],
    healthStatus: "UNKNOWN",
    lastStatus: "PROVISIONING",
    desiredStatus: "RUNNING",
    version: 1,
    connectivity: "DISCONNECTED",
    createdAt: seconds(nowMs),
  };
  return {
    id,
    cluster,
    family: definition.family,
    revision: definition.revision,
    containerName: container.name,
    metadataId: crypto.randomUUID().replaceAll("-", ""),
    wire,
    plan: {
      image: container.image,
      entryPoint: container.entryPoint,
      command: overrides.command ?? container.command,
      environment: [...container.environment, ...overrides.environment],
      stopTimeoutMs: container.stopTimeoutS * 1000,
      memoryMiB: container.memoryMiB ?? overrides.size.memoryMiB,
      log: container.log ? { group: container.log.group, stream: `${container.log.prefix}/${container.name}/${id}` } : null,
    },
    run: { kind: "none" },
    killAtMs: null,
  };
}
