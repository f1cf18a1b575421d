// Starting, stopping and asking about an agent's ECS task.
//   E1. A launch carries the client token of its effect: however often it is asked for, ECS starts one task (P5).
//   E2. Its parameters are byte-equal at every repeat: they come from the frozen payload and from settings that do not change under it.
//   E3. When the token may have expired, or was used with other parameters, the task that is there is adopted, never a second started.
//   E4. A launch that is not wanted any more, as stored, is never sent once it has waited; one that was answered too late has its task
//       stopped: settling it finds that out (`convex/settling.ts` S4), and it is performed again.
//   E5. A throttle, a full cluster and our own pace are waits (`RateLimited`): they never fail a launch.

import {
  ConflictException,
  type ECSClient,
  InvalidParameterException,
  ListTasksCommand,
  RunTaskCommand,
  type RunTaskCommandInput,
  StopTaskCommand,
} from "@aws-sdk/client-ecs";
import type { CheckProgress, RunTask, StopTask } from "@omakase/machines";
import { api } from "../../convex/_generated/api.js";
import { clientToken, startedBy } from "../actors/effect-tokens.ts";
import type { Performed, Performer } from "../actors/performer.ts";
import { runCode } from "../agents/run-code.ts";
import type { Log } from "../log.ts";
import type { LaunchPace } from "../rates/launch-pace.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import { EcsUnavailable, isFull, translated, waitOf } from "./ecs-errors.ts";
import { AGENT_CONTAINER } from "./task-events.ts";

export interface TaskSettings {
  readonly cluster: string;
  readonly taskDefinition: string;
  readonly subnets: readonly string[];
  readonly securityGroups: readonly string[];
  /** How the container reaches us. */
  readonly publicUrl: string;
  /** The key the one-time codes are derived with. */
  readonly secret: string;
}

/** ECS keeps a token for at most 24 hours, possibly less: half of that is safe (facts: durable 5.4). */
const TOKEN_TRUSTED_MS = 12 * 3_600_000;
/** The commit that asked for it wanted it (`convex/commit.ts` C6): asking again so soon would find out what settling does anyway. */
const WANTED_FOR_MS = 1_000;

export interface RunTaskDeps {
  readonly ecs: ECSClient;
  readonly settings: TaskSettings;
  readonly convex: ConvexCaller;
  readonly pace: LaunchPace;
  readonly log: Log;
  /** A task was stopped because its launch was answered after nobody wanted it (E4). */
  readonly onCompensated?: (effectId: string, agent: string, taskArn: string, reason: string) => Promise<void>;
  /** @default Date.now */
  readonly now?: () => number;
}

/** Starts the agent's task. Safe to repeat. @throws {EcsUnavailable} retryable @throws {EcsRefused} @throws {RateLimited} */
export const runTask =
  ({ ecs, settings, convex, pace, log, onCompensated, now = Date.now }: RunTaskDeps): Performer<RunTask> =>
  async ({ attempt }, { effectId, askedAt, isRepeated, actor, signal }) => {
    pace.take(); // before anything is awaited: the oldest is asked first
    const ageMs = now() - askedAt;
    if (isRepeated || ageMs < 0 || ageMs > WANTED_FOR_MS) {
      const { over } = await unsent(pace, () => convex.query(api.reconcile.launch, { effectId }));
      if (over !== null) {
        pace.giveBack();
        log.info("ecs.launch_over", { effectId, reason: over });
        return compensated(await findTaskOf(effectId), over);
      }
    }
    if (ageMs > TOKEN_TRUSTED_MS) {
      const found = await unsent(pace, () => taskOf(ecs, settings.cluster, convex, actor, attempt));
      if (found) {
        pace.giveBack();
        return accepted(attempt, found);
      }
    }
    const launched = await launch();
    if (launched.kind === "refused") return { kind: "answer", event: taskRefused(attempt, launched.reason) };
    return accepted(attempt, launched.taskArn);

    async function launch(): Promise<Launched> {
      try {
        const { tasks = [], failures = [] } = await ecs.send(new RunTaskCommand(request(settings, effectId)), {
          abortSignal: signal,
        });
        const [task] = tasks;
        if (task?.taskArn) {
          pace.placed();
          // Our own orphan sweep was there first (its task's agent was unknown for a while): only another attempt can help.
          if (task.stoppedReason?.startsWith(ORPHAN_REASON)) return { kind: "refused", reason: task.stoppedReason };
          return { kind: "launched", taskArn: task.taskArn };
        }
        const reason = failures.map((failure) => failure.reason).join(", ") || "without a reason";
        if (isFull(reason)) throw pace.full(`ECS has no room: ${reason}`, null);
        throw new EcsUnavailable(`ECS placed no task: ${reason}`);
      } catch (error) {
        const waitsFor = waitOf(error);
        if (waitsFor === "rate") throw pace.throttled(error);
        if (waitsFor === "room") throw pace.full("ECS has no room for another task", error);
        if (!(error instanceof ConflictException)) throw translated(error);
        // E3: our token, other parameters. A deployment changed the settings between two tries.
        const taskArn = error.resourceIds?.[0];
        log.error("ecs.launch_conflict", { effectId, taskArn });
        if (!taskArn) throw translated(error);
        return { kind: "launched", taskArn };
      }
    }

    /** An earlier try of this very effect may have been sent before it was over. */
    async function findTaskOf(name: string): Promise<string | null> {
      const run = await convex.query(api.runs.byAgent, { agent: actor, attempt });
      return run?.taskArn ?? findTask(ecs, settings.cluster, name);
    }

    /** E4. */
    async function compensated(taskArn: string | null, reason: string): Promise<Performed> {
      // Found by the kill-point sweep: an agent that is not told waits five minutes for the end of a task there never was.
      if (taskArn === null) return { kind: "answer", event: taskRefused(attempt, reason) };
      await stop(ecs, settings.cluster, taskArn, reason);
      log.warn("ecs.launch_compensated", { effectId, taskArn, reason });
      await onCompensated?.(effectId, actor, taskArn, reason);
      return accepted(attempt, taskArn, true);
    }
  };

