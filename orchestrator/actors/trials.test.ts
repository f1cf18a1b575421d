// Events that cannot be taken, against tables in memory and in virtual time: tried again, parked, and put back by a person.

import { describe, expect, test } from "bun:test";
import { aTicket, FEATURE, PROJECT } from "@omakase/machines/testing/builders";
import { shardOf } from "../../convex/shardOf.ts";
import { Refused, Unanswered } from "../store/host-store.ts";
import { wrongs } from "../testing/checker.ts";
import { CAUSE, type Deployment, oneFeature } from "../testing/deployment.ts";

const OTHER = "acme/shop/oma-2" as typeof FEATURE;

const todo = () => ({ type: "ticket.changed", ticket: aTicket({ stateType: "unstarted", updatedAt: 1 }) });

/** Starts a host that hears so much later that an actor was parked; `meanwhile` happens as soon as it is. */
function startParkingLate(world: Deployment, lateMs: number, meanwhile: () => void): { isAnswered: boolean } {
  const late = { isAnswered: false };
  world.start({
    store: ({ fail }) => ({
      fail: async (...call) => {
        const counted = await fail(...call);
        if (!counted.isParked) return counted;
        meanwhile();
        await new Promise<void>((resolve) => void world.scheduler.after(lateMs, resolve));
        late.isAnswered = true;
        return counted;
      },
    }),
  });
  return late;
}

