// Every public function by every kind of caller. A new public function fails here until somebody decides who may call it.

import { describe, expect, test } from "bun:test";
import { DEFAULT_SETTINGS } from "@omakase/machines";
import { anyApi, getFunctionName } from "convex/server";
import { api } from "./_generated/api";
import { SHARDS } from "./shardOf.ts";
import {
  AGENT,
  aFeatureBirth,
  anAgent,
  aWorld,
  FEATURE,
  FOREIGN,
  MODULES,
  NO_USAGE,
  PROJECT,
  refusalOf,
  runOf,
  take,
  type World,
} from "./world.testing.ts";

type Caller = "nobody" | "stranger" | "other organisation" | "viewer" | "developer" | "admin" | "service";
const CALLERS: readonly Caller[] = ["nobody", "stranger", "other organisation", "viewer", "developer", "admin", "service"];

/** Who may. `person`: whoever is signed in. */
type Audience = "service" | "person" | "viewer" | "developer" | "admin";
const MAY: Record<Audience, readonly Caller[]> = {
  service: ["service"],
  person: ["stranger", "other organisation", "viewer", "developer", "admin"],
  viewer: ["viewer", "developer", "admin"],
  developer: ["developer", "admin"],
  admin: ["admin"],
};

interface Known {
  epochs: World["epochs"];
  effectId: string;
  run: string;
}
const first = { numItems: 5, cursor: null };
const key = "0b5e3a52-1111-4222-8333-123456789abc";

const aFailure = { eventId: "e", sender: { kind: "linear", name: "Linear" }, error: "no", attempt: "1:1" };
/** The actor itself cannot be used. */
const PARKED = `${PROJECT}/oma-2`;
const aDecision = { address: PARKED, decision: "retry", eventId: null, reason: "", key };

