// The API as the stock SDK clients see it: every state, refusal and promise the orchestrator builds on.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DescribeLogStreamsCommand, FilterLogEventsCommand, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateServiceCommand,
  DescribeClustersCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListTagsForResourceCommand,
  ListTaskDefinitionsCommand,
  ListTasksCommand,
  type RunTaskCommand,
  StopTaskCommand,
  TagResourceCommand,
  UntagResourceCommand,
  waitUntilTasksStopped,
} from "@aws-sdk/client-ecs";
import { lastPart } from "./domain/arn.ts";
import { aServer, type Caller, CLUSTER, eventually, LOG_GROUP, SHELL_IMAGE } from "./testing/world.ts";

let caller: Caller;
let end: () => Promise<void>;
const HOUR_MS = 3_600_000;
let clockAheadMs = 0;

/** What a refused call was refused with. */
async function refusal(call: Promise<unknown>): Promise<{ name: string; message: string; resourceIds?: string[] }> {
  try {
    await call;
  } catch (error) {
    return error as { name: string; message: string };
  }
  throw new Error("the call was not refused");
}

const streamOf = (taskArn: string): string => `agent/agent/${lastPart(taskArn)}`;

beforeAll(async () => {
  ({ caller, end } = await aServer({ runTaskPerSecond: 1000, now: () => Date.now() + clockAheadMs }));
  await caller.define("coder", "echo role=$ROLE ticket=$TICKET; echo oops >&2; exit 3");
  await caller.define("quick", "exit 0");
  await caller.define("polite", "trap 'echo bye; exit 0' TERM; echo up; sleep 60 & wait");
  await caller.define("stubborn", "trap '' TERM; echo up; while :; do sleep 60; done");
});
afterAll(() => end());

describe("a task's life", () => {
  test("goes PROVISIONING to STOPPED with a rising version, and ends with its exit code", async () => {
    const overrides = { containerOverrides: [{ name: "agent", environment: [{ name: "TICKET", value: "ENG-1" }] }] };
    const task = await caller.runOne("coder", { startedBy: "feature-1", overrides });
    expect(task).toMatchObject({
      lastStatus: "PROVISIONING",
      desiredStatus: "RUNNING",
      version: 1,
      startedBy: "feature-1",
      launchType: "FARGATE",
    });
    expect(task.createdAt).toBeInstanceOf(Date);
    await waitUntilTasksStopped(
      { client: caller.ecs, maxWaitTime: 10, minDelay: 1, maxDelay: 1 },
      { cluster: CLUSTER, tasks: [task.taskArn] },
    );
    const stopped = await caller.describe(task.taskArn);
    expect(stopped).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "EssentialContainerExited",
      stoppedReason: "Essential container in task exited",
      version: 5,
    });
    expect(stopped.containers![0]).toMatchObject({ exitCode: 3, lastStatus: "STOPPED" });
    const { createdAt, pullStartedAt, startedAt, stoppingAt, stoppedAt } = stopped;
    const times = [createdAt, pullStartedAt, startedAt, stoppingAt, stoppedAt].map((at) => at!.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(await caller.output(task.taskArn)).toEqual(["role=coder ticket=ENG-1", "oops"]);
  });

  test("an image nobody has fails the start, with no exit code", async () => {
    await caller.define("nobody", "true", { image: "omakase/none:1" });
    const { taskArn } = await caller.runOne("nobody");
    const stopped = await caller.reaches(taskArn, "STOPPED");
    expect(stopped.stopCode).toBe("TaskFailedToStart");
    expect(stopped.stoppedReason).toStartWith("CannotPullContainerError");
    expect(stopped.containers![0]!.reason).toStartWith("CannotPullContainerError");
    expect(stopped.containers![0]!.exitCode).toBeUndefined();
    expect(stopped.startedAt).toBeUndefined();
  });

  test("a program that is not there fails the start", async () => {
    const container = { name: "agent", image: SHELL_IMAGE, entryPoint: ["no-such-program"] };
    await caller.define("typo", "", { containerDefinitions: [container] });
    const stopped = await caller.reaches((await caller.runOne("typo")).taskArn, "STOPPED");
    expect(stopped).toMatchObject({ stopCode: "TaskFailedToStart" });
    expect(stopped.stoppedReason).toStartWith("CannotStartContainerError");
  });

  test("an environment no process can have fails the start, not the server", async () => {
    const overrides = { containerOverrides: [{ name: "agent", environment: [{ name: "BAD", value: "a\0b" }] }] };
    const stopped = await caller.reaches((await caller.runOne("quick", { overrides })).taskArn, "STOPPED");
    expect(stopped.stopCode).toBe("TaskFailedToStart");
  });

  test("a main process that ends takes along what holds its output open", async () => {
    await caller.define("leaver", "sleep 60 & echo left; exit 4");
    const stopped = await caller.reaches((await caller.runOne("leaver")).taskArn, "STOPPED");
    expect(stopped.containers![0]!.exitCode).toBe(4);
  });
});

