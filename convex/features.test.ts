import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import { AGENT, aFeatureBirth, anAgent, anIssue, aWorld, FEATURE, PROJECT, take, type World } from "./world.testing.ts";

const board = (world: World) => world.person("vic").query(api.features.board, { project: PROJECT });

describe("features.board", () => {
  test("shows every column, newest first in each, and nothing internal", async () => {
    const world = await aWorld();
    await take(world, PROJECT, {
      at: 1,
      spawns: [aFeatureBirth(`${PROJECT}/a`, { column: "code" }), aFeatureBirth(`${PROJECT}/q`)],
    });
    await take(world, PROJECT, {
      at: 2,
      spawns: [aFeatureBirth(`${PROJECT}/b`, { column: "code" }), aFeatureBirth(`${PROJECT}/d`, { column: "done" })],
    });
    const { cards, cut } = await board(world);
    expect(cards.map(({ key }) => key)).toEqual(["B", "A", "Q", "D"]);
    expect(cut).toEqual([]);
    expect(Object.keys(cards[0] ?? {})).not.toContain("priorityRank");
  });

  test("stays bounded: what is done never crowds out what moves, and the column that was cut is named", async () => {
    const world = await aWorld();
    await take(world, PROJECT, {
      spawns: Array.from({ length: 60 }, (_, index) => aFeatureBirth(`${PROJECT}/d-${index}`, { column: "done" })),
    });
    await take(world, PROJECT, { spawns: [aFeatureBirth(`${PROJECT}/q`)] });
    const { cards, cut } = await board(world);
    expect(cards).toHaveLength(51);
    expect(cards[0]?.key).toBe("Q");
    expect(cut).toEqual(["done"]);
  });
});

describe("features.get", () => {
  test("has ticket, dependencies both ways with their standing, agents and runs", async () => {
    const world = await aWorld();
    await world.service.mutation(api.linear.sync, { issues: [anIssue()] });
    await anAgent(world);
    await take(world, PROJECT, { spawns: [aFeatureBirth(`${PROJECT}/oma-2`, { state: "passing", category: "done" })] });
    await world.t.run(async ({ db }) => {
      const project = (await db.query("projects").first())?._id;
      if (!project) throw new Error("no project");
      await db.insert("dependencies", {
        project,
        blocker: "issue-oma-2",
        blockerKey: "OMA-2",
        blocked: "issue-oma-1",
        blockedKey: "OMA-1",
      });
    });
    const get = (key: string) => world.person("vic").query(api.features.get, { project: PROJECT, key });
    expect(await get("OMA-1")).toMatchObject({
      feature: { address: FEATURE },
      ticket: { description: "It should ring.", stateName: "Backlog" },
      blockedBy: [{ key: "OMA-2", state: "met", branch: "agent/oma-2" }],
      blocks: [],
      agents: [{ address: AGENT, state: "launching" }],
      runs: [{ agent: AGENT, state: "requested", hasResult: false }],
    });
    expect(await get("oma-2")).toMatchObject({ blocks: [{ key: "OMA-1", feature: FEATURE, category: "queued" }], ticket: null });
    expect(await get("OMA-99")).toBeNull();
  });
});

describe("the logs people read", () => {
  test("transitions of a feature hold its agents' too, newest first; the project's hold everything", async () => {
    const world = await aWorld();
    await anAgent(world);
    await take(world, AGENT);
    const vic = world.person("vic");
    const paginationOpts = { numItems: 2, cursor: null };
    const first = await vic.query(api.transitions.ofFeature, { feature: FEATURE, paginationOpts });
    expect(first.page.map(({ actor, sequence }) => [actor, sequence])).toEqual([
      [AGENT, 1],
      [FEATURE, 1],
    ]);
    const own = await vic.query(api.transitions.ofActor, { actor: AGENT, paginationOpts });
    expect(own.page.map(({ actor }) => actor)).toEqual([AGENT]);
    const all = await vic.query(api.activity.ofProject, { project: PROJECT, paginationOpts });
    const rest = await vic.query(api.activity.ofProject, {
      project: PROJECT,
      paginationOpts: { numItems: 2, cursor: all.continueCursor },
    });
    expect([...all.page, ...rest.page].map(({ actor }) => actor)).toEqual([AGENT, FEATURE, PROJECT]);
  });

  test("living agents leave the list when they end", async () => {
    const world = await aWorld();
    await anAgent(world);
    const living = () => world.person("vic").query(api.agents.living, { project: PROJECT });
    expect(await living()).toMatchObject([{ address: AGENT }]);
    const [{ role, feature, address, stateSince, sequence, createdAt, ...columns } = { address: "" } as never] = await living();
    await take(world, AGENT, {
      status: "done",
      view: { kind: "agent", enteredState: true, ...columns, state: "succeeded", ended: true },
    });
    expect(await living()).toEqual([]);
    expect(await world.person("vic").query(api.agents.ofFeature, { feature: FEATURE })).toMatchObject([
      { state: "succeeded", ended: true },
    ]);
    expect(await world.person("vic").query(api.actors.get, { address: AGENT })).toMatchObject({ status: "done", sequence: 1 });
  });
});
