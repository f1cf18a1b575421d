// What Prometheus reads at /metrics.

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Host } from "./actors/host.ts";

export interface Metrics {
  readonly registry: Registry;
  readonly webhooks: Counter<"source" | "outcome">;
  readonly repairs: Counter<"far_side">;
}

export function createMetrics(host: Host): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const steps = new Counter({
    name: "omakase_steps_total",
    help: "Steps stored by this process.",
    labelNames: ["kind"],
    registers: [registry],
  });
  host.onStored((stored) => {
    for (const { actor } of stored)
      steps.inc({ kind: ["project", "feature", "agent"][actor.split("/").length - 2] ?? "unknown" });
  });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge("omakase_shards", "Shards this process owns.", () => host.stats().shards);
  gauge("omakase_inbox", "Events stored and not yet stepped.", () => host.stats().inbox);
  gauge("omakase_actors_cached", "Actors in memory.", () => host.stats().cachedActors);
  gauge("omakase_actors_parked", "Actors out of service for a person to look at.", () => host.stats().parked.length);
  gauge("omakase_timers", "Armed timers.", () => host.stats().timers);
  gauge("omakase_effects_waiting", "Effects waiting or backing off.", () => host.stats().effects.waiting);
  gauge("omakase_effects_in_flight", "Effects being performed.", () => host.stats().effects.inFlight);
  return {
    registry,
    webhooks: new Counter({
      name: "omakase_webhooks_total",
      help: "Webhook deliveries by source and outcome.",
      labelNames: ["source", "outcome"],
      registers: [registry],
    }),
    repairs: new Counter({
      name: "omakase_repairs_total",
      help: "What sweeps found that no event had told.",
      labelNames: ["far_side"],
      registers: [registry],
    }),
  };
}
