import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import { aFeatureBirth, aWorld, FEATURE, mailOf, PROJECT, refusalOf, take, type World } from "./world.testing.ts";

const address = (id: string) => `${PROJECT}/${id}`;
const blocker = (id: string, stateType: "unstarted" | "completed" | "canceled" = "unstarted") => ({
  issueId: `issue-${id}`,
  key: id.toUpperCase(),
  stateType,
});

/** Features with these ids and states. */
async function setup(states: Record<string, string> = { "oma-1": "pending", "oma-2": "pending", "oma-3": "pending" }) {
  const world = await aWorld();
  await take(world, PROJECT, { spawns: Object.entries(states).map(([id, state]) => aFeatureBirth(address(id), { state })) });
  return world;
}

/** The feature asks for its dependencies and hears of these. */
async function resolve(world: World, id: string, blockers: ReturnType<typeof blocker>[]) {
  const step = await take(world, address(id), { effects: [{ index: 0, kind: "resolveDependencies", payload: "{}", run: null }] });
  if (step.kind !== "stored") throw new Error(step.kind);
  const effectId = `${address(id)}:${step.sequence}:0`;
  const args = { epochs: world.epochs, effectId, project: PROJECT, issueId: `issue-${id}`, blockers };
  const answer = await world.service.mutation(api.dependencies.resolve, args);
  const letter = (await mailOf(world, address(id))).find(({ key }) => key === `effect:${effectId}`);
  return { ...answer, args, event: JSON.parse(letter?.event ?? "null") as { blockers: unknown[]; cycle: string[] | null } };
}
const edges = ({ t }: World) =>
  t.run(async ({ db }) =>
    (await db.query("dependencies").collect()).map((edge) => `${edge.blockedKey} by ${edge.blockerKey}`).sort(),
  );
const ranks = ({ t }: World) =>
  t.run(async ({ db }) => Object.fromEntries((await db.query("features").collect()).map((row) => [row.key, row.unblocksRank])));

