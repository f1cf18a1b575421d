import { describe, expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "@omakase/machines";
import { api } from "./_generated/api";
import { monthOf } from "./money.ts";
import type { Settled } from "./steps.ts";
import {
  AGENT,
  actorAt,
  aFeature,
  aFeatureBirth,
  aLetter,
  anAgent,
  anAgentBirth,
  aRunTask,
  aStep,
  aWorld,
  commit,
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

let keys = 0;
const aKey = () => `key-${String(++keys).padStart(8, "0")}`;
const NOW = 1_000;
const MONTH = monthOf(NOW);

const setMonth = (world: World, usd: number | null, tokens: number | null = null) =>
  world.person("ada").mutation(api.budgets.set, { project: PROJECT, month: { usd, tokens }, reason: "less", key: aKey() });
const figures = async (world: World, now = NOW) => {
  const { accounts } = await world.person("vic").query(api.budgets.ofProject, { project: PROJECT, now });
  return Object.fromEntries(accounts.map(({ level, spent, reserved, runs }) => [level, { spent, reserved, runs }]));
};
const ledger = async (world: World) => (await figures(world)).project;
const usd = (amount: number, tokens = 0) => ({ microUsd: amount * 1_000_000, tokens });
const CEILING = { microUsd: 5_000_000, tokens: DEFAULT_SETTINGS.agent.maxTokens };

const metered = (costUsd: number, more: object = {}) => ({
  requests: 3,
  inputTokens: 100,
  outputTokens: 50,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  microUsd: costUsd * 1_000_000,
  ...more,
});
const meter = (world: World, effectId: string, total: ReturnType<typeof metered>, name = "gateway-1") =>
  world.service.mutation(api.runs.meter, { meter: name, runs: [{ effectId, metered: total }] });
const report = (world: World, effectId: string, costUsd: number, exitCode: 0 | 1 = 0) =>
  world.service.mutation(api.runs.report, {
    effectId,
    exitCode,
    class: exitCode === 0 ? null : "agent",
    reason: "said so",
    result: null,
    headSha: null,
    usage: { ...NO_USAGE, turns: 7, inputTokens: 10, costUsd },
  });
const stopped = (world: World, startedBy: string, exitCode: number | null) =>
  world.service.mutation(api.ecs.receive, {
    events: [
      {
        taskArn: "arn:1",
        startedBy,
        version: 9,
        lastStatus: "STOPPED",
        exitCode,
        stopCode: "EssentialContainerExited",
        reason: "killed",
        at: 2_000,
      },
    ],
  });

/** Features OMA-1 to OMA-n, each with an agent born by a commit of its own, all at once. */
async function launches(world: World, count: number) {
  const names = Array.from({ length: count }, (_, index) => `${PROJECT}/oma-${index + 1}`);
  for (const name of names) await take(world, PROJECT, { spawns: [aFeatureBirth(name)] });
  const steps = await Promise.all(
    names.map(async (name, index) => {
      const letter = await aLetter(world, name, `go:${index}`);
      return aStep(await actorAt(world, name), letter, { spawns: [anAgentBirth(`${name}/architect-1`)] });
    }),
  );
  return Promise.all(steps.map((step) => commit(world, [step])));
}

const answerIn = (one: Settled | undefined) => (one && "mail" in one ? one.mail[0] : undefined);

describe("reservations", () => {
  test("M1: of many launches at once only as many are reserved as the month can pay for; the others are refused with the figures", async () => {
    const world = await aWorld();
    await setMonth(world, 12);
    const answers = await launches(world, 6);
    const withheld = answers.flatMap(({ results }) => results.flatMap((one) => (one.kind === "stored" ? one.settled : [])));
    expect(withheld).toHaveLength(4);
    expect(await ledger(world)).toEqual({
      spent: usd(0),
      reserved: { microUsd: 10_000_000, tokens: CEILING.tokens * 2 },
      runs: 2,
    });
    for (const one of withheld) {
      const { effectId } = one;
      expect(JSON.parse(answerIn(one)?.event ?? "null")).toMatchObject({
        type: "task.refused",
        class: "budget",
        budget: "project",
      });
      expect(await runOf(world, effectId)).toMatchObject({
        state: "ended",
        endReason: expect.stringContaining("$10.00 reserved of $12.00"),
      });
    }
  });

  test("M1: tokens are counted like dollars, and each level by itself", async () => {
    const world = await aWorld();
    await setMonth(world, null, DEFAULT_SETTINGS.agent.maxTokens);
    const [first, second] = await launches(world, 2);
    const refused = [first, second].flatMap((one) =>
      one?.results.flatMap((each) => (each.kind === "stored" ? each.settled : [])),
    );
    expect(refused).toHaveLength(1);
    expect(JSON.parse(answerIn(refused[0])?.event ?? "{}").reason).toContain("tokens reserved of 20,000,000 tokens");
    await setMonth(world, null);
    await world
      .person("ada")
      .mutation(api.budgets.setOrganization, { project: PROJECT, month: usdOnly(4), reason: "", key: aKey() });
    const third = await take(world, PROJECT, { spawns: [aFeatureBirth(`${PROJECT}/oma-9`)] });
    expect(third.kind).toBe("stored");
    const birth = await take(world, `${PROJECT}/oma-9`, { spawns: [anAgentBirth(`${PROJECT}/oma-9/architect-1`)] });
    expect(birth.kind === "stored" && JSON.parse(answerIn(birth.settled[0])?.event ?? "{}").budget).toBe("organization");
  });

  test("C6: a refused launch is neither pending nor performed, and the same commit told again says so again", async () => {
    const world = await aWorld();
    await setMonth(world, 1);
    await aFeature(world);
    const letter = await aLetter(world, FEATURE, "go");
    const step = aStep(await actorAt(world, FEATURE), letter, { spawns: [anAgentBirth(AGENT)] });
    const [first] = (await commit(world, [step])).results;
    const [again] = (await commit(world, [step])).results;
    expect(first).toMatchObject({
      kind: "stored",
      settled: [{ kind: "settled", effectId: `${AGENT}:0:0`, mail: [{ actor: AGENT }] }],
    });
    expect(again).toMatchObject({ kind: "duplicate", replay: true, settled: [{ kind: "already", mail: [{ actor: AGENT }] }] });
    const page = await world.service.query(api.host.load, {
      shard: world.epochs[0]?.shard ?? 0,
      cursor: { part: "effects", position: null },
    });
    expect(page.effects).toEqual([]);
    expect((await mailOf(world, AGENT)).map(({ key }) => key)).toEqual([`effect:${AGENT}:0:0`]);
    expect(await ledger(world)).toEqual({ spent: usd(0), reserved: usd(0), runs: 0 });
  });

  test("M2, M4: a run is settled once, by whichever end is told first, at what it was metered and reported", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    expect(await ledger(world)).toEqual({ spent: usd(0), reserved: CEILING, runs: 1 });
    await meter(world, effectId, metered(0.4));
    await report(world, effectId, 0.5);
    const settled = { spent: { microUsd: 500_000, tokens: 150 }, reserved: usd(0), runs: 1 };
    expect(await ledger(world)).toEqual(settled);
    await stopped(world, aRunTask(AGENT).run.startedBy, 0);
    await take(world, AGENT, { view: ended() });
    expect(await ledger(world)).toEqual(settled);
    expect((await figures(world)).organization).toEqual(settled);
  });

  test("M4: a container that claims more than its run had reserved is not believed further than that", async () => {
    const world = await aWorld();
    await report(world, await anAgent(world), 1_000_000);
    expect((await ledger(world))?.spent.microUsd).toBe(5_000_000);
    const [told] = (await mailOf(world, AGENT)).filter(({ key }) => key.startsWith("report:"));
    expect(JSON.parse(told?.event ?? "{}").costUsd).toBe(5);
  });

  test("M4: a run that was cut off is settled, shown and told at what it was metered", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    await meter(world, effectId, metered(1.25));
    await stopped(world, aRunTask(AGENT).run.startedBy, 137);
    expect((await ledger(world))?.spent).toEqual({ microUsd: 1_250_000, tokens: 150 });
    expect((await runOf(world, effectId))?.usage).toMatchObject({ costUsd: 1.25, turns: 3, outputTokens: 50 });
    const [told] = (await mailOf(world, AGENT)).filter(({ key }) => key.startsWith("ecs:"));
    expect(JSON.parse(told?.event ?? "{}")).toMatchObject({ type: "task.stopped", costUsd: 1.25, turns: 3 });
  });

  test("M2: what nobody told the end of is released when its agent is over", async () => {
    const world = await aWorld();
    await anAgent(world);
    await take(world, AGENT, { view: ended() });
    expect(await ledger(world)).toEqual({ spent: usd(0), reserved: usd(0), runs: 1 });
  });

  test("M2: a launch that ECS refused releases what it had reserved", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    await world.service.mutation(api.host.settle, {
      epochs: world.epochs,
      settlements: [{ effectId, state: "done", error: null, answer: null, launch: null }],
    });
    expect(await ledger(world)).toEqual({ spent: usd(0), reserved: usd(0), runs: 1 });
  });

  test("M5: a run counts for the month it was launched in, and the next month begins at nothing", async () => {
    const world = await aWorld();
    await report(world, await anAgent(world), 2);
    expect(MONTH).toBe("1970-01");
    expect((await figures(world, Date.UTC(1970, 1, 1) - 1)).project?.spent.microUsd).toBe(2_000_000);
    expect((await figures(world, Date.UTC(1970, 1, 1))).project?.spent.microUsd).toBe(0);
  });
});

