// The host against tables in memory and in virtual time: what it does with each kind of trouble. What happens when processes die
// at any moment is the simulation's (testing/simulation.test.ts).

import { describe, expect, test } from "bun:test";
import { MACHINE_VERSIONS } from "@omakase/machines";
import { AGENT, aTicket, FEATURE, PROJECT } from "@omakase/machines/testing/builders";
import { Refused, Unanswered } from "../store/host-store.ts";
import { wrongs } from "../testing/checker.ts";
import { CAUSE, Deployment, oneFeature } from "../testing/deployment.ts";

const OTHER = "acme/shop/oma-2" as typeof FEATURE;

const todo = (updatedAt = 1) => ({ type: "ticket.changed", ticket: aTicket({ stateType: "unstarted", updatedAt }) });

const news = (updatedAt: number) => ({ type: "ticket.changed", ticket: aTicket({ title: `Title ${updatedAt}`, updatedAt }) });

describe("the host", () => {
  test("an actor takes its mail in order of arrival, one step each", async () => {
    const world = oneFeature();
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
    const world = oneFeature();
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
    const world = oneFeature();
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
    const world = oneFeature();
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
    const world = oneFeature();
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
    const world = oneFeature();
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
    const world = oneFeature();
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
            world.tables.ownership.steal(shop, "a thief", 100_000_000);
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

function viewState(world: Deployment, address: string): string | undefined {
  return world.actor(address)?.view?.state;
}

describe("two orchestrators", () => {
  test("the second stands by, is ready, and takes over when the lease of a dead one has run out", async () => {
    const world = oneFeature();
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
    const world = oneFeature();
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
    const world = oneFeature();
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
    const world = oneFeature();
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
    const world = oneFeature();
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
    const world = oneFeature();
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

  test("10,000 due at once each fire once, in due order, in large commits while there are many; what comes in meanwhile is taken", async () => {
    const world = oneFeature();
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
    const sizes: number[] = [];
    world.start({
      store: ({ commit }) => ({
        load: async () => ({ mail: [], effects: [], timers: [...rows], next: null }),
        commit: (epochs, steps) => {
          sizes.push(steps.length);
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
    expect([late, Math.max(...sizes)]).toEqual([[], 256]);
    expect(sizes.at(-1)).toBeLessThanOrEqual(64);
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
