// The host against tables in memory and in virtual time: what it does with each kind of trouble. What happens when processes die
// at any moment is the simulation's (testing/simulation.test.ts).

import { describe, expect, test } from "bun:test";
import { MACHINE_VERSIONS } from "@omakase/machines";
import { AGENT, aTicket, FEATURE, PROJECT } from "@omakase/machines/testing/builders";
import { shardOf } from "../../convex/shardOf.ts";
import { Refused, Unanswered } from "../store/host-store.ts";
import { wrongs } from "../testing/checker.ts";
import { Deployment } from "../testing/deployment.ts";

const OTHER = "acme/shop/oma-2" as typeof FEATURE;

function setup() {
  const world = new Deployment();
  world.seedProject();
  world.seedFeature();
  return world;
}

const todo = (updatedAt = 1) => ({ type: "ticket.changed", ticket: aTicket({ stateType: "unstarted", updatedAt }) });

const news = (updatedAt: number) => ({ type: "ticket.changed", ticket: aTicket({ title: `Title ${updatedAt}`, updatedAt }) });

describe("the host", () => {
  test("an actor takes its mail in order of arrival, one step each", async () => {
    const world = setup();
    for (let index = 1; index <= 10; index++) world.send(FEATURE, `news-${index}`, news(index));
    world.start();
    await world.until("all taken", () => world.taken(FEATURE).length === 10);
    expect(world.log(FEATURE).map(({ eventId }) => eventId)).toEqual(
      Array.from({ length: 10 }, (_, index) => `news-${index + 1}`),
    );
    expect(world.log(FEATURE).map(({ sequence }) => sequence)).toEqual(Array.from({ length: 10 }, (_, index) => index + 1));
    expect(JSON.parse(world.actor(FEATURE)?.snapshot ?? "").context.ticket.title).toBe("Title 10");
    expect(wrongs(world.tables, world.ends, true)).toEqual([]);
  });

  test("what arrives while a commit is in flight is one commit", async () => {
    const world = setup();
    let commits = 0;
    world.start({
      store: ({ commit }) => ({
        commit: (epochs, steps) => {
          commits++;
          return commit(epochs, steps);
        },
      }),
    });
    await world.pass(1_000);
    for (let index = 0; index < 40; index++)
      world.tables.transaction(() => world.tables.post(FEATURE, `own-${index}`, "{}", CAUSE));
    for (let index = 0; index < 4; index++) world.send(FEATURE, `out-${index}`, { type: "start", by: "Dana" });
    await world.until("taken", () => world.log(FEATURE).length >= 4);
    expect(commits).toBeLessThanOrEqual(2);
  });

  test("the next commit is computed while one is in flight, on what that one leaves behind", async () => {
    const world = setup();
    const computedAt: number[][] = [];
    const gate = Promise.withResolvers<void>();
    const computed: number[][] = [];
    world.start({
      store: ({ commit }) => ({
        commit: async (epochs, steps) => {
          computed.push(steps.map(({ expectedSequence }) => expectedSequence));
          computedAt.push(steps.map(({ at }) => at));
          if (computed.length === 1) await gate.promise;
          return commit(epochs, steps);
        },
      }),
    });
    await world.pass(1_000);
    const heardOf = world.tables.now();
    world.send(FEATURE, "news-1", news(1));
    await world.until("the first is on its way", () => computed.length === 1);
    world.send(FEATURE, "news-2", news(2));
    world.send(FEATURE, "news-3", news(3));
    await world.pass(500);
    const answeredAt = world.tables.now();
    gate.resolve();
    await world.until("all taken", () => world.taken(FEATURE).length === 3);
    expect(computed).toEqual([[0], [1, 2]]);
    expect(Math.max(...(computedAt[1] ?? []))).toBeLessThan(answeredAt); // computed before the first was answered
    expect(Math.min(...(computedAt[1] ?? []))).toBeGreaterThanOrEqual(heardOf);
    expect(wrongs(world.tables, world.ends, true)).toEqual([]);
  });

  test("H3: what was computed on a commit that is refused is computed again, in the order it came", async () => {
    const world = setup();
    const gate = Promise.withResolvers<void>();
    const sent: string[][] = [];
    world.start({
      store: ({ commit }) => ({
        commit: async (epochs, steps) => {
          sent.push(steps.map(({ eventId }) => eventId));
          if (sent.length > 1) return commit(epochs, steps);
          await gate.promise;
          throw new Refused("not this time", "badStep");
        },
      }),
    });
    await world.pass(1_000);
    world.send(FEATURE, "news-1", news(1));
    await world.until("the first is on its way", () => sent.length === 1);
    for (const index of [2, 3, 4]) world.send(FEATURE, `news-${index}`, news(index));
    await world.pass(500);
    gate.resolve();
    await world.until("all taken", () => world.taken(FEATURE).length === 4);
    expect(world.log(FEATURE).map(({ eventId }) => eventId)).toEqual(["news-1", "news-2", "news-3", "news-4"]);
    expect(JSON.parse(world.actor(FEATURE)?.snapshot ?? "").context.ticket.title).toBe("Title 4");
    expect(wrongs(world.tables, world.ends, true)).toEqual([]);
  });

  test("H5: an event that is not JSON parks its own actor as it was; its neighbour goes on", async () => {
    const world = setup();
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
      const world = setup();
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
    const world = setup();
    world.tables.deliver(FEATURE, "garbage", "{not json", CAUSE);
    world.start({
      store: ({ fail }) => ({
        fail: async (...call) => {
          const counted = await fail(...call);
          if (!counted.isParked) return counted;
          world.tables.decide(FEATURE, "drop");
          await new Promise<void>((resolve) => void world.scheduler.after(2_000, resolve));
          return counted;
        },
      }),
    });
    await world.until("it goes on", () => world.taken(FEATURE).includes("actor.released"));
  });

  test("one whose last failure was counted under an ownership that is over by the answer goes on when a person puts it back", async () => {
    const world = setup();
    let isAnswered = false;
    world.tables.deliver(FEATURE, "garbage", "{not json", CAUSE);
    world.start({
      store: ({ fail }) => ({
        fail: async (...call) => {
          const counted = await fail(...call);
          if (!counted.isParked) return counted;
          world.tables.steal(shardOf(PROJECT), "thief", 0);
          await new Promise<void>((resolve) => void world.scheduler.after(30_000, resolve));
          isAnswered = true;
          return counted;
        },
      }),
    });
    await world.until("it is parked, and the shard has been taken over again", () => isAnswered);
    await world.pass(1_000);
    world.tables.decide(FEATURE, "drop");
    await world.until("it goes on", () => world.taken(FEATURE).includes("actor.released"));
  });

  test("one that is put back goes on although no window says so: a full one looks as it did before", async () => {
    const world = setup();
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
    const world = setup();
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
    const world = setup();
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
    const world = setup();
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
    const world = setup();
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
    const world = setup();
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
    const world = setup();
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

  test("an actor of a machine version this build does not know is parked untouched", async () => {
    const world = new Deployment();
    world.seedProject();
    world.seedFeature(FEATURE, "0-unheard-of");
    const before = world.actor(FEATURE)?.snapshot;
    world.send(FEATURE, "todo", todo());
    world.start();
    await world.until("it is parked", () => world.actor(FEATURE)?.status === "parked");
    expect(world.actor(FEATURE)).toMatchObject({ snapshot: before, machineVersion: "0-unheard-of", sequence: 0 });
    expect(world.actor(FEATURE)?.parkedReason).toContain("0-unheard-of");
  });

  test("mail for an actor that does not exist is reported once and holds nobody up", async () => {
    const world = setup();
    world.tables.transaction(() => world.tables.post(AGENT, "lost", JSON.stringify({ type: "stop", at: 1, reason: "" }), CAUSE));
    world.start();
    await world.pass(1_000);
    world.send(FEATURE, "todo", todo());
    await world.until("the feature goes on", () => world.taken(FEATURE).length > 0);
    await world.pass(20_000);
    expect(world.said("actor.unknown").map(({ fields }) => fields.actor)).toEqual([AGENT]);
    expect([...world.tables.mailbox.values()].map(({ key }) => key)).toContain("lost");
  });

  test("an event that changes nothing is in the log as ignored, and the snapshot stays as it was", async () => {
    const world = setup();
    const before = world.actor(FEATURE)?.snapshot;
    world.send(FEATURE, "early", { type: "approve", by: "Dana" });
    world.send(FEATURE, "future", { type: "from.another.version" });
    world.start();
    await world.until("both are logged", () => world.log(FEATURE).length === 2);
    expect(world.log(FEATURE).map(({ ignored }) => ignored)).toEqual([true, true]);
    expect(world.actor(FEATURE)).toMatchObject({ snapshot: before, sequence: 2, machineVersion: MACHINE_VERSIONS.feature });
  });

  test("a project's ticket passes the whole pipeline, every step of it accounted for", async () => {
    const world = new Deployment();
    world.seedProject();
    const ticket = aTicket({ key: "OMA-7", stateType: "unstarted" });
    world.send(PROJECT, "limits", { type: "limits.changed", by: "Dana", limits: { features: 2, perRole: {} } });
    world.send(PROJECT, "appeared", { type: "ticket.appeared", featureId: "oma-7", ticket });
    world.start();
    const feature = "acme/shop/oma-7";
    await world.until("it has a pull request", () => viewState(world, feature) === "passing", 10 * 60_000);
    await world.pass(60_000);
    expect(wrongs(world.tables, world.ends, true)).toEqual([]);
    expect(world.ends.made.filter((name) => name.startsWith("pull request"))).toHaveLength(1);
  });
});

describe("a commit over two shards that is stored without an answer, while one of them gets another owner", () => {
  const elsewhere = "acme/app/oma-1" as typeof FEATURE;

  /** @param isSilent whether it is not answered either when it is sent again */
  async function lost(isSilent: boolean) {
    const world = setup();
    world.seedProject(5, "acme/app" as typeof PROJECT);
    world.seedFeature(elsewhere);
    const [shop, app] = [world.actor(FEATURE)!.shard, world.actor(elsewhere)!.shard];
    let [commits, tries] = [0, 0];
    let isStolen = false;
    const { host } = world.start({
      store: ({ commit }) => ({
        commit: async (epochs, steps) => {
          // What comes during the slow first one is the second.
          if (++commits === 1) await new Promise<void>((resolve) => void world.scheduler.after(500, resolve));
          if (commits === 1) return commit(epochs, steps);
          if (++tries > 1 && !(isSilent && epochs.length === 2)) return commit(epochs, steps);
          if (tries === 1) {
            expect(epochs).toHaveLength(2);
            await commit(epochs, steps);
            world.tables.steal(shop, "a thief", 100_000_000);
            isStolen = true;
          }
          throw new Unanswered("the answer was lost");
        },
      }),
    });
    await world.until("ready", () => host.ready() && host.stats().shards === 2);
    world.send(FEATURE, "first", { type: "approve", by: "Dana" });
    await world.pass(100);
    world.send(FEATURE, "todo", todo());
    world.send(elsewhere, "todo", todo());
    await world.until("stolen", () => isStolen);
    return { world, app };
  }

  test.each([
    ["is refused when it is sent again", false],
    ["is never answered before the loss is known", true],
  ])("H6: %s: what the other shard's step asked for is done all the same", async (_, isSilent) => {
    const { world, app } = await lost(isSilent);
    const before = world.tables.shards.get(app)?.epoch ?? 0;
    await world.until("it goes on", () => world.ends.calls.some(({ effectId }) => effectId.startsWith(elsewhere)), 20_000);
    await world.until("its answer is taken", () => world.taken(elsewhere).includes("dependencies.resolved"), 5_000);
    expect(world.tables.shards.get(app)?.epoch).toBe(before + 1);
    expect(wrongs(world.tables, world.ends, false)).toEqual([]);
  });
});

const CAUSE = { kind: "person", name: "Dana" } as const;

function viewState(world: Deployment, address: string): string | undefined {
  return world.actor(address)?.view?.state;
}

describe("two orchestrators", () => {
  test("the second stands by, is ready, and takes over when the lease of a dead one has run out", async () => {
    const world = setup();
    const first = world.start();
    await world.until("the first has the shard", () => first.host.stats().shards === 1);
    const second = world.start();
    await world.pass(15_000);
    expect(second.host.stats().shards).toBe(0);
    expect(second.host.ready()).toBe(true);
    first.process.kill();
    const diedAt = world.scheduler.nowMs;
    await world.until("taken over", () => second.host.stats().shards === 1);
    expect(world.scheduler.nowMs - diedAt).toBeLessThanOrEqual(13_100);
    world.send(FEATURE, "todo", todo());
    await world.until("the second steps", () => world.taken(FEATURE).length > 0);
  });

  test("a drained one hands over within one claim period, and steps no more", async () => {
    const world = setup();
    const first = world.start();
    await world.until("the first has the shard", () => first.host.stats().shards === 1);
    const second = world.start();
    await world.pass(1_000);
    await finished(world, first.host.drain());
    expect(first.host.stats().shards).toBe(0);
    await world.until("handed over", () => second.host.stats().shards === 1, 3_100);
    world.send(FEATURE, "todo", todo());
    await world.until("the second steps", () => world.taken(FEATURE).length > 0);
    expect(world.log(FEATURE)[0]?.epoch).toBe(2);
  });

  test("one that was stopped beyond its lease writes nothing when it goes on, and forgets the shard", async () => {
    const world = setup();
    const first = world.start();
    await world.until("the first has the shard", () => first.host.stats().shards === 1);
    const second = world.start();
    world.send(FEATURE, "todo", todo());
    first.process.pause(30_000);
    await world.until("taken over", () => second.host.stats().shards === 1);
    await world.pass(40_000);
    expect(first.host.stats().shards).toBe(0);
    expect(wrongs(world.tables, world.ends, false)).toEqual([]);
    expect(world.log(FEATURE).every(({ epoch }) => epoch === 2)).toBe(true);
  });

  test("timers that became due while nobody lived fire at once, in due order, each once", async () => {
    const world = setup();
    world.seedFeature(OTHER);
    const row = { timerId: "xstate.after.never", armedSequence: 0 };
    world.tables.timers.set(`${OTHER} ${row.timerId}`, { actor: OTHER, ...row, dueAt: world.scheduler.nowMs + 2_000 });
    world.tables.timers.set(`${FEATURE} ${row.timerId}`, { actor: FEATURE, ...row, dueAt: world.scheduler.nowMs + 1_000 });
    await world.pass(3_600_000);
    world.start();
    await world.until("both fired", () => world.tables.timers.size === 0);
    const fired = world.tables.transitions.map(({ actor, eventId }) => `${actor} ${eventId}`);
    expect(fired).toEqual([`${FEATURE} timer:xstate.after.never:0`, `${OTHER} timer:xstate.after.never:0`]);
    await world.pass(60_000);
    expect(world.tables.transitions).toHaveLength(2);
  });
});

describe("timers", () => {
  const SILENCE = "xstate.after.provisioningMs.agent.provisioning";
  const WALL_CLOCK = "xstate.after.wallClockLeftMs.agent.running";

  /** Armed rows of a feature, which takes no notice of what they say: what counts is when they say it. */
  function armed(dueInMs: number, ...timerIds: string[]) {
    const world = setup();
    const dueAt = world.scheduler.nowMs + dueInMs;
    for (const timerId of timerIds)
      world.tables.timers.set(`${FEATURE} ${timerId}`, { actor: FEATURE, timerId, armedSequence: 0, dueAt });
    return { world, dueAt, firedAt: () => firedAt(world) };
  }
  /** Timer id to the true time of its step. */
  const firedAt = (world: Deployment) =>
    Object.fromEntries(world.log(FEATURE).map(({ eventType, storedAt }) => [eventType, storedAt]));

  test("grace: after an outage of our own what measures silence has a heartbeat's time, what measures time has none", async () => {
    const { world, firedAt } = armed(1_000, SILENCE, WALL_CLOCK);
    await world.pass(3_600_000);
    const startedAt = world.scheduler.nowMs;
    world.start();
    await world.until("both fired", () => world.tables.timers.size === 0);
    expect(firedAt()[WALL_CLOCK]! - startedAt).toBeLessThan(1_000);
    expect(firedAt()[SILENCE]! - startedAt).toBeGreaterThanOrEqual(10_000);
    expect(firedAt()[SILENCE]! - startedAt).toBeLessThan(11_000);
  });

  test("grace: also when the store was away and the shards stayed ours", async () => {
    const { world, firedAt } = armed(30_000, SILENCE, WALL_CLOCK);
    let isAway = false;
    const gone = <Call extends (...args: never[]) => Promise<unknown>>(call: Call) =>
      ((...args) => (isAway ? Promise.reject(new Unanswered("away")) : call(...args))) as Call;
    const { host } = world.start({ store: ({ attend, commit }) => ({ attend: gone(attend), commit: gone(commit) }) });
    await world.until("ready", () => host.ready());
    isAway = true;
    await world.pass(60_000);
    isAway = false;
    const backAt = world.scheduler.nowMs;
    await world.until("both fired", () => world.tables.timers.size === 0);
    expect(firedAt()[WALL_CLOCK]! - backAt).toBeLessThan(3_500);
    expect(firedAt()[SILENCE]! - backAt).toBeGreaterThanOrEqual(10_000);
    expect(world.log(FEATURE).every(({ epoch }) => epoch === 1)).toBe(true);
  });

  test("grace: a shard that changes hands in time has none, and an agent that is silent then is as late as ever", async () => {
    const { world, dueAt, firedAt } = armed(5_000, SILENCE);
    const first = world.start();
    await world.until("the first has the shard", () => first.host.stats().shards === 1);
    const second = world.start();
    await finished(world, first.host.drain());
    await world.until("handed over", () => second.host.stats().shards === 1);
    await world.until("fired", () => world.tables.timers.size === 0);
    expect(firedAt()[SILENCE]! - dueAt).toBeLessThan(100);
  });

  test("grace: nobody asks after an agent's silence before the agent could be heard again", async () => {
    const world = setup();
    const asked = world.scheduler.nowMs;
    const pending = { actor: FEATURE, createdAt: asked, storedAt: asked, state: "pending", error: null, settled: 0 } as const;
    const shard = world.actor(FEATURE)!.shard;
    for (const [index, effect] of [
      { kind: "checkProgress", attempt: 1 },
      { kind: "stopTask", attempt: 1 },
    ].entries()) {
      const effectId = `${FEATURE}:0:${index}`;
      world.tables.outbox.set(effectId, { ...pending, effectId, shard, kind: effect.kind, payload: JSON.stringify(effect) });
    }
    await world.pass(3_600_000);
    const startedAt = world.scheduler.nowMs;
    world.start();
    await world.until("both are performed", () => world.ends.calls.length === 2);
    expect(world.ends.calls.map(({ kind, at }) => [kind, Math.floor((at - startedAt) / 10_000)])).toEqual([
      ["stopTask", 0],
      ["checkProgress", 1],
    ]);
  });

  test.each([3_600_000, -3_600_000])(
    "a wall clock that jumps by %d ms makes an armed timer neither early nor late",
    async (jumpMs) => {
      const { world, dueAt, firedAt } = armed(60_000, WALL_CLOCK);
      const { host, process } = world.start();
      await world.until("ready", () => host.stats().timers === 1);
      process.wallOffsetMs = jumpMs;
      await world.pass(59_000);
      expect(firedAt()).toEqual({});
      await world.pass(2_000);
      expect(Math.abs(firedAt()[WALL_CLOCK]! - dueAt)).toBeLessThan(100);
    },
  );

  test("10,000 due at once each fire once, in due order, in commits of 64; what comes in meanwhile is taken", async () => {
    const world = setup();
    const features = Array.from({ length: 100 }, (_, index) => `acme/shop/oma-${100 + index}` as typeof FEATURE);
    for (const feature of features) world.seedFeature(feature);
    const rows = Array.from({ length: 10_000 }, (_, index) => ({
      actor: features[index % features.length]!,
      timerId: `xstate.after.never.${Math.floor(index / features.length)}`,
      armedSequence: 0,
      dueAt: world.scheduler.nowMs + index,
    }));
    for (const row of rows) world.tables.timers.set(`${row.actor} ${row.timerId}`, row);
    await world.pass(60_000);
    let largest = 0;
    world.start({
      store: ({ commit }) => ({
        load: async () => ({ mail: [], effects: [], timers: [...rows], next: null }),
        commit: (epochs, steps) => {
          largest = Math.max(largest, steps.length);
          return commit(epochs, steps);
        },
      }),
    });
    await world.until("they begin to fire", () => world.tables.transitions.length > 0);
    world.send(FEATURE, "todo", todo());
    await world.until("all have fired", () => world.tables.timers.size === 0);
    await world.until("the mail is taken", () => world.taken(FEATURE).length > 0);
    const fired = world.tables.transitions.filter(({ eventId }) => eventId.startsWith("timer:"));
    expect(fired).toHaveLength(10_000);
    const late = fired.filter(
      ({ actor, eventId }, index) => actor !== rows[index]?.actor || !eventId.includes(rows[index].timerId),
    );
    expect([late, largest]).toEqual([[], 64]);
  });
});

/** Lets virtual time pass until a promise is settled. */
async function finished(world: Deployment, promise: Promise<unknown>): Promise<void> {
  let isDone = false;
  void promise.then(() => {
    isDone = true;
  });
  await world.until("finished", () => isDone);
}
