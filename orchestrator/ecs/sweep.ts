// Asks ECS about tasks we have not heard of for a while: an event may be lost, a launch may never have begun.

import { DescribeTasksCommand, type ECSClient } from "@aws-sdk/client-ecs";
import { api } from "../../convex/_generated/api.js";
import type { TaskEvent } from "../../convex/ecs.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import { fromDetail } from "./task-events.ts";

export const ECS_SWEEP_EVERY_MS = 30_000;
/** A runner's heartbeat comes every 10 s. */
const QUIET_MS = 25_000;
/** ECS is eventually consistent: a task may be missing right after RunTask. */
const ABSENCES_UNTIL_LOST = 5;

export interface EcsSweep {
  /** One sweep. @returns how many tasks' news had been missed */
  run(): Promise<number>;
}

export function createEcsSweep(
  ecs: ECSClient,
  cluster: string,
  convex: ConvexCaller,
  log: Log,
  now: () => number = Date.now,
): EcsSweep {
  const absences = new Map<string, number>();
  return {
    run: async () => {
      const quiet = await convex.query(api.ecs.watched, { before: now() - QUIET_MS });
      const known = quiet.filter((run) => run.taskArn !== null);
      const missing = new Set<string>();
      const events: TaskEvent[] = [];
      for (let at = 0; at < known.length; at += 100) {
        const tasks = known.slice(at, at + 100).map((run) => run.taskArn ?? "");
        const described = await ecs.send(new DescribeTasksCommand({ cluster, tasks }));
        for (const task of described.tasks ?? []) {
          const event = fromDetail(task, now());
          if (event) events.push(event);
        }
        for (const { arn, reason } of described.failures ?? []) if (reason === "MISSING" && arn) missing.add(arn);
      }
      for (const arn of absences.keys()) if (!missing.has(arn)) absences.delete(arn);
      for (const run of known) {
        if (!run.taskArn || !missing.has(run.taskArn)) continue;
        const times = (absences.get(run.taskArn) ?? 0) + 1;
        absences.set(run.taskArn, times);
        if (times < ABSENCES_UNTIL_LOST) continue;
        log.warn("ecs.task_lost", { taskArn: run.taskArn, agent: run.agent, attempt: run.attempt });
        const event = JSON.stringify({ type: "task.lost", at: now(), attempt: run.attempt });
        await convex.mutation(api.mailbox.deliver, {
          deliveries: [{ actor: run.agent, key: `lost:${run.runId}`, event, cause: { kind: "sweep", name: "ECS" } }],
        });
      }
      let repaired = 0;
      for (let at = 0; at < events.length; at += 100) {
        repaired += (await convex.mutation(api.ecs.receive, { events: events.slice(at, at + 100) })).told;
      }
      if (repaired > 0) log.warn("ecs.swept", { repaired });
      return repaired;
    },
  };
}

/** Runs a sweep now and then every `everyMs`, one at a time, until `stop`. */
export function repeatSweep(name: string, everyMs: number, sweep: () => Promise<unknown>, log: Log): () => void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let stopped = false;
  const turn = async () => {
    try {
      await sweep();
    } catch (error) {
      log.warn("sweep.failed", { name, reason: reasonOf(error) });
    }
    if (!stopped) timer = setTimeout(() => void turn(), everyMs);
  };
  void turn();
  return () => {
    stopped = true;
    if (timer) clearTimeout(timer);
  };
}