describe("an event that cannot be taken", () => {
  test("H5: an event that is not JSON parks its own actor as it was; its neighbour goes on", async () => {
    const world = oneFeature();
    world.seedFeature(OTHER);
    const before = world.actor(FEATURE)?.snapshot;
    world.tables.deliver(FEATURE, "garbage", "{not json", CAUSE);
    world.send(FEATURE, "after", todo());
    world.send(OTHER, "todo", todo());
    world.start();
    await world.until("the neighbour has gone on", () => world.taken(OTHER).length > 1);
    await world.until("it is parked", () => world.actor(FEATURE)?.status === "parked");
    expect(world.actor(FEATURE)).toMatchObject({ snapshot: before, sequence: 0 });
    expect(world.actor(FEATURE)?.parkedReason).toContain("garbage");
    expect(
      [...world.tables.mailbox.values()].filter(({ actor }) => actor === FEATURE).map(({ key, origin }) => `${key} ${origin}`),
    ).toEqual(["garbage held", "after held"]);
  });

  for (const [decision, first] of [
    ["drop", "event.dropped"],
    ["retry", undefined],
  ] as const)
    test(`a person who decides to ${decision} puts its actor back: its mail is taken in its order, the event ${first ? "is not" : "fails again"}`, async () => {
      const world = oneFeature();
      world.tables.deliver(FEATURE, "garbage", "{not json", CAUSE);
      const { host } = world.start();
      await world.until("it is parked", () => world.actor(FEATURE)?.status === "parked");
      world.send(FEATURE, "after", todo());
      await world.pass(2_000);
      world.tables.decide(FEATURE, decision);
      if (first === undefined) {
        await world.until("it is tried again", () => (world.tables.troubles.get(FEATURE)?.tries ?? 0) > 0);
        await world.until("it is parked again", () => world.actor(FEATURE)?.status === "parked");
        world.tables.decide(FEATURE, "drop");
      }
      await world.until("it has gone on", () => world.taken(FEATURE).includes("actor.released"));
      expect(world.taken(FEATURE).slice(0, 2)).toEqual(["event.dropped", "ticket.changed"]);
      expect(host.stats().parked).toEqual([]);
      expect(wrongs(world.tables, world.ends, false)).toEqual([]);
    });

  test("one that is put back before its owner has heard that it was parked goes on, without further mail", async () => {
    const world = oneFeature();
    world.tables.deliver(FEATURE, "garbage", "{not json", CAUSE);
    startParkingLate(world, 2_000, () => world.tables.decide(FEATURE, "drop"));
    await world.until("it goes on", () => world.taken(FEATURE).includes("actor.released"));
  });

  test("one whose last failure was counted under an ownership that is over by the answer goes on when a person puts it back", async () => {
    const world = oneFeature();
    world.tables.deliver(FEATURE, "garbage", "{not json", CAUSE);
    const late = startParkingLate(world, 30_000, () => world.tables.ownership.steal(shardOf(PROJECT), "thief", 0));
    await world.until("it is parked, and the shard has been taken over again", () => late.isAnswered);
    await world.pass(1_000);
    world.tables.decide(FEATURE, "drop");
    await world.until("it goes on", () => world.taken(FEATURE).includes("actor.released"));
  });

  test("one that is put back goes on although no window says so: a full one looks as it did before", async () => {
    const world = oneFeature();
    let isDeaf = false;
    world.tables.deliver(FEATURE, "garbage", "{not json", CAUSE);
    world.start({
      store: ({ watchOutside }) => ({
        watchOutside: (shard, onMail) =>
          watchOutside(shard, (mail) => {
            if (!isDeaf) onMail(mail);
          }),
      }),
    });
    await world.until("it is parked", () => world.actor(FEATURE)?.status === "parked");
    await world.pass(1_000);
    isDeaf = true;
    world.tables.decide(FEATURE, "drop");
    await world.until("it goes on", () => world.taken(FEATURE).includes("actor.released"));
  });

  test("Q5, Q6: between three tries its actor rests and is read anew; what came after it waits, the neighbour does not", async () => {
    const world = oneFeature();
    world.seedFeature(OTHER);
    const tried: number[] = [];
    world.tables.deliver(FEATURE, "garbage", "{not json", CAUSE);
    world.send(FEATURE, "after", todo());
    world.start({
      store: ({ actors }) => ({
        actors: (addresses) => {
          if (addresses.includes(FEATURE)) tried.push(world.scheduler.nowMs);
          return actors(addresses);
        },
      }),
    });
    await world.until("the first try", () => world.tables.troubles.get(FEATURE)?.tries === 1);
    world.send(OTHER, "todo", todo());
    await world.until("the neighbour has gone on", () => world.taken(OTHER).length > 1, 400);
    expect(world.actor(FEATURE)?.status).toBe("active");
    await world.until("it is parked", () => world.actor(FEATURE)?.status === "parked");
    expect(tried).toHaveLength(3);
    const [first = 0, second = 0, third = 0] = tried;
    expect([second - first >= 500, third - second >= 2_000, third - first < 10_000]).toEqual([true, true, true]);
    expect(world.taken(FEATURE)).toEqual([]);
  });

  test("Q1: three tries in all, however many owners made them: one that dies takes none of them with it", async () => {
    const world = oneFeature();
    world.tables.deliver(FEATURE, "garbage", "{not json", CAUSE);
    for (const tries of [1, 2]) {
      const { process } = world.start();
      await world.until(`try ${tries}`, () => world.tables.troubles.get(FEATURE)?.tries === tries);
      process.kill();
    }
    world.start();
    await world.until("it is parked", () => world.actor(FEATURE)?.status === "parked");
    expect(world.tables.troubles.get(FEATURE)?.tries).toBe(3);
  });

  test("Q7: a try whose count is not answered is counted once, and is not followed by another before it is", async () => {
    const world = oneFeature();
    let asked = 0;
    world.tables.deliver(FEATURE, "garbage", "{not json", CAUSE);
    world.start({
      store: ({ fail }) => ({
        fail: async (...call) => {
          const counted = await fail(...call);
          if (++asked < 4) throw new Unanswered("the answer was lost");
          return counted;
        },
      }),
    });
    await world.until("it is answered", () => asked === 4);
    expect(world.tables.troubles.get(FEATURE)?.tries).toBe(1);
    await world.until("it is parked", () => world.actor(FEATURE)?.status === "parked");
    await world.until("that is answered", () => asked === 6);
  });

  test("an event that fails once and then does not is taken, in its place", async () => {
    const world = oneFeature();
    let refused = 0;
    world.send(FEATURE, "first", { type: "approve", by: "Dana" });
    world.send(FEATURE, "second", todo());
    world.start({
      store: ({ commit }) => ({
        commit: async (epochs, steps) => {
          const isFirst = steps.some(({ eventId }) => eventId === "first");
          if (isFirst && steps.length === 1 && ++refused < 3) throw new Refused("not now", "badStep");
          if (isFirst && steps.length > 1) throw new Refused("not now", "badStep");
          return commit(epochs, steps);
        },
      }),
    });
    await world.until("both are taken", () => world.taken(FEATURE).length >= 2);
    expect(
      world
        .log(FEATURE)
        .map(({ eventId }) => eventId)
        .slice(0, 2),
    ).toEqual(["first", "second"]);
    expect(world.actor(FEATURE)?.status).toBe("active");
  });

  test("H5: a step the store refuses parks its actor after three tries, and the others of its batch are stored", async () => {
    const world = oneFeature();
    const others = Array.from({ length: 6 }, (_, index) => `acme/shop/oma-1${index}` as typeof FEATURE);
    for (const other of others) world.seedFeature(other);
    let alone = 0;
    world.send(FEATURE, "bad", todo());
    for (const other of others) world.send(other, "todo", todo());
    world.start({
      store: ({ commit }) => ({
        commit: async (epochs, steps) => {
          if (!steps.some(({ eventId }) => eventId === "bad")) return commit(epochs, steps);
          if (steps.length === 1) alone++;
          throw new Refused("the snapshot is too long", "badStep");
        },
      }),
    });
    await world.until("it is parked", () => world.actor(FEATURE)?.status === "parked");
    await world.until("the others went on", () => others.every((other) => world.taken(other).length > 0));
    expect(alone).toBe(3);
    expect(world.actor(FEATURE)?.parkedReason).toContain("the snapshot is too long");
  });

  test("an actor that the store will not give parks alone, and those asked for with it go on", async () => {
    const world = oneFeature();
    const others = Array.from({ length: 6 }, (_, index) => `acme/shop/oma-1${index}` as typeof FEATURE);
    for (const other of others) world.seedFeature(other);
    for (const feature of [FEATURE, ...others]) world.send(feature, "todo", todo());
    world.start({
      store: ({ actors }) => ({
        actors: async (addresses) => {
          if (addresses.includes(FEATURE)) throw new Refused("too large to read", "failed");
          return actors(addresses);
        },
      }),
    });
    await world.until("it is parked", () => world.actor(FEATURE)?.status === "parked");
    await world.until("the others went on", () => others.every((other) => world.taken(other).length > 0));
    expect(world.actor(FEATURE)?.parkedReason).toContain("too large to read");
  });
});
