// The host on a real deployment: local/convex in its own process, our functions as the stock CLI pushes them, the stock clients.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import type { PerformedEffect } from "@omakase/machines/effects";
import { api } from "../../convex/_generated/api.js";
import { shardOf } from "../../convex/shardOf.ts";
import { createHost, type Host } from "../actors/host.ts";
import type { Performer, Performers } from "../actors/performer.ts";
import type { Log } from "../log.ts";
import { type ConvexDeployment, startDeployment } from "../testing/convex-deployment.ts";
import { type ConvexCaller, type ConvexStore, createCaller, createConvexStore, type HostCaller } from "./convex-store.ts";
import { Conflict, Fenced, type HostStore, Refused, Unanswered } from "./host-store.ts";

const PROJECT = "acme/shop";
const SHARD = shardOf(PROJECT);
const QUIET: Log = { info: () => {}, warn: () => {}, error: () => {} };

let deployment: ConvexDeployment;
let convex: HostCaller;
const stores: ConvexStore[] = [];
const hosts: Host[] = [];

beforeAll(async () => {
  deployment = await startDeployment();
  convex = createCaller(deployment.url, deployment.token);
}, 60_000);
afterAll(async () => {
  await Promise.all(hosts.map((host) => host.drain(100)));
  await Promise.all(stores.map((store) => store.close()));
  await deployment?.stop();
}, 30_000);

function aStore(): ConvexStore {
  const store = createConvexStore(deployment.url, `owner-${randomUUID()}`, deployment.token, convex, QUIET);
  stores.push(store);
  return store;
}

/** Takes every shard, as the only one there. @returns the project's */
async function claim(store: HostStore) {
  const { taken } = await store.attend([], 10_000, null);
  return taken.filter(({ shard }) => shard === SHARD).map(({ shard, epoch }) => ({ shard, epoch }));
}

/** What ECS, Linear and GitHub would have been asked. */
interface Launch {
  readonly effectId: string;
  readonly at: number;
}

function performers(launched: Launch[]): Performers {
  const done: Performer<PerformedEffect> = async () => ({ kind: "answer", event: null });
  return {
    resolveDependencies: async ({ issueId }, { effectId, epochs }) => ({
      kind: "settled",
      settled: (
        await convex.mutation(api.dependencies.resolve, {
          epochs: [...epochs],
          effectId,
          project: PROJECT,
          issueId,
          blockers: [],
        })
      ).settled,
    }),
    moveIssue: done,
    commentOnIssue: done,
    openPullRequest: done,
    closePullRequest: done,
    runTask: async ({ attempt }, { effectId }) => {
      launched.push({ effectId, at: Date.now() });
      const taskArn = `task of ${effectId}`;
      return {
        kind: "answer",
        event: { type: "task.accepted", attempt, taskArn } as { type: string },
        launch: { taskArn, isStopped: false },
      };
    },
    stopTask: done,
    checkProgress: done,
  };
}

function start(store: HostStore, launched: Launch[] = []): Host {
  const host = createHost({ store, performers: performers(launched), log: QUIET });
  hosts.push(host);
  void host.start();
  return host;
}

/** A ticket in Todo comes in, as the webhook would store it. */
async function ticket(key: string): Promise<string> {
  const issue = { issueId: randomUUID(), key, teamId: "team-1", title: key, description: "", url: "https://linear.test/1" };
  const state = {
    priority: 3,
    labels: [],
    stateType: "unstarted" as const,
    stateName: "Todo",
    updatedAt: Date.now(),
    removed: false,
  };
  await convex.mutation(api.linear.receive, { deliveryId: randomUUID(), event: "Issue", issue: { ...issue, ...state } });
  return `${PROJECT}/${key.toLowerCase()}`;
}

async function until<T>(what: string, read: () => Promise<T | null | false> | T | null | false, limitMs = 15_000): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await read();
    if (value !== null && value !== false) return value;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await Bun.sleep(20);
  }
}

const actorOf = async (store: HostStore, address: string) => (await store.actors([address]))[0] ?? null;
const agentOf = (feature: string) => `${feature}/architect-1`;

/** The agent has heard that its task was accepted, and nothing of the shard is pending. */
const isProvisioned = (store: HostStore, feature: string) => async () => {
  const agent = await actorOf(store, agentOf(feature));
  if (agent === null || !agent.snapshot.includes("task of")) return false;
  const { mail } = await store.load(SHARD, null);
  const { effects } = await store.load(SHARD, { part: "effects", position: null });
  return mail.length === 0 && effects.length === 0;
};