describe("runs.meter", () => {
  test("M3: what a meter tells again, or late, counts once; two gateways of one run add up", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    for (const total of [metered(1), metered(2), metered(2), metered(1)]) await meter(world, effectId, total);
    await meter(world, effectId, metered(0.5), "gateway-2");
    const [standing] = await meter(world, effectId, metered(0.5), "gateway-2");
    expect(standing).toMatchObject({ spent: { microUsd: 2_500_000, tokens: 300 }, over: null });
  });

  test("M3: an answer that was still streaming when its run was settled is added afterwards, once", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    await meter(world, effectId, metered(1));
    await report(world, effectId, 0);
    for (let twice = 0; twice < 2; twice++) await meter(world, effectId, metered(1.5));
    expect(await ledger(world)).toEqual({ spent: { microUsd: 1_500_000, tokens: 150 }, reserved: usd(0), runs: 1 });
  });

  test("R4: a run over its budget is told so, and has failed over its budget whatever its container calls it", async () => {
    const world = await aWorld();
    const effectId = await anAgent(world);
    const [standing] = await meter(world, effectId, metered(5));
    expect(standing?.over).toBe("The run has spent $5.00 of the $5.00 it may");
    await report(world, effectId, 5, 1);
    const [told] = (await mailOf(world, AGENT)).filter(({ key }) => key.startsWith("report:"));
    expect(JSON.parse(told?.event ?? "{}")).toMatchObject({ class: "budget", reason: standing?.over });
    const run = await runOf(world, effectId);
    expect(run && (await world.person("vic").query(api.runs.receipt, { run: run._id }))).toMatchObject({
      overBudget: standing?.over,
      reserved: CEILING,
      settled: { microUsd: 5_000_000 },
      places: { limit: 3 },
      budgets: [{ level: "feature" }, { level: "project" }, { level: "organization" }],
    });
  });

  test("of a run nobody reserved it says nothing, and too many at once are refused", async () => {
    const world = await aWorld();
    expect(await meter(world, "acme/web/x:1:1", metered(1))).toEqual([]);
    const many = Array.from({ length: 101 }, () => ({ effectId: "x", metered: metered(1) }));
    expect(await refusalOf(world.service.mutation(api.runs.meter, { meter: "m", runs: many }))).toMatchObject({
      code: "tooLarge",
    });
  });
});

