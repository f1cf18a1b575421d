// How a run ended whose task has disappeared: from what it left behind. A report that came speaks for itself. A coder's last push speaks
// for it too: its commits carry the run's name, and work that was cut off says so in its subject (`agents/commit-message.ts`). Anything
// else is tried again, on the same branch, with whatever was pushed.

import { api } from "../../convex/_generated/api.js";
import type { GitHub } from "../github/client.ts";
import type { Log } from "../log.ts";
import type { Repairs } from "../repairs.ts";
import type { ConvexCaller } from "../store/convex-store.ts";

export interface LostRun {
  /** The effect id. */
  readonly runId: string;
  readonly agent: string;
  readonly attempt: number;
}

export interface LostRunsDeps {
  readonly convex: ConvexCaller;
  readonly github: Pick<GitHub, "call">;
  readonly repairs: Repairs;
  readonly log: Log;
  /** @default Date.now */
  readonly now?: () => number;
}

const NO_USAGE = { turns: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd: 0 };

/** Tells the agent that its task is lost, after what can be said for it. Safe to repeat. @throws while its branch cannot be read */
export const declareLost =
  ({ convex, github, repairs, log, now = Date.now }: LostRunsDeps) =>
  async ({ runId, agent, attempt }: LostRun): Promise<void> => {
    const run = await convex.query(api.reconcile.lostRun, { effectId: runId });
    const head =
      run?.role === "coder" && run.isClaimed && !run.hasReported ? await headOf(github, run.repository, run.branch) : null;
    const isDone = head !== null && isFinishedWorkOf(runId, head.message);
    if (isDone) {
      // The report the runner would have made: reviewer and tester judge the work all the same.
      const reason = "Its task disappeared after it had pushed its work: taken from the branch";
      await convex.mutation(api.runs.report, {
        effectId: runId,
        ...{ exitCode: 0 as const, class: null, reason, result: null, headSha: head.sha, usage: NO_USAGE },
      });
    }
    log.warn("ecs.task_lost", { agent, attempt, inferred: isDone ? "done" : run?.hasReported ? "reported" : "retry" });
    const event = JSON.stringify({ type: "task.lost", at: now(), attempt });
    const { stored } = await convex.mutation(api.mailbox.deliver, {
      deliveries: [{ actor: agent, key: `lost:${runId}`, event, cause: { kind: "sweep", name: "ECS" } }],
    });
    if (stored === 0) return;
    const outcome = isDone
      ? "its work was on the branch and counts"
      : run?.hasReported
        ? "it had reported before"
        : "it left no finished work and is tried again";
    const what = `The task of ${agent}, attempt ${attempt}, disappeared: ${outcome}`;
    await repairs.record({
      farSide: "ecs",
      kind: isDone ? "lostInferred" : "lost",
      subject: runId,
      actor: agent,
      what,
      key: `lost:${runId}`,
    });
  };

interface Head {
  readonly sha: string;
  readonly message: string;
}

/** The newest commit of a branch; null when there is no such branch. */
const headOf = (github: Pick<GitHub, "call">, repository: string, branch: string): Promise<Head | null> =>
  github.call(
    repository,
    async (octokit, where) => {
      try {
        const { data } = await octokit.repos.getCommit({ ...where, ref: branch });
        return { sha: data.sha, message: data.commit.message };
      } catch (error) {
        const { status } = error as { status?: number };
        if (status === 404 || status === 422) return null;
        throw error;
      }
    },
    "sweep",
  );

/** Only the last paragraph holds trailers: nothing an agent writes above them can pass for one. */
export function isFinishedWorkOf(runId: string, message: string): boolean {
  const trailers =
    message
      .trimEnd()
      .split(/\n\s*\n/)
      .at(-1) ?? "";
  return !message.startsWith("wip:") && trailers.split("\n").includes(`Omakase-Run: ${runId}`);
}
