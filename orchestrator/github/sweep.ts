// Pull requests as GitHub has them against features as we have them, both ways: an end nobody told us of, and one that is not there.
//
//   P1. What a delivery has told is not told again: the fact names the event, not the way it came.
//   P2. A pull request is called missing when GitHub denies its number in two looks in a row.
//   P3. Only projects where something could have changed for us are asked about (convex/pulls.ts): what nobody uses costs no request.
//   P4. Whoever was looked at longest ago is next: when the budget does not pay for all, each has its turn.

import { api } from "../../convex/_generated/api.js";
import type { PullRequestChange } from "../../convex/github.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { RateLimited } from "../rates/rate-limited.ts";
import type { Repairs } from "../repairs.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import { type GitHub, GitHubRefused } from "./client.ts";

export const GITHUB_SWEEP_EVERY_MS = 5 * 60_000;
const OVERLAP_MS = 60_000;
const PAGE = 100;
const MAX_PAGES = 20;
/** GitHub's own lists lag behind its answers. */
const FRESH_MS = 60_000;

export interface GitHubSweepDeps {
  readonly github: Pick<GitHub, "call">;
  readonly convex: ConvexCaller;
  readonly repairs: Repairs;
  readonly log: Log;
  /** Whether this process looks after a project. @default every one */
  readonly isOurs?: (project: string) => boolean;
  /** @default Date.now */
  readonly now?: () => number;
}

interface Ended {
  readonly updatedAt: number;
  readonly change: PullRequestChange | null;
}

type Looks = (typeof api.pulls.toLookAt)["_returnType"];
type Look = Looks["looks"][number];

