import { describe, expect, test } from "bun:test";
import { api, internal } from "./_generated/api";
import {
  aFeature,
  aFeatureBirth,
  aWorld,
  FEATURE,
  FOREIGN,
  featureView,
  PROJECT,
  seedOf,
  take,
  type World,
} from "./world.testing.ts";

const OPEN = { state: "passing", pullRequest: { number: 7, url: "u" } } as const;

async function toLookAt(world: World) {
  const first = await world.service.query(api.pulls.toLookAt, { cursor: null });
  const late = await world.service.query(api.pulls.toLookAt, { cursor: first.next });
  return [...first.looks, ...late.looks];
}
const looked = (world: World, isOpen: boolean, until = 5, at = 9) =>
  world.service.mutation(api.pulls.looked, { project: PROJECT, until, at, isOpen });
const become = (world: World, more: Parameters<typeof featureView>[1]) =>
  take(world, FEATURE, { view: featureView(aFeatureBirth(FEATURE), more) });

describe("projects that GitHub is asked about", () => {
  test("L1: none without a pull request that is or should be open", async () => {
    const world = await aWorld();
    await aFeature(world, aFeatureBirth(FEATURE, { state: "coder.working" }));
    expect(await toLookAt(world)).toEqual([]);
  });

  test("L1: while it is being opened, is open, or is being worked on again; and once more after its end", async () => {
    const world = await aWorld();
    await aFeature(world, aFeatureBirth(FEATURE, { state: "publishing" }));
    const project = { project: PROJECT, repository: "acme/shop" };
    expect(await toLookAt(world)).toEqual([{ ...project, sweptUntil: 0, lookedAt: 0, isOpen: true }]);
    for (const state of ["passing", "coder.working", "needsHuman"]) {
      await become(world, { ...OPEN, state });
      expect(await toLookAt(world)).toMatchObject([{ ...project, isOpen: true }]);
    }
    await looked(world, true);
    for (const state of ["merged", "closed", "cancelled"]) {
      await become(world, { ...OPEN, state });
      // Listed before `looked`, with the open ones, or after it, for the late look: `isOpen` tells them apart.
      expect(await toLookAt(world)).toEqual([{ ...project, sweptUntil: 5, lookedAt: 9, isOpen: false }]);
    }
    await looked(world, false);
    expect(await toLookAt(world)).toEqual([]);
  });

  test("a mark never goes back, and says when it was last looked at", async () => {
    const world = await aWorld();
    await aFeature(world, aFeatureBirth(FEATURE, OPEN));
    for (const [until, at] of [
      [5, 1],
      [9, 2],
      [7, 3],
    ] as const)
      await looked(world, true, until, at);
    expect(await toLookAt(world)).toMatchObject([{ sweptUntil: 9, lookedAt: 3, isOpen: true }, { isOpen: false }]);
  });

  test("L2: page by page, each project once, however many features it has", async () => {
    const world = await aWorld();
    const count = 130;
    for (let index = 0; index < count; index++)
      await world.t.mutation(internal.seed.sample, seedOf("acme", `p${index}`, `t${index}`, `acme/r${index}`, []));
    await world.t.run(async ({ db }) => {
      await aFeature(world, aFeatureBirth(FEATURE, OPEN));
      const like = await db.query("features").first();
      if (like === null) throw new Error("no feature");
      const { _id, _creationTime, ...columns } = like;
      for (const project of await db.query("projects").collect())
        if (project.address !== FOREIGN)
          for (const number of [2, 3])
            await db.insert("features", { ...columns, project: project._id, address: `${project.address}/oma-${number}` });
    });
    const pages = [await world.service.query(api.pulls.toLookAt, { cursor: null })];
    while (pages.at(-1)?.next) pages.push(await world.service.query(api.pulls.toLookAt, { cursor: pages.at(-1)?.next ?? null }));
    const found = pages.flatMap(({ looks }) => looks.map(({ project }) => project));
    expect([pages.length, found.length, new Set(found).size]).toEqual([3, count + 1, count + 1]);
  });

  test("rows from before it was kept are found once they were adopted", async () => {
    const world = await aWorld();
    await aFeature(world, aFeatureBirth(FEATURE, OPEN));
    await world.t.run(async ({ db }) => {
      for (const row of await db.query("features").collect()) await db.patch(row._id, { hasOpenPull: undefined });
    });
    expect(await toLookAt(world)).toEqual([]);
    const adopt = () => world.service.mutation(api.pulls.adopt, {});
    expect([await adopt(), await adopt()]).toEqual([1, 0]);
    expect(await toLookAt(world)).toMatchObject([{ project: PROJECT, isOpen: true }]);
  });
});
