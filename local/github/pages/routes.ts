// Routes of the web pages, for people. Everything else under these paths is GitHub's 404.
import { GitHubError, notFound } from "../errors.ts";
import { respond } from "../http/reply.ts";
import { type Incoming, type Route, route } from "../http/route.ts";
import type { Change } from "../operations/change.ts";
import { diff } from "../routes/commits.ts";
import { ensureAccount } from "../store/accounts.ts";
import { findPull, type Pull } from "../store/pulls.ts";
import { findRepository, fullName, type Repository } from "../store/repositories.ts";
import { gitOf, LOCAL_USER, nowIso, type World } from "../world.ts";
import { performAction, readForm } from "./actions.ts";
import { blobPage, commitPage, homePage, repositoryPage, treePage } from "./browse.ts";
import { formGuard, refuseForeignHost, refuseForgedForm } from "./guard.ts";
import { html } from "./html.ts";
import { pageResponse } from "./layout.ts";
import { pullPage } from "./pull.ts";

type Named = Record<"owner" | "repo", string>;

export function pageRoutes(world: World): Route[] {
  const open = ({ owner, repo }: Named) => repositoryOf(world, owner, repo);
  return [
    route("GET", "/", (incoming) => shown(incoming, () => homePage(world))),
    route("GET", "/{owner}/{repo}", (incoming) => shown(incoming, () => repositoryPage(world, open(incoming.params)))),
    route("GET", "/{owner}/{repo}/tree/{ref...}", (incoming) =>
      shown(incoming, () => treePage(world, open(incoming.params), incoming.params.ref)),
    ),
    route("GET", "/{owner}/{repo}/blob/{ref...}", (incoming) =>
      shown(incoming, () => blobPage(world, open(incoming.params), incoming.params.ref)),
    ),
    route("GET", "/{owner}/{repo}/commit/{ref}", (incoming) =>
      shown(incoming, () => commitPage(world, open(incoming.params), incoming.params.ref)),
    ),
    route("GET", "/{owner}/{repo}/pull/{number}.diff", (incoming) =>
      shown(incoming, async () => {
        const repository = open(incoming.params);
        const pull = pullOf(world, repository, incoming.params.number);
        const git = gitOf(world, repository);
        return respond(
          await diff(git, (await world.facts.of(git, pull.baseSha, pull.headSha)).mergeBase, pull.headSha),
          incoming.request,
        );
      }),
    ),
    route("GET", "/{owner}/{repo}/pull/{number}", (incoming) =>
      shown(incoming, () => pullPage(viewOf(world, incoming.request, open(incoming.params), incoming.params.number))),
    ),
    route("POST", "/{owner}/{repo}/pull/{number}", (incoming) => shown(incoming, () => pressed(world, incoming))),
  ];
}

/** Refusals are pages too, for a person who reads them; a program asking for a route that is not there gets GitHub's JSON. */
async function shown(incoming: Incoming, page: () => Promise<Response> | Response): Promise<Response> {
  try {
    refuseForeignHost(incoming.request);
    return await page();
  } catch (error) {
    if (!(error instanceof GitHubError) || !incoming.request.headers.get("accept")?.includes("text/html")) throw error;
    return pageResponse(error.message, [], html`<h1>${error.status}</h1><div class="card">${error.message}</div>`, {
      status: error.status,
    });
  }
}

function repositoryOf(world: World, owner: string, name: string): Repository {
  const repository = findRepository(world.db, owner, name);
  if (repository === null) throw notFound();
  return repository;
}

function viewOf(world: World, request: Request, repository: Repository, number: string) {
  const viewer = ensureAccount(world.db, LOCAL_USER, "User", nowIso(world));
  return { world, repository, viewer, pull: pullOf(world, repository, number), guard: formGuard(world.db, request) };
}

function pullOf(world: World, repository: Repository, number: string): Pull {
  const pull = /^\d{1,9}$/.test(number) ? findPull(world.db, repository.id, Number(number)) : null;
  if (pull === null) throw notFound();
  return pull;
}

/** Does what the button says and sends the browser back to the page, or shows the page with the refusal. */
async function pressed(world: World, incoming: Incoming<"owner" | "repo" | "number">): Promise<Response> {
  const { request, params } = incoming;
  const form = await readForm(request);
  refuseForgedForm(world.db, request, form.token);
  const { repository, viewer } = viewOf(world, request, repositoryOf(world, params.owner, params.repo), params.number);
  try {
    await world.locks.run(repository.id, () => {
      const change: Change = {
        world,
        repository,
        git: gitOf(world, repository),
        actor: viewer,
        route: `${incoming.route} ${form.action}`,
      };
      return performAction(change, pullOf(world, repository, params.number), form);
    });
  } catch (error) {
    if (!(error instanceof GitHubError)) throw error;
    const sentence = [
      error.message,
      ...(error.details.errors ?? []).map((one) => (typeof one === "string" ? one : (one.message ?? one.code))),
    ].join(": ");
    return pullPage(viewOf(world, request, repository, params.number), { status: error.status, message: sentence });
  }
  return new Response(null, { status: 303, headers: { location: `/${fullName(repository)}/pull/${params.number}` } });
}
