import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import type { PullRequestChange } from "./github.ts";
import { aFeature, aFeatureBirth, aWorld, FEATURE, mailOf, type World } from "./world.testing.ts";

const receive = ({ service }: World, change: PullRequestChange | null, deliveryId = "d", repository = "acme/shop") =>
  service.mutation(api.github.receive, { deliveryId, event: "pull_request", repository, change });
const merged: PullRequestChange = { kind: "merged", branch: "agent/oma-1", number: 7, by: "ada", at: 9000 };

async function setup() {
  const world = await aWorld();
  await aFeature(world, aFeatureBirth(FEATURE, { pullRequest: { number: 7, url: "u" } }));
  return world;
}

describe("github.receive", () => {
  test("P6: tells the feature whose branch it is, once a delivery", async () => {
    const world = await setup();
    expect(await receive(world, merged)).toEqual({ outcome: "stored" });
    expect(await receive(world, { ...merged, kind: "closed" })).toEqual({ outcome: "stored" });
    const mail = await mailOf(world, FEATURE);
    expect(mail).toMatchObject([{ key: "pull:7:merged:9000", cause: { kind: "github", name: "ada" } }]);
    expect(JSON.parse(mail[0]?.event ?? "")).toMatchObject({ type: "pullRequest.merged", by: "ada" });
  });

  test("P6: an end is told once, whether a delivery or a sweep brings it first", async () => {
    const world = await setup();
    const sync = (...changes: PullRequestChange[]) =>
      world.service.mutation(api.github.sync, { repository: "acme/shop", changes });
    await receive(world, merged);
    expect(await sync(merged)).toEqual({ told: [] });
    const closed = { ...merged, kind: "closed", at: 9500 } as const;
    expect(await sync(closed)).toEqual({ told: [{ feature: FEATURE, number: 7 }] });
    await receive(world, closed, "late");
    expect((await mailOf(world, FEATURE)).map(({ key }) => key)).toEqual(["pull:7:closed:9500", "pull:7:merged:9000"]);
  });

  test("a closed pull request of an earlier life of the branch, or of one whose pull request is not known, tells nobody", async () => {
    const world = await aWorld();
    await aFeature(world);
    const changes = [{ ...merged, kind: "closed" } as const];
    expect(await world.service.mutation(api.github.sync, { repository: "acme/shop", changes })).toEqual({ told: [] });
  });

  test("P8: a request for changes is cut", async () => {
    const world = await setup();
    await receive(world, {
      kind: "rework",
      branch: "agent/oma-1",
      number: 7,
      by: "x".repeat(9000),
      source: "checks",
      summary: "y".repeat(9000),
    });
    const event = JSON.parse((await mailOf(world, FEATURE))[0]?.event ?? "") as { summary: string; by: string };
    expect(event).toMatchObject({ type: "rework.requested", source: "checks" });
    expect([event.summary.length, event.by.length]).toEqual([500, 100]);
  });

  test.each<[string, PullRequestChange | null, string]>([
    ["another pull request of the branch", { ...merged, number: 6 }, "acme/shop"],
    ["another branch of the same last name", { ...merged, branch: "human/oma-1" }, "acme/shop"],
    ["P9: another repository", merged, "rival/app"],
    ["no change of ours", null, "acme/shop"],
  ])("%s is stored as ignored and tells nobody", async (_, change, repository) => {
    const world = await setup();
    expect((await receive(world, change, "d", repository)).outcome).toStartWith("ignored: ");
    expect(await mailOf(world, FEATURE)).toEqual([]);
  });
});