describe("the host on Convex", () => {
  test("a ticket becomes a launched agent; steps, sends, spawns and effects are stored once", async () => {
    const launched: Launch[] = [];
    const store = aStore();
    const host = start(store, launched);
    await until("ready", () => host.ready());
    const feature = await ticket("OMA-1");
    await until("launched", isProvisioned(store, feature));
    expect(launched.map(({ effectId }) => effectId)).toEqual([`${agentOf(feature)}:0:0`]);
    expect(await actorOf(store, feature)).toMatchObject({ status: "active", parkedReason: null });
    expect(host.stats()).toMatchObject({ inbox: 0, parked: [], effects: { waiting: 0, inFlight: 0 } });
    await host.drain();
  }, 30_000);

  test("a host that stops answering in the middle is taken over from, and nothing is launched twice", async () => {
    const launched: Launch[] = [];
    const dying = aStore();
    let commits = 0;
    let held: readonly { shard: number; epoch: number }[] = [];
    const dead = new Promise<never>(() => {});
    const first = start(
      {
        ...dying,
        attend: async (...call) => {
          if (held.length > 0) return dead;
          const attendance = await dying.attend(...call);
          held = attendance.taken.map(({ shard, epoch }) => ({ shard, epoch }));
          return attendance;
        },
        // The third commit is stored and its answer never comes: the worst moment to die.
        commit: async (epochs, steps) => {
          const results = await dying.commit(epochs, steps);
          return ++commits >= 3 ? dead : results;
        },
      },
      launched,
    );
    await until("ready", () => first.ready());
    const feature = await ticket("OMA-2");
    await until("dead", () => commits >= 3);
    await dying.release(held, true); // instead of waiting for the lease to run out
    const store = aStore();
    const second = start(store, launched);
    await until("launched", isProvisioned(store, feature));
    expect(new Set(launched.map(({ effectId }) => effectId))).toEqual(new Set([`${agentOf(feature)}:0:0`]));
    await second.drain();
  }, 30_000);

  test("Q2, Q4: an event nobody can take is given up after three tries; dropped, it is a word in the log, and its actor goes on", async () => {
    const store = aStore();
    const host = start(store);
    await until("ready", () => host.ready());
    const cause = { kind: "linear" as const, name: "Linear" };
    await convex.mutation(api.mailbox.deliver, { deliveries: [{ actor: PROJECT, key: "bad:1", event: "{not json", cause }] });
    const listed = await until(
      "it is parked",
      async () => (await convex.query(api.quarantine.find, { project: PROJECT }))[0] ?? null,
    );
    expect(listed).toMatchObject({ address: PROJECT, event: { id: "bad:1", json: "{not json", sender: cause, tries: 3 } });
    const before = (await actorOf(store, PROJECT))?.sequence ?? 0;
    await convex.mutation(api.quarantine.operate, {
      ...{ address: PROJECT, decision: "drop", eventId: "bad:1", reason: "broken", by: "Ops", key: randomUUID() },
    });
    await until("it goes on", async () => ((await actorOf(store, PROJECT))?.sequence ?? 0) >= before + 2);
    expect(await actorOf(store, PROJECT)).toMatchObject({ status: "active", parkedReason: null });
    expect(host.stats().parked).toEqual([]);
    await host.drain();
  }, 30_000);

  test("an owner that was replaced is refused every write", async () => {
    const [first, second] = [aStore(), aStore()];
    const old = await claim(first);
    await first.release(old, true);
    const current = await claim(second);
    expect(current[0]?.epoch).toBeGreaterThan(old[0]?.epoch ?? 0);
    await expect(first.commit(old, [])).rejects.toBeInstanceOf(Fenced);
    await expect(first.settle(old, [])).rejects.toMatchObject({ code: "fenced", shard: SHARD });
    await expect(first.park(old, PROJECT, "test")).rejects.toBeInstanceOf(Fenced);
    expect((await first.attend(old, 10_000, 1)).lost).toEqual([SHARD]);
    await first.release([], true);
    await second.release(await claim(second), true);
  });

  test("a step on an old sequence is a conflict, and one of an event nobody sent is refused by name", async () => {
    const store = aStore();
    const epochs = await claim(store);
    const actor = (await actorOf(store, PROJECT))!;
    const step = {
      actor: PROJECT,
      actorId: actor.id,
      eventType: "x",
      at: 1,
      snapshot: null,
      from: "",
      ignored: true,
      view: null,
    };
    const cause = { kind: "person" as const, name: "Dana" };
    await convex.mutation(api.mailbox.deliver, {
      deliveries: [{ actor: PROJECT, key: "real", event: '{"type":"x","at":1}', cause }],
    });
    const { mail } = await store.load(SHARD, { part: "outside", position: null });
    const id = mail.find(({ key }) => key === "real")!.id;
    const real = { ...step, expectedSequence: actor.sequence - 1, source: { kind: "mail" as const, id }, eventId: "real" };
    await expect(store.commit(epochs, [real])).rejects.toBeInstanceOf(Conflict);
    await expect(store.commit(epochs, [{ ...real, eventId: "forged" }])).rejects.toMatchObject({
      code: "refused",
      reason: "unknownEvent",
    });
    const current = { ...real, expectedSequence: actor.sequence };
    expect(await store.commit(epochs, [current])).toMatchObject([{ kind: "stored", sequence: actor.sequence + 1 }]);
    expect(await store.commit(epochs, [current])).toMatchObject([{ kind: "duplicate", replay: true }]);
    await store.release(await claim(store), true);
  });

  test("mail from outside is pushed to its owner, in order of arrival", async () => {
    const store = aStore();
    const seen: string[] = [];
    const end = store.watchOutside(SHARD, (mail) => {
      for (const { key } of mail) if (!seen.includes(key)) seen.push(key);
    });
    for (const key of ["one", "two", "three"]) {
      const deliveries = [
        { actor: PROJECT, key, event: '{"type":"x","at":1}', cause: { kind: "person" as const, name: "Dana" } },
      ];
      await convex.mutation(api.mailbox.deliver, { deliveries });
    }
    await until("all seen", () => seen.length === 3);
    end();
    expect(seen).toEqual(["one", "two", "three"]);
  });
});

