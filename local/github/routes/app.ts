// Routes of the app itself: who it is, where it is installed, and tokens for an installation. Also who the caller of a token is.
import { randomBytes } from "node:crypto";
import { type Actor, sees } from "../auth/actor.ts";
import { narrowed } from "../auth/permissions.ts";
import { GitHubError, notFound } from "../errors.ts";
import type { Api, Call } from "../http/api.ts";
import type { Input } from "../http/input.ts";
import { created, empty, linkHeader, ok, pageOf, slice } from "../http/reply.ts";
import type { Route } from "../http/route.ts";
import { accountShape, appShape, installationShape, repositoryShape } from "../shapes/account.ts";
import { findAccount, findInstallation, type Installation, installationOf, listInstallations } from "../store/accounts.ts";
import { findRepository, listRepositories, type Repository, repositoriesOf } from "../store/repositories.ts";
import { deleteToken, insertToken } from "../store/tokens.ts";
import { isoSeconds } from "../world.ts";

const MAX_NAMED_REPOSITORIES = 500;

export function appRoutes(api: Api): Route[] {
  return [
    api.forApp("GET", "/app", ({ world }) => ok(appShape(world))),
    api.forApp("GET", "/app/installations", ({ world, url, query }) => {
      const all = listInstallations(world.db);
      const page = pageOf(query);
      return ok(
        slice(all, page).map((one) => installationShape(world, one)),
        linkHeader(url, page, all.length),
      );
    }),
    api.forApp("GET", "/app/installations/{id}", (call) => ok(installationShape(call.world, installation(call)))),
    api.forApp("POST", "/app/installations/{id}/access_tokens", accessToken),
    api.forApp("GET", "/repos/{owner}/{repo}/installation", ({ world, params }) =>
      ok(installationShape(world, installedFor(world.db, findRepository(world.db, params.owner, params.repo)?.ownerId))),
    ),
    api.forApp("GET", "/orgs/{org}/installation", ({ world, params }) =>
      ok(installationShape(world, installedFor(world.db, findAccount(world.db, params.org)?.id))),
    ),
    api.forApp("GET", "/users/{username}/installation", ({ world, params }) =>
      ok(installationShape(world, installedFor(world.db, findAccount(world.db, params.username)?.id))),
    ),
    api.forMember("GET", "/installation/repositories", ({ world, actor, url, query }) => {
      if (actor.kind !== "installation") throw new GitHubError(403, "You must authenticate with an installation access token.");
      const all = repositoriesOf(world.db, actor.ownerId).filter((repository) => sees(actor, repository));
      const page = pageOf(query);
      const repositories = slice(all, page).map((repository) => repositoryShape(world, repository));
      return ok(
        { total_count: all.length, repository_selection: actor.repositoryIds === null ? "all" : "selected", repositories },
        linkHeader(url, page, all.length),
      );
    }),
    api.forMember("DELETE", "/installation/token", ({ world, actor }) => {
      if (actor.kind !== "installation") throw new GitHubError(403, "You must authenticate with an installation access token.");
      deleteToken(world.db, actor.token);
      return empty();
    }),
    api.forMember("GET", "/user", ({ world, actor }) => {
      if (actor.kind !== "person") throw new GitHubError(403, "Resource not accessible by integration");
      return ok(accountShape(world, actor.account));
    }),
    api.forMember("GET", "/user/repos", ({ world, actor, url, query }) => {
      if (actor.kind !== "person") throw new GitHubError(403, "Resource not accessible by integration");
      const all = listRepositories(world.db);
      const page = pageOf(query);
      return ok(
        slice(all, page).map((repository) => repositoryShape(world, repository)),
        linkHeader(url, page, all.length),
      );
    }),
    api.forMember("GET", "/users/{username}", ({ world, params }) => {
      const account = findAccount(world.db, params.username);
      if (account === null) throw notFound();
      return ok(accountShape(world, account));
    }),
  ];
}

function installation({ world, params }: Call<"id", Actor>): Installation {
  const found = /^\d{1,15}$/.test(params.id) ? findInstallation(world.db, Number(params.id)) : null;
  if (found === null) throw notFound();
  return found;
}

function installedFor(db: Parameters<typeof installationOf>[0], accountId: number | undefined): Installation {
  const found = accountId === undefined ? null : installationOf(db, accountId);
  if (found === null) throw notFound();
  return found;
}

/** A token for the installation, narrowed to what was asked for. Each call makes a new one. */
function accessToken(call: Call<"id", Actor>) {
  const { world, input } = call;
  const target = installation(call);
  const repositories = namedRepositories(input, repositoriesOf(world.db, target.accountId));
  const permissions = narrowed(input.record("permissions"));
  const token = `ghs_${world.settings.appId}_${randomBytes(30).toString("base64url")}`;
  const expiresAtMs = world.nowMs() + world.settings.tokenTtlMs;
  const repositoryIds = repositories === null ? null : JSON.stringify(repositories.map((repository) => repository.id));
  insertToken(
    world.db,
    token,
    { installationId: target.id, repositoryIds, permissions: JSON.stringify(permissions), expiresAtMs },
    world.nowMs(),
  );
  return created({
    token,
    expires_at: isoSeconds(expiresAtMs),
    permissions,
    repository_selection: repositories === null ? "all" : "selected",
    ...(repositories === null ? {} : { repositories: repositories.map((repository) => repositoryShape(world, repository)) }),
  });
}

/** Null when none was named: the token is good for all of them. @throws {GitHubError} 422 for one that is not installed */
function namedRepositories(input: Input, installed: readonly Repository[]): Repository[] | null {
  if (!input.has("repositories") && !input.has("repository_ids")) return null;
  const wanted = [...input.list("repositories"), ...input.list("repository_ids")];
  if (wanted.length > MAX_NAMED_REPOSITORIES)
    throw new GitHubError(422, `At most ${MAX_NAMED_REPOSITORIES} repositories can be named.`);
  return wanted.map((want) => {
    const found = installed.find(
      (repository) =>
        repository.id === want || (typeof want === "string" && repository.name.toLowerCase() === want.toLowerCase()),
    );
    if (found === undefined) {
      throw new GitHubError(
        422,
        "There is at least one repository that does not exist or is not accessible to the parent installation.",
      );
    }
    return found;
  });
}
