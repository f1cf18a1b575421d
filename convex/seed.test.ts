import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { type ProjectEvent, projectMachine, restore, step } from "@omakase/machines";
import { api, internal } from "./_generated/api";
import { actorAt, aWorld, mailOf, refusalOf, seedOf, type World } from "./world.testing.ts";

afterEach(() => {
  setSystemTime();
});

const seed = (world: World, organization: string, slug: string, team: string, role: "admin" | "viewer" = "admin") =>
  world.t.mutation(internal.seed.sample, seedOf(organization, slug, team, "new/repo", [{ subject: "auth0|nora", role }]));

describe("seed.sample", () => {
  test("makes organisation, members, project and its actor; the machine takes what was seeded and begins to look for work", async () => {
    const world = await aWorld();
    expect(await seed(world, "new", "one", "team-9")).toMatchObject({ address: "new/one" });
    expect((await world.person("nora").query(api.projects.list, {})).projects).toMatchObject([
      { address: "new/one", role: "admin", state: "active.idle", organization: { name: "NEW" } },
    ]);
    const actor = await actorAt(world, "new/one");
    const [letter] = await mailOf(world, "new/one");
    const first = step(projectMachine, restore(projectMachine, actor.snapshot), JSON.parse(letter?.event ?? "") as ProjectEvent);
    expect(first.asked).toMatchObject([{ type: "effect", effect: { kind: "findReady", limit: 3 } }]);
  });

  test("repeated, it changes nothing but a member's role", async () => {
    const world = await aWorld();
    const first = await seed(world, "new", "one", "team-9");
    const before = await actorAt(world, "new/one");
    expect(await seed(world, "new", "one", "team-9", "viewer")).toEqual(first);
    expect(await actorAt(world, "new/one")).toEqual(before);
    expect(await mailOf(world, "new/one")).toHaveLength(1);
    expect((await world.person("nora").query(api.users.me, {})).memberships).toMatchObject([{ slug: "new", role: "viewer" }]);
  });

  test("a team that has a project, a name that is no address and settings that are nonsense are refused", async () => {
    const world = await aWorld();
    expect(await refusalOf(seed(world, "new", "one", "team-1"))).toMatchObject({
      code: "badArgument",
      message: "The Linear team OMA belongs to the project acme/web already.",
    });
    expect((await refusalOf(seed(world, "New Org", "one", "team-9"))).code).toBe("badArgument");
    const args = seedOf("new", "one", "team-9", "r", []);
    args.project.limits.features = 0.5;
    expect((await refusalOf(world.t.mutation(internal.seed.sample, args))).message).toContain("not 0.5");
  });
});

describe("users", () => {
  test("signIn makes one row and follows the token's name", async () => {
    const world = await aWorld();
    await world.person("stan").mutation(api.users.signIn, {});
    const renamed = world.t.withIdentity({
      subject: "auth0|stan",
      issuer: "https://id.test/",
      "https://omakase.dev/name": "Stanley",
    });
    await renamed.mutation(api.users.signIn, {});
    expect(await world.t.run(({ db }) => db.query("users").collect())).toMatchObject([
      { subject: "auth0|stan", name: "Stanley" },
    ]);
  });
});

describe("projects.get", () => {
  test("a slug that two of one's organisations use must be told apart by address", async () => {
    const world = await aWorld();
    await world.t.mutation(
      internal.seed.sample,
      seedOf("third", "web", "team-3", "third/web", [{ subject: "auth0|ada", role: "viewer" }]),
    );
    const ada = world.person("ada");
    expect(await refusalOf(ada.query(api.projects.get, { slug: "web" }))).toMatchObject({
      code: "ambiguous",
      message: expect.stringContaining("acme/web, third/web"),
    });
    expect(await ada.query(api.projects.get, { slug: "third/web" })).toMatchObject({ address: "third/web", role: "viewer" });
  });
});
