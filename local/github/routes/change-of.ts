// A repository call seen as the change it asks for.
import type { RepositoryCall } from "../http/api.ts";
import type { Change } from "../operations/change.ts";

export const changeOf = ({ world, repository, git, actor, route }: Omit<RepositoryCall, "params">): Change => ({
  world,
  repository,
  git,
  actor: actor.account,
  route,
});
