// Routes of the app's webhook: what was delivered, and delivering it again.
import type { Actor } from "../auth/actor.ts";
import { notFound } from "../errors.ts";
import type { Api, Call } from "../http/api.ts";
import { empty, ok, pageOf } from "../http/reply.ts";
import type { Route } from "../http/route.ts";
import { type Delivery, findDelivery, listDeliveries } from "../store/deliveries.ts";
import { redeliver } from "../webhooks/events.ts";
import { isoSeconds } from "../world.ts";

export function hookRoutes(api: Api): Route[] {
  return [
    api.forApp("GET", "/app/hook/config", ({ world }) =>
      ok({ content_type: "json", insecure_ssl: "0", secret: "********", url: world.settings.webhook?.url ?? "" }),
    ),
    api.forApp("GET", "/app/hook/deliveries", ({ world, url, query }) => {
      const { limit } = pageOf(query);
      const before = Number(/^v1_(\d{1,15})$/.exec(query.get("cursor") ?? "")?.[1] ?? Number.MAX_SAFE_INTEGER);
      const rows = listDeliveries(world.db, before, limit + 1);
      const shown = rows.slice(0, limit);
      const next = new URL(url);
      next.searchParams.set("cursor", `v1_${shown.at(-1)?.id ?? 0}`);
      return ok(shown.map(deliveryShape), rows.length > limit ? { link: `<${next.href}>; rel="next"` } : {});
    }),
    api.forApp("GET", "/app/hook/deliveries/{id}", (call) => {
      const delivery = deliveryOf(call);
      const payload: unknown = JSON.parse(delivery.payload);
      const request = { headers: call.world.hooks.headers(delivery), payload };
      return ok({
        ...deliveryShape(delivery),
        url: call.world.settings.webhook?.url ?? "",
        request,
        response: { headers: {}, payload: null },
      });
    }),
    api.forApp("POST", "/app/hook/deliveries/{id}/attempts", (call) => {
      redeliver(call.world, deliveryOf(call));
      return { ...empty(202), body: {} };
    }),
  ];
}

function deliveryOf({ world, params }: Call<"id", Actor>): Delivery {
  const delivery = /^\d{1,15}$/.test(params.id) ? findDelivery(world.db, Number(params.id)) : null;
  if (delivery === null) throw notFound();
  return delivery;
}

const deliveryShape = (delivery: Delivery) => ({
  id: delivery.id,
  guid: delivery.guid,
  delivered_at: isoSeconds(delivery.attemptedAtMs ?? delivery.createdAtMs),
  redelivery: delivery.redelivery === 1,
  duration: (delivery.durationMs ?? 0) / 1000,
  status: delivery.outcome ?? "pending",
  status_code: delivery.statusCode ?? 0,
  event: delivery.event,
  action: delivery.action,
  installation_id: delivery.installationId,
  repository_id: delivery.repositoryId,
  throttled_at: null,
});
