// What Prometheus reads at /metrics.

import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Host } from "./actors/host.ts";

export interface Metrics {
  readonly registry: Registry;
  readonly webhooks: Counter<"source" | "outcome">;
  readonly repairs: Counter<"far_side" | "kind">;
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
  const waiting = new Gauge({
    name: "omakase_far_side_waiting_effects",
    help: "Effects that wait for a rate limit, for room in the cluster, or for a far side that does not answer.",
    labelNames: ["far_side", "budget"],
    registers: [registry],
    collect() {
      waiting.reset();
      for (const { farSide, budget, effects } of host.waits())
        waiting.set({ far_side: farSide, budget: budget ?? "down" }, effects);
    },
  });
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
      help: "What sweeps and performers have put right at a far side.",
      labelNames: ["far_side", "kind"],
      registers: [registry],
    }),
  };
}
