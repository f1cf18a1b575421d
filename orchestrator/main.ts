// Builds the world from the settings, listens, and hands over on SIGTERM. The only file that reads process.env or exits.

import { ECSClient } from "@aws-sdk/client-ecs";
import { api } from "../convex/_generated/api.js";
import { createHost } from "./actors/host.ts";
import type { Performers } from "./actors/performer.ts";
import { agentEndpoints } from "./agents/endpoints.ts";
import { ConfigError, readConfig } from "./config.ts";
import { announceToDependents, findReady } from "./convex/performers.ts";
import { checkProgress, runTask, stopTask } from "./ecs/performers.ts";
import { createEcsSweep, ECS_SWEEP_EVERY_MS, repeatSweep } from "./ecs/sweep.ts";
import { taskEvents } from "./ecs/task-events.ts";
import { reasonOf } from "./errors.ts";
import { createGitHub } from "./github/client.ts";
import { openPullRequest } from "./github/open-pull-request.ts";
import { githubWebhook } from "./github/webhook.ts";
import { createApp, MAX_REQUEST_BYTES } from "./http/app.ts";
import { createServiceToken } from "./identity/service-token.ts";
import { inspector } from "./inspect/inspector.ts";
import { createVerifyPerson } from "./inspect/person-token.ts";
import { openProjectLog } from "./inspect/project-log.ts";
import { createLinear } from "./linear/client.ts";
import { commentOnIssue, moveIssue, resolveDependencies } from "./linear/performers.ts";
import { LINEAR_SWEEP_EVERY_MS, sweepLinear } from "./linear/sweep.ts";
import { linearWebhook } from "./linear/webhook.ts";
import { createLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { modelGateway } from "./model/gateway.ts";
import { Meter } from "./model/meter.ts";
import { operator } from "./operator/operator.ts";
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
  const linear = createLinear(config.linear);
  const github = createGitHub(config.github);
  const ecs = new ECSClient({
    region: config.ecs.region,
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  });
  const { secret, publicUrl } = config;
  const tasks = { ...config.ecs, secret, publicUrl };

  const performers: Performers = {
    findReady: findReady(convex),
    announceToDependents: announceToDependents(convex),
    resolveDependencies: resolveDependencies(linear, convex),
    moveIssue: moveIssue(linear),
    commentOnIssue: commentOnIssue(linear),
    openPullRequest: openPullRequest(github, convex),
    runTask: runTask(ecs, tasks, convex, log),
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
        store: (events) => convex.mutation(api.ecs.receive, { events }),
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
  const stopSweeps: (() => void)[] = [];
  const drain = async (signal: string) => {
    if (draining) return;
    draining = true;
    log.info("orchestrator.draining", { signal });
    for (const stop of stopSweeps) stop();
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
  const ecsSweep = createEcsSweep(ecs, config.ecs.cluster, convex, log);
  const count = (far_side: string, sweep: () => Promise<number>) => async () => {
    if (!host.owns(SWEEPERS_SHARD)) return;
    const repaired = await sweep();
    if (repaired > 0) metrics.repairs.inc({ far_side }, repaired);
  };
  stopSweeps.push(
    repeatSweep(
      "linear",
      LINEAR_SWEEP_EVERY_MS,
      count("linear", () => sweepLinear(linear, convex, log)),
      log,
    ),
    repeatSweep(
      "ecs",
      ECS_SWEEP_EVERY_MS,
      count("ecs", () => ecsSweep.run()),
      log,
    ),
  );
  log.info("orchestrator.started", { port: config.port, name: config.name });
}
