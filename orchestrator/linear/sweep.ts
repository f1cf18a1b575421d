// Repairs what webhooks missed: reads the issues that changed since the last sweep, at start and then every five minutes.
// Linear stops retrying a delivery after about seven hours; this does not.
//
//   W1. Every team is read from a moment up to which all of it was read before: its stored mark, or what this process has read since.
//   W2. Teams that are to be read from the same moment are asked for together: what nobody uses costs no request of its own.
//   W3. Moments are Linear's, from the issues themselves: our clock may be wrong. What webhooks have brought says nothing about what
//       they have not.
//   W4. The mark of a team in which nothing happens is brought up once a day, to the same moment as the others': so W2 holds after a start.

import { api } from "../../convex/_generated/api.js";
import type { Issue } from "../../convex/tickets.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Repairs } from "../repairs.ts";
import type { ConvexCaller } from "../store/convex-store.ts";
import type { LinearApi } from "./client.ts";

export const LINEAR_SWEEP_EVERY_MS = 5 * 60_000;
/** Read again this far back: updates may become visible out of order. */
const OVERLAP_MS = 60_000;
/** 50 issues a page, oldest first: a sweep that is cut off, by this or by a fault, leaves nothing older behind. The next goes on. */
const MAX_PAGES = 200;

const MARK_BEHIND_MS = 24 * 3_600_000;
/** Asked for in one request. */
const TEAMS_A_REQUEST = 100;

export interface LinearSweepDeps {
  readonly linear: Pick<LinearApi, "changedSince">;
  readonly convex: ConvexCaller;
  readonly repairs: Repairs;
  readonly log: Log;
  /** Whether this process looks after a project. @default every one */
  readonly isOurs?: (project: string) => boolean;
  /** @default Date.now */
  readonly now?: () => number;
}

/** A webhook that is this late was missed. */
const MISSED_MS = 60_000;

interface Team {
  readonly project: string;
  readonly linearTeamId: string;
  /** ms; 0 when no sweep of it has ever ended. */
  readonly sweptUntil: number;
}

/** Sweeps over every project's team. @returns one sweep, which answers with how many issues were news */
export function createLinearSweep({ linear, convex, repairs, log, isOurs = () => true, now = Date.now }: LinearSweepDeps) {
  /** By project: how far it has been read, as far as this process knows better than its mark. */
  const readTo = new Map<string, number>();

  return async (): Promise<number> => {
    const all = await allTeams(convex);
    const newest = all.reduce((latest, { sweptUntil }) => Math.max(latest, sweptUntil), 0);
    const fromOf = ({ project, sweptUntil }: Team) => Math.max(sweptUntil, readTo.get(project) ?? 0);
    let found = 0;
    for (const [from, teams] of Map.groupBy(
      all.filter(({ project }) => isOurs(project)),
      fromOf,
    )) {
      for (let at = 0; at < teams.length; at += TEAMS_A_REQUEST) {
        const some = teams.slice(at, at + TEAMS_A_REQUEST);
        try {
          found += await read(some, from, newest);
        } catch (error) {
          const projects = some.map(({ project }) => project).join(" ");
          log.warn("linear.sweep_failed", { projects, reason: reasonOf(error) });
        }
      }
    }
    if (found > 0) log.info("linear.swept", { found });
    return found;
  };

  async function read(teams: readonly Team[], from: number, newest: number): Promise<number> {
    const ids = teams.map(({ linearTeamId }) => linearTeamId);
    let found = 0;
    let before: string | null = null;
    for (let page = 0; page < MAX_PAGES; page++) {
      const { issues, next } = await linear.changedSince(ids, Math.max(0, from - OVERLAP_MS), before);
      if (issues.length > 0) found += await take(issues, teams);
      before = next;
      const to = before === null ? newest : (issues.at(-1)?.updatedAt ?? 0);
      for (const { project } of teams) readTo.set(project, Math.max(from, to));
      if (before === null) break;
    }
    // W4
    const behind = before === null ? teams.filter(({ sweptUntil }) => newest - sweptUntil > MARK_BEHIND_MS) : [];
    for (const { project } of behind) await convex.mutation(api.reconcile.swept, { project, farSide: "linear", until: newest });
    return found;
  }

  async function take(issues: readonly Issue[], teams: readonly Team[]): Promise<number> {
    const { news } = await convex.mutation(api.linear.sync, { issues: [...issues] });
    for (const { project, linearTeamId, sweptUntil } of teams) {
      const theirs = issues.filter(({ teamId }) => teamId === linearTeamId);
      const until = theirs.at(-1)?.updatedAt ?? 0;
      // The first sweep of a project imports it: nothing was missed.
      if (sweptUntil > 0)
        await recordMissed(
          theirs.filter(({ issueId }) => news.includes(issueId)),
          project,
        );
      if (until > sweptUntil) await convex.mutation(api.reconcile.swept, { project, farSide: "linear", until });
    }
    return news.length;
  }

  async function recordMissed(issues: readonly Issue[], project: string): Promise<void> {
    for (const { issueId, key, stateName, updatedAt } of issues) {
      if (now() - updatedAt < MISSED_MS) continue;
      const what = `A change of ${key} in Linear had not reached us (it is in ${stateName}): it was read again`;
      const subject = { subject: key, actor: project, key: `issue:${issueId}:${updatedAt}` };
      await repairs.record({ farSide: "linear", kind: "missedChange", what, ...subject });
    }
  }
}

async function allTeams(convex: ConvexCaller): Promise<Team[]> {
  const teams: Team[] = [];
  let after: string | null = null;
  do {
    const page: { readonly projects: readonly Team[]; readonly next: string | null } = await convex.query(api.linear.projects, {
      after,
    });
    teams.push(...page.projects);
    after = page.next;
  } while (after !== null);
  return teams;
}
