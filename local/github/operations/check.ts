// Check runs and commit statuses: stored, journaled and told. The suite of a commit is completed with its last run.
import { unprocessable, validationFailed } from "../errors.ts";
import { checkRunShape, checkSuiteShape, statusShape, suiteStatus } from "../shapes/check.ts";
import {
  type CheckRun,
  checkRunsFor,
  ensureSuite,
  insertCheckRun,
  insertStatus,
  type Status,
  suiteById,
  writeCheckRun,
} from "../store/checks.ts";
import { emit } from "../webhooks/events.ts";
import { nowIso } from "../world.ts";
import { type Change, journal } from "./change.ts";

/** What a caller may say about a run; null leaves it as it is. */
export interface CheckEdit {
  readonly name: string | null;
  readonly status: CheckRun["status"] | null;
  readonly conclusion: CheckRun["conclusion"];
  readonly externalId: string | null;
  readonly detailsUrl: string | null;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly output: Pick<CheckRun, "title" | "summary" | "text"> | null;
  readonly annotations: readonly unknown[];
}

/** GitHub takes fifty annotations a request and adds them up over requests. */
const MAX_ANNOTATIONS = 50;

export function createCheckRun(change: Change, headSha: string, edit: CheckEdit & { readonly name: string }): CheckRun {
  const { world, repository } = change;
  const at = nowIso(world);
  return world.db.transaction(() => {
    const suite = ensureSuite(world.db, repository.id, headSha, at);
    const blank: Omit<CheckRun, "id"> = {
      suiteId: suite.id,
      repositoryId: repository.id,
      headSha,
      name: edit.name,
      status: "queued",
      conclusion: null,
      externalId: "",
      detailsUrl: null,
      title: null,
      summary: null,
      text: null,
      annotations: "[]",
      startedAt: at,
      completedAt: null,
    };
    const run = insertCheckRun(world.db, edited(blank, edit, at));
    journal(change, {
      checkRun: run.id,
      name: run.name,
      sha: headSha,
      externalId: run.externalId,
      status: run.status,
      conclusion: run.conclusion,
    });
    tell(change, run, "created");
    return run;
  })();
}

export function editCheckRun(change: Change, run: CheckRun, edit: CheckEdit): CheckRun {
  const { world } = change;
  return world.db.transaction(() => {
    const next: CheckRun = { ...edited(run, edit, nowIso(world)), id: run.id };
    writeCheckRun(world.db, next);
    journal(change, {
      checkRun: run.id,
      name: next.name,
      sha: run.headSha,
      externalId: next.externalId,
      status: next.status,
      conclusion: next.conclusion,
    });
    if (next.status === "completed" && run.status !== "completed") tell(change, next, "completed");
    return next;
  })();
}

/** A conclusion completes a run; a completed run needs a conclusion. @throws {GitHubError} 422 */
function edited<Run extends Omit<CheckRun, "id">>(run: Run, edit: CheckEdit, at: string): Run {
  if (edit.annotations.length > MAX_ANNOTATIONS)
    throw unprocessable(`Only ${MAX_ANNOTATIONS} annotations are allowed per request`);
  const status = edit.conclusion === null ? (edit.status ?? run.status) : "completed";
  const conclusion = status === "completed" ? (edit.conclusion ?? run.conclusion) : null;
  if (status === "completed" && conclusion === null)
    throw validationFailed({ resource: "CheckRun", code: "missing_field", field: "conclusion" });
  return {
    ...run,
    name: edit.name ?? run.name,
    status,
    conclusion,
    externalId: edit.externalId ?? run.externalId,
    detailsUrl: edit.detailsUrl ?? run.detailsUrl,
    ...(edit.output ?? {}),
    annotations: JSON.stringify([...(JSON.parse(run.annotations) as unknown[]), ...edit.annotations]),
    startedAt: edit.startedAt ?? run.startedAt,
    completedAt: status === "completed" ? (edit.completedAt ?? run.completedAt ?? at) : null,
  };
}

function tell(change: Change, run: CheckRun, action: "created" | "completed"): void {
  const { world, repository, actor } = change;
  const common = { repository, sender: actor };
  emit(world, { ...common, event: "check_run", action, payload: { check_run: checkRunShape(world, repository, run) } });
  if (run.status !== "completed") return;
  const suite = suiteById(world.db, repository.id, run.suiteId);
  const done = suiteStatus(checkRunsFor(world.db, repository.id, run.headSha, true)) === "completed";
  if (suite === null || !done) return;
  emit(world, {
    ...common,
    event: "check_suite",
    action: "completed",
    payload: { check_suite: checkSuiteShape(world, repository, suite) },
  });
}

type NewStatus = Pick<Status, "state" | "context" | "description" | "targetUrl">;

export function createStatus(change: Change, sha: string, input: NewStatus): Status {
  const { world, repository, actor } = change;
  return world.db.transaction(() => {
    const status = insertStatus(world.db, {
      ...input,
      repositoryId: repository.id,
      sha,
      creatorId: actor.id,
      createdAt: nowIso(world),
    });
    journal(change, { status: status.id, sha, context: status.context, state: status.state });
    const shape = statusShape(world, repository, status);
    const payload = { ...shape, sha, name: `${repository.ownerLogin}/${repository.name}`, commit: { sha }, branches: [] };
    emit(world, { event: "status", action: null, repository, sender: actor, payload });
    return status;
  })();
}