/** A sweep over the repositories of every project that is to be looked at. @returns how many features were told something new */
export function createGitHubSweep({ github, convex, repairs, log, isOurs = () => true, now = Date.now }: GitHubSweepDeps) {
  /** By project, as its last look had it. */
  const denied = new Map<string, ReadonlySet<string>>();
  let isAdopted = false;
  return async (): Promise<number> => {
    while (!isAdopted) isAdopted = (await convex.mutation(api.pulls.adopt, {})) === 0;
    let repaired = 0;
    let waiting = 0;
    // P4
    for (const look of (await toLookAt(convex)).sort((a, b) => a.lookedAt - b.lookedAt)) {
      if (!isOurs(look.project)) continue;
      const at = now();
      let until = look.sweptUntil;
      try {
        const ends = await sweepEnds(look);
        until = ends.until;
        repaired += ends.told + (await sweepMissing(look));
      } catch (error) {
        if (error instanceof RateLimited) {
          waiting++;
          continue;
        }
        // Its turn is over all the same: others must not wait for one that cannot be read. A late look that GitHub refuses was the last.
        log.warn("github.sweep_failed", { project: look.project, reason: reasonOf(error) });
        const isOpen = look.isOpen || !(error instanceof GitHubRefused);
        await convex.mutation(api.pulls.looked, { project: look.project, until, at, isOpen });
        continue;
      }
      await convex.mutation(api.pulls.looked, { project: look.project, until, at, isOpen: look.isOpen });
    }
    if (waiting > 0) log.info("github.sweep_waits", { projects: waiting });
    return repaired;
  };

  /** Pull requests that ended since the last look. */
  async function sweepEnds({ repository, sweptUntil }: Look): Promise<{ told: number; until: number }> {
    const since = sweptUntil - OVERLAP_MS;
    const ended: Ended[] = [];
    await github.call(
      repository,
      async (octokit, where) => {
        for (let page = 1; page <= MAX_PAGES; page++) {
          const { data } = await octokit.pulls.list({
            ...where,
            state: "closed",
            sort: "updated",
            direction: "desc",
            per_page: PAGE,
            page,
          });
          ended.push(...data.map(endOf));
          if (data.length < PAGE || (ended.at(-1)?.updatedAt ?? 0) < since) return;
        }
      },
      "sweep",
    );
    const changes = ended.flatMap(({ updatedAt, change }) => (change && updatedAt >= since ? [change] : [])).reverse();
    let told = 0;
    for (let at = 0; at < changes.length; at += PAGE) told += await tell(repository, changes.slice(at, at + PAGE));
    return { told, until: Math.max(sweptUntil, ...ended.map(({ updatedAt }) => updatedAt)) };
  }

  async function tell(repository: string, changes: PullRequestChange[]): Promise<number> {
    const { told } = await convex.mutation(api.github.sync, { repository, changes });
    for (const { feature, number } of told) {
      const change = changes.find((one) => one.number === number);
      const subject = `${repository}#${number}`;
      const what = `The pull request ${subject} had been ${change?.kind ?? "closed"} and we had not heard of it`;
      await repairs.record({
        farSide: "github",
        kind: "missedEnd",
        subject,
        actor: feature,
        what,
        key: `pull:${number}:${change?.kind}`,
      });
    }
    return told.length;
  }

  /** Features whose pull request should be open and is not there. */
  async function sweepMissing({ project, repository }: Look): Promise<number> {
    const deniedBefore = denied.get(project);
    denied.delete(project);
    const passing = await convex.query(api.reconcile.passing, { project });
    const settled = passing.filter(({ since }) => now() - since > FRESH_MS);
    if (settled.length === 0) return 0;
    const open = await openNumbers(repository);
    const deniedNow = new Set<string>();
    let repaired = 0;
    for (const { feature, number, since } of settled) {
      if (number === null || open.has(number) || !(await isDenied(repository, number))) continue;
      const name = `${repository}#${number}`;
      deniedNow.add(name);
      if (!deniedBefore?.has(name)) continue;
      const event = JSON.stringify({ type: "pullRequest.missing", at: now(), number });
      const { stored } = await convex.mutation(api.mailbox.deliver, {
        deliveries: [{ actor: feature, key: `missing:${number}:${since}`, event, cause: { kind: "sweep", name: "GitHub" } }],
      });
      if (stored === 0) continue;
      const what = `The pull request ${name} is not at GitHub any more: it is opened again`;
      await repairs.record({
        farSide: "github",
        kind: "pullRequestMissing",
        subject: name,
        actor: feature,
        what,
        key: `missing:${number}:${since}`,
      });
      repaired++;
    }
    if (deniedNow.size > 0) denied.set(project, deniedNow);
    return repaired;
  }

  async function openNumbers(repository: string): Promise<Set<number>> {
    const open = new Set<number>();
    await github.call(
      repository,
      async (octokit, where) => {
        for (let page = 1; page <= MAX_PAGES; page++) {
          const { data } = await octokit.pulls.list({ ...where, state: "open", per_page: PAGE, page });
          for (const { number } of data) open.add(number);
          if (data.length < PAGE) return;
        }
      },
      "sweep",
    );
    return open;
  }

  /** P2. One that merely ended is for `sweepEnds`. */
  async function isDenied(repository: string, number: number): Promise<boolean> {
    return github.call(
      repository,
      async (octokit, where) => {
        try {
          await octokit.pulls.get({ ...where, pull_number: number });
          return false;
        } catch (error) {
          if ((error as { status?: number }).status === 404) return true;
          throw error;
        }
      },
      "sweep",
    );
  }
}

async function toLookAt(convex: ConvexCaller): Promise<Look[]> {
  const looks = new Map<string, Look>();
  let cursor: Looks["next"] = null;
  do {
    const page: Looks = await convex.query(api.pulls.toLookAt, { cursor });
    for (const look of page.looks) if (!looks.has(look.project)) looks.set(look.project, look);
    cursor = page.next;
  } while (cursor !== null);
  return [...looks.values()];
}

interface Listed {
  readonly number: number;
  readonly updated_at: string;
  readonly merged_at: string | null;
  readonly closed_at: string | null;
  readonly head: { readonly ref: string };
}

function endOf({ number, updated_at, merged_at, closed_at, head }: Listed): Ended {
  const at = Date.parse(merged_at ?? closed_at ?? "");
  const kind = merged_at === null ? "closed" : "merged";
  const change = Number.isNaN(at) ? null : ({ kind, branch: head.ref, number, by: "somebody", at } as const);
  return { updatedAt: Date.parse(updated_at), change };
}
