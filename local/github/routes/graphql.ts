// The two things the REST API cannot do: take a pull request out of draft, and put it back. Any other field is GraphQL's own error.
import { buildSchema, graphql } from "graphql";
import type { Member } from "../auth/actor.ts";
import { may, sees } from "../auth/actor.ts";
import type { Api, Call } from "../http/api.ts";
import { ok } from "../http/reply.ts";
import type { Route } from "../http/route.ts";
import { setDraft } from "../operations/open-pull.ts";
import { idOfNode } from "../shapes/account.ts";
import { pullShape } from "../shapes/pull.ts";
import { pullById } from "../store/pulls.ts";
import { repositoryById } from "../store/repositories.ts";
import { gitOf } from "../world.ts";

const schema = buildSchema(`
  type Query { viewer: Viewer! }
  type Viewer { login: String! }
  type PullRequest { id: ID!, number: Int!, isDraft: Boolean!, state: String!, title: String!, url: String! }
  type Payload { clientMutationId: String, pullRequest: PullRequest }
  input DraftInput { clientMutationId: String, pullRequestId: ID! }
  type Mutation {
    markPullRequestReadyForReview(input: DraftInput!): Payload
    convertPullRequestToDraft(input: DraftInput!): Payload
  }
`);

interface DraftArguments {
  readonly input: { readonly pullRequestId: string; readonly clientMutationId?: string };
}

export function graphqlRoutes(api: Api): Route[] {
  return [
    api.forMember("POST", "/graphql", async (call) => {
      const rootValue = {
        viewer: { login: call.actor.account.login },
        markPullRequestReadyForReview: (given: DraftArguments) => changeDraft(call, given, false),
        convertPullRequestToDraft: (given: DraftArguments) => changeDraft(call, given, true),
      };
      const variables = call.input.record("variables");
      const source = call.input.string("query");
      return ok(await graphql({ schema, source, rootValue, ...(variables === undefined ? {} : { variableValues: variables }) }));
    }),
  ];
}

async function changeDraft({ world, actor, route }: Call<never, Member>, { input }: DraftArguments, draft: boolean) {
  const missing = () => new Error(`Could not resolve to a node with the global id of '${input.pullRequestId}'`);
  const id = idOfNode("PR", input.pullRequestId);
  const repositoryId = id === null ? undefined : pullById(world.db, id)?.repositoryId;
  const repository = repositoryId === undefined ? null : repositoryById(world.db, repositoryId);
  if (id === null || repository === null || !sees(actor, repository)) throw missing();
  if (!may(actor, ["pull_requests"], "write")) throw new Error("Resource not accessible by integration");
  return world.locks.run(repository.id, async () => {
    const pull = pullById(world.db, id);
    if (pull === null) throw missing();
    const next = await setDraft({ world, repository, git: gitOf(world, repository), actor: actor.account, route }, pull, draft);
    const shape = pullShape(world, repository, next);
    const pullRequest = {
      id: shape.node_id,
      number: next.number,
      isDraft: shape.draft,
      state: next.state.toUpperCase(),
      title: next.title,
      url: shape.html_url,
    };
    return { clientMutationId: input.clientMutationId ?? null, pullRequest };
  });
}
