// Far sides that answer at once, so that a benchmark of the host measures the host.

import type { AgentAddress } from "@omakase/machines";
import type { Performed, Performers } from "../actors/performer.ts";
import type { LinearApi } from "../linear/client.ts";
import { resolveDependencies } from "../linear/performers.ts";
import type { ConvexCaller } from "../store/convex-store.ts";

export function performersThatAnswerAtOnce(): Performers {
  const done = async (): Promise<Performed> => ({ kind: "answer", event: null });
  return {
    resolveDependencies: async () => answer({ type: "dependencies.resolved", blockers: [], cycle: null }),
    moveIssue: done,
    commentOnIssue: done,
    openPullRequest: async () => answer({ type: "pullRequest.opened", number: 1, url: "https://github.test/1" }),
    closePullRequest: done,
    runTask: async ({ attempt }, { effectId }) => answer({ type: "task.accepted", attempt, taskArn: effectId }),
    stopTask: done,
    checkProgress: async ({ attempt }) => answer({ type: "progress.checked", attempt, silentMs: 0 }),
  };
}

/**
 * The same, except that dependencies are resolved by the real function, a launch is told to `onLaunch` before it is answered, and who is
 * stopped stops at once.
 */
export function performersThatTellLaunches(
  convex: ConvexCaller,
  blockersOf: LinearApi["blockersOf"],
  onLaunch: (agent: AgentAddress) => void,
): Performers {
  const usual = performersThatAnswerAtOnce();
  return {
    ...usual,
    resolveDependencies: resolveDependencies({ blockersOf }, convex),
    runTask: (effect, context) => {
      onLaunch(effect.agent);
      return usual.runTask(effect, context);
    },
    stopTask: async ({ attempt, taskArn, reason }) =>
      answer({ type: "task.stopped", attempt, taskArn: taskArn ?? "", exitCode: null, stopCode: "UserInitiated", reason }),
  };
}

const answer = (event: { readonly type: string; readonly [field: string]: unknown }): Performed => ({ kind: "answer", event });