test("whoever does not exist is told apart from whoever is still to be asked for", async () => {
  const store = aStore();
  const nobody = (count: number) => Array.from({ length: count }, (_, index) => `${PROJECT}/nobody-${index}`);
  const named = async (addresses: string[]) => (await store.actors(addresses)).map((row) => row?.address ?? null);
  expect(await named([PROJECT])).toEqual([PROJECT]);
  expect(await named(nobody(1))).toEqual([null]);
  expect(await named([...nobody(20), PROJECT])).toEqual([...nobody(20).map(() => null), PROJECT]);
  const sure = await named([PROJECT, ...nobody(40)]);
  expect(sure.length).toBeLessThan(41);
  expect(sure).toEqual([PROJECT, ...sure.slice(1).map(() => null)]);
});

describe("a call that cannot be made", () => {
  const actor = (caller: ConvexCaller) => caller.query(api.host.actors, { addresses: [PROJECT] });
  const nothing = (caller: HostCaller) => caller.plainMutation(api.host.commit, { epochs: [], steps: [] });

  test("is about the call itself only when the arguments do not fit", async () => {
    await expect(convex.query(api.host.actors, { addresses: 1 } as never)).rejects.toBeInstanceOf(Refused);
    await expect(convex.query("nowhere:nothing" as never, {} as never)).rejects.toBeInstanceOf(Unanswered);
    await expect(convex.plainMutation(api.host.commit, { epochs: 1, steps: [] } as never)).rejects.toBeInstanceOf(Refused);
    await expect(convex.plainMutation("nowhere:nothing" as never, {} as never)).rejects.toBeInstanceOf(Unanswered);
  });

  test("is made again with a fresh token when the first was refused", async () => {
    const asked: boolean[] = [];
    const caller = createCaller(deployment.url, async (fresh) => {
      asked.push(fresh);
      return fresh ? deployment.token() : "stale.stale.stale";
    });
    expect(await actor(caller)).toMatchObject([{ address: PROJECT }]);
    expect(await nothing(caller)).toEqual({ results: [] });
    expect(asked).toEqual([false, true, false, true]);
  });

  test("with a token that is never good is unanswered: nobody is parked for a wrong secret", async () => {
    const caller = createCaller(deployment.url, async () => "bad.bad.bad");
    await expect(actor(caller)).rejects.toBeInstanceOf(Unanswered);
    await expect(nothing(caller)).rejects.toBeInstanceOf(Unanswered);
  });

  test("is unanswered by a server that is not there, fails, or answers half", async () => {
    const answers = [
      () => new Response("overloaded", { status: 503 }),
      () => new Response('{"status":"succ'),
      () => new Response("slow down", { status: 429 }),
      () => new Response("<html>", { status: 200 }),
    ];
    for (const answer of answers) {
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
      const caller = createCaller(`http://127.0.0.1:${server.port}`, deployment.token);
      await expect(actor(caller)).rejects.toBeInstanceOf(Unanswered);
      await expect(nothing(caller)).rejects.toBeInstanceOf(Unanswered);
      await server.stop(true);
    }
    await expect(actor(createCaller("http://127.0.0.1:9", deployment.token))).rejects.toBeInstanceOf(Unanswered);
  });

  test("is unanswered when what comes back is JSON, but no answer of Convex's", async () => {
    for (const body of ["null", "{}", '{"status":"fine"}']) {
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(body) });
      await expect(nothing(createCaller(`http://127.0.0.1:${server.port}`, deployment.token))).rejects.toBeInstanceOf(Unanswered);
      await server.stop(true);
    }
  });
});
