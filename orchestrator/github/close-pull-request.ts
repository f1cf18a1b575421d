// Closes the pull request of a feature that was cancelled while it was open, with a word why. Only one of ours: its marker names an
// effect of that very feature, and its head is the feature's branch. One that is over, or wanted again, is left alone.

import type { ClosePullRequest } from "@omakase/machines";
import { api } from "../../convex/_generated/api.js";
import type { Performer } from "../actors/performer.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import type { GitHub } from "./client.ts";
import { markerOf, markersOf, plain } from "./description.ts";

export type Octokit = Parameters<Parameters<GitHub["call"]>[1]>[0];
export type Where = { readonly owner: string; readonly repo: string };

const DONE = { kind: "answer", event: null } as const;

/** Safe to repeat: what is closed is left alone, and what was said is not said again. */
export const closePullRequest =
  (github: GitHub, convex: ConvexCaller): Performer<ClosePullRequest> =>
  async ({ branch, number, reason }, { actor, effectId }) => {
    const feature = await convex.query(api.features.forPullRequest, { address: actor });
    if (!feature) return DONE;
    // Taken up again since: it is used, not closed.
    const { over } = await convex.query(api.reconcile.publishing, { feature: actor });
    if (over === null) return DONE;
    await github.call(feature.repository, async (octokit, where) => {
      const pull = await find(octokit, where, number);
      const isOurs = pull?.head.ref === branch && pull.body?.includes(markersOf(actor));
      if (pull?.state !== "open" || !isOurs) return;
      await close(octokit, where, number, effectId, `Closed by Omakase: the feature was cancelled. ${plain(reason)}`);
    });
    return DONE;
  };

/** Says why, once, and closes. Safe to repeat. @param why Markdown */
export async function close(octokit: Octokit, where: Where, number: number, effectId: string, why: string): Promise<void> {
  const marker = markerOf(`${effectId}:closed`);
  const comments = await octokit.issues.listComments({ ...where, issue_number: number, per_page: 100 });
  if (!comments.data.some(({ body }) => body?.includes(marker)))
    await octokit.issues.createComment({ ...where, issue_number: number, body: `${why}\n\n${marker}` });
  await octokit.pulls.update({ ...where, pull_number: number, state: "closed" });
}

async function find(octokit: Octokit, where: Where, number: number) {
  try {
    return (await octokit.pulls.get({ ...where, pull_number: number })).data;
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

export const statusOf = (error: unknown) => (error as { status?: number }).status;