describe("StopTask", () => {
  test("gives the main process SIGTERM and keeps its exit code", async () => {
    const { taskArn } = await caller.runOne("polite");
    await caller.says(taskArn, "up");
    const { task } = await caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: taskArn, reason: "cancelled by user" }));
    expect(task).toMatchObject({ desiredStatus: "STOPPED", lastStatus: "STOPPING", stopCode: "UserInitiated" });
    const stopped = await caller.reaches(taskArn, "STOPPED");
    expect(stopped).toMatchObject({ stopCode: "UserInitiated", stoppedReason: "cancelled by user", version: 7 });
    expect(stopped.containers![0]!.exitCode).toBe(0);
    expect(await caller.output(taskArn)).toEqual(["up", "bye"]);
  });

  test("kills what ignores SIGTERM after stopTimeout, exit code 137", async () => {
    const { taskArn } = await caller.runOne("stubborn");
    await caller.says(taskArn, "up");
    const askedAtMs = Date.now();
    await caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: taskArn }));
    expect((await caller.reaches(taskArn, "STOPPED")).containers![0]!.exitCode).toBe(137);
    expect(Date.now() - askedAtMs).toBeGreaterThanOrEqual(1000);
  });

  test("before the start means that nothing starts", async () => {
    const slow = await aServer({ latency: { provisioningMs: 300 } });
    await slow.caller.define("quick", "exit 0");
    const { taskArn } = await slow.caller.runOne("quick");
    await slow.caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: taskArn, reason: "early" }));
    const stopped = await slow.caller.reaches(taskArn, "STOPPED");
    expect(stopped).toMatchObject({ stopCode: "UserInitiated", stoppedReason: "early" });
    expect(stopped.startedAt).toBeUndefined();
    expect((await slow.caller.journal()).map(({ operation }) => operation)).toEqual(["RunTask", "StopTask"]);
    await slow.end();
  });

  test("twice is once, and the journal tells them apart", async () => {
    const { taskArn } = await caller.runOne("polite");
    await caller.reaches(taskArn, "RUNNING");
    await caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: taskArn, reason: "first" }));
    await caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: taskArn, reason: "second" }));
    expect((await caller.reaches(taskArn, "STOPPED")).stoppedReason).toBe("first");
    const stops = (await caller.journal()).filter((entry) => entry.operation === "StopTask" && entry.taskArn === taskArn);
    expect(stops.map(({ result }) => result)).toEqual(["new", "replay"]);
  });

  test("of an unknown task is refused", async () => {
    const refused = await refusal(caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: "deadbeef" })));
    expect(refused).toMatchObject({ name: "InvalidParameterException", message: "The referenced task was not found." });
  });

  test("a Spot interruption has its own stop code", async () => {
    const { taskArn } = await caller.runOne("polite", {
      launchType: undefined,
      capacityProviderStrategy: [{ capacityProvider: "FARGATE_SPOT", weight: 1 }],
    });
    await caller.says(taskArn, "up");
    await caller.fault({ target: "spot", task: taskArn, graceMs: 500 });
    expect(await caller.reaches(taskArn, "STOPPED")).toMatchObject({
      stopCode: "SpotInterruption",
      capacityProviderName: "FARGATE_SPOT",
    });
  });
});