/** Arguments that are about acme's project, for every public function. */
const FUNCTIONS: Record<string, readonly [Audience, (known: Known) => Record<string, unknown>]> = {
  "activity:ofProject": ["viewer", () => ({ project: PROJECT, paginationOpts: first })],
  "actors:get": ["viewer", () => ({ address: AGENT })],
  "agents:living": ["viewer", () => ({ project: PROJECT })],
  "agents:ofFeature": ["viewer", () => ({ feature: FEATURE })],
  "budgets:grant": ["admin", () => ({ feature: FEATURE, usd: 5, tokens: 0, reason: "", key })],
  "budgets:ofFeature": ["viewer", () => ({ feature: FEATURE })],
  "budgets:ofProject": ["viewer", () => ({ project: PROJECT, now: 1 })],
  "budgets:set": ["admin", () => ({ project: PROJECT, month: { usd: 5, tokens: null }, reason: "", key })],
  "budgets:setOrganization": ["admin", () => ({ project: PROJECT, month: { usd: 5, tokens: null }, reason: "", key })],
  "commands:outcome": ["viewer", () => ({ address: FEATURE, key })],
  "commands:send": ["developer", () => ({ address: FEATURE, action: "start", key })],
  "dependencies:resolve": ["service", ({ epochs }) => ({ epochs, effectId: "x", project: PROJECT, issueId: "i", blockers: [] })],
  "ecs:receive": ["service", () => ({ events: [] })],
  "ecs:watched": ["service", () => ({ before: 0 })],
  "features:board": ["viewer", () => ({ project: PROJECT })],
  "features:forPullRequest": ["service", () => ({ address: FEATURE })],
  "features:get": ["viewer", () => ({ project: PROJECT, key: "OMA-1" })],
  "github:receive": ["service", () => ({ deliveryId: "d", event: "e", repository: "a/b", change: null })],
  "github:sync": ["service", () => ({ repository: "a/b", changes: [] })],
  "host:actors": ["service", () => ({ addresses: [PROJECT] })],
  "host:commit": ["service", ({ epochs }) => ({ epochs, steps: [] })],
  "host:load": ["service", () => ({ shard: 0, cursor: null })],
  "host:park": ["service", ({ epochs }) => ({ epochs, actor: FEATURE, reason: "r" })],
  "host:settle": ["service", ({ epochs }) => ({ epochs, settlements: [] })],
  "linear:projects": ["service", () => ({ after: null })],
  "linear:receive": ["service", () => ({ deliveryId: "d", event: "e", issue: null })],
  "linear:sync": ["service", () => ({ issues: [] })],
  "mailbox:deliver": ["service", () => ({ deliveries: [] })],
  "mailbox:outside": ["service", () => ({ shard: 0 })],
  "moves:forget": ["service", () => ({ effectId: "e" })],
  "moves:givenUp": ["service", () => ({ after: null })],
  "organizations:operate": ["service", () => ({ organization: "acme", command: { kind: "resume" }, by: "ops", key })],
  "organizations:steer": ["admin", () => ({ project: PROJECT, command: { kind: "resume" }, key })],
  "projects:configure": ["admin", () => ({ project: PROJECT, key, settings: DEFAULT_SETTINGS })],
  "projects:get": ["person", () => ({ slug: "web" })],
  "projects:list": ["person", () => ({})],
  "pulls:adopt": ["service", () => ({})],
  "pulls:looked": ["service", () => ({ project: PROJECT, until: 0, at: 1, isOpen: true })],
  "pulls:toLookAt": ["service", () => ({ cursor: null })],
  "quarantine:failed": ["service", ({ epochs }) => ({ epochs, actor: FEATURE, failure: aFailure })],
  "quarantine:find": ["service", () => ({ project: null })],
  "quarantine:ofProject": ["viewer", () => ({ project: PROJECT })],
  "quarantine:operate": ["service", () => ({ ...aDecision, by: "Ops" })],
  "quarantine:release": ["developer", () => aDecision],
  "reconcile:launch": ["service", ({ effectId }) => ({ effectId })],
  "reconcile:lostRun": ["service", ({ effectId }) => ({ effectId })],
  "reconcile:passing": ["service", () => ({ project: PROJECT })],
  "reconcile:publishing": ["service", () => ({ feature: FEATURE })],
  "reconcile:swept": ["service", () => ({ project: PROJECT, farSide: "linear", until: 1 })],
  "reconcile:tasks": ["service", () => ({ startedBy: [] })],
  "repairs:ofProject": ["viewer", () => ({ project: PROJECT, paginationOpts: first })],
  "repairs:record": ["service", () => ({ repairs: [] })],
  "runs:append": ["service", ({ effectId }) => ({ effectId, from: 1, events: [], usage: NO_USAGE, at: 1 })],
  "runs:byAgent": ["service", () => ({ agent: AGENT, attempt: 1 })],
  "runs:claim": ["service", ({ effectId }) => ({ effectId, claimId: "c", model: "m" })],
  "runs:logs": ["viewer", ({ run }) => ({ run, from: 1 })],
  "runs:meter": ["service", () => ({ meter: "m", runs: [] })],
  "runs:receipt": ["viewer", ({ run }) => ({ run })],
  "runs:ofFeature": ["viewer", () => ({ feature: FEATURE })],
  "runs:report": [
    "service",
    ({ effectId }) => ({ effectId, exitCode: 0, class: null, reason: "", result: null, headSha: null, usage: NO_USAGE }),
  ],
  "runs:result": ["viewer", ({ run }) => ({ run })],
  "runs:silence": ["service", ({ effectId }) => ({ effectId, now: 1 })],
  "runs:standing": ["service", ({ effectId }) => ({ effectId })],
  "shards:attend": ["service", () => ({ owner: "o", held: [], instance: "i", ttlMs: 1000, sinceMs: null })],
  "shards:release": ["service", () => ({ owner: "o", leases: [], isLeaving: true })],
  "shards:roster": ["service", () => ({})],
  "shards:table": ["service", () => ({})],
  "transitions:ofActor": ["viewer", () => ({ actor: FEATURE, paginationOpts: first })],
  "transitions:ofFeature": ["viewer", () => ({ feature: FEATURE, paginationOpts: first })],
  "users:me": ["person", () => ({})],
  "users:signIn": ["person", () => ({})],
  "why:find": ["service", () => ({ project: null, key: "OMA-1", now: 1 })],
  "why:ofFeature": ["viewer", () => ({ project: PROJECT, key: "OMA-1", now: 1 })],
};

interface Registered {
  isPublic?: boolean;
  isQuery?: boolean;
  isMutation?: boolean;
}

async function publicFunctions(): Promise<Map<string, Registered>> {
  const found = new Map<string, Registered>();
  for (const [file, load] of Object.entries(MODULES)) {
    for (const [name, value] of Object.entries(await load())) {
      const registered = value as Registered;
      if (registered?.isPublic) found.set(`${file.slice(2, -3)}:${name}`, registered);
    }
  }
  return found;
}

async function setup() {
  const world = await aWorld();
  const effectId = await anAgent(world);
  await world.service.mutation(api.runs.append, { effectId, from: 1, events: ['"acme is at work"'], usage: NO_USAGE, at: 1 });
  await take(world, PROJECT, { spawns: [aFeatureBirth(PARKED)] });
  await world.service.mutation(api.host.park, { epochs: world.epochs, actor: PARKED, reason: "it throws" });
  // A feature that accepts `start`; world's birth says so.
  const run = (await runOf(world, effectId))?._id ?? "";
  return { world, known: { epochs: world.epochs, effectId, run } satisfies Known };
}

function as(world: World, caller: Caller) {
  switch (caller) {
    case "nobody":
      return world.t;
    case "stranger":
      return world.person("stan");
    case "other organisation":
      return world.person("mallory");
    case "viewer":
      return world.person("vic");
    case "developer":
      return world.person("dana");
    case "admin":
      return world.person("ada");
    case "service":
      return world.service;
    default:
      return caller satisfies never;
  }
}

