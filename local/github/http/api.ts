// Routes of the REST API: who may call, the rate limit, the body, the lock; the route itself only does its work.
//   A1. A repository the caller may not see is 404, never 403: its existence is not told.
//   A2. A route that changes a repository runs alone in it (operations/locks.ts).
import { type Actor, actorOf, type Member, may, sees } from "../auth/actor.ts";
import type { AppJwtVerifier } from "../auth/app-jwt.ts";
import type { Level, Permission } from "../auth/permissions.ts";
import { GitHubError, notFound } from "../errors.ts";
import type { BareRepository } from "../git/bare-repository.ts";
import { findRepository, type Repository } from "../store/repositories.ts";
import { gitOf, type World } from "../world.ts";
import { type Input, readInput } from "./input.ts";
import { rateHeaders } from "./rate-limit.ts";
import { type Reply, respond } from "./reply.ts";
import { type Incoming, type Method, type NamesIn, type Route, route } from "./route.ts";

export interface Call<Name extends string, Caller extends Actor> {
  readonly world: World;
  readonly actor: Caller;
  readonly params: Readonly<Record<Name, string>>;
  readonly query: URLSearchParams;
  readonly url: URL;
  readonly input: Input;
  readonly accept: string;
  /** The route as documented: what the journal calls this change. */
  readonly route: string;
}

export interface RepositoryCall<Name extends string = never> extends Call<Name, Member> {
  readonly repository: Repository;
  readonly git: BareRepository;
}

export type Handler<TheCall> = (call: TheCall) => Promise<Reply> | Reply;

/** Builds the routes of one server: they share its state and its way to check a JWT. */
export class Api {
  constructor(
    private readonly world: World,
    private readonly verifyJwt: AppJwtVerifier,
  ) {}

  /** A route for the app itself, called with its JWT. */
  forApp<const Path extends string>(method: Method, path: Path, handle: Handler<Call<NamesIn<Path>, Actor>>): Route {
    return route(method, path, async (incoming) => {
      const actor = await this.#actor(incoming);
      if (actor.kind !== "app") throw new GitHubError(401, "A JSON web token could not be decoded");
      return this.#answer(incoming, actor, async (input) => handle(this.#call(incoming, actor, input)));
    });
  }

  /** A route for any installation or person. */
  forMember<const Path extends string>(method: Method, path: Path, handle: Handler<Call<NamesIn<Path>, Member>>): Route {
    return route(method, path, async (incoming) => {
      const actor = this.#member(await this.#actor(incoming));
      return this.#answer(incoming, actor, async (input) => handle(this.#call(incoming, actor, input)));
    });
  }

  /** A route of a repository. Holding one of `permissions` is enough; anything but GET needs the level `write`. */
  forRepository<const Rest extends string>(
    method: Method,
    rest: Rest,
    permissions: readonly Permission[],
    handle: Handler<RepositoryCall<NamesIn<Rest>>>,
  ): Route {
    return route(method, `/repos/{owner}/{repo}${rest}`, async (incoming) => {
      const actor = this.#member(await this.#actor(incoming));
      return this.#answer(incoming, actor, async (input) => {
        // The path was made of these two and `rest`, so their parameters are there.
        const params = incoming.params as Record<"owner" | "repo" | NamesIn<Rest>, string>;
        const seen = this.visible(actor, params.owner, params.repo);
        const level: Level = method === "GET" ? "read" : "write";
        if (!may(actor, permissions, level)) throw new GitHubError(403, "Resource not accessible by integration");
        const work = () => {
          const repository = this.visible(actor, params.owner, params.repo); // read again: it may have changed while we waited
          return handle({ ...this.#call({ ...incoming, params }, actor, input), repository, git: gitOf(this.world, repository) });
        };
        return method === "GET" ? work() : this.world.locks.run(seen.id, work);
      });
    });
  }

  /** @throws {GitHubError} 404 for a repository that does not exist or that the caller may not see */
  visible(actor: Member, owner: string, name: string): Repository {
    const repository = findRepository(this.world.db, owner, name);
    if (repository === null || !sees(actor, repository)) throw notFound();
    return repository;
  }

  #call<Name extends string, Caller extends Actor>(incoming: Incoming<Name>, actor: Caller, input: Input): Call<Name, Caller> {
    const { url, params, request } = incoming;
    const accept = request.headers.get("accept") ?? "";
    return { world: this.world, actor, params, url, query: url.searchParams, input, accept, route: incoming.route };
  }

  async #actor(incoming: Incoming): Promise<Actor> {
    const actor = await actorOf(this.world, incoming.request.headers.get("authorization"), this.verifyJwt);
    if (actor === null) throw new GitHubError(401, "Requires authentication");
    return actor;
  }

  #member(actor: Actor): Member {
    if (actor.kind === "app") throw new GitHubError(401, "Bad credentials");
    return actor;
  }

  async #answer(incoming: Incoming, actor: Actor, work: (input: Input) => Promise<Reply>): Promise<Response> {
    const { rateLimits, nowMs } = this.world;
    const caller = callerName(actor);
    rateLimits.take(caller, nowMs());
    const reply = await work(await readInput(incoming.request));
    const response = respond(reply, incoming.request);
    if (response.status === 304) rateLimits.giveBack(caller, nowMs());
    for (const [name, value] of Object.entries(rateHeaders(rateLimits.peek(caller, nowMs())))) response.headers.set(name, value);
    return response;
  }
}

export function callerName(actor: Actor): string {
  switch (actor.kind) {
    case "app":
      return "app";
    case "installation":
      return `installation ID ${actor.installationId}`;
    case "person":
      return `user ID ${actor.account.id}`;
    default:
      return actor satisfies never;
  }
}