describe("RunTask by client token", () => {
  test("R1: the same token and parameters launch once", async () => {
    const clientToken = "step-1:attempt-1";
    const first = await caller.runOne("quick", { clientToken, startedBy: "x" });
    const second = await caller.runOne("quick", { startedBy: "x", clientToken });
    expect(second.taskArn).toBe(first.taskArn);
    const entries = (await caller.journal()).filter((entry) => entry.clientToken === clientToken);
    expect(entries.map(({ result, taskArns }) => ({ result, taskArns }))).toEqual([
      { result: "new", taskArns: [first.taskArn] },
      { result: "replay", taskArns: [first.taskArn] },
    ]);
  });

  test("R1: fifty at once with one token launch one task and one process", async () => {
    const clientToken = "stampede";
    const arns = await Promise.all(
      Array.from({ length: 50 }, async () => (await caller.runOne("quick", { clientToken })).taskArn),
    );
    expect(new Set(arns).size).toBe(1);
    await caller.reaches(arns[0]!, "STOPPED");
    const starts = (await caller.journal()).filter((entry) => entry.operation === "StartContainer" && entry.taskArn === arns[0]);
    expect(starts).toHaveLength(1);
  });

  test("R2: the same token with other parameters is a conflict that names the task", async () => {
    const { taskArn } = await caller.runOne("quick", { clientToken: "conflict" });
    const refused = await refusal(caller.run("quick", { clientToken: "conflict", startedBy: "other" }));
    expect(refused).toMatchObject({ name: "ConflictException", resourceIds: [taskArn] });
  });

  test("a token is good for 24 hours, also for a task that cannot be seen any more, and then launches anew", async () => {
    const own = await aServer({ now: () => Date.now() + clockAheadMs });
    await own.caller.define("quick", "exit 0");
    const { taskArn } = await own.caller.runOne("quick", { clientToken: "old" });
    await own.caller.reaches(taskArn, "STOPPED");
    clockAheadMs = 23 * HOUR_MS;
    const replayed = await own.caller.runOne("quick", { clientToken: "old" });
    clockAheadMs = 25 * HOUR_MS;
    const anew = await own.caller.runOne("quick", { clientToken: "old" });
    clockAheadMs = 0;
    expect(replayed).toMatchObject({ taskArn, lastStatus: "STOPPED" });
    expect(anew.taskArn).not.toBe(taskArn);
    await own.end();
  });

  test("a token may have 64 characters and not 65", async () => {
    await caller.run("quick", { clientToken: "x".repeat(64) });
    expect((await refusal(caller.run("quick", { clientToken: "x".repeat(65) }))).name).toBe("InvalidParameterException");
    expect((await refusal(caller.run("quick", { clientToken: "white space" }))).name).toBe("InvalidParameterException");
  });

  test("an answer that is lost costs a retry, not a second task", async () => {
    await caller.fault({ target: "api", operation: "RunTask", kind: "dropReply" });
    const { tasks, $metadata } = await caller.run("quick", { startedBy: "lost-reply" });
    expect($metadata.attempts).toBe(2);
    const { taskArns } = await caller.ecs.send(
      new ListTasksCommand({ cluster: CLUSTER, startedBy: "lost-reply", desiredStatus: "STOPPED" }),
    );
    const running = await caller.ecs.send(new ListTasksCommand({ cluster: CLUSTER, startedBy: "lost-reply" }));
    expect([...taskArns!, ...running.taskArns!]).toEqual([tasks![0]!.taskArn!]);
  });
});

