// `bun run bench:dispatch`: how long from a webhook's arrival to RunTask, over 200 tickets with 50 in flight (decision 0013 says what
// that means) and over 200 that all wait for their dispatch, 50 at a time; and how much of a pipeline's wall time is ours rather than
// an agent's. The last line is one JSON object.

import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DescribeTasksCommand, ECSClient, RegisterTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import type { Launch } from "@omakase/local-launcher/launch";
import { SAMPLE } from "@omakase/local-launcher/stack";
import { ConvexHttpClient } from "convex/browser";
import { api } from "../../../convex/_generated/api.js";
import { isAtRest } from "../demo.ts";
import { startHeadless } from "../headless.ts";
import { signIn } from "../sign-in.ts";
import { Tickets } from "../tickets.ts";
import { PROJECT, Reader } from "../watch.ts";
import { calibrate } from "./calibration.ts";

const TICKETS = 200;
const IN_FLIGHT = 50;
/** What ECS accepts (facts: services 5.4): a ticket comes every 50 ms and stays for 2.5 s. */
const LAUNCHES_PER_SECOND = 20;
const STAY_MS = (IN_FLIGHT * 1000) / LAUNCHES_PER_SECOND;

interface Waits {
  readonly p50: number;
  readonly p99: number;
}

/**
 * Webhook received → RunTask accepted by ECS, ms. The tasks do nothing, so that what is measured is the way to them.
 * `inFlight`: tickets come at ECS's own rate, 50 are being worked on at any time, and each leaves by being canceled: what a person
 * waits. `saturated`: 50 dispatches are outstanding all the time, the next begins when one is launched: throughput as much as latency.
 */
async function measureDispatch(): Promise<{ inFlight: Waits; saturated: Waits }> {
  // Quotas out of the way: RunTask's 20 a second would be what is measured.
  const { launch, stateDir, end } = await startHeadless(["--no-web"], () => {}, {
    ecs: ["--vcpu", "1000", "--run-task-per-second", "1000"],
  });
  try {
    await runNothing(launch);
    await allow(launch, 2 * TICKETS);
    const tickets = new Tickets(launch);
    const keys: string[] = [];
    await eachInFlight(2 * TICKETS, 10, async (index) => {
      keys.push((await tickets.create(SAMPLE.linearTeamKey, `Measured ticket ${index}`)).key);
    });
    const reader = await Reader.signedIn(launch, "Dana");
    await reader.boardWhere((cards) => keys.every((key) => cards.some((card) => card.key === key)), 60_000);
    await reader.close();
    const launched = new Launches(launch, keys);
    const dispatch = async (key: string) => {
      await tickets.move(key, "Todo");
      await launched.of(key);
    };
    const [inFlight, saturated] = [keys.slice(0, TICKETS), keys.slice(TICKETS)];
    await eachPaced(inFlight, 1000 / LAUNCHES_PER_SECOND, async (key) => {
      await dispatch(key);
      await Bun.sleep(STAY_MS);
      await tickets.move(key, "Canceled");
    });
    await eachInFlight(TICKETS, IN_FLIGHT, (index) => dispatch(saturated[index] ?? ""));
    const received = webhookTimes(join(stateDir, "logs", "orchestrator.log"));
    const waits = (of: readonly string[], name: string): Waits => {
      const sorted = of.map((key) => launched.at(key) - (received.get(key) ?? Number.NaN)).sort((one, other) => one - other);
      console.error(`dispatch, ${name}: ${sorted.length} tickets, min ${sorted[0]} ms, max ${sorted.at(-1)} ms`);
      const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
      return { p50: at(0.5), p99: at(0.99) };
    };
    return { inFlight: waits(inFlight, `${IN_FLIGHT} in flight`), saturated: waits(saturated, `${IN_FLIGHT} outstanding`) };
  } finally {
    await end();
  }
}

/** The part of three pipelines' wall time, one after the other, during which no agent's process ran. */
async function measureOverhead(): Promise<number> {
  const { launch, end } = await startHeadless();
  try {
    const tickets = new Tickets(launch);
    const reader = await Reader.signedIn(launch, "Dana");
    await reader.boardWhere((cards) => cards.length >= 5, 20_000);
    let wallMs = 0;
    let agentMs = 0;
    for (const key of ["OMA-1", "OMA-2", "OMA-3"]) {
      await tickets.move(key, "Todo");
      await reader.boardWhere((cards) => cards.some((card) => card.key === key && isAtRest(card)), 120_000);
      const { feature, runs } = await reader.feature(key);
      const steps = await reader.transitions(feature.address);
      const begun = steps.find(({ eventType, ignored }) => eventType === "ticket.changed" && !ignored)?.at ?? 0;
      const ended = steps.find(({ to }) => to.startsWith("work.passing"))?.at ?? 0;
      wallMs += ended - begun;
      agentMs += await processMs(
        launch,
        runs.flatMap(({ taskArn }) => taskArn ?? []),
      );
      console.error(`overhead: ${key} took ${ended - begun} ms`);
    }
    await reader.close();
    return Math.round((1 - agentMs / wallMs) * 1000) / 1000;
  } finally {
    await end();
  }
}

