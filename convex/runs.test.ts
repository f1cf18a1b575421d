import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import {
  AGENT,
  aFeatureBirth,
  anAgent,
  anAgentBirth,
  anIssue,
  aRunTask,
  aWorld,
  FEATURE,
  featureView,
  mailOf,
  NO_USAGE,
  PROJECT,
  refusalOf,
  runOf,
  take,
  type World,
} from "./world.testing.ts";

async function setup() {
  const world = await aWorld();
  await world.service.mutation(api.linear.sync, { issues: [anIssue()] });
  return { world, effectId: await anAgent(world) };
}
const claim = ({ service }: World, effectId: string, claimId: string) =>
  service.mutation(api.runs.claim, { effectId, claimId, model: "small" });
const append = ({ service }: World, effectId: string, from: number, events: unknown[], usage = NO_USAGE) =>
  service.mutation(api.runs.append, { effectId, from, events: events.map((event) => JSON.stringify(event)), usage, at: 50_000 });
const report = ({ service }: World, effectId: string, reason = "fine", result: string | null = '{"plan":"p"}') =>
  service.mutation(api.runs.report, {
    effectId,
    exitCode: 0,
    class: null,
    reason,
    result,
    headSha: "abc",
    usage: { ...NO_USAGE, costUsd: 2 },
  });
const stop = (world: World, state: string, ended = false) => {
  const { view } = anAgentBirth(AGENT);
  if (view.kind !== "agent") throw new Error("not an agent");
  const { role, ...columns } = view;
  return take(world, AGENT, { view: { ...columns, enteredState: true, state, ended, reason: "Cancelled by ada" } });
};
const letters = async (world: World) => (await mailOf(world, AGENT)).map(({ key }) => key);

describe("runs.claim", () => {
  test("R1: of two containers one gets the assignment, and may ask again; the other is told it is taken", async () => {
    const { world, effectId } = await setup();
    const [a, b] = await Promise.all([claim(world, effectId, "a"), claim(world, effectId, "b")]);
    expect([a.kind, b.kind].sort()).toEqual(["assignment", "taken"]);
    const winner = a.kind === "assignment" ? "a" : "b";
    expect(await claim(world, effectId, winner)).toEqual(a.kind === "assignment" ? a : b);
    expect(await runOf(world, effectId)).toMatchObject({ state: "claimed", claimId: winner, model: "small" });
    expect(await letters(world)).toEqual([`claim:${effectId}`]);
  });

  test("the assignment holds what the container needs, and no secret", async () => {
    const { world, effectId } = await setup();
    expect(await claim(world, effectId, "a")).toMatchObject({
      kind: "assignment",
      run: effectId,
      agent: AGENT,
      role: "architect",
      attempt: 1,
      round: 1,
      ticket: { key: "OMA-1", description: "It should ring." },
      repository: { name: "acme/shop", defaultBranch: "main", branch: "agent/oma-1", bases: [] },
      limits: { maxTurns: 60 },
      testCommand: null,
      handover: { results: { architect: null, coder: null, reviewer: null, tester: null }, note: null },
    });
  });

  test("it hands over the newest results, the person's note and the branches to start from", async () => {
    const { world, effectId } = await setup();
    await claim(world, effectId, "a");
    await report(world, effectId);
    await take(world, PROJECT, { spawns: [aFeatureBirth("acme/web/oma-2", { state: "passing" })] });
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
    const second = `${FEATURE}/coder-1`;
    await take(world, FEATURE, {
      snapshot: JSON.stringify({ context: { note: "mind the bell" } }),
      spawns: [{ ...anAgentBirth(second), effects: [aRunTask(second)] }],
    });
    const assignment = await claim(world, `${second}:0:0`, "b");
    expect(assignment).toMatchObject({
      repository: { bases: ["agent/oma-2"] },
      handover: { results: { architect: '{"plan":"p"}' }, note: "mind the bell" },
    });
  });

  test("a run nobody asked for is unknown; one whose agent stops, gives up or has ended is over", async () => {
    const { world, effectId } = await setup();
    expect(await claim(world, "acme/web/x:1:1", "a")).toEqual({ kind: "unknown" });
    for (const state of ["stopping", "backingOff"]) {
      await stop(world, state);
      expect(await claim(world, effectId, "a")).toEqual({ kind: "over" });
    }
    expect(await runOf(world, effectId)).toMatchObject({ claimId: null });
  });
});