describe("RunTask refuses", () => {
  const cases: { what: string; over: Partial<RunTaskCommand["input"]>; name: string; message: RegExp }[] = [
    {
      what: "a definition nobody registered",
      over: { taskDefinition: "none" },
      name: "ClientException",
      message: /task definition/,
    },
    {
      what: "a cluster nobody created",
      over: { cluster: "none" },
      name: "ClusterNotFoundException",
      message: /Cluster not found/,
    },
    { what: "eleven tasks at once", over: { count: 11 }, name: "InvalidParameterException", message: /10/ },
    {
      what: "awsvpc without a network",
      over: { networkConfiguration: undefined },
      name: "InvalidParameterException",
      message: /Network Configuration/,
    },
    {
      what: "no launch type, which means EC2",
      over: { launchType: undefined },
      name: "InvalidParameterException",
      message: /No Container Instances/,
    },
    {
      what: "overrides over 8192 characters",
      over: { overrides: env("x".repeat(9000)) },
      name: "InvalidParameterException",
      message: /8192/,
    },
    {
      what: "overrides of a container that is not there",
      over: { overrides: { containerOverrides: [{ name: "other" }] } },
      name: "InvalidParameterException",
      message: /other is not a container/,
    },
    {
      what: "startedBy with a character AWS does not take",
      over: { startedBy: "org#1" },
      name: "InvalidParameterException",
      message: /startedBy/,
    },
  ];
  function env(value: string) {
    return { containerOverrides: [{ name: "agent", environment: [{ name: "P", value }] }] };
  }

  for (const { what, over, name, message } of cases) {
    test(what, async () => {
      const refused = await refusal(caller.run("quick", over));
      expect(refused.name).toBe(name);
      expect(refused.message).toMatch(message);
    });
  }

  test("a burst beyond the rate: the SDK retries, then gives up with ThrottlingException", async () => {
    await caller.fault({ target: "api", operation: "RunTask", kind: "throttle", times: 2 });
    expect((await caller.run("quick")).$metadata.attempts).toBe(3);
    await caller.fault({ target: "api", operation: "RunTask", kind: "throttle", times: 3 });
    expect((await refusal(caller.run("quick"))).name).toBe("ThrottlingException");
  });

  test("the rate of an account: a burst of five seconds' worth, then so many a second", async () => {
    const own = await aServer({ runTaskPerSecond: 2, vcpu: 100, now: () => 1_000 });
    await own.caller.define("quick", "exit 0");
    for (let launched = 0; launched < 10; launched++) await own.caller.run("quick");
    expect((await refusal(own.caller.run("quick"))).name).toBe("ThrottlingException");
    await own.end();
  });

  test("a server error is retried by the SDK and launches nothing", async () => {
    await caller.fault({ target: "api", operation: "RunTask", kind: "serverError" });
    const { $metadata } = await caller.run("quick", { startedBy: "after-5xx" });
    expect($metadata.attempts).toBe(2);
  });

  test("a lack of capacity: an error on demand, a failure on Spot", async () => {
    await caller.fault({ target: "api", operation: "RunTask", kind: "capacity", times: 2 });
    expect((await refusal(caller.run("quick"))).message).toMatch(/^Capacity is unavailable at this time/);
    const strategy = { launchType: undefined, capacityProviderStrategy: [{ capacityProvider: "FARGATE_SPOT" }] };
    const { tasks, failures } = await caller.run("quick", strategy);
    expect(tasks).toEqual([]);
    expect(failures![0]!.reason).toMatch(/^Capacity is unavailable/);
  });

  test("more vCPUs than the quota, as failures beside the tasks that fit", async () => {
    const own = await aServer({ vcpu: 1 });
    await own.caller.define("polite", "trap 'exit 0' TERM; sleep 60 & wait");
    const { tasks, failures } = await own.caller.run("polite", { count: 6 });
    expect(tasks).toHaveLength(4);
    expect(failures!.map(({ reason }) => reason)).toEqual(
      Array(2).fill("You've reached the limit on the number of vCPUs you can run concurrently"),
    );
    await own.end();
  });

  test("R3: what was refused left no trace in the journal", async () => {
    const before = (await caller.journal()).length;
    await refusal(caller.run("quick", { count: 11, clientToken: "refused" }));
    expect((await caller.journal()).length).toBe(before);
  });
});

