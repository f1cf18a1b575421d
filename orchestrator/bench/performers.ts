// Far sides that answer at once, so that a benchmark of the host measures the host. What is asked of our own memory is asked.

import type { Performed, Performers } from "../actors/performer.ts";
import { announceToDependents, findReady } from "../convex/performers.ts";
import type { ConvexCaller } from "../store/convex-store.ts";

export function performersThatAnswerAtOnce(convex: ConvexCaller): Performers {
  const done = async (): Promise<Performed> => ({ kind: "answer", event: null });
  return {
    findReady: findReady(convex),
    announceToDependents: announceToDependents(convex),
    resolveDependencies: async () => answer({ type: "dependencies.resolved", blockers: [], cycle: null }),
    moveIssue: done,
    commentOnIssue: done,
    openPullRequest: async () => answer({ type: "pullRequest.opened", number: 1, url: "https://github.test/1" }),
    runTask: async ({ attempt }, { effectId }) => answer({ type: "task.accepted", attempt, taskArn: effectId }),
    stopTask: done,
    checkProgress: async ({ attempt }) => answer({ type: "progress.checked", attempt, silentMs: 0 }),
  };
}

const answer = (event: { readonly type: string; readonly [field: string]: unknown }): Performed => ({ kind: "answer", event });