describe("runs.append", () => {
  const logs = async (world: World, effectId: string, from = 1) => {
    const run = (await runOf(world, effectId))?._id;
    if (!run) throw new Error("no run");
    return world.person("vic").query(api.runs.logs, { run, from });
  };

  test("R2: stores events in order, passes over repeats and refuses gaps by naming the next one wanted", async () => {
    const { world, effectId } = await setup();
    expect(await append(world, effectId, 1, ["a", "b"])).toEqual({ next: 3, stop: null });
    expect(await append(world, effectId, 1, ["a", "b"])).toEqual({ next: 3, stop: null });
    expect(await append(world, effectId, 4, ["d"])).toEqual({ next: 3, stop: null });
    expect(await append(world, effectId, 2, ["b", "c", "d"])).toEqual({ next: 5, stop: null });
    expect(await logs(world, effectId)).toEqual({
      chunks: [
        { from: 1, to: 2, events: '["a","b"]' },
        { from: 3, to: 4, events: '["c","d"]' },
      ],
      next: 5,
      hasMore: false,
    });
    expect((await logs(world, effectId, 5)).chunks).toEqual([]);
  });

  test("a heartbeat is seen and is no output; usage only grows", async () => {
    const { world, effectId } = await setup();
    await append(world, effectId, 1, [], { ...NO_USAGE, turns: 5, costUsd: 1 });
    expect(await runOf(world, effectId)).toMatchObject({
      lastSeenAt: 50_000,
      lastOutputAt: null,
      usage: { turns: 5, costUsd: 1 },
    });
    expect(await world.service.query(api.runs.silence, { effectId, now: 61_000 })).toBe(60_000);
    await append(world, effectId, 1, ["a"], { ...NO_USAGE, turns: 3 });
    expect(await runOf(world, effectId)).toMatchObject({ lastOutputAt: 50_000, usage: { turns: 5, costUsd: 1 } });
    expect(await world.service.query(api.runs.silence, { effectId, now: 61_000 })).toBe(11_000);
  });

  test("more than a chunk holds is asked for again; what can never fit, or is not JSON, is refused", async () => {
    const { world, effectId } = await setup();
    const long = "x".repeat(100_000);
    expect(await append(world, effectId, 1, [long, long, long])).toEqual({ next: 3, stop: null });
    expect(await append(world, effectId, 3, [long])).toEqual({ next: 4, stop: null });
    expect((await refusalOf(append(world, effectId, 4, ["y".repeat(300_000)]))).code).toBe("tooLarge");
    const raw = (event: string) =>
      world.service.mutation(api.runs.append, { effectId, from: 4, events: [event], usage: NO_USAGE, at: 1 });
    expect((await refusalOf(raw("{"))).code).toBe("badArgument");
    expect((await refusalOf(raw('1],["forged"'))).code).toBe("badArgument");
    expect((await refusalOf(raw("1,2"))).code).toBe("badArgument");
    expect((await refusalOf(append(world, effectId, 0, ["a"]))).code).toBe("badArgument");
    expect((await refusalOf(append(world, "acme/web/x:1:1", 1, []))).code).toBe("notFound");
  });

  test("tells the runner to stop once its agent is stopping, or another attempt has begun", async () => {
    const { world, effectId } = await setup();
    await stop(world, "stopping");
    expect(await append(world, effectId, 1, [])).toEqual({ next: 1, stop: { reason: "Cancelled by ada" } });
  });
});

