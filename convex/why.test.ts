import { describe, expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "@omakase/machines";
import { api } from "./_generated/api";
import {
  AGENT,
  actorAt,
  aFeature,
  aFeatureBirth,
  anAgentBirth,
  anIssue,
  aRunTask,
  aWorld,
  FEATURE,
  featureView,
  PROJECT,
  take,
  type World,
} from "./world.testing.ts";

const KEY = "0b5e3a52-1111-4222-8333-123456789abc";
/** Within the lease of the test's world. */
const soon = () => Date.now();
const why = async (world: World, now = soon()) => {
  const found = await world.person("vic").query(api.why.ofFeature, { project: PROJECT, key: "OMA-1", now });
  return found ?? { isMoving: null, reasons: [] };
};
const kinds = async (world: World, now?: number) => (await why(world, now)).reasons.map(({ kind }) => kind);

/** OMA-1 wants an agent of a role. */
const queued = (wants: "architect" | "coder" = "coder") =>
  aFeatureBirth(FEATURE, {
    state: "queued",
    label: "Ready",
    category: "ready",
    wants,
    stage: wants,
    reasons: [{ kind: "slot", text: "Waits for a free place in the project" }],
  });

/** Changes the project's own books. */
async function setBooks(world: World, change: object, state = "active.idle"): Promise<void> {
  const actor = await actorAt(world, PROJECT);
  const snapshot = JSON.parse(actor.snapshot);
  const next = JSON.stringify({ ...snapshot, context: { ...snapshot.context, ...change } });
  const view = { kind: "project", state, category: "paused", label: "Held", mood: "waiting", actions: [], running: [] } as const;
  await take(world, PROJECT, {
    snapshot: next,
    machineVersion: actor.machineVersion,
    view: { ...view, actions: [], running: [] },
  });
}

describe("why is it not running", () => {
  test("W1: all reasons at once: places, role, budgets with figures, holds of both scopes, ownership", async () => {
    const world = await aWorld();
    await aFeature(world, queued());
    await world.person("ada").mutation(api.budgets.set, {
      project: PROJECT,
      feature: { usd: 2, tokens: null },
      month: { usd: 3, tokens: null },
      reason: "",
      key: KEY,
    });
    const month = { usd: 4, tokens: null };
    await world.person("ada").mutation(api.budgets.setOrganization, { project: PROJECT, month, reason: "", key: `${KEY}-2` });
    const places = { [`${PROJECT}/oma-7`]: { role: "coder", granted: true } };
    const holds = { project: { by: "Ada", reason: "release" }, organization: { by: "Ops", reason: "The organisation: leak" } };
    await setBooks(world, { places, limits: { features: 1, perRole: { coder: 1 } }, holds }, "stopped");
    const { isMoving, reasons } = await why(world, soon() + 3_600_000);
    expect(isMoving).toBe(false);
    expect(reasons.map(({ kind, text }) => `${kind}: ${text}`)).toEqual([
      expect.stringMatching(/^ownership: No orchestrator runs this project/),
      "slot: 1 of the project's 1 places are taken: OMA-7",
      "role: 1 of 1 coders are at work: OMA-7",
      "budget: The feature's budget has no room: $0.00 spent of $2.00; a run reserves $5.00",
      expect.stringMatching(
        /^budget: The project's budget for \w+ \d{4} has no room: \$0\.00 spent of \$3\.00; a run reserves \$5\.00$/,
      ),
      expect.stringMatching(/^budget: The organisation's budget for .*\$4\.00/),
      "hold: Emergency stop: every agent of the project was stopped by Ada: release by Ops: The organisation: leak",
    ]);
    const months = reasons.filter(({ until }) => until !== null);
    expect(months).toHaveLength(2);
    expect(months.every(({ until }) => new Date(until ?? 0).toISOString().endsWith("-01T00:00:00.000Z"))).toBe(true);
  });

  test("a dependency is named with how it stands", async () => {
    const world = await aWorld();
    await world.service.mutation(api.linear.sync, { issues: [anIssue(), anIssue({ issueId: "issue-oma-2", key: "OMA-2" })] });
    await take(world, PROJECT, {
      spawns: [aFeatureBirth(`${PROJECT}/oma-2`, { label: "Writing code", state: "coder.working" })],
    });
    const reasons = [{ kind: "dependency" as const, text: "Waits for OMA-2" }];
    await aFeature(world, aFeatureBirth(FEATURE, { state: "waiting.blocked", reasons }));
    await world.t.run(async ({ db }) => {
      const project = (await db.query("projects").first())?._id;
      if (!project) throw new Error("no project");
      const edge = { blocker: "issue-oma-2", blockerKey: "OMA-2", blocked: "issue-oma-1", blockedKey: "OMA-1" };
      await db.insert("dependencies", { project, ...edge });
      await db.insert("dependencies", { project, ...edge, blocker: "elsewhere", blockerKey: "ZZZ-9" });
    });
    expect((await why(world)).reasons.map(({ text }) => text)).toEqual([
      "Waits for OMA-2, which is: Writing code",
      "Waits for ZZZ-9, which is not one of this project's features",
    ]);
  });

  test("W2: back-off says until when, and capacity and rate limits are called by their name", async () => {
    const world = await aWorld();
    const looks = { state: "coder.working", label: "Writing code", category: "working", reasons: [] } as const;
    await aFeature(world, aFeatureBirth(FEATURE, { ...looks, reasons: [] }));
    await take(world, FEATURE, { at: soon(), spawns: [anAgentBirth(AGENT)] });
    expect(await why(world)).toMatchObject({ isMoving: true });
    for (const [text, kind] of [
      ["RESOURCE:CPU", "capacity"],
      ["ThrottlingException: Rate exceeded", "rateLimit"],
    ] as const) {
      const { view } = anAgentBirth(AGENT);
      if (view.kind !== "agent") throw new Error("not an agent");
      const { role, ...columns } = view;
      await take(world, AGENT, {
        view: { ...columns, enteredState: true, state: "backingOff", reason: text },
        timers: [{ timerId: "xstate.after.backOffMs.agent.backingOff", dueAt: 99_000 }],
      });
      const found = await why(world);
      expect(found.isMoving).toBe(false);
      expect(found.reasons.filter(({ until }) => until === 99_000).map((one) => one.kind)).toEqual(["backOff", kind]);
      expect(found.reasons.find((one) => one.kind === "backOff")?.text).toBe(`The architect tries again (attempt 2): ${text}`);
    }
  });

  test("a launch nobody has answered for a while waits for ECS; one just asked for does not", async () => {
    const world = await aWorld();
    await aFeature(world, aFeatureBirth(FEATURE, { state: "architect.working", reasons: [] }));
    const at = soon();
    await take(world, FEATURE, { at, spawns: [anAgentBirth(AGENT, { effects: [aRunTask(AGENT)] })] });
    expect(await kinds(world, at + 1_000)).toEqual([]);
    expect(await kinds(world, at + 6_000)).toEqual(["farSide"]);
  });

  test("a parked actor is named with why it is parked", async () => {
    const world = await aWorld();
    await aFeature(world, queued());
    await world.service.mutation(api.host.park, { epochs: world.epochs, actor: PROJECT, reason: "cannot be restored" });
    const parked = (await why(world)).reasons.find(({ kind }) => kind === "parked");
    expect(parked?.text).toContain("cannot be restored");
  });

  test("a project that starts nothing new holds only those without a place; what is over has no reasons", async () => {
    const world = await aWorld();
    await aFeature(world, queued());
    await setBooks(world, {}, "closed");
    expect(await kinds(world)).toEqual(["hold"]);
    await take(world, FEATURE, {
      view: featureView(queued(), { wants: null, state: "coder.working", reasons: [], ticket: null }),
    });
    expect(await kinds(world)).toEqual([]);
    await take(world, FEATURE, { view: featureView(queued(), { wants: null, state: "merged", ticket: null }) });
    expect(await why(world)).toMatchObject({ isMoving: true, reasons: [] });
  });

  test("the operator finds a feature by its key alone, and gets the same answer", async () => {
    const world = await aWorld();
    await aFeature(world, queued());
    const now = soon();
    const found = await world.service.query(api.why.find, { project: null, key: "oma-1", now });
    expect(found as unknown).toEqual([await why(world, now)]);
    expect(await world.service.query(api.why.find, { project: "rival/app", key: "oma-1", now })).toEqual([]);
  });
});

test("settings of a run decide what it reserves, so a smaller one may still run", async () => {
  const world = await aWorld();
  await aFeature(world, queued());
  const ada = world.person("ada");
  await ada.mutation(api.budgets.set, { project: PROJECT, month: { usd: 3, tokens: null }, reason: "", key: KEY });
  expect(await kinds(world)).toContain("budget");
  const settings = { ...DEFAULT_SETTINGS, agent: { ...DEFAULT_SETTINGS.agent, maxBudgetUsd: 1 } };
  await ada.mutation(api.projects.configure, { project: PROJECT, settings, key: `${KEY}-3` });
  expect(await kinds(world)).not.toContain("budget");
});
