// The port: which path belongs to whom. Bound to loopback; bodies are bounded; a name that rebinds to loopback is not answered.
import type { World } from "../api/world.ts";
import { EcsStartError } from "../errors.ts";
import type { Log } from "../log.ts";
import { answerAws } from "./aws-json.ts";
import { answerControl } from "./control.ts";
import { answerMetadata } from "./metadata.ts";

/** Far above any request of the API: a task definition may have 64 KiB. */
const MAX_BODY_BYTES = 512 * 1024;
const OUR_NAMES: readonly string[] = ["127.0.0.1", "localhost", "[::1]"];

export interface HttpServer {
  readonly port: number;
  /** Stops listening and drops open connections. */
  stop(): Promise<void>;
}

/** @param port 0 for any free one @throws {EcsStartError} when the port is taken */
export function listen(port: number, world: World, log: Log): HttpServer {
  const answer = (request: Request): Response | Promise<Response> => {
    const url = new URL(request.url);
    if (!OUR_NAMES.includes(url.hostname)) return new Response("This server answers on localhost only.", { status: 421 });
    if (url.pathname.startsWith("/v4/")) return answerMetadata(world.store, url.pathname);
    if (url.pathname.startsWith("/__")) return answerControl(world, request, url);
    if (url.pathname === "/" && request.method === "POST") return answerAws(world, request, log);
    return new Response("<UnknownOperationException/>\n", { status: 404, headers: { "content-type": "text/xml" } });
  };
  try {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port,
      maxRequestBodySize: MAX_BODY_BYTES,
      development: false,
      fetch: answer,
      error: (error) => {
        log("request.failed", { error: error.message });
        return Response.json({ __type: "ServerException", message: "An internal error occurred." }, { status: 500 });
      },
    });
    return { port: server.port ?? port, stop: () => server.stop(true) };
  } catch (cause) {
    throw new EcsStartError("port_taken", `Port ${port} cannot be listened on (is it taken?): give another one with --port.`, {
      cause,
    });
  }
}
