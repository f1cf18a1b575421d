import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import {
  actorAt,
  aFeature,
  aFeatureBirth,
  anIssue,
  aStep,
  aWorld,
  commit,
  FEATURE,
  mailOf,
  PROJECT,
  refusalOf,
  type World,
} from "./world.testing.ts";

let deliveries = 0;
const receive = ({ service }: World, issue: ReturnType<typeof anIssue> | null, deliveryId = `d${++deliveries}`) =>
  service.mutation(api.linear.receive, { deliveryId, event: "Issue.update", issue });
const ticket = ({ t }: World) => t.run(({ db }) => db.query("tickets").first());
const events = async (world: World, actor: string) =>
  (await mailOf(world, actor)).map(({ event }) => JSON.parse(event) as { type: string; ticket: { title: string } });
/** The project takes its oldest mail and makes the feature. */
async function bear(world: World) {
  const [letter] = await mailOf(world, PROJECT);
  if (!letter) throw new Error("the project has no mail");
  await commit(world, [
    aStep(await actorAt(world, PROJECT), { ...letter, id: letter._id }, { spawns: [aFeatureBirth(FEATURE)] }),
  ]);
}

describe("linear.receive", () => {
  test("T2: the first sight of an issue is a ticket and `ticket.appeared` to the project of its team", async () => {
    const world = await aWorld();
    expect(await receive(world, anIssue(), "d")).toEqual({ outcome: "changed" });
    expect(await ticket(world)).toMatchObject({ key: "OMA-1", feature: FEATURE, descriptionBytes: 15 });
    expect(await mailOf(world, PROJECT)).toMatchObject([{ key: "linear:d", origin: "outside", cause: { kind: "linear" } }]);
    expect(await events(world, PROJECT)).toMatchObject([
      { type: "ticket.appeared", featureId: "oma-1", ticket: { title: "Add a bell", stateType: "backlog" } },
    ]);
  });

  test("P6: the same delivery again changes nothing and answers as it did", async () => {
    const world = await aWorld();
    await receive(world, anIssue(), "d");
    await receive(world, anIssue({ updatedAt: 9000, title: "Forged" }), "d");
    expect(await ticket(world)).toMatchObject({ title: "Add a bell" });
    expect(await mailOf(world, PROJECT)).toHaveLength(1);
  });

  test("T1: deliveries out of order leave the newest; the older and the equal say nothing to anybody", async () => {
    const world = await aWorld();
    await aFeature(world);
    await receive(world, anIssue({ updatedAt: 1000 }));
    for (const letter of await mailOf(world, PROJECT))
      await commit(world, [aStep(await actorAt(world, PROJECT), { ...letter, id: letter._id })]);
    await receive(world, anIssue({ updatedAt: 3000, title: "Newest" }));
    expect(await receive(world, anIssue({ updatedAt: 2000, title: "Late" }))).toEqual({
      outcome: "ignored: older than what is stored",
    });
    expect(await receive(world, anIssue({ updatedAt: 3000, title: "Again" }))).toEqual({
      outcome: "ignored: older than what is stored",
    });
    expect(await ticket(world)).toMatchObject({ title: "Newest", updatedAt: 3000 });
    expect(await events(world, FEATURE)).toMatchObject([{ type: "ticket.changed", ticket: { title: "Newest" } }]);
  });

  test("T3: a change that comes before the project has read of the ticket queues behind that, also once the feature is born", async () => {
    const world = await aWorld();
    await receive(world, anIssue({ updatedAt: 1 }));
    await receive(world, anIssue({ updatedAt: 2, title: "Second", stateType: "unstarted" }));
    expect((await events(world, PROJECT)).map(({ type }) => type)).toEqual(["ticket.appeared", "ticket.appeared"]);
    await bear(world);
    await receive(world, anIssue({ updatedAt: 3, title: "Third" }));
    expect((await events(world, PROJECT)).map((event) => event.ticket.title)).toEqual(["Second", "Third"]);
    await bear(world);
    await bear(world);
    await receive(world, anIssue({ updatedAt: 4, title: "Fourth" }));
    expect(await mailOf(world, PROJECT)).toEqual([]);
    expect((await events(world, FEATURE)).map((event) => event.ticket.title)).toEqual(["Fourth"]);
  });

  test("a removed issue is cancelled, even when its removal is as old as what is stored", async () => {
    const world = await aWorld();
    await receive(world, anIssue());
    expect(await receive(world, anIssue({ removed: true }))).toEqual({ outcome: "changed" });
    expect(await ticket(world)).toMatchObject({ stateType: "canceled" });
    expect(await receive(world, anIssue({ removed: true }))).toEqual({ outcome: "ignored: older than what is stored" });
  });

  test("issues of a team without a project, events about nothing and keys that name no branch are stored as ignored", async () => {
    const world = await aWorld();
    expect(await receive(world, anIssue({ teamId: "nobody" }))).toEqual({ outcome: "ignored: no project for team nobody" });
    expect(await receive(world, null)).toEqual({ outcome: "ignored: not about an issue" });
    expect((await receive(world, anIssue({ key: "../../etc" }))).outcome).toContain("cannot name a branch");
    expect(await ticket(world)).toBeNull();
    const stored = await world.t.run(({ db }) => db.query("webhookDeliveries").collect());
    expect(stored).toHaveLength(3);
    expect((await refusalOf(receive(world, anIssue(), ""))).code).toBe("badArgument");
  });

  test("P8: a megabyte of description is cut at a character, and a hostile title is bounded", async () => {
    const world = await aWorld();
    await receive(
      world,
      anIssue({
        description: "€".repeat(400_000),
        title: "T".repeat(5000),
        labels: Array.from({ length: 99 }, (_, index) => `l${index}`),
      }),
    );
    const stored = await ticket(world);
    expect(stored?.descriptionBytes).toBe(1_200_000);
    expect(stored?.description).toBe("€".repeat(Math.floor((256 * 1024) / 3)));
    expect(stored?.title.length).toBe(500);
    expect(stored?.labels.length).toBe(20);
    const [letter] = await mailOf(world, PROJECT);
    expect(letter?.event.length).toBeLessThan(4000);
  });

  test("the feature keeps its address when the key changes", async () => {
    const world = await aWorld();
    await receive(world, anIssue({ updatedAt: 1 }));
    await bear(world);
    await receive(world, anIssue({ updatedAt: 2, key: "NEW-7", teamId: "team-2" }));
    expect(await ticket(world)).toMatchObject({ key: "NEW-7", feature: FEATURE });
    expect(await events(world, FEATURE)).toHaveLength(1);
  });
});

describe("linear.sync", () => {
  test("repairs what webhooks missed, once, and says which", async () => {
    const world = await aWorld();
    const issues = [anIssue(), anIssue({ issueId: "i2", key: "OMA-2", updatedAt: 7000 })];
    expect(await world.service.mutation(api.linear.sync, { issues })).toEqual({ news: ["issue-oma-1", "i2"] });
    expect(await world.service.mutation(api.linear.sync, { issues })).toEqual({ news: [] });
    expect(await mailOf(world, PROJECT)).toMatchObject([{ key: "sweep:i2:7000" }, { key: "sweep:issue-oma-1:1000" }]);
    await world.service.mutation(api.reconcile.swept, { project: PROJECT, farSide: "linear", until: 7000 });
    expect(await world.service.query(api.linear.projects, { after: null })).toEqual({
      projects: [
        { project: PROJECT, linearTeamId: "team-1", sweptUntil: 7000 },
        { project: "rival/app", linearTeamId: "team-2", sweptUntil: 0 },
      ],
      next: null,
    });
  });
});