describe("DescribeTasks and ListTasks", () => {
  test("an unknown task is MISSING, over 100 ids are refused", async () => {
    const { tasks, failures } = await caller.ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: ["deadbeef"] }));
    expect(tasks).toEqual([]);
    expect(failures![0]).toMatchObject({ reason: "MISSING" });
    const tooMany = new DescribeTasksCommand({ cluster: CLUSTER, tasks: Array.from({ length: 101 }, (_, index) => `t${index}`) });
    expect((await refusal(caller.ecs.send(tooMany))).name).toBe("InvalidParameterException");
  });

  test("a stopped task can be seen for an hour and not much longer", async () => {
    const { taskArn } = await caller.runOne("quick");
    await caller.reaches(taskArn, "STOPPED");
    clockAheadMs = HOUR_MS - 60_000;
    expect((await caller.describe(taskArn)).taskArn).toBe(taskArn);
    clockAheadMs = HOUR_MS + 60_000;
    const { failures } = await caller.ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [taskArn] }));
    clockAheadMs = 0;
    expect(failures![0]!.reason).toBe("MISSING");
  });

  test("startedBy finds the tasks of one step, page by page", async () => {
    const own = await aServer();
    await own.caller.define("polite", "trap 'exit 0' TERM; sleep 60 & wait");
    const { tasks } = await own.caller.run("polite", { count: 5, startedBy: "step-7" });
    const first = await own.caller.ecs.send(new ListTasksCommand({ cluster: CLUSTER, startedBy: "step-7", maxResults: 3 }));
    const second = await own.caller.ecs.send(
      new ListTasksCommand({ cluster: CLUSTER, startedBy: "step-7", maxResults: 3, nextToken: first.nextToken }),
    );
    expect([...first.taskArns!, ...second.taskArns!]).toEqual(tasks!.map(({ taskArn }) => taskArn!));
    expect(second.nextToken).toBeUndefined();
    await own.end();
  });

  test("startedBy cannot be combined with a family", async () => {
    const both = new ListTasksCommand({ cluster: CLUSTER, startedBy: "x", family: "quick" });
    expect((await refusal(caller.ecs.send(both))).name).toBe("InvalidParameterException");
  });
});

describe("clusters, definitions and tags", () => {
  test("a cluster counts its tasks; one nobody created is MISSING", async () => {
    const { clusters, failures } = await caller.ecs.send(new DescribeClustersCommand({ clusters: [CLUSTER, "none"] }));
    expect(clusters![0]).toMatchObject({ clusterName: CLUSTER, status: "ACTIVE" });
    expect(failures![0]).toMatchObject({ reason: "MISSING" });
  });

  test("a definition comes back as it was sent, by family and by revision", async () => {
    const arn = await caller.define("revised", "echo one");
    await caller.define("revised", "echo two");
    const latest = await caller.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: "revised" }));
    expect(latest.taskDefinition).toMatchObject({ revision: 2, status: "ACTIVE", cpu: "256", networkMode: "awsvpc" });
    const first = await caller.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: arn }));
    expect(first.taskDefinition!.containerDefinitions![0]!.command).toEqual(["echo one"]);
    const { taskDefinitionArns } = await caller.ecs.send(
      new ListTaskDefinitionsCommand({ familyPrefix: "revised", sort: "DESC" }),
    );
    expect(taskDefinitionArns!.map(lastPart)).toEqual(["revised:2", "revised:1"]);
  });

  test("a size Fargate does not sell is refused at registration", async () => {
    expect((await refusal(caller.define("bad", "true", { cpu: "256", memory: "9999" }))).name).toBe("ClientException");
  });

  test("tags can be given at launch, later, and taken away", async () => {
    const { taskArn } = await caller.runOne("quick", { tags: [{ key: "role", value: "coder" }] });
    await caller.ecs.send(new TagResourceCommand({ resourceArn: taskArn, tags: [{ key: "run", value: "7" }] }));
    const { tasks } = await caller.ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [taskArn], include: ["TAGS"] }));
    expect(tasks![0]!.tags).toEqual([
      { key: "role", value: "coder" },
      { key: "run", value: "7" },
    ]);
    await caller.ecs.send(new UntagResourceCommand({ resourceArn: taskArn, tagKeys: ["role"] }));
    const { tags } = await caller.ecs.send(new ListTagsForResourceCommand({ resourceArn: taskArn }));
    expect(tags).toEqual([{ key: "run", value: "7" }]);
  });

  test("an operation that is not covered is one AWS has never heard of", async () => {
    const refused = await refusal(
      caller.ecs.send(new CreateServiceCommand({ cluster: CLUSTER, serviceName: "s", taskDefinition: "quick" })),
    );
    expect(refused.name).toBe("UnknownOperationException");
  });
});

