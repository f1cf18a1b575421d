import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import type { LoadCursor, LoadPage, Settlement } from "./steps.ts";
import {
  AGENT,
  actorAt,
  anAgent,
  aStep,
  aWorld,
  commit,
  FEATURE,
  mailOf,
  POKE,
  PROJECT,
  refusalOf,
  runOf,
  take,
  type World,
} from "./world.testing.ts";

const EFFECT = `${PROJECT}:1:0`;

async function setup() {
  const world = await aWorld();
  await take(world, PROJECT, { effects: [{ index: 0, kind: "moveIssue", payload: "{}", run: null }] });
  return world;
}
const settle = ({ service, epochs }: World, settlement: Partial<Settlement>, given = epochs) =>
  service.mutation(api.host.settle, {
    epochs: given,
    settlements: [{ effectId: EFFECT, state: "done", error: null, answer: '{"type":"answer"}', launch: null, ...settlement }],
  });
const outboxRow = ({ t }: World, effectId: string) =>
  t.run(({ db }) =>
    db
      .query("outbox")
      .withIndex("by_effect", (q) => q.eq("effectId", effectId))
      .unique(),
  );

describe("host.settle", () => {
  test("S1: ends an effect and posts its answer", async () => {
    const world = await setup();
    const { results } = await settle(world, {});
    const [letter] = await mailOf(world, PROJECT);
    expect(letter).toMatchObject({
      key: `effect:${EFFECT}`,
      event: '{"type":"answer"}',
      origin: "own",
      cause: { kind: "effect", name: "moveIssue" },
    });
    expect(results).toMatchObject([{ kind: "settled", mail: [{ id: letter?._id, actor: PROJECT, key: `effect:${EFFECT}` }] }]);
    expect(await outboxRow(world, EFFECT)).toMatchObject({ state: "done" });
  });

  test("S1: a second settlement changes nothing, whatever it says, and names the answer while it is unread", async () => {
    const world = await setup();
    const first = await settle(world, {});
    const again = await settle(world, { state: "failed", error: "no", answer: '{"type":"other"}' });
    expect(again.results).toMatchObject([
      { kind: "already", mail: first.results[0]?.kind === "settled" ? first.results[0].mail : [] },
    ]);
    expect(await outboxRow(world, EFFECT)).toMatchObject({ state: "done", error: null });

    const [letter] = await mailOf(world, PROJECT);
    if (!letter) throw new Error("no answer");
    await commit(world, [aStep(await actorAt(world, PROJECT), { ...letter, id: letter._id })]);
    expect((await settle(world, {})).results).toEqual([{ kind: "already", effectId: EFFECT, mail: [] }]);
    expect(await mailOf(world, PROJECT)).toEqual([]);
  });

  test("an effect without an answer posts nothing; one that nobody asked for is unknown", async () => {
    const world = await setup();
    expect((await settle(world, { answer: null })).results).toEqual([{ kind: "settled", effectId: EFFECT, mail: [] }]);
    expect((await settle(world, { effectId: "acme/web:9:9" })).results).toEqual([{ kind: "unknown", effectId: "acme/web:9:9" }]);
  });

  test("H3: an owner of another epoch cannot settle", async () => {
    const world = await setup();
    const stale = world.epochs.map(({ shard, epoch }) => ({ shard, epoch: epoch + 1 }));
    expect((await refusalOf(settle(world, {}, stale))).code).toBe("fenced");
    expect((await refusalOf(settle(world, {}, []))).code).toBe("fenced");
    expect(await outboxRow(world, EFFECT)).toMatchObject({ state: "pending" });
  });

  test("S2: an accepted launch records its task; one that was given up ends its run, and a late container is told so", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    await settle(world, { effectId, launch: { taskArn: "arn:task/1", isStopped: false } });
    expect(await runOf(world, effectId)).toMatchObject({ state: "launched", taskArn: "arn:task/1" });

    const other = await aWorld();
    await anAgent(other);
    await settle(other, { effectId, state: "failed", error: "no capacity" });
    expect(await runOf(other, effectId)).toMatchObject({ state: "ended", endReason: "no capacity" });
    expect(await other.service.mutation(api.runs.claim, { effectId, claimId: "c", model: "m" })).toEqual({ kind: "over" });
  });
});

describe("a launch that nobody wants any more when it is answered", () => {
  const accepted = (effectId: string, isStopped: boolean) => ({ effectId, launch: { taskArn: "arn:task/1", isStopped } });

  test("S4: is settled once its task has been stopped, and not before", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    await world.t.run(async ({ db }) => {
      const agent = await db.query("agents").first();
      if (agent) await db.patch(agent._id, { state: "stopping", reason: "Cancelled by Ada" });
    });
    expect((await settle(world, accepted(effectId, false))).results).toEqual([{ kind: "over", effectId }]);
    expect(await outboxRow(world, effectId)).toMatchObject({ state: "pending" });
    expect(await runOf(world, effectId)).toMatchObject({ taskArn: null });
    expect((await settle(world, accepted(effectId, true))).results).toMatchObject([{ kind: "settled" }]);
    expect(await runOf(world, effectId)).toMatchObject({ taskArn: "arn:task/1" });
  });

  test("S4: is wanted well enough when ECS has told of its end already", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    const { startedBy } = (await runOf(world, effectId)) ?? {};
    const event = { taskArn: "arn:task/1", startedBy: startedBy ?? "", version: 5, lastStatus: "STOPPED", exitCode: 0, at: 1 };
    await world.service.mutation(api.ecs.receive, { events: [{ ...event, stopCode: null, reason: null }] });
    expect((await settle(world, accepted(effectId, false))).results).toMatchObject([{ kind: "settled" }]);
  });
});

