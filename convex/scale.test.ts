// What a dispatch and a sweep read, counted in documents, does not grow with the project, the queue or the deployment (bench:scale
// has the times).

import { describe, expect, test } from "bun:test";
import type { FunctionReturnType } from "convex/server";
import { api } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import type { MutationCtx } from "./_generated/server";
import { shardOf } from "./shardOf.ts";
import {
  actorAt,
  aFeature,
  aFeatureBirth,
  aLetter,
  anIssue,
  aStep,
  aWorld,
  FEATURE,
  featureView,
  PROJECT,
  take,
  type World,
} from "./world.testing.ts";

/** Documents that calls read. */
const readsOf = (world: World, call: (ctx: MutationCtx) => Promise<unknown>): Promise<number> =>
  world.service.mutation(async (ctx) => {
    await call(ctx);
    return (await ctx.meta.getTransactionMetrics()).documentsRead.used;
  });

async function effectOf(world: World, address: string, kind: string): Promise<string> {
  const step = await take(world, address, { effects: [{ index: 0, kind, payload: "{}", run: null }] });
  return step.kind === "stored" ? `${address}:${step.sequence}:0` : "";
}

/** Gives the project of {@link FEATURE} siblings: of four, one waits for another, one is ready, one is done, one is in the backlog. */
async function addSiblings({ t }: World, count: number): Promise<void> {
  await t.run(async ({ db }) => {
    const rows = await db.query("features").collect();
    const like = rows.find(({ address }) => address === FEATURE);
    if (like === undefined) throw new Error("no feature to be like");
    const { _id, _creationTime, ...columns } = like;
    const kinds: Partial<Doc<"features">>[] = [
      {},
      { ready: true, wants: "architect" },
      { column: "done" },
      { category: "blocked" },
    ];
    for (let index = 0; index < count; index++) {
      const key = `SIB-${index}`;
      const names = { address: `${PROJECT}/${key.toLowerCase()}`, issueId: `issue-${key}`, key };
      await db.insert("features", { ...columns, ...names, ...kinds[index % kinds.length] });
    }
  });
}

/** A project's step that asks who is ready. */
async function readsOfQuestion(world: World, excluding: string[], permits = {}): Promise<number> {
  const payload = JSON.stringify({ kind: "findReady", limit: 1, excluding, permits });
  const letter = await aLetter(world, PROJECT, "ask");
  const step = aStep(await actorAt(world, PROJECT), letter, { effects: [{ index: 0, kind: "findReady", payload, run: null }] });
  return readsOf(world, ({ runMutation }) => runMutation(api.host.commit, { epochs: world.epochs, steps: [step] }));
}

/** What each function on the way from the ticket's change to the launch reads. */
async function dispatchReads(siblings: number): Promise<Record<string, number>> {
  const world = await aWorld();
  await world.service.mutation(api.linear.sync, { issues: [anIssue()] });
  await aFeature(world);
  await addSiblings(world, siblings);
  const { epochs } = world;
  const issue = anIssue({ stateType: "unstarted", updatedAt: 2000 });
  const reads: Record<string, number> = {};
  reads.receive = await readsOf(world, ({ runMutation }) =>
    runMutation(api.linear.receive, { deliveryId: "d", event: "Issue.update", issue }),
  );
  const resolved = await effectOf(world, FEATURE, "resolveDependencies");
  const dependencies = { epochs, project: PROJECT, effectId: resolved, issueId: "issue-oma-1", blockers: [] };
  reads.resolve = await readsOf(world, ({ runMutation }) => runMutation(api.dependencies.resolve, dependencies));
  reads.findReady = await readsOfQuestion(world, []);
  const letter = await aLetter(world, FEATURE, "granted");
  const view = featureView(aFeatureBirth(FEATURE), { wants: null, ticket: null });
  const steps = [aStep(await actorAt(world, FEATURE), letter, { view })];
  reads.commit = await readsOf(world, ({ runMutation }) => runMutation(api.host.commit, { epochs, steps }));
  reads.actors = await readsOf(world, ({ runQuery }) => runQuery(api.host.actors, { addresses: [PROJECT, FEATURE] }));
  reads.outside = await readsOf(world, ({ runQuery }) => runQuery(api.mailbox.outside, { shard: shardOf(PROJECT) }));
  return reads;
}

describe("what a dispatch reads", () => {
  test("is the same in a project of 1,000 features as in one of 5", async () => {
    const [small, large] = [await dispatchReads(4), await dispatchReads(999)];
    expect(large).toEqual(small);
    expect(Math.min(...Object.values(small))).toBeGreaterThan(0);
  });

  test("is one candidate, and not the queue, however many places are held", async () => {
    const reads = async (excluding: string[]) => {
      const world = await aWorld();
      await aFeature(world);
      await addSiblings(world, 200);
      return readsOfQuestion(world, excluding);
    };
    const held = Array.from({ length: 40 }, (_, index) => `${PROJECT}/at-work-${index}`);
    expect(await reads(held)).toBe(await reads([]));
  });

  test("is nothing of a full role's queue, however long that is", async () => {
    const reads = async (siblings: number) => {
      const world = await aWorld();
      await aFeature(world);
      await addSiblings(world, siblings);
      return readsOfQuestion(world, [], { architect: 0 });
    };
    expect(await reads(400)).toBe(await reads(4));
  });
});

describe("what a sweep of Linear begins with", () => {
  test("is every project, in pages of a bounded number of documents", async () => {
    const world = await aWorld();
    await world.t.run(async ({ db }) => {
      const project = await db.query("projects").first();
      if (project === null) throw new Error("nothing to be like");
      const { _id, _creationTime, ...like } = project;
      for (let index = 0; index < 1_100; index++) await db.insert("projects", { ...like, address: `acme/more-${index}` });
    });
    const found: string[] = [];
    let after: string | null = null;
    do {
      const args: { after: string | null } = { after };
      expect(await readsOf(world, ({ runQuery }) => runQuery(api.linear.projects, args))).toBeLessThanOrEqual(400);
      const page: FunctionReturnType<typeof api.linear.projects> = await world.service.query(api.linear.projects, args);
      found.push(...page.projects.map(({ project }) => project));
      after = page.next;
    } while (after !== null);
    expect([found.length, new Set(found).size]).toEqual([1_102, 1_102]);
  });
});
