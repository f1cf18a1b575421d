// Starts one local GitHub: opens its state, finishes what a crash interrupted, listens, and stops without losing anything.
//   L1. Nobody is served before the state of git and of SQLite agree (settleAll).
//   L2. Stopping lets requests and changes under way finish; the database closes last.
import { mkdirSync, rmSync } from "node:fs";
import { appJwtVerifier } from "./auth/app-jwt.ts";
import { atMost } from "./bounded.ts";
import { StartError } from "./errors.ts";
import { Gate } from "./git/gate.ts";
import { PullFactsCache } from "./git/pull-facts.ts";
import { Git } from "./git/run.ts";
import { Api } from "./http/api.ts";
import { dispatch } from "./http/dispatch.ts";
import { Faults } from "./http/faults.ts";
import { RateLimits } from "./http/rate-limit.ts";
import type { Route } from "./http/route.ts";
import { type Log, stderrLog } from "./log.ts";
import { sweepOrphans } from "./operations/create-repository.ts";
import { RepositoryLocks } from "./operations/locks.ts";
import { settleAll } from "./operations/refs.ts";
import { pageRoutes } from "./pages/routes.ts";
import { appRoutes } from "./routes/app.ts";
import { checkRoutes } from "./routes/checks.ts";
import { commitRoutes } from "./routes/commits.ts";
import { gitRoutes } from "./routes/git.ts";
import { graphqlRoutes } from "./routes/graphql.ts";
import { hookRoutes } from "./routes/hooks.ts";
import { localRoutes } from "./routes/local.ts";
import { metaRoutes } from "./routes/meta.ts";
import { pullRoutes } from "./routes/pulls.ts";
import { refRoutes } from "./routes/refs.ts";
import { repositoryRoutes } from "./routes/repositories.ts";
import { reviewRoutes } from "./routes/reviews.ts";
import { type SeedRepository, seed } from "./seed.ts";
import { openDatabase } from "./store/database.ts";
import { WebhookSender, type WebhookTarget } from "./webhooks/sender.ts";
import { incomingRoot, type Settings, storageRoot, type World } from "./world.ts";

export interface GitHubOptions {
  /** Where everything is kept; made when it is not there. */
  readonly dir: string;
  /** @default 0 - any free port */
  readonly port?: number;
  readonly appId: number;
  /** PEM of the public key that belongs to the app's private key. */
  readonly appPublicKey: string;
  /** The app writes as `<slug>[bot]`. @default "omakase" */
  readonly appSlug?: string;
  /** Where the app is installed from the start. @default ["omakase"] */
  readonly organisations?: readonly string[];
  readonly repositories?: readonly SeedRepository[];
  /** Nobody is told of anything without it. */
  readonly webhook?: WebhookTarget;
  /** Personal token to login, for people who use the API. */
  readonly userTokens?: Readonly<Record<string, string>>;
  /** @default 3_600_000 - one hour, as GitHub's */
  readonly tokenTtlMs?: number;
  /** @default 5_000, as GitHub's smallest */
  readonly rateLimitPerHour?: number;
  /** @default 1 GiB */
  readonly maxPushBytes?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly nowMs?: () => number;
  readonly log?: Log;
}

