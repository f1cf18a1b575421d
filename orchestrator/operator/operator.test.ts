// The operator's routes over a real socket, before the real functions of convex/, asked by the command line as a person types it.

import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Elysia } from "elysia";
import { api } from "../../convex/_generated/api.js";
import {
  actorAt,
  aFeature,
  aFeatureBirth,
  aLetter,
  aWorld,
  FEATURE,
  mailOf,
  PROJECT,
  type World,
} from "../../convex/world.testing.ts";
import { createProgram } from "../cli/program.ts";
import { readSettings } from "../cli/settings.ts";
import { aLog, callerOf, refusal } from "../testing/edge.ts";
import { operator } from "./operator.ts";

const KEY = "the operator's key of this test, long enough";
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function setup(key = KEY) {
  const world = await aWorld();
  await aFeature(world, aFeatureBirth(FEATURE, { label: "Not started" }));
  const convex = callerOf(world);
  const plugin = operator({ key, convex, convexUrl: "http://127.0.0.1:1", verify: async () => null, log: aLog().log });
  const app = new Elysia().use(plugin).listen({ port: 0, hostname: "127.0.0.1" });
  ends.push(() => app.stop(true));
  return { world, url: `http://127.0.0.1:${app.server?.port}` };
}

async function omakase(url: string, words: readonly string[], key: string | null = KEY): Promise<string> {
  const stateDir = mkdtempSync(join(tmpdir(), "omakase-operator-"));
  ends.push(() => rmSync(stateDir, { recursive: true }));
  const settings = { LINEAR_API_URL: "http://127.0.0.1:1", LINEAR_API_KEY: "k", ...(key === null ? {} : { OPERATOR_KEY: key }) };
  writeFileSync(join(stateDir, "run.json"), JSON.stringify({ urls: { orchestrator: url }, settings }));
  const printed: string[] = [];
  const program = createProgram({ settings: (dir) => readSettings({}, dir), print: (text) => printed.push(text) });
  await program.parseAsync(["--state", stateDir, ...words], { from: "user" });
  return printed.join("\n");
}

/** What the project was told, in order. */
const told = async (world: World) =>
  (await mailOf(world, PROJECT))
    .sort((one, other) => one._creationTime - other._creationTime)
    .map(({ event }) => JSON.parse(event).type);

describe("the operator's command line", () => {
  test("says why a feature is not running", async () => {
    const { url } = await setup();
    expect(await omakase(url, ["why", "OMA-1"])).toBe(
      "OMA-1 (acme/web/oma-1) is: Not started; it is not running because\n  - notStarted: Nobody has started it",
    );
    expect(await omakase(url, ["why", "OMA-404", "--project", PROJECT])).toBe("no project has a feature OMA-404");
  });

  test("stops everything with a reason, and resumes it", async () => {
    const { world, url } = await setup();
    expect(await omakase(url, ["stop", "--all", "--reason", "a key leaked"])).toBe("told 2 projects of 2 organisations");
    expect(await omakase(url, ["resume", "--organization", "acme"])).toBe("told 1 projects of 1 organisations");
    expect(await told(world)).toEqual(["stop", "resume"]);
    await omakase(url, ["drain", "--all"]);
    await omakase(url, ["hold", "--all"]);
    expect(await told(world)).toEqual(["stop", "resume", "pause", "pause"]);
  });

  test("lists what is parked with its event, its sender and its error, has it tried again, and drops it with a reason", async () => {
    const { world, url } = await setup();
    expect(await omakase(url, ["parked", "list"])).toBe("nothing is parked");
    const park = async (tries: number) => {
      for (let attempt = 1; attempt <= tries; attempt++)
        await world.service.mutation(api.quarantine.failed, {
          epochs: world.epochs,
          actor: FEATURE,
          failure: { eventId: "linear:7", sender: { kind: "linear", name: "Linear" }, error: "it throws", attempt: `${keys++}` },
        });
    };
    let keys = 0;
    await aLetter(world, FEATURE, "linear:7", { type: "poke", at: 1, text: "red \u001b[31malert" });
    await park(3);
    const list = await omakase(url, ["parked", "list", "--project", PROJECT]);
    expect(list).toContain(`${FEATURE} failed 3 times: it throws\n  event linear:7, from Linear (linear), last tried 20`);
    expect(list).toContain('"type":"poke"');
    expect(await omakase(url, ["parked", "retry", FEATURE])).toBe(`${FEATURE} is back in service: it tries again`);
    expect(await omakase(url, ["parked", "drop", FEATURE, "--reason", "no"])).toBe(`${FEATURE} is not parked`);
    await park(3);
    expect(await refusal(omakase(url, ["parked", "drop", FEATURE, "--reason", " "]))).toMatchObject({ code: "operator_refused" });
    expect(await omakase(url, ["parked", "drop", FEATURE, "--reason", "broken"])).toBe(`linear:7 is dropped: ${FEATURE} goes on`);
    expect((await actorAt(world, FEATURE)).status).toBe("active");
    expect((await fetch(`${url}/operator/parked`, { method: "POST", body: "{}" })).status).toBe(401);
    expect((await fetch(`${url}/parked`)).status).toBe(401);
  });

  test("is told what is missing: a reason, whom it concerns, the key", async () => {
    const { world, url } = await setup();
    expect(await refusal(omakase(url, ["stop", "--all"]))).toMatchObject({ code: "operator_refused" });
    expect(await refusal(omakase(url, ["stop", "--reason", "x"]))).toMatchObject({ code: "settings_missing" });
    expect(await refusal(omakase(url, ["why", "OMA-1"], null))).toMatchObject({ code: "settings_missing" });
    expect(await refusal(omakase(url, ["why", "OMA-1"], "a wrong key"))).toMatchObject({ code: "operator_refused" });
    expect(await told(world)).toEqual([]);
  });

  test("O1: without a key set nobody is the operator", async () => {
    const { world, url } = await setup("");
    const ask = (authorization: string) =>
      fetch(`${url}/operator/steer`, { method: "POST", headers: { authorization }, body: "{}" }).then(({ status }) => status);
    expect([await ask("Bearer "), await ask("Bearer x"), await ask("")]).toEqual([401, 401, 401]);
    expect(await told(world)).toEqual([]);
  });

  test("nonsense is refused with what is wrong", async () => {
    const { url } = await setup();
    const headers = { authorization: `Bearer ${KEY}` };
    for (const query of ["", "?key=../x", "?key=OMA-1&project=nowhere"])
      expect((await fetch(`${url}/why${query}`, { headers })).status).toBe(400);
    for (const body of ["", "not json", JSON.stringify({ organization: 7 }), "x".repeat(10_000)])
      expect((await fetch(`${url}/operator/steer`, { method: "POST", headers, body })).status).toBe(400);
  });
});
