// A task: what ECS shows of it, what this server remembers besides, and which state may follow which. Pure: touches no process and no disk.
//   T1. A state only ever goes forward along NEXT, and every change that can be seen from outside raises `version` by one.

export type LastStatus = "PROVISIONING" | "PENDING" | "RUNNING" | "DEACTIVATING" | "STOPPING" | "DEPROVISIONING" | "STOPPED";

export type StopCode =
  | "TaskFailedToStart"
  | "EssentialContainerExited"
  | "UserInitiated"
  | "SpotInterruption"
  | "TerminationNotice"
  | "InfrastructureHealth";

const NEXT: Readonly<Record<LastStatus, readonly LastStatus[]>> = {
  PROVISIONING: ["PENDING", "DEPROVISIONING"],
  PENDING: ["RUNNING", "DEPROVISIONING"],
  RUNNING: ["DEACTIVATING", "DEPROVISIONING"],
  DEACTIVATING: ["STOPPING", "DEPROVISIONING"],
  STOPPING: ["DEPROVISIONING"],
  DEPROVISIONING: ["STOPPED"],
  STOPPED: [],
};

export const isLastStatus = (text: string): text is LastStatus => Object.hasOwn(NEXT, text);

export interface NameValue {
  readonly name: string;
  readonly value: string;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

export interface WireContainer {
  readonly containerArn: string;
  readonly taskArn: string;
  readonly name: string;
  readonly image: string;
  readonly runtimeId: string;
  readonly lastStatus: "PENDING" | "RUNNING" | "STOPPED";
  readonly exitCode?: number;
  readonly reason?: string;
  readonly networkInterfaces: readonly unknown[];
  readonly healthStatus: "UNKNOWN";
  readonly cpu: string;
  readonly memory?: string;
}

/** The task as DescribeTasks answers it. Times are epoch seconds, as AWS JSON 1.1 writes them. Tags are kept apart. */
export interface WireTask {
  readonly taskArn: string;
  readonly clusterArn: string;
  readonly taskDefinitionArn: string;
  readonly group: string;
  readonly launchType?: "FARGATE";
  readonly capacityProviderName?: string;
  readonly platformVersion: string;
  readonly platformFamily: string;
  readonly availabilityZone: string;
  readonly cpu: string;
  readonly memory: string;
  readonly ephemeralStorage: { readonly sizeInGiB: number };
  readonly startedBy?: string;
  readonly enableExecuteCommand: false;
  readonly attachments: readonly unknown[];
  readonly attributes: readonly NameValue[];
  readonly overrides: Readonly<Record<string, unknown>>;
  readonly containers: readonly WireContainer[];
  readonly healthStatus: "UNKNOWN";
  readonly lastStatus: LastStatus;
  readonly desiredStatus: "RUNNING" | "STOPPED";
  readonly version: number;
  readonly connectivity: "CONNECTED" | "DISCONNECTED";
  readonly connectivityAt?: number;
  readonly createdAt: number;
  readonly pullStartedAt?: number;
  readonly pullStoppedAt?: number;
  readonly startedAt?: number;
  readonly stoppingAt?: number;
  readonly executionStoppedAt?: number;
  readonly stoppedAt?: number;
  readonly stopCode?: StopCode;
  readonly stoppedReason?: string;
}

/** What is to be started, settled when the task was accepted: later revisions of the definition do not change it. */
export interface LaunchPlan {
  readonly image: string;
  /** Null: the image's own. */
  readonly entryPoint: readonly string[] | null;
  readonly command: readonly string[];
  readonly environment: readonly NameValue[];
  readonly stopTimeoutMs: number;
  readonly memoryMiB: number;
  /** Where its output can be read; null when the definition sends it nowhere. */
  readonly log: { readonly group: string; readonly stream: string } | null;
}

/** A process that outlives this server, and how to know it again: ids are used anew, an id with a start time is not. */
export interface ProcessMark {
  readonly pid: number;
  readonly startedAt: string;
  readonly bootId: string;
}

/** How far the start of the task's process has come. `attempt` numbers the folder its supervisor claims. */
export type RunState =
  | { readonly kind: "none" }
  | { readonly kind: "starting"; readonly attempt: number }
  | { readonly kind: "started"; readonly attempt: number; readonly supervisor: ProcessMark };

export interface TaskRecord {
  readonly id: string;
  readonly cluster: string;
  readonly family: string;
  readonly revision: number;
  readonly containerName: string;
  /** The unguessable part of the task's metadata address. */
  readonly metadataId: string;
  readonly wire: WireTask;
  readonly plan: LaunchPlan;
  readonly run: RunState;
  /** Once asked to stop: when SIGKILL follows SIGTERM, in epoch ms. */
  readonly killAtMs: number | null;
}

/**
 * Moves a task to its next state, raising its version. `exit` is what its only container ended with.
 * @throws {RangeError} when the state may not follow (T1): a bug, never a caller's mistake
 */
export function enter(
  record: TaskRecord,
  lastStatus: LastStatus,
  patch: Partial<WireTask> = {},
  exit: { readonly exitCode?: number; readonly reason?: string } = {},
): TaskRecord {
  const { wire } = record;
  if (!NEXT[wire.lastStatus].includes(lastStatus))
    throw new RangeError(`T1: ${lastStatus} may not follow ${wire.lastStatus} (${wire.taskArn})`);
  const containerStatus = lastStatus === "RUNNING" || lastStatus === "STOPPED" ? { lastStatus } : {};
  const containers = wire.containers.map((container) => ({ ...container, ...containerStatus, ...exit }));
  return { ...record, wire: { ...wire, ...patch, containers, lastStatus, version: wire.version + 1 } };
}

/** Epoch seconds, as AWS JSON writes a time. */
export const seconds = (epochMs: number): number => epochMs / 1000;
