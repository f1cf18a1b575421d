// The HTTP face: health for the load balancer, metrics, the API's own description, and the plugins of the far ends.

import { randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { openapi } from "@elysiajs/openapi";
import { staticPlugin } from "@elysiajs/static";
import { type AnyElysia, Elysia } from "elysia";
import type { Host } from "../actors/host.ts";
import { reasonOf } from "../errors.ts";
import { WEB_SOCKET_SETTINGS } from "../inspect/inspector.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";

export interface AppDeps {
  readonly host: Host;
  readonly metrics: Metrics;
  readonly log: Log;
  /** True from SIGTERM on: `/ready` says so, and every connection is closed with its answer, so that the next goes elsewhere. */
  readonly isDraining: () => boolean;
  readonly plugins: readonly AnyElysia[];
}

/** A caller's own id is kept, so that one name is found in both logs. */
const REQUEST_ID = /^[\w.:-]{1,100}$/;

/** The largest request anybody may send: one to the model. Each endpoint has its own, smaller limit. */
export const MAX_REQUEST_BYTES = 33 * 1024 * 1024;

export async function createApp({ host, metrics, log, isDraining, plugins }: AppDeps) {
  const swagger = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")));
  const app = new Elysia({ name: "omakase", websocket: WEB_SOCKET_SETTINGS })
    .use(
      openapi({
        path: "/openapi",
        documentation: { info: { title: "Omakase orchestrator", version: "0.1.0" } },
        exclude: { paths: [/^\/docs-assets/] },
        provider: "swagger-ui",
        // Served by us: a page of ours asks nobody else for a script.
        swagger: { cdn: "/docs-assets/swagger-ui-bundle.js", theme: "/docs-assets/swagger-ui.css", autoDarkMode: false },
      }),
    )
    .use(await staticPlugin({ assets: swagger, prefix: "/docs-assets", indexHTML: false }))
    .onRequest(({ request, set }) => {
      const given = request.headers.get("x-request-id") ?? "";
      set.headers["x-request-id"] = REQUEST_ID.test(given) ? given : randomUUID();
      // What comes in is only stored, whoever owns its shard: until nobody is sent here any more it is taken as ever.
      if (isDraining()) set.headers.connection = "close";
    })
    .onError(({ code, error, request, set, status }) => {
      if (code === "NOT_FOUND")
        return status(404, { code: "not_found", message: `nothing answers ${request.method} ${new URL(request.url).pathname}` });
      if (code === "VALIDATION" || code === "PARSE") return status(400, { code: "malformed", message: reasonOf(error) });
      log.error("http.failed", {
        path: new URL(request.url).pathname,
        requestId: String(set.headers["x-request-id"]),
        reason: reasonOf(error),
      });
      return status(500, { code: "internal", message: "something of ours failed; it is in the log" });
    })
    .get("/health", () => ({ status: "ok" }))
    .get("/ready", ({ status }) => {
      const stats = host.stats();
      return host.ready() && !isDraining()
        ? { status: "ready", shards: stats.shards }
        : status(503, { status: "not ready", ...stats });
    })
    .get(
      "/metrics",
      async () => new Response(await metrics.registry.metrics(), { headers: { "content-type": metrics.registry.contentType } }),
    );
  for (const plugin of plugins) app.use(plugin);
  return app;
}