const deliver = ({ service }: World, key: string) =>
  service.mutation(api.mailbox.deliver, {
    deliveries: [{ actor: FEATURE, key, event: POKE, cause: { kind: "sweep", name: "t" } }],
  });

describe("host.park", () => {
  const outside = async ({ service }: World) => {
    const shard = (await service.query(api.host.actors, { addresses: [PROJECT] }))[0]?.shard ?? 0;
    return (await service.query(api.mailbox.outside, { shard })).map(({ actor, key }) => `${actor} ${key}`);
  };
  const send = ({ service }: World, actor: string, key: string) =>
    service.mutation(api.mailbox.deliver, { deliveries: [{ actor, key, event: POKE, cause: { kind: "sweep", name: "t" } }] });

  test("H5, M3: holds the actor's mail, old and new, and nobody else's; unparking brings it all back in order", async () => {
    const world = await aWorld();
    await anAgent(world);
    await take(world, PROJECT, { sends: [{ index: 0, to: FEATURE, event: POKE }] });
    await send(world, FEATURE, "a:1");
    await send(world, AGENT, "b:1");
    await world.service.mutation(api.host.park, { epochs: world.epochs, actor: FEATURE, reason: "it throws" });
    await send(world, FEATURE, "a:2");
    expect(await outside(world)).toEqual([`${AGENT} b:1`]);
    expect(await actorAt(world, FEATURE)).toMatchObject({ status: "parked", parkedReason: "it throws" });

    const [letter] = await mailOf(world, FEATURE);
    if (!letter) throw new Error("no mail");
    const step = aStep(await actorAt(world, FEATURE), { id: letter._id, key: letter.key });
    expect(await refusalOf(commit(world, [step]))).toMatchObject({ code: "parked", actor: FEATURE });

    await world.person("dana").mutation(api.quarantine.release, {
      ...{ address: FEATURE, decision: "retry", eventId: null, reason: "", key: "a-key-of-dana" },
    });
    expect((await outside(world)).sort()).toEqual(
      [
        `${AGENT} b:1`,
        `${FEATURE} a:1`,
        `${FEATURE} a:2`,
        `${FEATURE} ${PROJECT}:2:0`,
        `${FEATURE} command:a-key-of-dana`,
      ].sort(),
    );
    expect((await commit(world, [step])).results).toMatchObject([{ kind: "stored" }]);
  });
});

describe("host.load", () => {
  const keysOf = ({ mail }: { mail: { key: string }[] }) => mail.map(({ key }) => key);

  test("one page is enough for a shard with little in it", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    await take(world, PROJECT, { sends: [{ index: 0, to: FEATURE, event: POKE }], timers: [{ timerId: "a", dueAt: 10 }] });
    await deliver(world, "x:1");
    const { shard } = await actorAt(world, PROJECT);
    const page = await world.service.query(api.host.load, { shard, cursor: null });
    expect(keysOf(page)).toEqual([`${PROJECT}:2:0`, "x:1"]);
    expect(page).toMatchObject({ effects: [{ effectId }], timers: [{ dueAt: 10 }], next: null });
  });

  test("the first page holds the lists that are short, up to the first that is not", async () => {
    const world = await aWorld();
    await anAgent(world);
    await take(world, PROJECT, { sends: [{ index: 0, to: FEATURE, event: POKE }], timers: [{ timerId: "a", dueAt: 10 }] });
    for (let index = 0; index < 50; index++) await deliver(world, `x:${index}`);
    const { shard } = await actorAt(world, PROJECT);
    const page = await world.service.query(api.host.load, { shard, cursor: null });
    expect(keysOf(page)).toEqual([`${PROJECT}:2:0`]);
    expect(page).toMatchObject({ effects: [], timers: [], next: { part: "outside", position: null } });
  });

  test("pages through everything pending of a shard: mail of both origins, effects, timers by due time; nothing settled or held", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    const sends = Array.from({ length: 70 }, (_, index) => ({ index, to: FEATURE, event: POKE }));
    await take(world, PROJECT, {
      sends,
      timers: [
        { timerId: "b", dueAt: 20 },
        { timerId: "a", dueAt: 10 },
      ],
    });
    await deliver(world, "x:1");
    const { shard } = await actorAt(world, PROJECT);
    const all = { mail: [] as string[], effects: [] as string[], timers: [] as number[] };
    let cursor: Parameters<typeof read>[0] = null;
    const read = (at: LoadCursor | null) => world.service.query(api.host.load, { shard, cursor: at });
    let pages = 0;
    do {
      const page = await read(cursor);
      all.mail.push(...page.mail.map(({ key }) => key));
      all.effects.push(...page.effects.map((effect) => effect.effectId));
      all.timers.push(...page.timers.map(({ dueAt }) => dueAt));
      cursor = page.next;
      pages++;
    } while (cursor !== null);
    expect(all.mail).toEqual([...sends.map(({ index }) => `${PROJECT}:2:${index}`), "x:1"]);
    expect(all).toMatchObject({ effects: [effectId], timers: [10, 20] });
    expect(pages).toBe(6);
  });

  test("of what came from outside while nobody was there it loads the window its owner watches, however much there is", async () => {
    const world = await aWorld();
    await anAgent(world);
    for (let index = 0; index < 300; index++) await deliver(world, `x:${index}`);
    const { shard } = await actorAt(world, PROJECT);
    const keys: string[] = [];
    let cursor: LoadCursor | null = { part: "outside", position: null };
    while (cursor?.part === "outside") {
      const page: LoadPage = await world.service.query(api.host.load, { shard, cursor });
      keys.push(...keysOf(page));
      cursor = page.next;
    }
    expect(keys).toEqual(Array.from({ length: 256 }, (_, index) => `x:${index}`));
    expect(cursor).toEqual({ part: "effects", position: null });
  });
});
