import { expect, test } from "bun:test";
import { api, internal } from "./_generated/api";
import { aWorld, seedOf } from "./world.testing.ts";

test("the list says of which organisations it shows the first 200 projects only", async () => {
  const world = await aWorld();
  const list = () => world.person("ada").query(api.projects.list, {});
  const add = (number: number) =>
    world.t.mutation(internal.seed.sample, seedOf("acme", `p${number}`, `t${number}`, `acme/r${number}`, []));
  for (let number = 1; number < 200; number++) await add(number); // one is there
  const { projects, cut } = await list();
  expect([projects.length, cut]).toEqual([200, []]);
  await add(200);
  const more = await list();
  expect([more.projects.length, more.cut]).toEqual([200, ["ACME"]]);
});
