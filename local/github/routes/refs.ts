// Routes of git refs and branches.
import { GitHubError, notFound, validationFailed } from "../errors.ts";
import { isRefName, isSha, ZERO_SHA } from "../git/names.ts";
import type { Api, RepositoryCall } from "../http/api.ts";
import { created, empty, linkHeader, ok, pageOf, slice } from "../http/reply.ts";
import type { Route } from "../http/route.ts";
import { mergeBranch } from "../operations/merge-pull.ts";
import { changingRefs } from "../operations/refs.ts";
import { commitShape, refShape } from "../shapes/commit.ts";
import { fullName } from "../store/repositories.ts";
import { changeOf } from "./change-of.ts";

export function refRoutes(api: Api): Route[] {
  return [
    api.forRepository("GET", "/git/ref/{ref...}", ["contents"], async ({ world, repository, git, params }) => {
      const name = `refs/${params.ref}`;
      const sha = isRefName(name) ? (await git.refs()).get(name) : undefined;
      if (sha === undefined) throw notFound();
      return ok(refShape(world, repository, name, sha));
    }),
    api.forRepository(
      "GET",
      "/git/matching-refs/{ref...}",
      ["contents"],
      async ({ world, repository, git, params, url, query }) => {
        const all = [...(await git.refs())].filter(([name]) => name.startsWith(`refs/${params.ref}`));
        const page = pageOf(query);
        return ok(
          slice(all, page).map(([name, sha]) => refShape(world, repository, name, sha)),
          linkHeader(url, page, all.length),
        );
      },
    ),
    api.forRepository("POST", "/git/refs", ["contents"], createRef),
    api.forRepository("PATCH", "/git/refs/{ref...}", ["contents"], updateRef),
    api.forRepository("DELETE", "/git/refs/{ref...}", ["contents"], deleteRef),
    api.forRepository("GET", "/branches", ["contents"], async ({ world, repository, git, url, query }) => {
      const all = [...(await git.refs())].filter(([name]) => name.startsWith("refs/heads/"));
      const page = pageOf(query);
      const commit = (sha: string) => ({ sha, url: `${world.url()}/repos/${fullName(repository)}/commits/${sha}` });
      return ok(
        slice(all, page).map(([name, sha]) => ({
          name: name.slice("refs/heads/".length),
          commit: commit(sha),
          protected: false,
        })),
        linkHeader(url, page, all.length),
      );
    }),
    api.forRepository("GET", "/branches/{branch...}", ["contents"], async ({ world, repository, git, params }) => {
      const sha = await git.branch(params.branch);
      if (sha === null) throw new GitHubError(404, "Branch not found");
      return ok({ name: params.branch, commit: commitShape(world, repository, await git.commit(sha)), protected: false });
    }),
    api.forRepository("POST", "/merges", ["contents"], async (call) => {
      const { world, repository, git, input } = call;
      const wanted = { base: input.string("base"), head: input.string("head"), message: input.optionalText("commit_message") };
      const sha = await mergeBranch(changeOf(call), wanted);
      return sha === null ? empty() : created(commitShape(world, repository, await git.commit(sha)));
    }),
  ];
}

async function createRef(call: RepositoryCall) {
  const { world, repository, git, input } = call;
  const name = input.string("ref");
  const sha = input.string("sha");
  if (!isRefName(name)) throw new GitHubError(422, `${name.slice(0, 200)} is not a valid ref name.`);
  await refuseMissing(call, name, sha);
  const made = await changingRefs(changeOf(call), () => git.updateRef(name, sha, ZERO_SHA));
  if (!made) throw new GitHubError(422, "Reference already exists");
  return created(refShape(world, repository, name, sha));
}

async function updateRef(call: RepositoryCall<"ref">) {
  const { world, repository, git, input } = call;
  const { name, before } = await existing(call);
  const sha = input.string("sha");
  await refuseMissing(call, name, sha);
  if (input.optionalBoolean("force") !== true && !(await git.isAncestor(before, sha)))
    throw new GitHubError(422, "Update is not a fast forward");
  const moved = await changingRefs(changeOf(call), () => git.updateRef(name, sha, before));
  if (!moved) throw new GitHubError(409, "Reference cannot be updated");
  return ok(refShape(world, repository, name, sha));
}

async function deleteRef(call: RepositoryCall<"ref">) {
  const { repository, git } = call;
  const { name, before } = await existing(call);
  if (name === `refs/heads/${repository.defaultBranch}`) throw new GitHubError(422, "Cannot delete the default branch");
  const gone = await changingRefs(changeOf(call), () => git.deleteRef(name, before));
  if (!gone) throw new GitHubError(409, "Reference cannot be updated");
  return empty();
}

async function existing({ git, params }: RepositoryCall<"ref">): Promise<{ name: string; before: string }> {
  const name = `refs/${params.ref}`;
  const before = isRefName(name) ? (await git.refs()).get(name) : undefined;
  if (before === undefined) throw new GitHubError(422, "Reference does not exist");
  return { name, before };
}

/** A branch names a commit, a tag any object; both must be here already. */
async function refuseMissing({ git }: Pick<RepositoryCall, "git">, name: string, sha: string): Promise<void> {
  if (!isSha(sha))
    throw validationFailed({
      resource: "Reference",
      field: "sha",
      code: "invalid",
      message: "The sha parameter must be exactly 40 characters and contain only [0-9a-f].",
    });
  const found = name.startsWith("refs/heads/") ? await git.commitOf(sha) : await git.object(sha);
  if (found !== sha) throw new GitHubError(422, "Object does not exist");
}
