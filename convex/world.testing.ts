// What every test of these functions begins with: two organisations that must never meet, their people, and the orchestrator; and
// builders for steps. The functions run in convex-test against the real schema.

import { DEFAULT_SETTINGS } from "@omakase/machines";
import { ConvexError } from "convex/values";
import { convexTest } from "convex-test";
import { api, internal } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import schema from "./schema.ts";
import { shardOf } from "./shardOf.ts";
import type { Actor, BirthView, Epoch, Mail, Spawn, Step, StepResult, View } from "./steps.ts";
import type { Issue } from "./tickets.ts";

process.env.AUTH0_M2M_CLIENT_ID = "the-orchestrator";

/** Every function module, as the CLI would deploy them: files with a second dot in their name are left out. */
export const MODULES: Record<string, () => Promise<Record<string, unknown>>> = Object.fromEntries(
  [...new Bun.Glob("*.ts").scanSync(import.meta.dir)]
    .filter((file) => file.split(".").length === 2)
    .map((file) => [`./${file}`, () => import(`./${file}`)]),
);

export const PROJECT = "acme/web";
export const FEATURE = "acme/web/oma-1";
export const AGENT = "acme/web/oma-1/architect-1";
export const FOREIGN = "rival/app";
export const NO_USAGE = { turns: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd: 0 };

export type World = Awaited<ReturnType<typeof aWorld>>;

/** Two seeded organisations, their shards claimed, their mailboxes empty. */
export async function aWorld() {
  const t = convexTest(schema, { ...MODULES, "./_generated/api.js": () => import("./_generated/api.js") });
  const person = (name: string) =>
    t.withIdentity({
      subject: `auth0|${name}`,
      issuer: "https://id.test/",
      "https://omakase.dev/name": name,
      "https://omakase.dev/email": `${name}@example.com`,
    });
  const service = t.withIdentity({ subject: "the-orchestrator@clients", issuer: "https://id.test/", scope: "orchestrate" });
  await t.mutation(
    internal.seed.sample,
    seedOf("acme", "web", "team-1", "acme/shop", [
      { subject: "auth0|ada", role: "admin" },
      { subject: "auth0|dana", role: "developer" },
      { subject: "auth0|vic", role: "viewer" },
    ]),
  );
  await t.mutation(
    internal.seed.sample,
    seedOf("rival", "app", "team-2", "rival/app", [{ subject: "auth0|mallory", role: "admin" }]),
  );
  await t.run(async ({ db }) => {
    for (const letter of await db.query("mailbox").collect()) await db.delete(letter._id);
  });
  const us = { owner: "us", instance: "one", held: [], ttlMs: 10_000, sinceMs: null };
  const { taken } = await service.mutation(api.shards.attend, us);
  const shards = new Set([shardOf(PROJECT), shardOf(FOREIGN)]);
  const epochs: Epoch[] = taken.filter(({ shard }) => shards.has(shard)).map(({ unattendedMs: _, ...epoch }) => epoch);
  return { t, service, person, epochs };
}

export function seedOf(organization: string, slug: string, team: string, repository: string, members: Member[]) {
  const limits = { features: 3, perRole: {} };
  const project = {
    slug,
    name: `The ${slug}`,
    linearTeamId: team,
    linearTeamKey: "OMA",
    repository,
    defaultBranch: "main",
    testCommand: null,
    limits,
    settings: DEFAULT_SETTINGS,
  };
  return { organization: { slug: organization, name: organization.toUpperCase() }, project, members };
}
type Member = { subject: string; role: "admin" | "developer" | "viewer" };

export async function actorAt({ service }: World, address: string): Promise<Actor> {
  const [actor = null] = await service.query(api.host.actors, { addresses: [address] });
  if (actor === null) throw new Error(`no actor ${address}`);
  return actor;
}

/** Mail of an actor, oldest first. */
export async function mailOf({ t }: World, actor: string): Promise<Doc<"mailbox">[]> {
  return t.run(({ db }) =>
    db
      .query("mailbox")
      .withIndex("by_key", (q) => q.eq("actor", actor))
      .collect(),
  );
}

export async function transitionsOf({ t }: World, actor: string): Promise<Doc<"transitions">[]> {
  return t.run(({ db }) =>
    db
      .query("transitions")
      .withIndex("by_actor", (q) => q.eq("actor", actor))
      .collect(),
  );
}

/** Puts an event into an actor's mailbox from outside; answers with its row. */
export async function aLetter(world: World, actor: string, key: string, event: object = { type: "poke", at: 1 }): Promise<Mail> {
  await world.service.mutation(api.mailbox.deliver, {
    deliveries: [{ actor, key, event: JSON.stringify(event), cause: { kind: "sweep", name: "test" } }],
  });
  const mail = await world.service.query(api.mailbox.outside, { shard: shardOf(actor) });
  const row = mail.find((letter) => letter.actor === actor && letter.key === key);
  if (row === undefined) throw new Error(`the letter ${key} was not stored`);
  return row;
}

/** An event such as {@link aStep} takes. */
export const POKE = '{"type":"poke","at":1}';

