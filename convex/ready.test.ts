import { describe, expect, test } from "bun:test";
import type { Role } from "@omakase/machines/roles";
import { api } from "./_generated/api";
import {
  actorAt,
  aFeatureBirth,
  aLetter,
  aStep,
  aWorld,
  commit,
  featureView,
  mailOf,
  PROJECT,
  refusalOf,
  take,
  type World,
} from "./world.testing.ts";

const address = (id: string) => `${PROJECT}/${id}`;
const ready = (id: string, priority: number, wants: Role = "architect") => {
  const spawn = aFeatureBirth(address(id), { wants });
  if (spawn.view.kind === "feature") spawn.view.ticket.priority = priority;
  return spawn;
};

type Permits = Partial<Record<Role, number>>;

const aQuestion = (limit: number, excluding: string[], permits?: Permits) => ({
  index: 0,
  kind: "findReady",
  payload: JSON.stringify({ kind: "findReady", limit, excluding, permits }),
  run: null,
});

async function ask(world: World, limit: number, excluding: string[] = [], permits?: Permits) {
  const step = await take(world, PROJECT, { effects: [aQuestion(limit, excluding, permits)] });
  const effectId = step.kind === "stored" ? `${PROJECT}:${step.sequence}:0` : "";
  const letter = (await mailOf(world, PROJECT)).find(({ key }) => key === `effect:${effectId}`);
  return JSON.parse(letter?.event ?? "null") as { candidates: { feature: string; role: string }[] };
}

describe("findReady", () => {
  test("orders by priority with none last, then by how many it unblocks, then by age, then by key", async () => {
    const world = await aWorld();
    await take(world, PROJECT, {
      at: 2000,
      spawns: [ready("none", 0), ready("low", 4), ready("b", 2), ready("a", 2), ready("waited-for", 2)],
    });
    await take(world, PROJECT, { at: 1000, spawns: [ready("older", 2), ready("urgent", 1)] });
    await take(world, PROJECT, { spawns: [aFeatureBirth(address("not-ready"))] });
    await world.t.run(async ({ db }) => {
      const row = (await db.query("features").collect()).find((feature) => feature.key === "WAITED-FOR");
      if (row) await db.patch(row._id, { unblocksRank: -1 });
    });
    const { candidates } = await ask(world, 10);
    expect(candidates.map(({ feature }) => feature.slice(PROJECT.length + 1))).toEqual([
      "urgent",
      "waited-for",
      "older",
      "a",
      "b",
      "low",
      "none",
    ]);
    expect(candidates[0]).toEqual({ feature: address("urgent"), role: "architect" });
  });

  test("skips those that hold a place and stops at the limit", async () => {
    const world = await aWorld();
    await take(world, PROJECT, { spawns: ["a", "b", "c", "d"].map((id) => ready(id, 1)) });
    const { candidates } = await ask(world, 2, [address("a"), address("c")]);
    expect(candidates.map(({ feature }) => feature)).toEqual([address("b"), address("d")]);
  });

  test("candidates of a full role hide nobody behind them, and of a role are named as many as it has permits", async () => {
    const world = await aWorld();
    await take(world, PROJECT, {
      spawns: [
        ...["a1", "a2", "a3"].map((id) => ready(id, 1)),
        ready("c1", 2, "coder"),
        ready("t1", 3, "tester"),
        ready("c2", 4, "coder"),
        ready("c3", 4, "coder"),
      ],
    });
    const found = async (limit: number, permits: Permits, excluding: string[] = []) =>
      (await ask(world, limit, excluding, permits)).candidates.map(({ feature }) => feature.slice(PROJECT.length + 1));
    expect(await found(2, { architect: 0 })).toEqual(["c1", "t1"]);
    expect(await found(9, { architect: 1, coder: 2, reviewer: 0 })).toEqual(["a1", "c1", "t1", "c2"]);
    expect(await found(9, { architect: 1, coder: 2 }, [address("a1"), address("c1")])).toEqual(["a2", "t1", "c2", "c3"]);
    expect(await found(2, {})).toEqual(["a1", "a2"]);
    expect(await found(9, { architect: -1, coder: 0, tester: 0 })).toEqual([]);
  });

  test("a feature is ready exactly while its view wants a role", async () => {
    const world = await aWorld();
    const spawn = aFeatureBirth(address("a"));
    await take(world, PROJECT, { spawns: [spawn] });
    expect((await ask(world, 5)).candidates).toEqual([]);
    await take(world, address("a"), { view: featureView(spawn, { wants: "coder", ticket: null }) });
    expect((await ask(world, 5)).candidates).toEqual([{ feature: address("a"), role: "coder" }]);
    await take(world, address("a"), { view: featureView(spawn, { wants: null, ticket: null }) });
    expect(await world.t.run(async ({ db }) => (await db.query("features").first())?.ready)).toBe(false);
  });

  test("C7: is answered in the commit that asks, of what the whole batch leaves behind", async () => {
    const world = await aWorld();
    const letters = [await aLetter(world, PROJECT, "ask"), await aLetter(world, PROJECT, "bear")];
    const project = await actorAt(world, PROJECT);
    const [asked, born] = letters.map((letter, index) => aStep({ ...project, sequence: project.sequence + index }, letter));
    const steps = [
      { ...asked!, effects: [aQuestion(5, [])] },
      { ...born!, spawns: [ready("a", 1)] },
    ];
    const [first] = (await commit(world, steps)).results;
    const [again] = (await commit(world, steps)).results;
    const settled = first?.kind === "stored" ? first.settled : [];
    expect(settled).toMatchObject([{ kind: "settled", effectId: `${PROJECT}:1:0`, mail: [{ actor: PROJECT }] }]);
    const [answer] = settled.flatMap((one) => (one.kind === "settled" ? one.mail : []));
    expect(JSON.parse(answer?.event ?? "null")).toMatchObject({ candidates: [{ feature: address("a"), role: "architect" }] });
    expect(again).toMatchObject({ kind: "duplicate", settled: [{ kind: "already", mail: [{ id: answer?.id }] }] });
    const rows = await world.t.run(({ db }) => db.query("outbox").collect());
    expect(rows.map(({ state, mail }) => [state, mail])).toEqual([["done", [answer?.id as never]]]);
  });

  test("limits that would read without bound are refused", async () => {
    const world = await aWorld();
    for (const limit of [-1, 1.5, 1e6])
      expect((await refusalOf(take(world, PROJECT, { effects: [aQuestion(limit, [])] }))).code).toBe("badStep");
  });

  test("R12: while the project's month has no room for one more run it names nobody, and says whose budget it is", async () => {
    const world = await aWorld();
    await take(world, PROJECT, { spawns: [ready("a", 1)] });
    const budget = (usd: number, key: string) =>
      world.person("ada").mutation(api.budgets.set, { project: PROJECT, month: { usd, tokens: null }, reason: "", key });
    await budget(4, "key-00000001");
    expect(await ask(world, 5)).toMatchObject({ candidates: [], outOf: "project" });
    await budget(5, "key-00000002");
    expect((await ask(world, 5)).candidates).toHaveLength(1);
  });
});
