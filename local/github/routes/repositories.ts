// Routes of repositories: look at one, list an owner's, make one.
import type { Member } from "../auth/actor.ts";
import { may, sees } from "../auth/actor.ts";
import { GitHubError, notFound } from "../errors.ts";
import type { Api, Call } from "../http/api.ts";
import { created, linkHeader, ok, pageOf, slice } from "../http/reply.ts";
import type { Route } from "../http/route.ts";
import { createRepository, readmeCommit } from "../operations/create-repository.ts";
import { accountShape, repositoryShape } from "../shapes/account.ts";
import { type Account, accountOf, findAccount } from "../store/accounts.ts";
import { repositoriesOf } from "../store/repositories.ts";
import type { World } from "../world.ts";

export function repositoryRoutes(api: Api): Route[] {
  return [
    api.forRepository("GET", "", ["metadata"], ({ world, repository }) => ok(repositoryShape(world, repository))),
    api.forMember("GET", "/orgs/{org}", ({ world, params }) => ok(accountShape(world, organisation(world, params.org)))),
    api.forMember("GET", "/orgs/{org}/repos", ({ world, actor, params, url, query }) => {
      const all = repositoriesOf(world.db, organisation(world, params.org).id).filter((repository) => sees(actor, repository));
      const page = pageOf(query);
      return ok(
        slice(all, page).map((repository) => repositoryShape(world, repository)),
        linkHeader(url, page, all.length),
      );
    }),
    api.forMember("POST", "/orgs/{org}/repos", (call) => create(call, organisation(call.world, call.params.org))),
    api.forMember("POST", "/user/repos", (call) => {
      if (call.actor.kind !== "person") throw new GitHubError(403, "Resource not accessible by integration");
      return create(call, call.actor.account);
    }),
  ];
}

function organisation(world: World, login: string): Account {
  const found = findAccount(world.db, login);
  if (found === null || found.type !== "Organization") throw notFound();
  return accountOf(world.db, found.id);
}

async function create({ world, actor, input, route }: Call<string, Member>, owner: Account) {
  if (!may(actor, ["administration"], "write") || (actor.kind === "installation" && actor.ownerId !== owner.id)) {
    throw new GitHubError(403, "Resource not accessible by integration");
  }
  const name = input.string("name");
  const description = input.optionalText("description");
  const repository = await createRepository(world, {
    owner,
    name,
    description,
    private: input.optionalBoolean("private") ?? false,
    actor: actor.account,
    route,
    firstCommit: input.optionalBoolean("auto_init") === true ? (git) => readmeCommit(world, git, name, description) : null,
  });
  return created(repositoryShape(world, repository));
}
