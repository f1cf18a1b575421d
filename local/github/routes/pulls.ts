// Routes of pull requests, without their reviews and comments.
import { notFound, validationFailed } from "../errors.ts";
import { fileChanges } from "../git/diff.ts";
import type { Api, RepositoryCall } from "../http/api.ts";
import { created, empty, linkHeader, ok, pageOf, type Reply, slice } from "../http/reply.ts";
import type { Route } from "../http/route.ts";
import { mergePull } from "../operations/merge-pull.ts";
import { editPull, openPull } from "../operations/open-pull.ts";
import { countsOf } from "../operations/tell-pull.ts";
import { commitShape, fileShape } from "../shapes/commit.ts";
import { fullPullShape, issueShape, pullShape } from "../shapes/pull.ts";
import { findPull, listPulls, type Pull, type PullFilter } from "../store/pulls.ts";
import { changeOf } from "./change-of.ts";
import { diff } from "./commits.ts";

const MAX_COMMITS = 250;
const MAX_FILES = 3_000;

export function pullRoutes(api: Api): Route[] {
  return [
    api.forRepository("POST", "/pulls", ["pull_requests"], create),
    api.forRepository("GET", "/pulls", ["pull_requests"], list),
    api.forRepository("GET", "/pulls/{number}", ["pull_requests"], async (call) => {
      const pull = pullOf(call);
      if (!/\.diff\b/.test(call.accept)) return ok(await full(call, pull));
      const { mergeBase } = await call.world.facts.of(call.git, pull.baseSha, pull.headSha);
      return diff(call.git, mergeBase, pull.headSha);
    }),
    api.forRepository("PATCH", "/pulls/{number}", ["pull_requests"], update),
    api.forRepository("GET", "/pulls/{number}/commits", ["pull_requests"], async (call) => {
      const { world, repository, git, url, query } = call;
      const pull = pullOf(call);
      const commits = await git.log(pull.headSha, { limit: MAX_COMMITS, without: pull.baseSha, oldestFirst: true });
      const page = pageOf(query);
      return ok(
        slice(commits, page).map((commit) => commitShape(world, repository, commit)),
        linkHeader(url, page, commits.length),
      );
    }),
    api.forRepository("GET", "/pulls/{number}/files", ["pull_requests"], async (call) => {
      const { world, repository, git, url, query } = call;
      const pull = pullOf(call);
      const { mergeBase } = await world.facts.of(git, pull.baseSha, pull.headSha);
      const files = (await fileChanges(git, mergeBase, pull.headSha)).slice(0, MAX_FILES);
      const page = pageOf(query);
      return ok(
        slice(files, page).map((file) => fileShape(world, repository, pull.headSha, file)),
        linkHeader(url, page, files.length),
      );
    }),
    api.forRepository("GET", "/pulls/{number}/merge", ["pull_requests"], (call) => {
      if (pullOf(call).mergedAt === null) throw notFound();
      return empty();
    }),
    api.forRepository("PUT", "/pulls/{number}/merge", ["contents"], merge),
    api.forRepository("GET", "/issues/{number}", ["issues", "pull_requests"], (call) => {
      const pull = pullOf(call);
      return ok(issueShape(call.world, call.repository, pull, countsOf(call.world, pull).comments));
    }),
  ];
}

/** The pull request of a route's number. @throws {GitHubError} 404 */
export function pullOf({ world, repository, params }: RepositoryCall<"number">): Pull {
  const pull = /^\d{1,9}$/.test(params.number) ? findPull(world.db, repository.id, Number(params.number)) : null;
  if (pull === null) throw notFound();
  return pull;
}

async function full({ world, repository, git }: Pick<RepositoryCall, "world" | "repository" | "git">, pull: Pull) {
  const facts = await world.facts.of(git, pull.baseSha, pull.headSha);
  return fullPullShape(world, repository, pull, facts, countsOf(world, pull));
}

async function create(call: RepositoryCall): Promise<Reply> {
  const { input } = call;
  const { pull } = await openPull(changeOf(call), {
    title: input.optionalText("title") ?? "",
    body: input.optionalText("body"),
    head: input.string("head"),
    base: input.string("base"),
    draft: input.optionalBoolean("draft") ?? false,
  });
  return created(await full(call, pull));
}

function list({ world, repository, query, url }: RepositoryCall): Reply {
  const page = pageOf(query);
  const { rows, total } = listPulls(world.db, repository.id, filterOf(query, repository.ownerLogin), page);
  return ok(
    rows.map((pull) => pullShape(world, repository, pull)),
    linkHeader(url, page, total),
  );
}

/** GitHub ignores a `head` without an owner; one of another owner matches nothing. */
function filterOf(query: URLSearchParams, owner: string): PullFilter {
  const head = query.get("head");
  const colon = head?.indexOf(":") ?? -1;
  const own = head?.slice(0, colon).toLowerCase() === owner.toLowerCase();
  const state = query.get("state");
  const sort = query.get("sort") === "updated" ? "updated" : "created";
  return {
    state: state === "closed" || state === "all" ? state : "open",
    headRef: head === null || colon === -1 ? null : own ? head.slice(colon + 1) : "\0",
    baseRef: query.get("base"),
    sort,
    direction: query.get("direction") === "asc" ? "asc" : "desc",
  };
}

async function update(call: RepositoryCall<"number">): Promise<Reply> {
  const { input } = call;
  const pull = await editPull(changeOf(call), pullOf(call), {
    title: input.optionalText("title"),
    body: input.has("body") ? (input.optionalText("body") ?? "") : undefined,
    state: input.optionalChoice("state", ["open", "closed"]),
    base: input.optionalString("base"),
  });
  return ok(await full(call, pull));
}

async function merge(call: RepositoryCall<"number">): Promise<Reply> {
  const { input } = call;
  const sha = input.optionalString("sha");
  if (sha !== null && !/^[0-9a-f]{40}$/.test(sha))
    throw validationFailed({ resource: "PullRequest", field: "sha", code: "invalid" });
  const merged = await mergePull(changeOf(call), pullOf(call), {
    method: input.optionalChoice("merge_method", ["merge", "squash", "rebase"]) ?? "merge",
    sha,
    title: input.optionalText("commit_title"),
    message: input.optionalText("commit_message"),
  });
  return ok({ sha: merged, merged: true, message: "Pull Request successfully merged" });
}
