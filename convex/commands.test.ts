import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import {
  AGENT,
  actorAt,
  aFeatureBirth,
  anAgent,
  aStep,
  aWorld,
  commit,
  FEATURE,
  featureView,
  mailOf,
  PROJECT,
  refusalOf,
  take,
  type World,
} from "./world.testing.ts";

let keys = 0;
const aKey = () => `00000000-0000-4000-8000-${String(++keys).padStart(12, "0")}`;
type Command = Parameters<typeof send>[2];
const send = (
  world: World,
  who: string,
  more: {
    address?: string;
    action?: "start" | "pause" | "retry" | "reject" | "archive" | "cancel";
    key?: string;
    note?: string;
    reason?: string;
    mode?: "now";
    from?: "coder";
  },
) => world.person(who).mutation(api.commands.send, { address: FEATURE, action: "start", key: aKey(), ...more });

async function setup(actions: string[] = ["start", "cancel"]) {
  const world = await aWorld();
  await anAgent(world);
  await take(world, FEATURE, { view: featureView(aFeatureBirth(FEATURE), { ticket: null, actions, label: "Writing code" }) });
  return world;
}
const events = async (world: World, actor = FEATURE) =>
  (await mailOf(world, actor)).map(({ event }) => JSON.parse(event) as object);
const audit = ({ t }: World) => t.run(({ db }) => db.query("audit").collect());

describe("commands.send", () => {
  test("becomes an event from that person, from outside, with an audit row", async () => {
    const world = await setup();
    const key = aKey();
    expect(await send(world, "dana", { key })).toEqual({ key });
    expect(await mailOf(world, FEATURE)).toMatchObject([
      { key: `command:${key}`, origin: "outside", cause: { kind: "person", name: "dana" } },
    ]);
    expect(await events(world)).toMatchObject([{ type: "start", by: "dana" }]);
    expect(await audit(world)).toMatchObject([
      { who: "auth0|dana", what: "start", why: null, actor: FEATURE, key: `command:${key}` },
    ]);
  });

  test("P6: repeating a key changes nothing, also after it was consumed and the actor accepts it no longer", async () => {
    const world = await setup();
    const key = aKey();
    await send(world, "dana", { key });
    await send(world, "dana", { key });
    const [letter] = await mailOf(world, FEATURE);
    if (!letter) throw new Error("no mail");
    const view = featureView(aFeatureBirth(FEATURE), { ticket: null, actions: [] });
    await commit(world, [aStep(await actorAt(world, FEATURE), { ...letter, id: letter._id }, { view })]);
    expect(await send(world, "dana", { key })).toEqual({ key });
    expect(await mailOf(world, FEATURE)).toEqual([]);
    expect(await audit(world)).toHaveLength(1);
  });

  test("what the view does not list is refused, saying what is accepted now and from whom", async () => {
    const world = await setup(["pause", "cancel"]);
    const refused = await refusalOf(send(world, "dana", {}));
    expect(refused).toMatchObject({
      code: "refused",
      message:
        'OMA-1 does not accept start while it is "Writing code" (Nobody has started it). It accepts now: pause (developer or admin), cancel (developer or admin).',
    });
    expect(await events(world)).toEqual([]);
    expect(await audit(world)).toEqual([]);
  });

  test("an agent takes no command of a person, and a parked actor says that it is", async () => {
    const world = await setup();
    expect((await refusalOf(send(world, "dana", { address: AGENT, action: "cancel" }))).message).toContain(
      "It accepts no command now.",
    );
    await world.service.mutation(api.host.park, { epochs: world.epochs, actor: FEATURE, reason: "it throws" });
    expect((await refusalOf(send(world, "dana", { action: "pause" }))).message).toContain("It is parked: it throws");
  });

  test("archiving a project needs an admin, and says so", async () => {
    const world = await setup();
    await take(world, PROJECT, {
      view: {
        kind: "project",
        state: "active.idle",
        category: "ready",
        label: "Active",
        mood: "idle",
        actions: ["pause", "archive"],
        running: [],
      },
    });
    const archive = { address: PROJECT, action: "archive" } as const;
    expect(await refusalOf(send(world, "dana", archive))).toMatchObject({
      code: "forbidden",
      message: "You are a developer; to archive needs an admin.",
    });
    await send(world, "ada", archive);
    expect(await events(world, PROJECT)).toMatchObject([{ type: "archive", by: "ada" }]);
  });

  test.each<[string, Command, object]>([
    ["pausing now", { action: "pause", mode: "now", reason: "lunch" }, { type: "pause", mode: "now", reason: "lunch" }],
    ["pausing", { action: "pause" }, { type: "pause", mode: "drain" }],
    [
      "retrying from a stage",
      { action: "retry", from: "coder", note: "mind the bell" },
      { type: "retry", from: "coder", note: "mind the bell" },
    ],
    ["rejecting a plan", { action: "reject", note: "smaller" }, { type: "reject", note: "smaller" }],
    [
      "cancelling, cut to what a snapshot keeps,",
      { action: "cancel", reason: "r".repeat(2000) },
      { type: "cancel", reason: `${"r".repeat(499)}…` },
    ],
  ])("%s reaches the machine with what it carries", async (_, command, event) => {
    const world = await setup(["pause", "retry", "reject", "cancel"]);
    await send(world, "dana", command);
    expect(await events(world)).toMatchObject([event]);
  });

  test("a refusal of a plan without a reason, a key that is none and an actor that is none are refused", async () => {
    const world = await setup(["reject"]);
    expect((await refusalOf(send(world, "dana", { action: "reject" }))).code).toBe("badArgument");
    expect((await refusalOf(send(world, "dana", { action: "reject", note: "n", key: "x" }))).code).toBe("badArgument");
    expect((await refusalOf(send(world, "dana", { address: `${PROJECT}/none` }))).code).toBe("notFound");
  });
});

