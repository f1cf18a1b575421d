// Routes about the service itself.
import type { Api } from "../http/api.ts";
import { callerName } from "../http/api.ts";
import { ok, respond } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";

export function metaRoutes(api: Api): Route[] {
  return [
    api.forMember("GET", "/rate_limit", ({ world, actor }) => {
      const { limit, used, resetAtMs } = world.rateLimits.peek(callerName(actor), world.nowMs());
      const core = { limit, used, remaining: Math.max(0, limit - used), reset: Math.ceil(resetAtMs / 1000), resource: "core" };
      return ok({ resources: { core }, rate: core });
    }),
    route("GET", "/meta", async ({ request }) =>
      respond(ok({ verifiable_password_authentication: false, hooks: [], web: [], api: [], git: [] }), request),
    ),
  ];
}
