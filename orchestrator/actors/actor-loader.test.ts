// Reading actors from a store that answers when it is told to.

import { describe, expect, test } from "bun:test";
import { begin, DEFAULT_SETTINGS, featureMachine, MACHINE_VERSIONS, persist } from "@omakase/machines";
import { aTicket, FEATURE } from "@omakase/machines/testing/builders";
import type { Actor } from "../../convex/steps.ts";
import { Refused, Unanswered } from "../store/host-store.ts";
import { ActorCache } from "./actor-cache.ts";
import { ActorLoader } from "./actor-loader.ts";
import { Holding } from "./holding.ts";
import type { QueuedEvent } from "./inbox.ts";

const { snapshot } = begin(featureMachine, { address: FEATURE, ticket: aTicket(), settings: DEFAULT_SETTINGS });
const row = (address: string, sequence = 0): Actor => ({
  id: address as Actor["id"],
  address,
  kind: "feature",
  shard: 0,
  machineVersion: MACHINE_VERSIONS.feature,
  sequence,
  snapshot: persist(featureMachine, snapshot),
  status: "active",
  parkedReason: null,
});
const address = (index: number) => `acme/shop/oma-${index}`;

/** A loader of a store that answers with `answer`. */
function setup(answer: (addresses: readonly string[]) => Promise<readonly (Actor | null)[]>) {
  const asked: string[][] = [];
  const parked: string[] = [];
  const unknown: unknown[] = [];
  const cache = new ActorCache(100);
  const holding = new Holding({ shard: 0, epoch: 1 });
  const store = {
    actors: (addresses: readonly string[]) => {
      asked.push([...addresses]);
      return answer(addresses);
    },
  };
  const parking = { has: () => false, found: () => {}, park: async (actor: string) => void parked.push(actor) };
  const log = { info: () => {}, warn: () => {}, error: (_: string, fields?: object) => void unknown.push(fields) };
  const loader = new ActorLoader(store, cache, parking, log);
  const events = (...addresses: string[]): QueuedEvent[] =>
    addresses.map((actor) => ({
      actor,
      holding,
      source: { kind: "timer", timerId: "t", armedSequence: 1 },
      eventId: "timer:t:1",
      event: "{}",
      cause: { kind: "timer", name: "t" },
    }));
  return { loader, cache, holding, events, asked, parked, unknown };
}

describe("the actor loader", () => {
  test("asks for what is missing in one call, each actor once, and goes on where an answer ended", async () => {
    const { loader, cache, events, asked } = setup(async (addresses) => addresses.slice(0, 2).map((one) => row(one)));
    await loader.load(events(address(1), address(2), address(1), address(3)));
    await loader.load(events(address(3), address(4)));
    expect(asked).toEqual([[address(1), address(2), address(3)], [address(3)], [address(4)]]);
    expect(cache.size).toBe(4);
  });

  test("H5: an actor that the store refuses to answer for is parked, its neighbours are read", async () => {
    const { loader, cache, events, parked } = setup(async (addresses) => {
      if (addresses.includes(address(2))) throw new Refused("it is too large");
      return addresses.map((one) => row(one));
    });
    await loader.load(events(address(1), address(2), address(3)));
    expect(parked).toEqual([address(2)]);
    expect(cache.size).toBe(2);
  });

  test("what is being read ahead is waited for and not asked for again", async () => {
    const gate = Promise.withResolvers<void>();
    const { loader, cache, events, asked } = setup(async (addresses) => {
      await gate.promise;
      return addresses.map((one) => row(one));
    });
    loader.readAhead(events(address(1), address(2)));
    const loaded = loader.load(events(address(1)));
    gate.resolve();
    await loaded;
    expect(asked).toEqual([[address(1), address(2)]]);
    expect(cache.get(address(1))).toBeDefined();
  });

  test("whose actors are in memory waits for nothing that is being read ahead", async () => {
    const { loader, events, asked } = setup(async (addresses) => {
      if (addresses.includes(address(2))) await new Promise<never>(() => {});
      return addresses.map((one) => row(one));
    });
    await loader.load(events(address(1)));
    loader.readAhead(events(address(2)));
    await loader.load(events(address(1)));
    expect(asked).toEqual([[address(1)], [address(2)]]);
  });

  test("what cannot be read ahead is nobody's failure: it is asked for when its turn comes", async () => {
    let tries = 0;
    const { loader, cache, events } = setup(async (addresses) => {
      if (tries++ === 0) throw new Unanswered("not now");
      return addresses.map((one) => row(one));
    });
    loader.readAhead(events(address(1)));
    await loader.load(events(address(1)));
    expect(tries).toBe(2);
    expect(cache.size).toBe(1);
  });

  test("H3: an actor that a step has left in memory while it was read stays as that step left it", async () => {
    const gate = Promise.withResolvers<void>();
    const { loader, cache, events } = setup(async (addresses) => {
      await gate.promise;
      return addresses.map((one) => row(one, 4));
    });
    loader.readAhead(events(address(1)));
    const other = setup(async (addresses) => addresses.map((one) => row(one, 5)));
    await other.loader.load(other.events(address(1)));
    const stepped = other.cache.get(address(1));
    if (!stepped) throw new Error("it was not read");
    cache.set(address(1), stepped);
    gate.resolve();
    await loader.load(events(address(1)));
    expect(cache.get(address(1))?.sequence).toBe(5);
  });

  test("of a shard that was lost meanwhile nothing is kept", async () => {
    const gate = Promise.withResolvers<void>();
    const { loader, cache, holding, events } = setup(async (addresses) => {
      await gate.promise;
      return addresses.map((one) => row(one));
    });
    const loaded = loader.load(events(address(1)));
    holding.lose();
    gate.resolve();
    await loaded;
    expect(cache.size).toBe(0);
  });
});