describe("raising a budget", () => {
  const raised = async (world: World, actor: string) =>
    (await mailOf(world, actor)).filter(({ event }) => JSON.parse(event).type === "budget.raised").length;

  test("a grant makes room for the one feature, tells it once, and is audited", async () => {
    const world = await aWorld();
    const ada = world.person("ada");
    await ada.mutation(api.budgets.set, { project: PROJECT, feature: usdOnly(5), reason: "", key: aKey() });
    await report(world, await anAgent(world), 2);
    const second = `${FEATURE}/coder-1`;
    const refused = await take(world, FEATURE, { spawns: [anAgentBirth(second)] });
    expect(refused.kind === "stored" && JSON.parse(answerIn(refused.settled[0])?.event ?? "{}")).toMatchObject({
      budget: "feature",
      reason: "The feature's budget has no room: $2.00 spent of $5.00; a run reserves $5.00",
    });
    const key = aKey();
    for (let twice = 0; twice < 2; twice++)
      await ada.mutation(api.budgets.grant, { feature: FEATURE, usd: 2, tokens: 0, reason: "worth it", key });
    expect(await raised(world, FEATURE)).toBe(1);
    expect((await ada.query(api.budgets.ofFeature, { feature: FEATURE })).allowance).toEqual({ usd: 7, tokens: null });
    const third = await take(world, FEATURE, { spawns: [anAgentBirth(`${FEATURE}/coder-2`)] });
    expect(third.kind === "stored" && third.settled).toEqual([]);
    const acts = await world.t.run(({ db }) => db.query("audit").collect());
    expect(acts.map(({ what, why, actor }) => [what, why, actor])).toEqual([
      ["budget", null, PROJECT],
      ["budget", "worth it", FEATURE],
    ]);
  });

  test("a project's new budget, or a new ceiling of a run, is told to the scheduler and to those their own budget stopped", async () => {
    const world = await aWorld();
    await aFeature(world);
    await take(world, PROJECT, { spawns: [aFeatureBirth(`${PROJECT}/oma-2`)] });
    const view = featureView(aFeatureBirth(FEATURE), {
      state: "needsHuman",
      column: "needsYou",
      category: "needsYou",
      reasons: [{ kind: "budget", text: "Out of budget" }],
      ticket: null,
    });
    await take(world, FEATURE, { view });
    await setMonth(world, 2_000);
    const told = async () => Promise.all([PROJECT, FEATURE, `${PROJECT}/oma-2`].map((actor) => raised(world, actor)));
    expect(await told()).toEqual([1, 1, 0]);
    const settings = { ...DEFAULT_SETTINGS, agent: { ...DEFAULT_SETTINGS.agent, maxBudgetUsd: 9 } };
    await world.person("ada").mutation(api.projects.configure, { project: PROJECT, settings, key: aKey() });
    expect(await told()).toEqual([2, 2, 0]);
  });

  test("nonsense is refused", async () => {
    const world = await aWorld();
    for (const month of [usdOnly(-1), usdOnly(Number.NaN), { usd: 1, tokens: 0.5 }]) {
      const call = world.person("ada").mutation(api.budgets.set, { project: PROJECT, month, reason: "", key: aKey() });
      expect(await refusalOf(call)).toMatchObject({ code: "badArgument" });
    }
  });
});

const usdOnly = (amount: number) => ({ usd: amount, tokens: null });

function ended() {
  const { view } = anAgentBirth(AGENT);
  if (view.kind !== "agent") throw new Error("not an agent");
  const { role, ...columns } = view;
  return { ...columns, enteredState: true, state: "failed", ended: true };
}
