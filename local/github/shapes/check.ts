// Check runs, suites and commit statuses as GitHub's JSON writes them.
import { type CheckRun, type CheckSuite, checkRunsFor, type Status } from "../store/checks.ts";
import { openPulls } from "../store/pulls.ts";
import { fullName, type Repository } from "../store/repositories.ts";
import type { World } from "../world.ts";
import { accountById, appShape, nodeId } from "./account.ts";

export function checkRunShape(world: World, repository: Repository, run: CheckRun) {
  const api = `${world.url()}/repos/${fullName(repository)}`;
  const html = `${world.url()}/${fullName(repository)}/commit/${run.headSha}`;
  return {
    id: run.id,
    node_id: nodeId("CR", run.id),
    name: run.name,
    head_sha: run.headSha,
    external_id: run.externalId,
    url: `${api}/check-runs/${run.id}`,
    html_url: html,
    details_url: run.detailsUrl ?? html,
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    output: {
      title: run.title,
      summary: run.summary,
      text: run.text,
      annotations_count: (JSON.parse(run.annotations) as unknown[]).length,
      annotations_url: `${api}/check-runs/${run.id}/annotations`,
    },
    check_suite: { id: run.suiteId },
    app: appShape(world),
    pull_requests: pullsAt(world, repository, run.headSha),
  };
}

export function checkSuiteShape(world: World, repository: Repository, suite: CheckSuite) {
  const runs = checkRunsFor(world.db, repository.id, suite.headSha, true);
  const status = suiteStatus(runs);
  return {
    id: suite.id,
    node_id: nodeId("CS", suite.id),
    head_sha: suite.headSha,
    status,
    conclusion: status === "completed" ? suiteConclusion(runs) : null,
    url: `${world.url()}/repos/${fullName(repository)}/check-suites/${suite.id}`,
    app: appShape(world),
    pull_requests: pullsAt(world, repository, suite.headSha),
    latest_check_runs_count: runs.length,
    created_at: suite.createdAt,
    updated_at: suite.createdAt,
  };
}

export const suiteStatus = (runs: readonly CheckRun[]): "queued" | "in_progress" | "completed" =>
  runs.length > 0 && runs.every((run) => run.status === "completed")
    ? "completed"
    : runs.some((run) => run.status !== "queued")
      ? "in_progress"
      : "queued";

/** The worst conclusion of the runs. */
function suiteConclusion(runs: readonly CheckRun[]) {
  const worst = ["failure", "timed_out", "cancelled", "action_required", "success", "neutral", "skipped"] as const;
  return worst.find((conclusion) => runs.some((run) => run.conclusion === conclusion)) ?? "success";
}

const pullsAt = (world: World, repository: Repository, sha: string) =>
  openPulls(world.db, repository.id)
    .filter((pull) => pull.headSha === sha)
    .map((pull) => ({
      id: pull.id,
      number: pull.number,
      url: `${world.url()}/repos/${fullName(repository)}/pulls/${pull.number}`,
      head: { ref: pull.headRef, sha: pull.headSha },
      base: { ref: pull.baseRef, sha: pull.baseSha },
    }));

export const statusShape = (world: World, repository: Repository, status: Status) => ({
  id: status.id,
  node_id: nodeId("SC", status.id),
  url: `${world.url()}/repos/${fullName(repository)}/statuses/${status.sha}`,
  avatar_url: null,
  state: status.state,
  description: status.description,
  target_url: status.targetUrl,
  context: status.context,
  creator: accountById(world, status.creatorId),
  created_at: status.createdAt,
  updated_at: status.createdAt,
});

/** GitHub's rule: any failure or error fails, then any pending (or nothing at all) is pending, else success. */
export function combinedState(statuses: readonly Status[]): "failure" | "pending" | "success" {
  if (statuses.some((status) => status.state === "failure" || status.state === "error")) return "failure";
  return statuses.length === 0 || statuses.some((status) => status.state === "pending") ? "pending" : "success";
}
