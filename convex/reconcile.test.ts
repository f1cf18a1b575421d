import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import {
  AGENT,
  aFeature,
  aFeatureBirth,
  anAgent,
  aRunTask,
  aWorld,
  FEATURE,
  FOREIGN,
  PROJECT,
  refusalOf,
  take,
  type World,
} from "./world.testing.ts";

const startedBy = aRunTask(AGENT).run.startedBy;
const launch = (world: World, effectId: string) => world.service.query(api.reconcile.launch, { effectId });

async function agentIn(world: World, state: string, more: { ended?: boolean; attempt?: number; reason?: string } = {}) {
  await take(world, AGENT, {
    view: {
      kind: "agent",
      state,
      category: "working",
      column: "architect",
      label: state,
      mood: "waiting",
      actions: [],
      ended: false,
      reason: null,
      attempt: 1,
      enteredState: true,
      ...more,
    } as never,
  });
}

describe("a launch", () => {
  test("is wanted while its agent launches, and over once that is stopping, is at another attempt or has ended", async () => {
    for (const [state, more, over] of [
      ["launching", {}, null],
      ["stopping", { reason: "Cancelled by Ada" }, "Cancelled by Ada"],
      ["launching", { attempt: 2 }, "Another attempt has begun"],
      ["cancelled", { ended: true }, "cancelled"],
    ] as const) {
      const world = await aWorld();
      const effectId = await anAgent(world);
      await agentIn(world, state, more);
      expect(await launch(world, effectId)).toEqual({ over });
    }
  });

  test("is over when its run has ended, and when nobody knows it", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    const settlement = { effectId, state: "failed" as const, error: "no", answer: null, launch: null };
    await world.service.mutation(api.host.settle, { epochs: world.epochs, settlements: [settlement] });
    expect((await launch(world, effectId)).over).toBe("no");
    expect((await launch(world, "nobody:0:0")).over).not.toBeNull();
  });
});

test("tasks are told apart by who started them: wanted, over, unknown", async () => {
  const world = await aWorld();
  const run = await anAgent(world);
  const ask = () => world.service.query(api.reconcile.tasks, { startedBy: [startedBy, "stranger"] });
  expect(await ask()).toEqual([{ startedBy, run, agent: AGENT, project: PROJECT, taskArn: null, over: null }, null]);
  await agentIn(world, "failed", { ended: true, reason: "Given up" });
  expect((await ask())[0]?.over).toBe("Given up");
});

test("a lost run is known with its branch and with what it had said", async () => {
  const world = await aWorld();
  const effectId = await anAgent(world);
  const known = { role: "architect", project: PROJECT, repository: "acme/shop", branch: "agent/oma-1" } as const;
  const lost = () => world.service.query(api.reconcile.lostRun, { effectId });
  expect(await lost()).toEqual({ ...known, hasReported: false, isClaimed: false });
  await world.service.mutation(api.runs.claim, { effectId, claimId: "c", model: "m" });
  expect(await lost()).toMatchObject({ isClaimed: true });
});

test("features whose pull request should be open are those that are passing", async () => {
  const world = await aWorld();
  const passing = { state: "passing", column: "done", pullRequest: { number: 7, url: "u" } } as const;
  await aFeature(world, aFeatureBirth(FEATURE, passing));
  await take(world, PROJECT, { spawns: [aFeatureBirth(`${PROJECT}/oma-2`, { ...passing, state: "merged" })] });
  const found = await world.service.query(api.reconcile.passing, { project: PROJECT });
  expect(found).toMatchObject([{ feature: FEATURE, branch: "agent/oma-1", number: 7 }]);
});

test("a pull request is not wanted any more once its feature is cancelled", async () => {
  const world = await aWorld();
  await aFeature(world, aFeatureBirth(FEATURE, { state: "cancelled", failure: "Cancelled by Ada" }));
  expect(await world.service.query(api.reconcile.publishing, { feature: FEATURE })).toEqual({ over: "Cancelled by Ada" });
});

describe("repairs", () => {
  const repair = (key: string, project: string = PROJECT) => ({
    ...{ project, farSide: "ecs" as const, kind: "orphanStopped", subject: "arn:1", actor: AGENT, what: "Stopped.", key },
  });
  const page = { numItems: 10, cursor: null };

  test("are kept once a key, and shown to the project's members alone, newest first (P9)", async () => {
    const world = await aWorld();
    const record = (...repairs: ReturnType<typeof repair>[]) => world.service.mutation(api.repairs.record, { repairs });
    expect(await record(repair("a"), repair("b"), repair("a"))).toEqual({ recorded: 2 });
    expect(await record(repair("a"), repair("a", FOREIGN), repair("c", "no/body"))).toEqual({ recorded: 1 });
    const seen = await world.person("vic").query(api.repairs.ofProject, { project: PROJECT, paginationOpts: page });
    expect(seen.page).toMatchObject([{ what: "Stopped.", subject: "arn:1", actor: AGENT }, { kind: "orphanStopped" }]);
    const stranger = world.person("mallory").query(api.repairs.ofProject, { project: PROJECT, paginationOpts: page });
    expect((await refusalOf(stranger)).code).toBe("forbidden");
  });
});
