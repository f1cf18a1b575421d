// Asks ECS about tasks we have not heard of for a while: an event may be lost, a launch may never have begun.

import { DescribeTasksCommand, type ECSClient } from "@aws-sdk/client-ecs";
import { api } from "../../convex/_generated/api.js";
import type { TaskEvent } from "../../convex/ecs.ts";
import { projectOf } from "../../convex/shardOf.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import type { LostRun } from "./lost-runs.ts";
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
  declareLost: (run: LostRun) => Promise<void>,
  isOurs: (project: string) => boolean = () => true,
  now: () => number = Date.now,
): EcsSweep {
  const absences = new Map<string, number>();
  return {
    run: async () => {
      const quiet = await convex.query(api.ecs.watched, { before: now() - QUIET_MS });
      const known = quiet.filter((run) => run.taskArn !== null && isOurs(projectOf(run.agent)));
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
        try {
          await declareLost(run);
        } catch (error) {
          // Its branch cannot be read just now: the next sweep tries again.
          log.warn("ecs.lost_undecided", { agent: run.agent, attempt: run.attempt, reason: reasonOf(error) });
        }
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
