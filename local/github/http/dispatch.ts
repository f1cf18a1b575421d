// From a request to a response: finds the route, plays the faults a test asked for, turns errors into GitHub's answers.
import { atMost } from "../bounded.ts";
import { GitHubError, notFound } from "../errors.ts";
import { GateFull } from "../git/gate.ts";
import type { Log } from "../log.ts";
import type { World } from "../world.ts";
import { type Fault, faultError } from "./faults.ts";
import { errorReply, newRequestId, respond } from "./reply.ts";
import type { Incoming, Route } from "./route.ts";

interface Dispatcher {
  readonly world: World;
  readonly routes: readonly Route[];
  readonly log: Log;
}

/** Never throws: what no route foresaw is a 500 with a request id that is also in the log. */
export async function dispatch({ world, routes, log }: Dispatcher, request: Request, keepOpen: () => void): Promise<Response> {
  const requestId = newRequestId();
  const answer = async () => {
    try {
      const url = new URL(request.url);
      const found = find(routes, request.method, url.pathname);
      if (found === null) throw notFound();
      const incoming: Incoming = { request, url, route: found.route.id, params: found.params, keepOpen };
      const work = () => found.route.handle(incoming);
      return await world.requests.run(() => withFault(world.faults.take(found.route.id), work, request.signal));
    } catch (error) {
      if (error instanceof GitHubError) return respond(errorReply(error), request);
      if (error instanceof GateFull)
        return respond(errorReply(new GitHubError(503, "Service unavailable: too many requests at once.")), request);
      if (request.signal.aborted) return new Response(null, { status: 499 });
      log.error("request.failed", {
        requestId,
        method: request.method,
        path: new URL(request.url).pathname,
        error: String(error),
      });
      return respond(errorReply(new GitHubError(500, "Server Error")), request);
    }
  };
  const response = await answer();
  response.headers.set("x-github-request-id", requestId);
  response.headers.set("x-content-type-options", "nosniff");
  return response;
}

function find(
  routes: readonly Route[],
  method: string,
  pathname: string,
): { route: Route; params: Record<string, string> } | null {
  for (const route of routes) {
    const params = route.method === method ? route.match(pathname) : null;
    if (params !== null) return { route, params };
  }
  return null;
}

async function withFault(fault: Fault | null, work: () => Promise<Response>, gone: AbortSignal): Promise<Response> {
  switch (fault?.kind) {
    case undefined:
    case "drop-delivery":
    case "repeat-delivery":
      return work();
    case "delay":
      await atMost(fault.delayMs, new Promise((resolve) => gone.addEventListener("abort", resolve)));
      return work();
    case "drop-reply":
      await work();
      return droppedConnection();
    case "status":
      if (fault.performed) await work();
      throw faultError(fault);
    default:
      return fault satisfies never;
  }
}

/**
 * A body that breaks before its first byte makes the server close the connection without an answer. Without a reason, and
 * only once the stream has been asked for data: a reason would be printed as an uncaught error.
 */
const droppedConnection = () =>
  new Response(
    new ReadableStream({
      pull: async (controller) => {
        await Promise.resolve();
        controller.error(undefined);
      },
    }),
  );