type Launched = { readonly kind: "launched"; readonly taskArn: string } | { readonly kind: "refused"; readonly reason: string };

/** How the reason begins with which the orphan sweep stops a task. */
export const ORPHAN_REASON = "Omakase: nobody wants this task";

/** What comes before the request: when it fails, nothing was sent. */
async function unsent<T>(pace: LaunchPace, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    pace.giveBack();
    throw error;
  }
}

function request(settings: TaskSettings, effectId: string): RunTaskCommandInput {
  const environment = {
    OMAKASE_URL: settings.publicUrl,
    OMAKASE_RUN: effectId,
    OMAKASE_CODE: runCode(settings.secret, effectId),
  };
  return {
    cluster: settings.cluster,
    taskDefinition: settings.taskDefinition,
    launchType: "FARGATE",
    clientToken: clientToken(effectId),
    startedBy: startedBy(effectId),
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: [...settings.subnets],
        securityGroups: [...settings.securityGroups],
        assignPublicIp: "DISABLED",
      },
    },
    // Readable by everyone with DescribeTasks: an address, a name and a code that is worthless once claimed.
    overrides: {
      containerOverrides: [
        { name: AGENT_CONTAINER, environment: Object.entries(environment).map(([name, value]) => ({ name, value })) },
      ],
    },
  };
}

function accepted(attempt: number, taskArn: string, isStopped = false): Performed {
  return { kind: "answer", event: taskAccepted(attempt, taskArn), launch: { taskArn, isStopped } };
}
const taskRefused = (attempt: number, reason: string) => ({
  type: "task.refused" as const,
  attempt,
  class: "infrastructure" as const,
  reason,
});
const taskAccepted = (attempt: number, taskArn: string) => ({ type: "task.accepted" as const, attempt, taskArn });

/** The task an effect has started, running or stopped within the last hour. */
async function findTask(ecs: ECSClient, cluster: string, effectId: string): Promise<string | null> {
  try {
    for (const desiredStatus of ["RUNNING", "STOPPED"] as const) {
      // startedBy must be the only filter beside the status (facts: services 5.3).
      const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster, startedBy: startedBy(effectId), desiredStatus }));
      if (taskArns[0]) return taskArns[0];
    }
    return null;
  } catch (error) {
    throw translated(error);
  }
}

/** Stops the task of an attempt; one that has ended is fine. Safe to repeat. @throws {EcsUnavailable} retryable */
export const stopTask =
  (ecs: ECSClient, settings: Pick<TaskSettings, "cluster">, convex: ConvexCaller): Performer<StopTask> =>
  async ({ attempt, taskArn, reason }, { actor }) => {
    const task = taskArn ?? (await taskOf(ecs, settings.cluster, convex, actor, attempt));
    if (task === null) return { kind: "answer", event: null };
    await stop(ecs, settings.cluster, task, reason);
    return { kind: "answer", event: null };
  };

/** Safe to repeat; a task that has ended is fine. @throws {EcsUnavailable} retryable @throws {EcsRefused} */
export async function stop(ecs: ECSClient, cluster: string, task: string, reason: string): Promise<void> {
  try {
    await ecs.send(new StopTaskCommand({ cluster, task, reason: reason.slice(0, 255) }));
  } catch (error) {
    // Ended more than an hour ago: ECS has forgotten it. A missing cluster is another matter.
    const isGone = error instanceof InvalidParameterException && /task was not found/i.test(error.message);
    if (!isGone) throw translated(error);
  }
}

/** The task of an attempt: as its run has it (ECS tells of it even when the launch's answer was lost), or as ECS lists it. */
async function taskOf(
  ecs: ECSClient,
  cluster: string,
  convex: ConvexCaller,
  agent: string,
  attempt: number,
): Promise<string | null> {
  const run = await convex.query(api.runs.byAgent, { agent, attempt });
  if (!run) return null;
  return run.taskArn ?? findTask(ecs, cluster, run.effectId);
}

/** How long an attempt has put nothing out. Safe to repeat. */
export const checkProgress =
  (convex: ConvexCaller, now: () => number = Date.now): Performer<CheckProgress> =>
  async ({ attempt }, { actor }) => {
    const run = await convex.query(api.runs.byAgent, { agent: actor, attempt });
    const silentMs = run ? await convex.query(api.runs.silence, { effectId: run.effectId, now: now() }) : 0;
    return { kind: "answer", event: progressChecked(attempt, silentMs) };
  };
const progressChecked = (attempt: number, silentMs: number) => ({ type: "progress.checked" as const, attempt, silentMs });
