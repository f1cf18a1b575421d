// Opens the pull request of a feature's branch, once. The branch is the key: one open pull request per head, and GitHub itself
// refuses a second (P5). One that nobody wants any more is not opened, and one that came too late is closed with a word why.

import type { OpenPullRequest } from "@omakase/machines";
import { api } from "../../convex/_generated/api.js";
import type { Performer } from "../actors/performer.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import { type GitHub, GitHubRefused } from "./client.ts";
import { close, type Octokit, statusOf, type Where } from "./close-pull-request.ts";
import { describePullRequest, markerOf, plain } from "./description.ts";

const TOO_LATE = "Closed by Omakase: the feature was cancelled before this pull request was open.";
/** GitHub's limit, in characters. */
const MAX_TITLE = 256;

/** Tells of a pull request that was closed because its feature was cancelled meanwhile. */
export type OnClosed = (feature: string, subject: string, reason: string) => Promise<void>;

/** Safe to repeat: finds the open pull request of the branch before it makes one, and again when GitHub says there is one. */
export const openPullRequest =
  (github: GitHub, convex: ConvexCaller, onClosed?: OnClosed): Performer<OpenPullRequest> =>
  async ({ branch, base, title }, { actor, effectId }) => {
    const feature = await convex.query(api.features.forPullRequest, { address: actor });
    if (!feature) throw new GitHubRefused(`${actor} has no project any more`);
    const body = describePullRequest(feature, effectId);
    const { over } = await convex.query(api.reconcile.publishing, { feature: actor });
    const opened = await github.call(feature.repository, async (octokit, where) => {
      const head = `${where.owner}:${branch}`;
      const find = async () => {
        const { data } = await octokit.pulls.list({ ...where, head, state: "all" });
        // One of ours may have been merged before we heard that we had made it.
        return data.find(({ state }) => state === "open") ?? data.find((pull) => pull.body?.includes(markerOf(effectId)));
      };
      const standing = await find();
      if (standing?.state === "closed") return standing;
      if (over !== null) return standing?.body?.includes(markerOf(effectId)) ? standing : null;
      if (standing) {
        await octokit.pulls.update({ ...where, pull_number: standing.number, body });
        return standing;
      }
      const onto = base !== null && (await exists(octokit, where, base)) ? base : feature.defaultBranch;
      try {
        return (await octokit.pulls.create({ ...where, head: branch, base: onto, title: title.slice(0, MAX_TITLE), body })).data;
      } catch (error) {
        // Our own earlier call, whose answer was lost.
        const made = statusOf(error) === 422 ? await find() : undefined;
        if (made) return made;
        throw error;
      }
    });
    if (opened === null) return { kind: "answer", event: null };
    const late = over ?? (await convex.query(api.reconcile.publishing, { feature: actor })).over;
    if (late !== null && opened.state === "open") {
      await github.call(feature.repository, (octokit, where) =>
        close(octokit, where, opened.number, effectId, `${TOO_LATE} ${plain(late)}`),
      );
      await onClosed?.(actor, `${feature.repository}#${opened.number}`, late);
    }
    return { kind: "answer", event: pullRequestOpened(opened.number, opened.html_url) };
  };

const pullRequestOpened = (number: number, url: string) => ({ type: "pullRequest.opened" as const, number, url });

/** A blocker's branch may have been merged and deleted since. */
async function exists(octokit: Octokit, where: Where, branch: string): Promise<boolean> {
  try {
    await octokit.git.getRef({ ...where, ref: `heads/${branch}` });
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}