const functions = await publicFunctions();

function call(world: World, caller: Caller, name: string, args: Record<string, unknown>): Promise<unknown> {
  const [module = "", exported = ""] = name.split(":");
  const reference = anyApi[module]?.[exported];
  if (reference === undefined) throw new Error(`no reference to ${name}`);
  expect(getFunctionName(reference)).toBe(name);
  const client = as(world, caller);
  return functions.get(name)?.isQuery ? client.query(reference, args) : client.mutation(reference, args);
}

describe("who may call what (A1-A3)", () => {
  test("every public function is in the table, and nothing else is", () => {
    expect([...functions.keys()].sort()).toEqual(Object.keys(FUNCTIONS).sort());
  });

  test.each(Object.keys(FUNCTIONS))("%s", async (name) => {
    const [audience, args] = FUNCTIONS[name] ?? [];
    if (!audience || !args) throw new Error("not in the table");
    for (const caller of CALLERS) {
      const { world, known } = await setup();
      const made = call(world, caller, name, args(known));
      if (MAY[audience].includes(caller)) {
        await made;
      } else {
        const expected = caller === "nobody" ? "unauthenticated" : "forbidden";
        expect([caller, (await refusalOf(made)).code]).toEqual([caller, expected]);
      }
    }
  });

  test("validators both ways: every public function declares its arguments and what it returns", () => {
    for (const [name, registered] of functions) {
      const declared = registered as { exportArgs(): string; exportReturns(): string };
      expect([name, declared.exportArgs() === '{"type":"any"}', declared.exportReturns()]).toEqual([
        name,
        false,
        expect.not.stringMatching(/^null$/),
      ]);
    }
  });
});

describe("tenants never meet (P9, A2)", () => {
  /** The same call about acme's project, and about one that does not exist. */
  const elsewhere = (args: Record<string, unknown>): Record<string, unknown> =>
    JSON.parse(JSON.stringify(args).replaceAll(PROJECT, "acme/none")) as Record<string, unknown>;

  const members = Object.entries(FUNCTIONS).filter(([, [audience]]) => ["viewer", "developer", "admin"].includes(audience));

  test.each(members.map(([name]) => name))("%s answers another organisation as if there were nothing", async (name) => {
    const { world, known } = await setup();
    const args = FUNCTIONS[name]?.[1](known) ?? {};
    const foreign = await refusalOf(call(world, "other organisation", name, args));
    if ("run" in args) await world.t.run(({ db }) => db.delete(args.run as never));
    const missing = await refusalOf(call(world, "other organisation", name, elsewhere(args)));
    expect(foreign).toEqual(missing);
  });

  test("lists and lookups of one's own projects never show another's", async () => {
    const { world } = await setup();
    const mallory = world.person("mallory");
    expect((await mallory.query(api.projects.list, {})).projects.map(({ address }) => address)).toEqual([FOREIGN]);
    expect(await mallory.query(api.projects.get, { slug: "web" })).toBeNull();
    expect(await mallory.query(api.projects.get, { slug: PROJECT })).toBeNull();
    expect(await world.person("stan").query(api.projects.list, {})).toEqual({ projects: [], cut: [] });
  });
});

describe("the orchestrator's token (A3)", () => {
  const table = (world: World, claims: Record<string, string>) =>
    world.t
      .withIdentity({ issuer: "https://id.test/", subject: "the-orchestrator@clients", ...claims })
      .query(api.shards.table, {});

  test("needs the scope as a word of its own, and the subject", async () => {
    const world = await aWorld();
    expect(await table(world, { scope: "openid orchestrate" })).toHaveLength(SHARDS);
    for (const claims of [
      {},
      { scope: "orchestrated" },
      { scope: "orchestrate", subject: "auth0|ada" },
      { scope: "orchestrate", subject: "other@clients" },
    ]) {
      expect((await refusalOf(table(world, claims as Record<string, string>))).code).toBe("forbidden");
    }
  });

  test("is nobody's while the deployment does not say whose it is", async () => {
    const world = await aWorld();
    const before = process.env.AUTH0_M2M_CLIENT_ID;
    delete process.env.AUTH0_M2M_CLIENT_ID;
    try {
      expect((await refusalOf(table(world, { scope: "orchestrate", subject: "undefined@clients" }))).code).toBe("forbidden");
      expect((await refusalOf(table(world, { scope: "orchestrate", subject: "@clients" }))).code).toBe("forbidden");
    } finally {
      process.env.AUTH0_M2M_CLIENT_ID = before;
    }
  });
});

test("a role that is too low is told which one is needed", async () => {
  const { world, known } = await setup();
  const refused = await refusalOf(call(world, "viewer", "projects:configure", FUNCTIONS["projects:configure"]?.[1](known) ?? {}));
  expect(refused.message).toContain("you are a viewer; this needs an admin");
});