describe("projects.configure", () => {
  const configure = (world: World, key: string, features: number) =>
    world
      .person("ada")
      .mutation(api.projects.configure, { project: PROJECT, key, name: "New", limits: { features, perRole: {} } });

  test("stores settings, tells the scheduler, and does so once a key", async () => {
    const world = await setup();
    const key = aKey();
    await configure(world, key, 7);
    await configure(world, key, 9);
    expect(await world.person("vic").query(api.projects.get, { slug: "web" })).toMatchObject({
      name: "New",
      limits: { features: 7 },
    });
    expect(await events(world, PROJECT)).toMatchObject([{ type: "limits.changed", by: "ada", limits: { features: 7 } }]);
    expect(await audit(world)).toHaveLength(1);
  });

  test("nonsense is refused with the value", async () => {
    const world = await setup();
    expect((await refusalOf(configure(world, aKey(), -1))).message).toContain("from 0 to 1000, not -1");
  });
});

describe("commands.outcome", () => {
  const outcome = (world: World, key: string) => world.person("vic").query(api.commands.outcome, { address: FEATURE, key });
  /** The letter's step, as the host would store it. */
  async function step(world: World, key: string, ignored: boolean) {
    const letter = (await mailOf(world, FEATURE)).find((row) => row.key === `command:${key}`)!;
    const how = { eventType: "start", ignored, from: "work.coder.working", to: "work.coder.working" };
    await commit(world, [aStep(await actorAt(world, FEATURE), { id: letter._id, key: letter.key }, how)]);
  }

  test("says what came of it: waiting, then taken, or ignored and why", async () => {
    const world = await setup();
    const [taken, ignored] = [aKey(), aKey()];
    for (const key of [taken, ignored]) await send(world, "dana", { key });
    expect(await outcome(world, taken)).toEqual({ kind: "waiting" });
    await step(world, taken, false);
    await step(world, ignored, true);
    const { sequence } = await actorAt(world, FEATURE);
    expect(await outcome(world, taken)).toEqual({ kind: "taken", sequence: sequence - 1 });
    expect(await outcome(world, ignored)).toEqual({
      kind: "ignored",
      sequence,
      reason: `${FEATURE} was in work.coder.working when it came, and takes no start there.`,
    });
    expect(await outcome(world, aKey())).toEqual({ kind: "unknown" });
  });

  test("of an actor that is parked says so, with the reason", async () => {
    const world = await setup();
    const key = aKey();
    await send(world, "dana", { key });
    await world.service.mutation(api.host.park, { epochs: world.epochs, actor: FEATURE, reason: "bad: it throws" });
    expect(await outcome(world, key)).toEqual({ kind: "held", reason: `${FEATURE} is parked: bad: it throws` });
  });
});
