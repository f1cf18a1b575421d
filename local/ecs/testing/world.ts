// What the tests share: a server on a free port, the stock SDK clients pointed at it, a task definition, and waiting on conditions.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudWatchLogsClient, GetLogEventsCommand, ResourceNotFoundException } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateClusterCommand,
  DescribeTasksCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  RunTaskCommand,
  type RunTaskCommandInput,
  type Task,
} from "@aws-sdk/client-ecs";
import { lastPart } from "../domain/arn.ts";
import { type EcsOptions, type EcsServer, startEcs } from "../ecs.ts";
import { silent } from "../log.ts";

export const CLUSTER = "omakase";
export const LOG_GROUP = "/omakase";
export const SHELL_IMAGE = "omakase/shell:1";
const SDK = { region: "us-east-1", credentials: { accessKeyId: "local", secretAccessKey: "local" } };

export const sdkFor = (endpoint: string): { ecs: ECSClient; logs: CloudWatchLogsClient } => ({
  ecs: new ECSClient({ ...SDK, endpoint }),
  logs: new CloudWatchLogsClient({ ...SDK, endpoint }),
});

export function tempDir(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "omakase-ecs-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** What a test asks of a server, by way of the stock SDK. */
export class Caller {
  readonly ecs: ECSClient;
  readonly logs: CloudWatchLogsClient;

  constructor(readonly url: string) {
    ({ ecs: this.ecs, logs: this.logs } = sdkFor(url));
  }

  async prepare(): Promise<void> {
    await this.ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
  }

  /** A definition whose one container runs a shell script. */
  async define(
    family: string,
    script: string,
    over: Partial<RegisterTaskDefinitionCommandInput> & { stopTimeout?: number; image?: string } = {},
  ): Promise<string> {
    const { stopTimeout = 1, image = SHELL_IMAGE, ...rest } = over;
    const { taskDefinition } = await this.ecs.send(
      new RegisterTaskDefinitionCommand({
        family,
        cpu: "256",
        memory: "512",
        networkMode: "awsvpc",
        requiresCompatibilities: ["FARGATE"],
        containerDefinitions: [
          {
            name: "agent",
            image,
            command: [script],
            environment: [{ name: "ROLE", value: family }],
            stopTimeout,
            logConfiguration: { logDriver: "awslogs", options: { "awslogs-group": LOG_GROUP, "awslogs-stream-prefix": "agent" } },
          },
        ],
        ...rest,
      }),
    );
    return taskDefinition!.taskDefinitionArn!;
  }

  run(family: string, over: Partial<RunTaskCommandInput> = {}) {
    return this.ecs.send(
      new RunTaskCommand({
        cluster: CLUSTER,
        taskDefinition: family,
        launchType: "FARGATE",
        networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], assignPublicIp: "DISABLED" } },
        ...over,
      }),
    );
  }

  async runOne(family: string, over: Partial<RunTaskCommandInput> = {}): Promise<Task & { taskArn: string }> {
    const { tasks } = await this.run(family, over);
    return tasks![0] as Task & { taskArn: string };
  }

  async describe(taskArn: string): Promise<Task> {
    const { tasks } = await this.ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [taskArn] }));
    return tasks![0]!;
  }

  /** What the task has written so far, line by line. */
  async output(taskArn: string): Promise<string[]> {
    const logStreamName = `agent/agent/${lastPart(taskArn)}`;
    try {
      const { events = [] } = await this.logs.send(
        new GetLogEventsCommand({ logGroupName: LOG_GROUP, logStreamName, startFromHead: true }),
      );
      return events.map(({ message }) => message!);
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return []; // it has not started
      throw error;
    }
  }

  /** Waits until the task has written that line. Fails after 10 s. */
  async says(taskArn: string, line: string): Promise<void> {
    await eventually(async () => (await this.output(taskArn)).includes(line), `${taskArn} to say ${line}`);
  }

  /** The task once it is in that state. Fails after 10 s. */
  async reaches(taskArn: string, lastStatus: string): Promise<Task> {
    return await eventually(async () => {
      const task = await this.describe(taskArn);
      return task.lastStatus === lastStatus ? task : null;
    }, `${taskArn} to be ${lastStatus}`);
  }

  async fault(body: Readonly<Record<string, unknown>>): Promise<void> {
    const response = await fetch(`${this.url}/__faults`, {
      method: "POST",
      headers: { "x-omakase-local": "1" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
  }

  async journal(): Promise<
    { operation: string; result?: string; taskArn?: string; taskArns?: string[]; clientToken?: string }[]
  > {
    const response = await fetch(`${this.url}/__journal`, { headers: { "x-omakase-local": "1" } });
    return ((await response.json()) as { entries: { operation: string }[] }).entries;
  }
}

/** Asks again until there is an answer. @throws {Error} after `boundMs` */
export async function eventually<Answer>(
  ask: () => Promise<Answer | null | false> | Answer | null | false,
  what: string,
  boundMs = 10_000,
): Promise<Answer> {
  const untilMs = Date.now() + boundMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (Date.now() > untilMs) throw new Error(`waited ${boundMs} ms for ${what}`);
    await Bun.sleep(10);
  }
}

/** A server of its own, its state in a temporary folder. */
export async function aServer(
  over: Partial<EcsOptions> = {},
): Promise<{ server: EcsServer; caller: Caller; dir: string; end: () => Promise<void> }> {
  const { path, remove } = tempDir();
  const server = await startEcs({
    dir: path,
    images: { [SHELL_IMAGE]: ["/bin/sh", "-c"] },
    path: process.env.PATH ?? "/usr/bin:/bin",
    log: silent,
    ...over,
  });
  const caller = new Caller(server.url);
  await caller.prepare();
  const end = async (): Promise<void> => {
    await server.stop();
    remove();
  };
  return { server, caller, dir: path, end };
}