describe("dependencies.resolve", () => {
  test("D1: replaces the edges into the ticket, and keeps what others are blocked by", async () => {
    const world = await setup();
    await world.service.mutation(api.linear.sync, { issues: [] });
    await resolve(world, "oma-1", [blocker("oma-2"), blocker("oma-3")]);
    await resolve(world, "oma-3", [blocker("oma-2")]);
    expect(await ranks(world)).toMatchObject({ "OMA-2": -2, "OMA-3": -1 });
    await resolve(world, "oma-1", [blocker("oma-3"), blocker("oma-3")]);
    expect(await edges(world)).toEqual(["issue-oma-1 by OMA-3", "issue-oma-3 by OMA-2"]);
    expect(await ranks(world)).toMatchObject({ "OMA-2": -1, "OMA-3": -1 });
  });

  test("a feature born after its dependents is ranked by them", async () => {
    const world = await setup({ "oma-1": "pending" });
    await resolve(world, "oma-1", [blocker("oma-9")]);
    await take(world, PROJECT, { spawns: [aFeatureBirth(address("oma-9"))] });
    expect(await ranks(world)).toMatchObject({ "OMA-9": -1 });
  });

  test("tells each blocker's standing", async () => {
    const world = await setup({ "oma-1": "pending", "oma-2": "coder.working", "oma-3": "passing", "oma-4": "merged" });
    const { event, isComplete } = await resolve(world, "oma-1", [
      blocker("oma-2"),
      blocker("oma-3"),
      blocker("oma-4"),
      blocker("ext-1"),
      blocker("ext-2", "completed"),
      blocker("ext-3", "canceled"),
    ]);
    expect(isComplete).toBe(true);
    expect(event).toMatchObject({
      type: "dependencies.resolved",
      cycle: null,
      blockers: [
        { key: "OMA-2", feature: address("oma-2"), state: "unmet", branch: null },
        { key: "OMA-3", feature: address("oma-3"), state: "met", branch: "agent/oma-3" },
        { key: "OMA-4", feature: address("oma-4"), state: "met", branch: null },
        { key: "EXT-1", feature: null, state: "unmet" },
        { key: "EXT-2", feature: null, state: "met" },
        { key: "EXT-3", feature: null, state: "met" },
      ],
    });
  });

  test("where a dependency is met only by merging, an open pull request is not enough", async () => {
    const world = await setup({ "oma-1": "pending", "oma-3": "passing" });
    await world.t.run(async ({ db }) => {
      const project = await db.query("projects").first();
      if (project) await db.patch(project._id, { settings: { ...project.settings, dependencyMet: "merged" } });
    });
    const { event } = await resolve(world, "oma-1", [blocker("oma-3")]);
    expect(event.blockers).toMatchObject([{ key: "OMA-3", state: "unmet", branch: null }]);
  });

  test("names the shortest cycle in keys, each blocked by the next", async () => {
    const world = await setup();
    expect((await resolve(world, "oma-1", [blocker("oma-1")])).event.cycle).toEqual(["OMA-1", "OMA-1"]);
    await resolve(world, "oma-1", []);
    await resolve(world, "oma-3", [blocker("oma-2")]);
    expect((await resolve(world, "oma-2", [blocker("oma-3")])).event.cycle).toEqual(["OMA-2", "OMA-3", "OMA-2"]);
    await resolve(world, "oma-2", [blocker("oma-1")]);
    const { event } = await resolve(world, "oma-1", [blocker("oma-9"), blocker("oma-3")]);
    expect(event.cycle).toEqual(["OMA-1", "OMA-3", "OMA-2", "OMA-1"]);
  });

  test("a diamond is no cycle, and one that the ticket is not in is another ticket's", async () => {
    const world = await setup();
    await resolve(world, "oma-2", [blocker("oma-4")]);
    await resolve(world, "oma-3", [blocker("oma-4")]);
    expect((await resolve(world, "oma-1", [blocker("oma-2"), blocker("oma-3")])).event.cycle).toBeNull();
    await resolve(world, "oma-3", [blocker("oma-2")]);
    await resolve(world, "oma-2", [blocker("oma-3")]);
    const { event, isComplete } = await resolve(world, "oma-1", [blocker("oma-2")]);
    expect([event.cycle, isComplete]).toEqual([null, true]);
  });

  test("S1: again, with other blockers, it changes nothing", async () => {
    const world = await setup();
    const { args, settled } = await resolve(world, "oma-1", [blocker("oma-2")]);
    const again = await world.service.mutation(api.dependencies.resolve, { ...args, blockers: [] });
    expect(again.settled).toMatchObject({ kind: "already", mail: settled.kind === "settled" ? settled.mail : [] });
    expect(await edges(world)).toEqual(["issue-oma-1 by OMA-2"]);
  });

  test("P9: another project's effect, and more blockers than a ticket may have, are refused", async () => {
    const world = await setup();
    const { args } = await resolve(world, "oma-1", []);
    const step = await take(world, FEATURE, { effects: [{ index: 0, kind: "resolveDependencies", payload: "{}", run: null }] });
    const effectId = step.kind === "stored" ? `${FEATURE}:${step.sequence}:0` : "";
    const call = (more: Partial<typeof args>) => world.service.mutation(api.dependencies.resolve, { ...args, effectId, ...more });
    expect((await refusalOf(call({ project: "rival/app" }))).code).toBe("badArgument");
    expect((await refusalOf(call({ blockers: Array.from({ length: 300 }, (_, index) => blocker(`x-${index}`)) }))).code).toBe(
      "tooLarge",
    );
    expect((await refusalOf(call({ epochs: [] }))).code).toBe("fenced");
  });
});

describe("announceToDependents", () => {
  test("D2: tells each dependent feature once, in the commit that asks", async () => {
    const world = await setup();
    await resolve(world, "oma-2", [blocker("oma-1")]);
    await resolve(world, "oma-3", [blocker("oma-1")]);
    await resolve(world, "oma-1", []);
    await world.t.run(async ({ db }) => {
      const project = (await db.query("projects").first())?._id;
      if (project)
        await db.insert("dependencies", {
          project,
          blocker: "issue-oma-1",
          blockerKey: "OMA-1",
          blocked: "issue-unborn",
          blockedKey: "OMA-8",
        });
    });
    const payload = JSON.stringify({ kind: "announceToDependents", state: "met", branch: "agent/oma-1" });
    const step = await take(world, FEATURE, { effects: [{ index: 0, kind: "announceToDependents", payload, run: null }] });
    const effectId = step.kind === "stored" ? `${FEATURE}:${step.sequence}:0` : "";
    const settled = step.kind === "stored" ? step.settled : [];
    expect(settled.flatMap((one) => (one.kind === "settled" ? one.mail : [])).map(({ actor, key }) => [actor, key])).toEqual([
      [address("oma-2"), `${effectId}:${address("oma-2")}`],
      [address("oma-3"), `${effectId}:${address("oma-3")}`],
    ]);
    const heard = (await mailOf(world, address("oma-2"))).filter(({ key }) => key.startsWith(effectId));
    expect(heard.map(({ event }) => JSON.parse(event) as object)).toMatchObject([
      { type: "dependency.changed", feature: FEATURE, state: "met", branch: "agent/oma-1" },
    ]);
  });
});
