// More events than a large commit takes, each asking for effects, in a process that dies over them.

import { expect, test } from "bun:test";
import { aTicket, type FEATURE } from "@omakase/machines/testing/builders";
import { wrongs } from "../testing/checker.ts";
import { CAUSE, Deployment } from "../testing/deployment.ts";

const COUNT = 1_200;

test("P4, D3: endings that gave way to a backlog when their process died are stored by the next owner, once", async () => {
  const world = new Deployment();
  world.seedProject();
  const features = Array.from({ length: COUNT }, (_, index) => `acme/shop/oma-${100 + index}` as typeof FEATURE);
  for (const feature of features) world.seedFeature(feature);
  const todo = JSON.stringify({ type: "ticket.changed", at: 1, ticket: aTicket({ stateType: "unstarted", updatedAt: 1 }) });
  world.tables.transaction(() => features.map((feature) => world.tables.post(feature, "todo", todo, CAUSE)));
  const isSettled = () => [...world.tables.outbox.values()].filter(({ state }) => state !== "pending");
  const asked = () => [...world.tables.outbox.values()].filter(({ kind }) => kind === "resolveDependencies");
  let performed = 0;
  const performers = () => ({
    resolveDependencies: async () => {
      performed++;
      return { kind: "answer", event: { type: "dependencies.resolved", blockers: [], cycle: null } } as const;
    },
  });
  const first = world.start({ performers });
  await world.until("it is in the middle", () => performed > 100);
  expect(isSettled()).toEqual([]);
  first.process.kill();
  world.start({ performers });
  const isQuiet = () => world.tables.mailbox.size === 0 && isSettled().length === world.tables.outbox.size;
  await world.until("all is settled and taken", () => asked().length === COUNT && isQuiet(), 600_000);
  expect(performed).toBeGreaterThan(COUNT + 50); // the same effects again
  expect(wrongs(world.tables, world.ends, false)).toEqual([]);
});
