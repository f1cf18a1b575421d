import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import { actorAt, aLetter, aStep, aWorld, commit, mailOf, POKE, PROJECT, refusalOf, type World } from "./world.testing.ts";

const deliver = ({ service }: World, ...letters: { actor?: string; key: string; event?: string }[]) =>
  service.mutation(api.mailbox.deliver, {
    deliveries: letters.map(({ actor = PROJECT, key, event = POKE }) => ({
      actor,
      key,
      event,
      cause: { kind: "sweep" as const, name: "t" },
    })),
  });

describe("mailbox.deliver", () => {
  test("P6, M1: stores a key once while it is unread, within one call and across calls", async () => {
    const world = await aWorld();
    expect(await deliver(world, { key: "a" }, { key: "a" }, { key: "b" })).toEqual({ stored: 2, duplicate: 1, unknown: [] });
    expect(await deliver(world, { key: "b" })).toEqual({ stored: 0, duplicate: 1, unknown: [] });
    expect(await mailOf(world, PROJECT)).toHaveLength(2);
  });

  test("P6, M1: a key that was consumed stays a duplicate", async () => {
    const world = await aWorld();
    await commit(world, [aStep(await actorAt(world, PROJECT), await aLetter(world, PROJECT, "a"))]);
    expect(await deliver(world, { key: "a" })).toEqual({ stored: 0, duplicate: 1, unknown: [] });
    expect(await mailOf(world, PROJECT)).toEqual([]);
  });

  test("names actors that do not exist and stores the rest", async () => {
    const world = await aWorld();
    expect(await deliver(world, { actor: "acme/web/none", key: "a" }, { key: "a" })).toEqual({
      stored: 1,
      duplicate: 0,
      unknown: ["acme/web/none"],
    });
  });

  test.each([
    ["of a send", `${PROJECT}:1:0`],
    ["of an answer", "effect:acme/web:1:0"],
    ["of a timer", "timer:x:1"],
    ["of nothing", ""],
    ["of 301 characters", "k".repeat(301)],
  ])("M2: a key %s is nobody's to use from outside", async (_, key) => {
    const world = await aWorld();
    expect(await refusalOf(deliver(world, { key }))).toMatchObject({ code: "badArgument", actor: PROJECT });
  });

  test("an event too long to be read back is refused", async () => {
    const world = await aWorld();
    expect((await refusalOf(deliver(world, { key: "a", event: "x".repeat(70_000) }))).code).toBe("badArgument");
  });
});

describe("mailbox.outside", () => {
  test("shows the oldest 256 and brings the next as they are consumed", async () => {
    const world = await aWorld();
    await deliver(world, ...Array.from({ length: 200 }, (_, index) => ({ key: `k${index}` })));
    await deliver(world, ...Array.from({ length: 100 }, (_, index) => ({ key: `k${200 + index}` })));
    const { shard } = await actorAt(world, PROJECT);
    const keys = async () => (await world.service.query(api.mailbox.outside, { shard })).map(({ key }) => key);
    expect(await keys()).toEqual(Array.from({ length: 256 }, (_, index) => `k${index}`));
    const [first] = await world.service.query(api.mailbox.outside, { shard });
    if (!first) throw new Error("no mail");
    await commit(world, [aStep(await actorAt(world, PROJECT), first)]);
    expect((await keys()).at(-1)).toBe("k256");
  });
});