/** A step of an actor that consumes a letter, {@link POKE} if its event is not given, and asks for nothing, unless told otherwise. */
export function aStep(
  actor: Pick<Actor, "address" | "id" | "sequence">,
  letter: Pick<Mail, "id" | "key"> & { readonly event?: string },
  more: Partial<Step> = {},
): Step {
  return {
    actor: actor.address,
    actorId: actor.id,
    expectedSequence: actor.sequence,
    source: { kind: "mail", id: letter.id },
    eventId: letter.key,
    eventType: (JSON.parse(letter.event ?? POKE) as { type: string }).type,
    at: 1000,
    snapshot: JSON.stringify({ after: letter.key }),
    from: "work.a",
    to: "work.b",
    view: null,
    ...more,
  };
}

const looks = { category: "queued", label: "Not started", mood: "idle", actions: ["start", "cancel"] } as const;

export function aFeatureBirth(address: string, more: Partial<Extract<BirthView, { kind: "feature" }>> = {}): Spawn {
  const id = address.slice(address.lastIndexOf("/") + 1);
  const view: BirthView = {
    kind: "feature",
    issueId: `issue-${id}`,
    branch: `agent/${id}`,
    ticket: { key: id.toUpperCase(), title: `Ticket ${id}`, url: "https://linear.test/1", priority: 3, labels: [] },
    state: "pending",
    hold: "running",
    column: "queued",
    stage: null,
    wants: null,
    reasons: [{ kind: "notStarted", text: "Nobody has started it" }],
    failure: null,
    pullRequest: null,
    costUsd: 0,
    ...looks,
    actions: [...looks.actions],
    ...more,
  };
  return { address, machineVersion: "1", snapshot: "{}", status: "active", view, sends: [], effects: [], timers: [] };
}

/** The same view as something a later step says. */
export function featureView(spawn: Spawn, more: Partial<Extract<View, { kind: "feature" }>> = {}): View {
  if (spawn.view.kind !== "feature") throw new Error("not a feature");
  const { issueId, branch, ...columns } = spawn.view;
  return { ...columns, enteredState: false, ...more };
}

export function anAgentBirth(address: string, more: Partial<Spawn> = {}): Spawn {
  const view: BirthView = {
    kind: "agent",
    role: "architect",
    state: "launching",
    category: "working",
    column: "architect",
    label: "Launching",
    mood: "waiting",
    actions: [],
    ended: false,
    reason: null,
    attempt: 1,
  };
  return {
    address,
    machineVersion: "1",
    snapshot: "{}",
    status: "active",
    view,
    sends: [],
    effects: [aRunTask(address)],
    timers: [],
    ...more,
  };
}

export const aRunTask = (agent: string, attempt = 1, index = 0) => ({
  index,
  kind: "runTask",
  payload: JSON.stringify({ kind: "runTask", agent, role: "architect", attempt, limits: DEFAULT_SETTINGS.agent }),
  run: { role: "architect" as const, attempt, round: 1, startedBy: `omakase-${agent.replaceAll("/", "-")}-${attempt}` },
});

export const commit = (world: World, steps: Step[], epochs = world.epochs): Promise<{ results: StepResult[] }> =>
  world.service.mutation(api.host.commit, { epochs, steps });

let letters = 0;

/** Commits one step of an actor, whatever it is about. */
export async function take(world: World, address: string, more: Partial<Step> = {}): Promise<StepResult> {
  const letter = await aLetter(world, address, `test:${++letters}`);
  const { results } = await commit(world, [aStep(await actorAt(world, address), letter, more)]);
  return results[0] ?? { kind: "stale" };
}

/** A project with the feature OMA-1, and with its ticket when an issue is given. */
export async function aFeature(world: World, spawn = aFeatureBirth(FEATURE)): Promise<void> {
  await take(world, PROJECT, { spawns: [spawn] });
}

/** A feature whose first agent has asked for its task. Answers with the effect id of the run. */
export async function anAgent(world: World): Promise<string> {
  await aFeature(world);
  await take(world, FEATURE, { spawns: [anAgentBirth(AGENT)] });
  return `${AGENT}:0:0`;
}

export const anIssue = (more: Partial<Issue> = {}): Issue => ({
  issueId: "issue-oma-1",
  key: "OMA-1",
  teamId: "team-1",
  title: "Add a bell",
  description: "It should ring.",
  url: "https://linear.test/OMA-1",
  priority: 2,
  labels: ["bug"],
  stateType: "backlog",
  stateName: "Backlog",
  updatedAt: 1000,
  removed: false,
  ...more,
});

export interface Refused {
  code: string;
  message: string;
  actor?: string;
  shard?: number;
  sequence?: number;
}

/** What a call is refused with. @throws when it is not refused, or fails otherwise. */
export async function refusalOf(call: Promise<unknown>): Promise<Refused> {
  let answer: unknown;
  try {
    answer = await call;
  } catch (error) {
    if (!(error instanceof ConvexError)) throw error;
    return (typeof error.data === "string" ? JSON.parse(error.data) : error.data) as Refused;
  }
  throw new Error(`not refused: ${JSON.stringify(answer)}`);
}

export const runOf = ({ t }: World, effectId: string): Promise<Doc<"agentRuns"> | null> =>
  t.run(({ db }) =>
    db
      .query("agentRuns")
      .withIndex("by_effect", (q) => q.eq("effectId", effectId))
      .unique(),
  );
