// Puts the parts together and listens: the API, the board, and the local-only routes for checkers and tests.
import { randomUUID } from "node:crypto";
import { type Board, createBoard } from "./board/routes.ts";
import type { World } from "./domain/change.ts";
import { BadFaultError, Faults } from "./faults.ts";
import { graphqlEndpoint, LARGEST_BODY_BYTES } from "./graphql.ts";
import { Journal } from "./journal.ts";
import { Keys, readKeyFile } from "./keys.ts";
import { Links } from "./links.ts";
import { oauthToken } from "./oauth.ts";
import { RateLimits } from "./rate-limit.ts";
import { loadSchema } from "./schema/load.ts";
import { attachResolvers } from "./schema/resolvers.ts";
import { seed } from "./seed.ts";
import { openDatabase, Store } from "./store/store.ts";
import { DeliveryQueue } from "./webhooks/delivery-queue.ts";

export interface LinearOptions {
  /** Where the state is kept; created if missing. */
  readonly dataDirectory: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** A JSON object of API keys and the user's handle each acts as: `ada`, `dana`, `vic` or `omakase` (the app). */
  readonly apiKeyFile: string;
  /** Time from a failed webhook attempt to the next, in ms. @default Linear's: 1 min, 1 h, 6 h */
  readonly webhookAttemptDelaysMs?: readonly number[];
  /** Requests an hour for everybody, enforced. @default Linear's own numbers, told but not enforced */
  readonly requestsPerHour?: number;
  /** Where an error nobody foresaw goes. @default stderr */
  readonly onUnexpected?: (error: unknown) => void;
}

export interface LinearServer {
  /** For example `http://127.0.0.1:4010`. The API is at `/graphql`, the board at `/`. */
  readonly url: string;
  /** Answers what is under way, stops sending webhooks (they stay owed), closes the state. Safe to repeat. */
  readonly stop: () => Promise<void>;
}

const LINEAR_RETRY_DELAYS_MS = [60_000, 3_600_000, 21_600_000];
const HOST = "127.0.0.1";

/**
 * Starts a local Linear. A second start over the same directory goes on where the first was, killed or not.
 * @throws {BadKeyFileError} {BrokenStateError} {UnreadableSdkError}, and Bun's EADDRINUSE for a taken port
 */
export async function startLinear(options: LinearOptions): Promise<LinearServer> {
  const onUnexpected = options.onUnexpected ?? ((error: unknown) => console.error("local/linear:", error));
  const handles = readKeyFile(options.apiKeyFile);
  let handle: (request: Request) => Response | Promise<Response> = () => new Response("starting", { status: 503 });
  const listener = Bun.serve({
    hostname: HOST,
    port: options.port,
    maxRequestBodySize: LARGEST_BODY_BYTES,
    idleTimeout: 60,
    fetch: (request, server) => {
      if (request.headers.get("accept") === "text/event-stream") server.timeout(request, 0); // live pages stay connected
      return handle(request);
    },
    error: (error) => {
      onUnexpected(error);
      return new Response("internal error", { status: 500 });
    },
  });
  try {
    const url = `http://${HOST}:${listener.port}`;
    const parts = assemble(options, url, handles, onUnexpected);
    handle = parts.handle;
    let stopping: Promise<void> | undefined;
    const stop = async () => {
      parts.board.close(); // live pages would keep the listener from ending
      await listener.stop();
      await parts.close();
    };
    return { url, stop: () => (stopping ??= stop()) };
  } catch (error) {
    await listener.stop(true);
    throw error;
  }
}

interface Parts {
  readonly handle: (request: Request) => Response | Promise<Response>;
  readonly board: Board;
  readonly close: () => Promise<void>;
}

function assemble(
  options: LinearOptions,
  url: string,
  handles: ReadonlyMap<string, string>,
  onUnexpected: (error: unknown) => void,
): Parts {
  const database = openDatabase(options.dataDirectory);
  const store = new Store(database);
  const faults = new Faults();
  const queue = new DeliveryQueue({
    database,
    webhook: (id) => store.get("Webhook", id),
    retryDelaysMs: options.webhookAttemptDelaysMs ?? LINEAR_RETRY_DELAYS_MS,
    takeFault: (event) => faults.forDelivery(event),
    now: Date.now,
  });
  const journal = new Journal(database);
  const links = new Links(url);
  const world: World = {
    ...{ store, queue, journal, links },
    now: () => new Date(),
    makeId: randomUUID,
    onCommit: (identifiers) => board.announce(identifiers),
  };
  const board = createBoard({ world, database });
  seed(world);
  const keys = new Keys(database, store, handles, Date.now);
  const schema = loadSchema(options.dataDirectory);
  attachResolvers(schema);
  const graphql = graphqlEndpoint({
    world,
    schema,
    keys,
    faults,
    limits: new RateLimits(Date.now, options.requestsPerHour),
    onUnexpected,
  });
  queue.wake(); // what an earlier run still owed

  const handle = (request: Request): Response | Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    if (!isLocalHost(request)) return new Response("This server answers only to local names.\n", { status: 421 });
    if (pathname === "/graphql") return graphql(request);
    if (pathname === "/oauth/token" && request.method === "POST") return oauthToken(request, keys);
    if (pathname.startsWith("/__")) return localOnly(request, pathname, searchParams, { journal, faults, queue });
    return board.handle(request);
  };
  const close = async () => {
    await queue.stop();
    database.close();
  };
  return { handle, board, close };
}

/** A page on the internet can make a browser call us under its own name (DNS rebinding): only local names are ours. */
function isLocalHost(request: Request): boolean {
  const host = (request.headers.get("host") ?? "").replace(/:\d+$/, "").toLowerCase();
  return host === "127.0.0.1" || host === "localhost" || host === "[::1]" || host.endsWith(".localhost");
}

interface LocalParts {
  readonly journal: Journal;
  readonly faults: Faults;
  readonly queue: DeliveryQueue;
}

/** What Linear does not have: the journal for checkers, the faults for tests. The header keeps web pages out. */
async function localOnly(
  request: Request,
  pathname: string,
  query: URLSearchParams,
  { journal, faults, queue }: LocalParts,
): Promise<Response> {
  if (request.headers.get("x-omakase-local") !== "1")
    return new Response("Send the header x-omakase-local: 1.\n", { status: 403 });
  switch (`${request.method} ${pathname}`) {
    case "GET /__journal":
      return new Response(journal.after(Number(query.get("after")) || 0), { headers: { "content-type": "application/json" } });
    case "GET /__deliveries":
      return Response.json({ owed: queue.owed });
    case "GET /__faults":
      return Response.json({ faults: faults.list() });
    case "DELETE /__faults":
      faults.clear();
      return Response.json({ faults: [] });
    case "POST /__faults":
      try {
        faults.order(await request.json());
        return Response.json({ faults: faults.list() });
      } catch (error) {
        if (!(error instanceof BadFaultError || error instanceof SyntaxError)) throw error;
        return Response.json({ error: error.message }, { status: 400 });
      }
    default:
      return new Response("There is no such local route.\n", { status: 404 });
  }
}
