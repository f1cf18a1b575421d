// Builds the world from the settings, listens, and hands over on SIGTERM. The only file that reads process.env or exits.

import { ECSClient } from "@aws-sdk/client-ecs";
import { api } from "../convex/_generated/api.js";
import { systemClock } from "./actors/clock.ts";
import { createHost } from "./actors/host.ts";
import type { Performers } from "./actors/performer.ts";
import { agentEndpoints } from "./agents/endpoints.ts";
import { ConfigError, readConfig } from "./config.ts";
import { HELD_BACK_EVERY_MS, tellHeldBack } from "./ecs/held-back.ts";
import { declareLost } from "./ecs/lost-runs.ts";
import { createOrphanSweep } from "./ecs/orphans.ts";
import { checkProgress, runTask, stopTask } from "./ecs/performers.ts";
import { createEcsSweep, ECS_SWEEP_EVERY_MS } from "./ecs/sweep.ts";
import { taskEvents } from "./ecs/task-events.ts";
import { reasonOf } from "./errors.ts";
import { createGitHub } from "./github/client.ts";
import { closePullRequest } from "./github/close-pull-request.ts";
import { openPullRequest } from "./github/open-pull-request.ts";
import { createRedelivery, REDELIVERY_EVERY_MS } from "./github/redelivery.ts";
import { createGitHubSweep, GITHUB_SWEEP_EVERY_MS } from "./github/sweep.ts";
import { githubWebhook } from "./github/webhook.ts";
import { createApp, MAX_REQUEST_BYTES } from "./http/app.ts";
import { createServiceToken } from "./identity/service-token.ts";
import { inspector } from "./inspect/inspector.ts";
import { createVerifyPerson } from "./inspect/person-token.ts";
import { openProjectLog } from "./inspect/project-log.ts";
import { createLinear, linearBudget } from "./linear/client.ts";
import { createMoveSweep } from "./linear/given-up-moves.ts";
import { commentOnIssue, moveIssue, resolveDependencies } from "./linear/performers.ts";
import { createLinearSweep, LINEAR_SWEEP_EVERY_MS } from "./linear/sweep.ts";
import { linearWebhook } from "./linear/webhook.ts";
import { createLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { modelGateway } from "./model/gateway.ts";
import { Meter } from "./model/meter.ts";
import { operator } from "./operator/operator.ts";
import { LAUNCHES, LaunchPace } from "./rates/launch-pace.ts";
import { createRepairs } from "./repairs.ts";
import { type Repeated, repeatSweep } from "./repeat-sweep.ts";
import { createCaller, createConvexStore } from "./store/convex-store.ts";

/** How long the shards' effects in flight may still take before the shards are handed over: a successor has them within 2 s. */
const HAND_OVER_MS = 1_000;
/** Of all the orchestrators, whoever owns this shard looks after what concerns all of them: one sweep, not one each. */
const SWEEPERS_SHARD = 0;
/** How long answers under way may still take; what an agent streams from the model is cut, and asked for again. */
const LAST_ANSWERS_MS = 1_000;

const log = createLog();
try {
  await start();
} catch (error) {
  // One sentence for a person; the log above has the rest.
  console.error(error instanceof ConfigError ? error.message : `the orchestrator cannot start: ${reasonOf(error)}`);
  process.exit(1);
}

async function start(): Promise<void> {
  const config = readConfig(process.env);
  const token = createServiceToken(config.identity, log);
  const convex = createCaller(config.convexUrl, token);
  const store = createConvexStore(config.convexUrl, config.name, token, convex);
  // One budget for all that calls Linear with our key; sweeps leave the last of it to what people wait for.
  const linearRate = linearBudget();
  const linear = createLinear(config.linear, linearRate);
  const github = createGitHub(config.github);
  const ecs = new ECSClient({
    region: config.ecs.region,
    // The dispatcher tries again, at the pace ECS takes: the SDK's own tries would be launches nobody counts.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  });
  const { secret, publicUrl } = config;
  const tasks = { ...config.ecs, secret, publicUrl };
  const pace = new LaunchPace(systemClock, config.ecs.runTaskPerSecond);
  const repairs = createRepairs(convex, log, (far_side, kind) => metrics.repairs.inc({ far_side, kind }));

  const performers: Performers = {
    resolveDependencies: resolveDependencies(linear, convex),
    moveIssue: moveIssue(linear),
    commentOnIssue: commentOnIssue(linear),
    openPullRequest: openPullRequest(github, convex, (feature, subject, reason) =>
      repairs.record({
        ...{ farSide: "github", kind: "pullRequestClosed", subject, actor: feature, key: `late:${subject}` },
        what: `The pull request ${subject} was open after its feature had been cancelled, and was closed: ${reason}`,
      }),
    ),
    closePullRequest: closePullRequest(github, convex),
    runTask: runTask({
      ...{ ecs, settings: tasks, convex, pace, log },
      onCompensated: (effectId, agent, taskArn, reason) =>
        repairs.record({
          ...{ farSide: "ecs", kind: "launchCompensated", subject: taskArn, actor: agent, key: `late:${effectId}` },
          what: `A task of ${agent} was launched after nobody wanted it, and was stopped: ${reason}`,
        }),
    }),
    stopTask: stopTask(ecs, tasks, convex),
    checkProgress: checkProgress(convex),
  };
  const host = createHost({ store, performers, log, leaseTtlMs: config.leaseTtlMs });
  const meter = new Meter({ convex, log });
  const verify = createVerifyPerson(config.identity);
  const metrics = createMetrics(host);
  const counting = (source: string) => (outcome: string) => metrics.webhooks.inc({ source, outcome });
  let draining = false;
  const app = await createApp({
    host,
    metrics,
    log,
    isDraining: () => draining,
    plugins: [
      linearWebhook({
        secret: config.linear.webhookSecret,
        log,
        store: (delivery) => convex.mutation(api.linear.receive, delivery),
        count: counting("linear"),
      }),
      githubWebhook({
        secret: config.github.webhookSecret,
        log,
        store: (delivery) => convex.mutation(api.github.receive, delivery),
        count: counting("github"),
      }),
      taskEvents({
        key: config.ecs.eventsKey,
        log,
        store: (events) => {
          if (events.some(({ lastStatus }) => lastStatus === "STOPPED")) {
            pace.freed();
            host.reopen(LAUNCHES);
          }
          return convex.mutation(api.ecs.receive, { events });
        },
        count: counting("ecs"),
      }),
      agentEndpoints({ secret, publicUrl, modelByRole: config.model.byRole, convex, github, log }),
      modelGateway({ secret, ...config.model, modelByRole: config.model.byRole, convex, meter, log }),
      operator({ key: config.operatorKey, convex, convexUrl: config.convexUrl, verify, log }),
      inspector({
        verify,
        open: (personToken) => openProjectLog(config.convexUrl, personToken),
        webOrigin: config.webOrigin,
        log,
      }),
    ],
  });
  try {
    app.listen({
      hostname: config.host,
      port: config.port,
      idleTimeout: 255,
      maxRequestBodySize: MAX_REQUEST_BYTES,
      reusePort: false,
    });
  } catch (error) {
    if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
    throw new ConfigError(`port ${config.port} is taken: stop what listens there, or set PORT to another one`, { cause: error });
  }
  const repeated: Repeated[] = [];
  const drain = async (signal: string) => {
    if (draining) return;
    draining = true;
    log.info("orchestrator.draining", { signal });
    for (const { stop } of repeated) stop();
    const lingered = Bun.sleep(config.lingerMs);
    const limit = setTimeout(() => process.exit(1), Math.max(HAND_OVER_MS + 5_000, config.lingerMs) + LAST_ANSWERS_MS + 1_000);
    await host.drain(HAND_OVER_MS).catch((error) => log.error("orchestrator.drain_failed", { reason: reasonOf(error) }));
    log.info("orchestrator.handed_over");
    await lingered;
    const { server } = app;
    await Promise.race([server?.stop(), Bun.sleep(LAST_ANSWERS_MS)]);
    await server?.stop(true);
    await meter.flush();
    await store.close();
    clearTimeout(limit);
    log.info("orchestrator.stopped");
    process.exit(0);
  };
  process.on("SIGTERM", () => void drain("SIGTERM"));
  process.on("SIGINT", () => void drain("SIGINT"));

  await host.start();
  const ours = { convex, repairs, log, isOurs: host.ownsProject };
  const lost = declareLost({ convex, github, repairs, log });
  const ecsSweep = createEcsSweep(ecs, config.ecs.cluster, convex, log, lost, host.ownsProject);
  const sweepLinearApi = createLinear(config.linear, linearRate, "sweep");
  const redelivered = (count: number) => metrics.repairs.inc({ far_side: "github", kind: "redelivered" }, count);
  const redeliver = createRedelivery({ github, log, count: redelivered });
  // What a sweep looks after is what this process owns when it runs: so all run again after a take-over.
  const sweeps: readonly [string, number, () => Promise<unknown>][] = [
    ["linear", LINEAR_SWEEP_EVERY_MS, createLinearSweep({ linear: sweepLinearApi, ...ours })],
    ["given-up moves", LINEAR_SWEEP_EVERY_MS, createMoveSweep({ linear: sweepLinearApi, ...ours })],
    ["ecs", ECS_SWEEP_EVERY_MS, () => ecsSweep.run()],
    ["orphans", ECS_SWEEP_EVERY_MS, createOrphanSweep({ ecs, cluster: config.ecs.cluster, secret, ...ours })],
    ["github", GITHUB_SWEEP_EVERY_MS, createGitHubSweep({ github, ...ours })],
    ["redelivery", REDELIVERY_EVERY_MS, async () => host.owns(SWEEPERS_SHARD) && redeliver()],
    ["held back", HELD_BACK_EVERY_MS, () => tellHeldBack(host, convex)],
  ];
  for (const [name, everyMs, sweep] of sweeps) repeated.push(repeatSweep(name, everyMs, sweep, log));
  host.onTaken(() => {
    for (const { soon } of repeated) soon();
  });
  log.info("orchestrator.started", { port: config.port, name: config.name });
}
