// Tasks that run and that no agent wants: left over from a launch whose row a restored backup has lost, from a stop that failed, from a
// cancel that crossed a launch. They cost money and push to branches, so they are stopped; those an agent wants are adopted.
//
//   O1. Only a task that carries a code of ours is touched: a cluster may serve others, another Omakase among them.
//   O2. A task is stopped when three sweeps in a row found nobody who wants it: a restored memory may still come to know it, by asking
//       for the very same launch under the very same name.
//   O3. A task whose agent lives is never stopped; one the agent did not know of is told to it.
//   O4. Every stop and every adoption is recorded.

import { DescribeTasksCommand, type ECSClient, ListTasksCommand, type Task } from "@aws-sdk/client-ecs";
import { api } from "../../convex/_generated/api.js";
import { projectOf } from "../../convex/shardOf.ts";
import { startedBy } from "../actors/effect-tokens.ts";
import { isRunCode } from "../agents/run-code.ts";
import type { Log } from "../log.ts";
import type { Repairs } from "../repairs.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import { translated } from "./ecs-errors.ts";
import { ORPHAN_REASON, stop } from "./performers.ts";
import { AGENT_CONTAINER, fromDetail } from "./task-events.ts";

export interface OrphanSweepDeps {
  readonly ecs: ECSClient;
  readonly cluster: string;
  /** What the codes of our runs are derived with (O1). */
  readonly secret: string;
  readonly convex: ConvexCaller;
  readonly repairs: Repairs;
  readonly log: Log;
  /** Whether this process looks after a project's tasks. */
  readonly isOurs: (project: string) => boolean;
  /** @default Date.now */
  readonly now?: () => number;
}

const STRIKES_UNTIL_STOPPED = 3;
const PAGE = 100;
/** 5,000 tasks at most are looked at in one sweep. */
const MAX_PAGES = 50;

/** One sweep. @returns how many tasks were stopped or adopted */
export function createOrphanSweep({ ecs, cluster, secret, convex, repairs, log, isOurs, now = Date.now }: OrphanSweepDeps) {
  let strikes = new Map<string, number>();
  return async (): Promise<number> => {
    const struck = new Map<string, number>();
    let repaired = 0;
    for await (const tasks of running(ecs, cluster)) {
      const ours = tasks.flatMap((task) => {
        const run = runOf(task, secret);
        return run !== null && isOurs(projectOf(run)) ? [{ task, taskArn: task.taskArn ?? "", run, agent: agentOf(run) }] : [];
      });
      if (ours.length === 0) continue;
      const known = await convex.query(api.reconcile.tasks, { startedBy: ours.map(({ run }) => startedBy(run)) });
      for (const [at, { task, taskArn, run, agent }] of ours.entries()) {
        const verdict = known[at] ?? null;
        const over = verdict
          ? (verdict.over ?? (isOther(verdict.taskArn, taskArn) ? "Another task does its run" : null))
          : UNKNOWN;
        if (verdict && over === null) {
          if (verdict.taskArn === null && (await adopt(task))) {
            const what = `The task of ${agent} was running and its launch had not been answered: it was taken over`;
            await repairs.record({
              farSide: "ecs",
              kind: "taskAdopted",
              subject: taskArn,
              actor: agent,
              what,
              key: `adopted:${taskArn}`,
            });
            repaired++;
          }
          continue;
        }
        const times = (strikes.get(taskArn) ?? 0) + 1;
        struck.set(taskArn, times);
        if (times < STRIKES_UNTIL_STOPPED) continue;
        const reason = over ?? UNKNOWN;
        log.warn("ecs.orphan_stopped", { taskArn, run, reason });
        await stop(ecs, cluster, taskArn, `${ORPHAN_REASON}: ${reason}`);
        const what = `A task of ${agent} was running that nobody wanted and was stopped: ${reason}`;
        await repairs.record({
          farSide: "ecs",
          kind: "orphanStopped",
          subject: taskArn,
          actor: agent,
          what,
          key: `orphan:${taskArn}`,
        });
        repaired++;
      }
    }
    strikes = struck;
    return repaired;
  };

  async function adopt(task: Task): Promise<boolean> {
    const event = fromDetail(task, now());
    if (!event) return false;
    const { told, dropped } = await convex.mutation(api.ecs.receive, { events: [event] });
    return told > 0 || dropped === 0;
  }
}

const UNKNOWN = "No run of this name is known";
const isOther = (known: string | null, taskArn: string): boolean => known !== null && known !== taskArn;

async function* running(ecs: ECSClient, cluster: string): AsyncGenerator<readonly Task[]> {
  let nextToken: string | undefined;
  try {
    for (let page = 0; page < MAX_PAGES; page++) {
      const listed = await ecs.send(new ListTasksCommand({ cluster, desiredStatus: "RUNNING", maxResults: PAGE, nextToken }));
      const { taskArns = [] } = listed;
      if (taskArns.length > 0) {
        const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
        yield tasks.filter(({ desiredStatus }) => desiredStatus === "RUNNING");
      }
      nextToken = listed.nextToken;
      if (!nextToken) return;
    }
  } catch (error) {
    throw translated(error);
  }
}

/** O1: the effect id a task of ours was launched for. */
function runOf(task: Task, secret: string): string | null {
  const container = task.overrides?.containerOverrides?.find(({ name }) => name === AGENT_CONTAINER);
  const read = (name: string) => container?.environment?.find((variable) => variable.name === name)?.value ?? "";
  const run = read("OMAKASE_RUN");
  return run !== "" && task.startedBy === startedBy(run) && isRunCode(secret, run, read("OMAKASE_CODE")) ? run : null;
}

/** An effect id is `<agent>:<sequence>:<index>`. */
const agentOf = (run: string): string => run.slice(0, run.indexOf(":"));