describe("runs.report", () => {
  test("R3: the last word is stored once and told to the agent once", async () => {
    const { world, effectId } = await setup();
    await claim(world, effectId, "a");
    expect(await report(world, effectId)).toEqual({ stored: true });
    expect(await report(world, effectId, "other", '{"plan":"q"}')).toEqual({ stored: false });
    const run = await runOf(world, effectId);
    expect(run).toMatchObject({ state: "reported", result: '{"plan":"p"}', headSha: "abc", exitCode: 0, usage: { costUsd: 2 } });
    expect((await letters(world)).sort()).toEqual([`claim:${effectId}`, `report:${effectId}`]);
    expect(await claim(world, effectId, "a")).toEqual({ kind: "over" });
    if (!run) throw new Error("no run");
    expect(await world.person("vic").query(api.runs.result, { run: run._id })).toEqual({
      role: "architect",
      result: '{"plan":"p"}',
    });
  });

  test("R3: it is stored also when the task's end was told first, and the run stays ended", async () => {
    const { world, effectId } = await setup();
    const startedBy = (await runOf(world, effectId))?.startedBy ?? "";
    const end = {
      taskArn: "arn:1",
      startedBy,
      version: 9,
      lastStatus: "STOPPED",
      exitCode: 0,
      stopCode: null,
      reason: "exited",
      at: 7,
    };
    await world.service.mutation(api.ecs.receive, { events: [end] });
    expect(await report(world, effectId)).toEqual({ stored: true });
    expect(await runOf(world, effectId)).toMatchObject({ state: "ended", endReason: "exited", result: '{"plan":"p"}' });
  });

  test("a result of more than 64 KiB is refused, and nothing is stored", async () => {
    const { world, effectId } = await setup();
    expect((await refusalOf(report(world, effectId, "fine", "x".repeat(70_000)))).code).toBe("tooLarge");
    expect(await runOf(world, effectId)).toMatchObject({ reportedAt: null });
  });
});

describe("runs, for people", () => {
  test("show no claim id, no startedBy and no effect id", async () => {
    const { world, effectId } = await setup();
    await claim(world, effectId, "the-claim");
    const shown = JSON.stringify([
      await world.person("vic").query(api.runs.ofFeature, { feature: FEATURE }),
      await world.person("vic").query(api.features.get, { project: "acme/web", key: "OMA-1" }),
    ]);
    expect(shown).toContain(AGENT);
    for (const secret of ["the-claim", "startedBy", "claimId", effectId]) expect(shown).not.toContain(secret);
  });

  test("runs.byAgent finds the attempt for a performer", async () => {
    const { world, effectId } = await setup();
    expect(await world.service.query(api.runs.byAgent, { agent: AGENT, attempt: 1 })).toMatchObject({
      effectId,
      state: "requested",
    });
    expect(await world.service.query(api.runs.byAgent, { agent: AGENT, attempt: 2 })).toBeNull();
  });
});

test("runs.standing: a run's token is good from its claim until it has reported, or its agent stops", async () => {
  const { world, effectId } = await setup();
  const standing = () => world.service.query(api.runs.standing, { effectId });
  expect(await standing()).toMatchObject({ live: false, repository: "acme/shop", budget: { over: null } });
  await claim(world, effectId, "a");
  expect(await standing()).toMatchObject({ live: true });
  await stop(world, "stopping");
  expect(await standing()).toMatchObject({ live: false });
  await stop(world, "running.listening");
  await report(world, effectId);
  expect(await standing()).toMatchObject({ live: false });
  expect(await world.service.query(api.runs.standing, { effectId: "acme/web/x:1:1" })).toBeNull();
});

test("features.forPullRequest: ticket, results, repository and the branches it is stacked on", async () => {
  const { world, effectId } = await setup();
  await claim(world, effectId, "a");
  await report(world, effectId);
  await take(world, FEATURE, { view: featureView(aFeatureBirth(FEATURE), { ticket: null, costUsd: 2.5 }) });
  expect(await world.service.query(api.features.forPullRequest, { address: FEATURE })).toMatchObject({
    ticket: { key: "OMA-1", description: "It should ring.", issueId: "issue-oma-1" },
    repository: "acme/shop",
    defaultBranch: "main",
    branch: "agent/oma-1",
    bases: [],
    results: { architect: '{"plan":"p"}', tester: null },
    costUsd: 2.5,
  });
  expect(await world.service.query(api.features.forPullRequest, { address: "acme/web/none" })).toBeNull();
});
