// GitHub delivers once and never again by itself; for three days it does so when asked (facts: services 7). What failed because we were
// away is asked for again; what we refused (4xx) would be refused again.
//
//   R1. A delivery that succeeded once, under whatever attempt, is not asked for.
//   R2. One delivery is asked for at most three times.

import type { Log } from "../log.ts";
import type { GitHub } from "./client.ts";

export const REDELIVERY_EVERY_MS = 10 * 60_000;
const KEPT_MS = 3 * 24 * 3_600_000;
const OVERLAP_MS = 30 * 60_000;
const PAGE = 100;
const MAX_PAGES = 50;
const MAX_ASKED = 3;
/** A storm of ours at GitHub would only meet its secondary limits; the next run goes on. */
const MAX_AT_ONCE = 200;

export interface RedeliveryDeps {
  readonly github: Pick<GitHub, "asApp">;
  readonly log: Log;
  readonly count: (redelivered: number) => void;
  /** @default Date.now */
  readonly now?: () => number;
}

interface Attempt {
  readonly id: number;
  readonly guid: string;
  readonly delivered_at: string;
  readonly status: string;
  readonly status_code: number;
}

/** Asks GitHub for what it could not deliver: at first of the last three days, then since the last run. @returns how many */
export function createRedelivery({ github, log, count, now = Date.now }: RedeliveryDeps) {
  const asked = new Map<string, number>();
  let seenUntil = 0;
  return async (): Promise<number> => {
    const startedAt = now();
    const since = Math.max(startedAt - KEPT_MS, seenUntil - OVERLAP_MS);
    const failed = await github.asApp(async (octokit) => {
      const attempts: Attempt[] = [];
      let pages = 0;
      for await (const { data } of octokit.paginate.iterator(octokit.apps.listWebhookDeliveries, { per_page: PAGE })) {
        attempts.push(...data);
        if (++pages === MAX_PAGES || Date.parse(data.at(-1)?.delivered_at ?? "") < since) break;
      }
      return failedOf(attempts, since);
    }, "sweep");
    const wanted = failed.filter(({ guid }) => (asked.get(guid) ?? 0) < MAX_ASKED);
    for (const { id, guid } of wanted.slice(0, MAX_AT_ONCE)) {
      asked.set(guid, (asked.get(guid) ?? 0) + 1);
      await github.asApp((octokit) => octokit.apps.redeliverWebhookDelivery({ delivery_id: id }), "sweep");
    }
    if (wanted.length <= MAX_AT_ONCE) seenUntil = startedAt;
    const done = Math.min(wanted.length, MAX_AT_ONCE);
    for (const guid of asked.keys()) if (asked.size > 10_000) asked.delete(guid);
    if (done > 0) {
      count(done);
      log.warn("github.redelivery_asked", { count: done });
    }
    return done;
  };
}

/** R1: the newest attempt of each delivery that never succeeded, the oldest delivery first. The list is newest first. */
function failedOf(attempts: readonly Attempt[], since: number): Attempt[] {
  const byDelivery = new Map<string, Attempt[]>();
  for (const attempt of attempts) byDelivery.set(attempt.guid, [...(byDelivery.get(attempt.guid) ?? []), attempt]);
  return [...byDelivery.values()]
    .flatMap(([newest, ...older]) => {
      if (!newest || Date.parse(newest.delivered_at) < since) return [];
      return [newest, ...older].every(isFailed) ? [newest] : [];
    })
    .reverse();
}

/** 0: no answer at all. A delivery that is still on its way is no failure. */
const isFailed = ({ status, status_code }: Attempt): boolean =>
  status !== "pending" && (status_code === 0 || status_code === 408 || status_code === 429 || status_code >= 500);