async function processMs(launch: Launch, tasks: string[]): Promise<number> {
  const ecs = ecsOf(launch);
  const { tasks: described = [] } = await ecs.send(new DescribeTasksCommand({ cluster: SAMPLE.cluster, tasks }));
  return described.reduce(
    (sum, { startedAt, executionStoppedAt, stoppedAt }) => sum + (Number(executionStoppedAt ?? stoppedAt) - Number(startedAt)),
    0,
  );
}

/** A revision of the agent's task definition whose container does nothing for an hour. */
async function runNothing(launch: Launch): Promise<void> {
  await ecsOf(launch).send(
    new RegisterTaskDefinitionCommand({
      family: SAMPLE.taskDefinition,
      cpu: "256",
      memory: "512",
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      containerDefinitions: [
        { name: "agent", image: SAMPLE.image, essential: true, entryPoint: ["sleep", "3600"], stopTimeout: 2 },
      ],
    }),
  );
}

function ecsOf(launch: Launch): ECSClient {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return new ECSClient({ region: "us-east-1", endpoint: launch.stack.urls.ecs, credentials });
}

async function allow(launch: Launch, features: number): Promise<void> {
  const http = new ConvexHttpClient(launch.stack.convex.url, { skipConvexDeploymentUrlCheck: true, logger: false });
  http.setAuth(await signIn(launch, "Ada"));
  await http.mutation(api.projects.configure, { project: PROJECT, key: randomUUID(), limits: { features, perRole: {} } });
}

/** Reads ECS's own journal of accepted launches. */
class Launches {
  private readonly times = new Map<string, number>();
  private readonly keyOf = new Map<string, string>();
  private after = 0;

  constructor(
    private readonly launch: Launch,
    keys: readonly string[],
  ) {
    for (const key of keys) {
      // The first effect of the first agent: its own launch.
      for (let index = 0; index < 4; index++) {
        const effectId = `${PROJECT}/${key.toLowerCase()}/architect-1:0:${index}`;
        this.keyOf.set(createHash("sha256").update(effectId).digest("base64url"), key);
      }
    }
  }

  at = (key: string): number => this.times.get(key) ?? Number.NaN;

  async of(key: string): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!this.times.has(key)) {
      if (Date.now() > deadline) throw new Error(`${key} was not launched within a minute`);
      await Bun.sleep(10);
      await this.read();
    }
  }

  private reading: Promise<void> | null = null;
  private read(): Promise<void> {
    this.reading ??= this.readNow().finally(() => {
      this.reading = null;
    });
    return this.reading;
  }

  private async readNow(): Promise<void> {
    const response = await fetch(`${this.launch.stack.urls.ecs}/__journal?after=${this.after}`, {
      headers: { "x-omakase-local": "1" },
    });
    const { entries } = (await response.json()) as {
      entries: { seq: number; at: string; operation: string; clientToken?: string | null }[];
    };
    for (const { seq, at, operation, clientToken } of entries) {
      this.after = Math.max(this.after, seq);
      const key = operation === "RunTask" && clientToken ? this.keyOf.get(clientToken) : undefined;
      if (key && !this.times.has(key)) this.times.set(key, Date.parse(at));
    }
  }
}

/** When the orchestrator received the first webhook that moved each ticket to Todo: its own log says. */
function webhookTimes(logFile: string): Map<string, number> {
  const times = new Map<string, number>();
  for (const line of readFileSync(logFile, "utf8").split("\n")) {
    if (!line.includes('"webhook.stored"')) continue;
    const { issue, kind, receivedAt } = JSON.parse(line) as { issue?: string; kind?: string; receivedAt?: number };
    if (issue && kind === "Issue.update" && receivedAt && !times.has(issue)) times.set(issue, receivedAt);
  }
  return times;
}

async function eachPaced(keys: readonly string[], everyMs: number, run: (key: string) => Promise<void>): Promise<void> {
  const running: Promise<void>[] = [];
  for (const key of keys) {
    running.push(run(key));
    await Bun.sleep(everyMs);
  }
  await Promise.all(running);
}

async function eachInFlight(count: number, inFlight: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (let index = next++; index < count; index = next++) await run(index);
    }),
  );
}

const calibration = calibrate();
const { inFlight, saturated } = await measureDispatch();
const overheadShare = await measureOverhead();
const metrics = {
  dispatchP50Ms: inFlight.p50,
  dispatchP99Ms: inFlight.p99,
  saturatedP50Ms: saturated.p50,
  saturatedP99Ms: saturated.p99,
  overheadShare,
};
console.log(JSON.stringify({ bench: "dispatch", metrics, calibration }));
process.exit();