describe("CloudWatch Logs", () => {
  test("pages forward and backward through a stream, and a repeated token is its end", async () => {
    await caller.define("chatty", "for n in 1 2 3 4 5; do echo line $n; done; printf unfinished");
    const { taskArn } = await caller.runOne("chatty");
    await caller.reaches(taskArn, "STOPPED");
    const input = { logGroupName: LOG_GROUP, logStreamName: streamOf(taskArn), limit: 4 };
    const first = await caller.logs.send(new GetLogEventsCommand({ ...input, startFromHead: true }));
    expect(first.events!.map(({ message }) => message!)).toEqual(["line 1", "line 2", "line 3", "line 4"]);
    const second = await caller.logs.send(new GetLogEventsCommand({ ...input, nextToken: first.nextForwardToken }));
    expect(second.events!.map(({ message }) => message!)).toEqual(["line 5", "unfinished"]);
    const third = await caller.logs.send(new GetLogEventsCommand({ ...input, nextToken: second.nextForwardToken }));
    expect(third).toMatchObject({ events: [], nextForwardToken: second.nextForwardToken });
    const newest = await caller.logs.send(new GetLogEventsCommand({ ...input, limit: 2 }));
    expect(newest.events!.map(({ message }) => message!)).toEqual(["line 5", "unfinished"]);
    const older = await caller.logs.send(new GetLogEventsCommand({ ...input, nextToken: newest.nextBackwardToken }));
    expect(older.events!.map(({ message }) => message!)).toEqual(["line 1", "line 2", "line 3", "line 4"]);
  });

  test("finds words in a group and lists its streams", async () => {
    const { taskArn } = await caller.runOne("coder", {
      overrides: { containerOverrides: [{ name: "agent", environment: [{ name: "TICKET", value: "needle" }] }] },
    });
    await caller.reaches(taskArn, "STOPPED");
    const { events } = await caller.logs.send(
      new FilterLogEventsCommand({ logGroupName: LOG_GROUP, filterPattern: '"ticket=needle"' }),
    );
    expect(events!.map(({ logStreamName }) => logStreamName!)).toEqual([streamOf(taskArn)]);
    const { logStreams } = await caller.logs.send(
      new DescribeLogStreamsCommand({ logGroupName: LOG_GROUP, logStreamNamePrefix: streamOf(taskArn) }),
    );
    expect(logStreams).toHaveLength(1);
  });

  test("output without end is cut into events of 256 KiB and kept up to a bound", async () => {
    await caller.define(
      "flood",
      "head -c 600000 /dev/zero | tr '\\0' x; echo; head -c 20000000 /dev/zero | tr '\\0' y; echo tail",
    );
    const { taskArn } = await caller.runOne("flood");
    await caller.reaches(taskArn, "STOPPED");
    const input = { logGroupName: LOG_GROUP, logStreamName: streamOf(taskArn) };
    const { events } = await caller.logs.send(new GetLogEventsCommand({ ...input, startFromHead: true, limit: 3 }));
    expect(events!.map(({ message }) => message!.length)).toEqual([262_144, 262_144, 75_712]);
    const newest = await caller.logs.send(new GetLogEventsCommand({ ...input, limit: 1 }));
    expect(newest.events![0]!.message).toMatch(/16 MiB of output are kept/);
  });

  test("a million empty lines hold up nobody", async () => {
    await caller.define("newlines", "head -c 1000000 /dev/zero | tr '\\0' '\\n'; sleep 60");
    const { taskArn } = await caller.runOne("newlines");
    await eventually(async () => ((await caller.output(taskArn)).length > 0 ? true : null), "the first lines");
    const askedAtMs = performance.now();
    await caller.describe(taskArn);
    expect(performance.now() - askedAtMs).toBeLessThan(500);
    await caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: taskArn }));
  });

  test("a stream that is not there is ResourceNotFoundException", async () => {
    const input = { logGroupName: LOG_GROUP, logStreamName: "agent/agent/none" };
    expect((await refusal(caller.logs.send(new GetLogEventsCommand(input)))).name).toBe("ResourceNotFoundException");
  });
});