export interface GitHubServer {
  /** For example `http://127.0.0.1:4020`: Octokit's `baseUrl`, and before `/owner/name.git` the git remote. */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

const MAX_REQUESTS = 1_000;
const MAX_CLONES = 16;
const MAX_WAITING_CLONES = 512;
const MAX_IDLE_SECONDS = 120;
/** How long requests and clones under way may still take after a stop. */
const MAX_DRAIN_MS = 8_000;

/** @throws {StartError} in one sentence: port taken, state in use or unreadable, bad key, bad seed, no git */
export async function startGitHub(options: GitHubOptions): Promise<GitHubServer> {
  const log = options.log ?? stderrLog;
  const settings = settingsOf(options);
  const verifyJwt = appJwtVerifier(settings.appPublicKey, settings.appId);
  const { world, setUrl } = openWorld(settings, options.nowMs ?? Date.now);
  try {
    await settleAll(world);
    await sweepOrphans(world);
    const routes = routeTable(world, verifyJwt);
    const server = listen(options.port ?? 0, world, routes, log);
    setUrl(`http://127.0.0.1:${server.port}`);
    await seed(world, options.organisations ?? ["omakase"], options.repositories ?? []).catch(async (error) => {
      await server.stop(true);
      throw error;
    });
    world.hooks.wake();
    return { url: world.url(), stop: () => stop(world, server) };
  } catch (error) {
    await world.hooks.stop();
    world.db.close();
    throw error;
  }
}

function settingsOf(options: GitHubOptions): Settings {
  return {
    dir: options.dir,
    appId: options.appId,
    appSlug: options.appSlug ?? "omakase",
    appPublicKey: options.appPublicKey,
    webhook: options.webhook ?? null,
    userTokens: options.userTokens ?? {},
    tokenTtlMs: options.tokenTtlMs ?? 3_600_000,
    rateLimitPerHour: options.rateLimitPerHour ?? 5_000,
    maxPushBytes: options.maxPushBytes ?? 1024 ** 3,
  };
}

function openWorld(settings: Settings, nowMs: () => number): { world: World; setUrl: (url: string) => void } {
  const db = openDatabase(settings.dir);
  rmSync(incomingRoot(settings), { recursive: true, force: true }); // uploads that a crash cut off
  mkdirSync(incomingRoot(settings), { recursive: true });
  mkdirSync(storageRoot(settings), { recursive: true });
  const faults = new Faults();
  let url = "";
  const world: World = {
    settings,
    db,
    git: new Git(incomingRoot(settings)),
    facts: new PullFactsCache(),
    locks: new RepositoryLocks(),
    hooks: new WebhookSender(db, settings.webhook, settings.appId, faults, nowMs),
    faults,
    rateLimits: new RateLimits(settings.rateLimitPerHour),
    requests: new Gate(MAX_REQUESTS, 0),
    uploads: new Gate(MAX_CLONES, MAX_WAITING_CLONES),
    nowMs,
    url: () => url,
  };
  return { world, setUrl: (value) => (url = value) };
}

/** Every route, the more exact ones first: the first match answers. */
function routeTable(world: World, verifyJwt: ReturnType<typeof appJwtVerifier>): readonly Route[] {
  const api = new Api(world, verifyJwt);
  const routes: Route[] = [
    ...localRoutes(world, () => new Set(routes.map((route) => route.id))),
    ...metaRoutes(api),
    ...appRoutes(api),
    ...hookRoutes(api),
    ...graphqlRoutes(api),
    ...repositoryRoutes(api),
    ...refRoutes(api),
    ...checkRoutes(api),
    ...commitRoutes(api),
    ...pullRoutes(api),
    ...reviewRoutes(api),
    ...gitRoutes(world, verifyJwt),
    ...pageRoutes(world),
  ];
  return routes;
}

function listen(port: number, world: World, routes: readonly Route[], log: Log) {
  try {
    return Bun.serve({
      hostname: "127.0.0.1",
      port,
      idleTimeout: MAX_IDLE_SECONDS,
      maxRequestBodySize: world.settings.maxPushBytes + 1024 ** 2, // a little more than a route reads, so that the route's own answer is heard
      fetch: (request, server) => dispatch({ world, routes, log }, request, () => server.timeout(request, 0)),
      error: () => new Response(null, { status: 500 }),
    });
  } catch (cause) {
    throw new StartError(
      "PORT_TAKEN",
      `Port ${port} cannot be had (most likely another program has it); stop that program or pass another --port.`,
      { cause },
    );
  }
}

async function stop(world: World, server: Bun.Server<undefined>): Promise<void> {
  void server.stop(false); // no new connection; it resolves only when idle ones are gone too, which nobody waits for
  await atMost(MAX_DRAIN_MS, Promise.all([world.requests.idle(), world.uploads.idle()]));
  await world.locks.idle();
  await server.stop(true);
  await world.hooks.stop();
  world.db.close();
}
