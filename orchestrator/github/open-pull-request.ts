// Opens the pull request of a feature's branch, once. The branch is the key: one open pull request per head, and GitHub itself
// refuses a second (P5).

import type { OpenPullRequest } from "@omakase/machines";
import { api } from "../../convex/_generated/api.js";
import type { Performer } from "../actors/performer.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import { type GitHub, GitHubRefused } from "./client.ts";
import { describePullRequest, markerOf } from "./description.ts";

/** GitHub's limit, in characters. */
const MAX_TITLE = 256;

/** Safe to repeat: finds the open pull request of the branch before it makes one, and again when GitHub says there is one. */
export const openPullRequest =
  (github: GitHub, convex: ConvexCaller): Performer<OpenPullRequest> =>
  async ({ branch, base, title }, { actor, effectId }) => {
    const feature = await convex.query(api.features.forPullRequest, { address: actor });
    if (!feature) throw new GitHubRefused(`${actor} has no project any more`);
    const body = describePullRequest(feature, effectId);
    const opened = await github.call(feature.repository, async (octokit, where) => {
      const head = `${where.owner}:${branch}`;
      const find = async () => {
        const { data } = await octokit.pulls.list({ ...where, head, state: "all" });
        // One of ours may have been merged before we heard that we had made it.
        return data.find(({ state }) => state === "open") ?? data.find((pull) => pull.body?.includes(markerOf(effectId)));
      };
      const standing = await find();
      if (standing?.state === "closed") return standing;
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
    return { kind: "answer", event: pullRequestOpened(opened.number, opened.html_url) };
  };

const pullRequestOpened = (number: number, url: string) => ({ type: "pullRequest.opened" as const, number, url });

type Octokit = Parameters<Parameters<GitHub["call"]>[1]>[0];

/** A blocker's branch may have been merged and deleted since. */
async function exists(octokit: Octokit, where: { owner: string; repo: string }, branch: string): Promise<boolean> {
  try {
    await octokit.git.getRef({ ...where, ref: `heads/${branch}` });
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

const statusOf = (error: unknown) => (error as { status?: number }).status;