describe("the port", () => {
  test("serves task metadata to whoever has the address and nobody else", async () => {
    await caller.define("curious", "echo $ECS_CONTAINER_METADATA_URI_V4; sleep 60");
    const { taskArn } = await caller.runOne("curious");
    const uri = await eventually(async () => (await caller.output(taskArn))[0] ?? null, "the metadata address");
    expect(await (await fetch(`${uri}/task`)).json()).toMatchObject({
      TaskARN: taskArn,
      Family: "curious",
      KnownStatus: "RUNNING",
      Limits: { CPU: 0.25, Memory: 512 },
    });
    expect(await (await fetch(uri)).json()).toMatchObject({ Name: "agent", Image: SHELL_IMAGE, Type: "NORMAL" });
    expect((await fetch(`${caller.url}/v4/${lastPart(taskArn)}/task`)).status).toBe(404);
    await caller.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: taskArn }));
  });

  test("keeps web pages out: no journal or fault without the header, no name but localhost", async () => {
    expect((await fetch(`${caller.url}/__journal`)).status).toBe(403);
    expect((await fetch(`${caller.url}/__faults`, { method: "POST", body: "{}" })).status).toBe(403);
    expect((await fetch(caller.url, { method: "POST", headers: { host: "evil.example" } })).status).toBe(421);
  });

  test("answers nonsense with AWS's errors", async () => {
    const post = async (target: string, body: string): Promise<unknown> =>
      (await fetch(caller.url, { method: "POST", headers: { "x-amz-target": target }, body })).json();
    const ecs = "AmazonEC2ContainerServiceV20141113";
    expect(await post(`${ecs}.Nonsense`, "{}")).toMatchObject({ __type: "UnknownOperationException" });
    expect(await post(`${ecs}.RunTask`, "{")).toMatchObject({ __type: "SerializationException" });
    expect(await post(`${ecs}.RunTask`, "[]")).toMatchObject({ __type: "SerializationException" });
    expect(await post(`${ecs}.RunTask`, '{"taskDefinition":7}')).toMatchObject({ __type: "SerializationException" });
    const huge = await fetch(caller.url, { method: "POST", body: "x".repeat(1024 * 1024) });
    expect(huge.status).toBe(413);
  });

  test("a start made to fail says why", async () => {
    await caller.fault({ target: "start", reason: "ResourceInitializationError: no route" });
    const stopped = await caller.reaches((await caller.runOne("quick")).taskArn, "STOPPED");
    expect(stopped).toMatchObject({ stopCode: "TaskFailedToStart", stoppedReason: "ResourceInitializationError: no route" });
  });
});
