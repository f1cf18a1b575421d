// Routes of check runs, check suites and commit statuses.
import { GitHubError, notFound, validationFailed } from "../errors.ts";
import type { Api, RepositoryCall } from "../http/api.ts";
import type { Input } from "../http/input.ts";
import { created, linkHeader, ok, pageOf, type Reply, slice } from "../http/reply.ts";
import type { Route } from "../http/route.ts";
import { type CheckEdit, createCheckRun, createStatus, editCheckRun } from "../operations/check.ts";
import { repositoryShape } from "../shapes/account.ts";
import { checkRunShape, checkSuiteShape, combinedState, statusShape } from "../shapes/check.ts";
import {
  CHECK_STATUSES,
  type CheckRun,
  CONCLUSIONS,
  checkRunsFor,
  findCheckRun,
  latestStatuses,
  STATUS_STATES,
  statusesFor,
  suiteOf,
} from "../store/checks.ts";
import { fullName } from "../store/repositories.ts";
import { changeOf } from "./change-of.ts";
import { requiredCommit } from "./commits.ts";

export function checkRoutes(api: Api): Route[] {
  return [
    api.forRepository("POST", "/check-runs", ["checks"], async (call) => {
      const { world, repository, git, input } = call;
      refusePerson(call);
      const name = input.string("name");
      const sha = await requiredCommit(git, input.string("head_sha"));
      return created(checkRunShape(world, repository, createCheckRun(changeOf(call), sha, { ...editOf(input), name })));
    }),
    api.forRepository("PATCH", "/check-runs/{id}", ["checks"], (call) => {
      refusePerson(call);
      const run = editCheckRun(changeOf(call), runOf(call), editOf(call.input));
      return ok(checkRunShape(call.world, call.repository, run));
    }),
    api.forRepository("GET", "/check-runs/{id}", ["checks"], (call) =>
      ok(checkRunShape(call.world, call.repository, runOf(call))),
    ),
    api.forRepository("GET", "/commits/{ref...}/check-runs", ["checks"], listRuns),
    api.forRepository("GET", "/commits/{ref...}/check-suites", ["checks"], async ({ world, repository, git, params }) => {
      const suite = suiteOf(world.db, repository.id, await requiredCommit(git, params.ref));
      const suites = suite === null ? [] : [checkSuiteShape(world, repository, suite)];
      return ok({ total_count: suites.length, check_suites: suites });
    }),
    api.forRepository("POST", "/statuses/{sha}", ["statuses"], async (call) => {
      const { world, repository, git, input } = call;
      const sha = await requiredCommit(git, call.params.sha);
      const state = input.optionalChoice("state", STATUS_STATES);
      if (state === null) throw validationFailed({ resource: "Status", code: "missing_field", field: "state" });
      const description = input.optionalText("description");
      if ((description?.length ?? 0) > 140)
        throw validationFailed({
          resource: "Status",
          code: "custom",
          field: "description",
          message: "description is too long (maximum is 140 characters)",
        });
      const context = input.optionalString("context") ?? "default";
      const status = createStatus(changeOf(call), sha, {
        state,
        context,
        description,
        targetUrl: input.optionalString("target_url"),
      });
      return created(statusShape(world, repository, status));
    }),
    api.forRepository(
      "GET",
      "/commits/{ref...}/statuses",
      ["statuses"],
      async ({ world, repository, git, params, url, query }) => {
        const all = statusesFor(world.db, repository.id, await requiredCommit(git, params.ref));
        const page = pageOf(query);
        return ok(
          slice(all, page).map((status) => statusShape(world, repository, status)),
          linkHeader(url, page, all.length),
        );
      },
    ),
    api.forRepository("GET", "/commits/{ref...}/status", ["statuses"], async ({ world, repository, git, params }) => {
      const sha = await requiredCommit(git, params.ref);
      const statuses = latestStatuses(world.db, repository.id, sha);
      const shapes = statuses.map((status) => statusShape(world, repository, status));
      const url = `${world.url()}/repos/${fullName(repository)}/commits/${sha}/status`;
      return ok({
        state: combinedState(statuses),
        sha,
        total_count: shapes.length,
        statuses: shapes,
        repository: repositoryShape(world, repository),
        url,
      });
    }),
  ];
}

function refusePerson({ actor }: Pick<RepositoryCall, "actor">): void {
  if (actor.kind === "person") throw new GitHubError(403, "You must authenticate via a GitHub App.");
}

function runOf({ world, repository, params }: RepositoryCall<"id">): CheckRun {
  const run = /^\d{1,15}$/.test(params.id) ? findCheckRun(world.db, repository.id, Number(params.id)) : null;
  if (run === null) throw notFound();
  return run;
}

function editOf(input: Input): CheckEdit {
  const output = input.optionalObject("output");
  return {
    name: input.optionalString("name"),
    status: input.optionalChoice("status", CHECK_STATUSES),
    conclusion: input.optionalChoice("conclusion", CONCLUSIONS),
    externalId: input.optionalString("external_id"),
    detailsUrl: input.optionalString("details_url"),
    startedAt: input.optionalString("started_at"),
    completedAt: input.optionalString("completed_at"),
    output:
      output === null
        ? null
        : { title: output.optionalText("title"), summary: output.optionalText("summary"), text: output.optionalText("text") },
    annotations: output?.list("annotations") ?? [],
  };
}

async function listRuns({ world, repository, git, params, url, query }: RepositoryCall<"ref">): Promise<Reply> {
  const sha = await requiredCommit(git, params.ref);
  const wanted = (name: string, value: string) => query.get(name) === null || query.get(name) === value;
  const runs = checkRunsFor(world.db, repository.id, sha, query.get("filter") !== "all").filter(
    (run) => wanted("check_name", run.name) && wanted("status", run.status) && wanted("app_id", String(world.settings.appId)),
  );
  const page = pageOf(query);
  const shapes = slice(runs, page).map((run) => checkRunShape(world, repository, run));
  return ok({ total_count: runs.length, check_runs: shapes }, linkHeader(url, page, runs.length));
}
