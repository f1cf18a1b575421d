import { describe, expect, test } from "bun:test";
import { api } from "./_generated/api";
import { aWorld, FOREIGN, mailOf, PROJECT, refusalOf, take, type World } from "./world.testing.ts";

const KEY = "0b5e3a52-1111-4222-8333-123456789abc";
const stop = { kind: "hold", mode: "stop", reason: "a key leaked" } as const;
const told = async (world: World, actor: string) =>
  (await mailOf(world, actor)).map(({ event }) => {
    const { at, ...rest } = JSON.parse(event);
    return rest;
  });

describe("holding an organisation", () => {
  test("a stop reaches each of its projects once, with the reason, is audited, and no other organisation hears of it", async () => {
    const world = await aWorld();
    const steer = () => world.person("ada").mutation(api.organizations.steer, { project: PROJECT, command: stop, key: KEY });
    expect(await steer()).toEqual({ projects: 1 });
    expect(await steer()).toEqual({ projects: 0 });
    expect(await told(world, PROJECT)).toEqual([
      { type: "stop", by: "ada", reason: "The organisation: a key leaked", scope: "organization" },
    ]);
    expect(await told(world, FOREIGN)).toEqual([]);
    const { hold } = await world.person("vic").query(api.budgets.ofProject, { project: PROJECT, now: 1 });
    expect(hold).toMatchObject({ mode: "stop", by: "ada", reason: "a key leaked" });
    const acts = await world.t.run(({ db }) => db.query("audit").collect());
    expect(acts.map(({ who, what, why }) => [who, what, why])).toEqual([["auth0|ada", "organisation stop", "a key leaked"]]);
  });

  test("the operator stops every organisation at once, under a name that is kept, and resumes one", async () => {
    const world = await aWorld();
    const operate = (organization: string | null, command: typeof stop | { kind: "resume" }, key: string) =>
      world.service.mutation(api.organizations.operate, { organization, command, by: "root@box", key });
    expect(await operate(null, stop, KEY)).toEqual({ organizations: 2, projects: 2 });
    expect(await operate("acme", { kind: "resume" }, `${KEY}-2`)).toEqual({ organizations: 1, projects: 1 });
    expect((await told(world, PROJECT)).map(({ type }) => type)).toEqual(["stop", "resume"]);
    expect((await told(world, FOREIGN)).map(({ type }) => type)).toEqual(["stop"]);
    const acts = await world.t.run(({ db }) => db.query("audit").collect());
    expect(new Set(acts.map(({ who }) => who))).toEqual(new Set(["operator:root@box"]));
    expect(await refusalOf(operate("nobody", stop, `${KEY}-3`))).toMatchObject({ code: "notFound" });
  });

  test("an emergency stop without a reason is refused, for an organisation and for a project", async () => {
    const world = await aWorld();
    const ada = world.person("ada");
    const command = { ...stop, reason: "  " };
    expect(await refusalOf(ada.mutation(api.organizations.steer, { project: PROJECT, command, key: KEY }))).toMatchObject({
      code: "badArgument",
    });
    await shows(world, "active.idle", ["pause", "stop"]);
    const send = { address: PROJECT, action: "stop", key: KEY } as const;
    expect(await refusalOf(ada.mutation(api.commands.send, send))).toMatchObject({ code: "badArgument" });
    await ada.mutation(api.commands.send, { ...send, reason: "a key leaked" });
    expect(await told(world, PROJECT)).toEqual([{ type: "stop", by: "ada", reason: "a key leaked" }]);
  });

  test("an emergency is an admin's to declare and to lift; an ordinary pause a developer's", async () => {
    const world = await aWorld();
    const dana = world.person("dana");
    const send = (action: "stop" | "resume" | "pause", mode?: "starts") =>
      dana.mutation(api.commands.send, { address: PROJECT, action, reason: "r", mode, key: `${KEY}-${action}` });
    await shows(world, "active.idle", ["pause", "stop"]);
    expect(await refusalOf(send("stop"))).toMatchObject({ code: "forbidden" });
    await send("pause", "starts");
    expect(await told(world, PROJECT)).toEqual([{ type: "pause", by: "dana", mode: "starts", reason: "r" }]);
    await shows(world, "stopped", ["resume"]);
    expect(await refusalOf(send("resume"))).toMatchObject({ code: "forbidden" });
  });
});

const shows = (world: World, state: string, actions: string[]) =>
  take(world, PROJECT, {
    view: { kind: "project", state, category: "ready", label: "Active", mood: "idle", actions, running: [] },
  });
