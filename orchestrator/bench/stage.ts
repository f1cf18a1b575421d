// What the benchmark of the host runs on: local/convex in a process of its own at synchronous=FULL, our functions pushed with the
// stock CLI, and as many projects, features and agents as a measurement wants. They are written through `host.commit`, as births of
// a step, because nothing else may write actors.

import {
  agentAddress,
  agentMachine,
  begin,
  DEFAULT_SETTINGS,
  type FeatureAddress,
  featureAddress,
  featureMachine,
  MACHINE_VERSIONS,
  type ProjectAddress,
  persist,
  projectAddress,
  step,
} from "@omakase/machines";
import type { TicketFacts } from "@omakase/machines/feature/feature-events";
import type { AnyMachineSnapshot, AnyStateMachine } from "xstate";
import { api } from "../../convex/_generated/api.js";
import { projectOf, shardOf } from "../../convex/shardOf.ts";
import type { Epoch, Spawn, Step } from "../../convex/steps.ts";
import { birthView } from "../actors/views.ts";
import { createCaller, createConvexStore, type HostCaller } from "../store/convex-store.ts";
import type { HostStore } from "../store/host-store.ts";
import { type ConvexDeployment, startDeployment } from "../testing/convex-deployment.ts";

const BIRTHS_A_COMMIT = 100;
const DELIVERIES_A_CALL = 100;
const TTL_MS = 60_000;
/** Who may look at every project. */
export const VIEWER = "auth0|viewer";

export interface Delivery {
  readonly actor: string;
  readonly key: string;
  readonly event: string;
}

export class Stage {
  readonly store: HostStore;
  private readonly close: () => Promise<void>;
  private epochs: readonly Epoch[] = [];
  private commits = 0;

  private constructor(
    readonly deployment: ConvexDeployment,
    readonly caller: HostCaller,
  ) {
    const store = createConvexStore(deployment.url, "the bench", deployment.token, caller);
    this.store = store;
    this.close = () => store.close();
  }

  static async set(): Promise<Stage> {
    const deployment = await startDeployment("FULL");
    const token = await deployment.token();
    return new Stage(
      deployment,
      createCaller(deployment.url, async () => token),
    );
  }

  async end(): Promise<void> {
    await this.close();
    await this.deployment.stop();
  }

  async project(slug: string, limit = 100, repository = `acme/${slug}`): Promise<ProjectAddress> {
    await this.deployment.run("seed:sample", {
      organization: { slug: "acme", name: "Acme" },
      project: {
        slug,
        name: slug,
        linearTeamId: `team-${slug}`,
        linearTeamKey: slug.toUpperCase(),
        repository,
        defaultBranch: "main",
        testCommand: null,
        limits: { features: limit, perRole: {} },
        settings: DEFAULT_SETTINGS,
      },
      members: [{ subject: VIEWER, role: "viewer" }],
    });
    return projectAddress("acme", slug);
  }

  /** Features in the backlog, numbered from `from`. */
  async features(project: ProjectAddress, count: number, from = 1): Promise<FeatureAddress[]> {
    const addresses = Array.from({ length: count }, (_, index) => featureAddress(project, `oma-${from + index}`));
    await this.bear(project, addresses.map(bornFeature));
    return addresses;
  }

  /** A feature whose pull request is open: what it looks like, not how it came to that. */
  async passing(feature: FeatureAddress, number: number): Promise<void> {
    const born = bornFeature(feature);
    const shown = { state: "passing", column: "done", pullRequest: { number, url: `https://github.test/${number}` } } as const;
    await this.bear(projectOf(feature) as ProjectAddress, [{ ...born, view: { ...born.view, ...shown } as Spawn["view"] }]);
  }

  /** One agent a feature, running, its time used up at `dueAt` (ms). */
  async agents(project: ProjectAddress, features: readonly FeatureAddress[], dueAt: number): Promise<void> {
    await this.bear(
      project,
      features.map((feature) => runningAgent(feature, dueAt)),
    );
  }

  /** Stores mail from outside, in order. */
  async deliver(deliveries: readonly Delivery[]): Promise<void> {
    const cause = { kind: "person", name: "Dana" } as const;
    for (let at = 0; at < deliveries.length; at += DELIVERIES_A_CALL) {
      const call = deliveries.slice(at, at + DELIVERIES_A_CALL).map((delivery) => ({ ...delivery, cause }));
      await this.caller.mutation(api.mailbox.deliver, { deliveries: call });
    }
  }

  /** Gives back the shards that seeding took, for a host to take. */
  async leave(): Promise<void> {
    await this.store.release(this.epochs, true);
    this.epochs = [];
  }

  /** Ends the leases of processes that were killed. */
  async reclaim(...owners: readonly string[]): Promise<void> {
    const leases = await this.caller.query(api.shards.table, {});
    for (const owner of owners) {
      const theirs = leases.filter((lease) => lease.owner === owner).map(({ shard, epoch }) => ({ shard, epoch }));
      if (theirs.length > 0) await this.caller.mutation(api.shards.release, { owner, leases: theirs, isLeaving: true });
    }
  }

  private async bear(project: ProjectAddress, births: readonly Spawn[]): Promise<void> {
    if (this.epochs.length === 0) {
      const { taken } = await this.store.attend([], TTL_MS, null);
      this.epochs = taken.map(({ shard, epoch }) => ({ shard, epoch }));
    }
    const shard = shardOf(project);
    const epoch = this.epochs.find((held) => held.shard === shard);
    if (!epoch) throw new Error(`somebody else has shard ${shard}`);
    for (let at = 0; at < births.length; at += BIRTHS_A_COMMIT) {
      const key = `seed-${this.commits++}`;
      await this.deliver([{ actor: project, key, event: JSON.stringify({ type: "seeded", at: 1 }) }]);
      const [mail] = (await this.mail(shard)).filter((letter) => letter.key === key);
      const [actor] = await this.store.actors([project]);
      if (!mail || !actor) throw new Error(`${project} has no mail to be seeded by`);
      await this.store.commit([epoch], [seedingStep(actor, mail, births.slice(at, at + BIRTHS_A_COMMIT))]);
    }
  }

  private async mail(shard: number) {
    return (await this.store.load(shard, { part: "outside", position: null })).mail;
  }
}

type Letter = Awaited<ReturnType<HostStore["load"]>>["mail"][number];
type Row = NonNullable<Awaited<ReturnType<HostStore["actors"]>>[number]>;

const seedingStep = (actor: Row, mail: Letter, spawns: Spawn[]): Step => ({
  actor: actor.address,
  actorId: actor.id,
  expectedSequence: actor.sequence,
  source: { kind: "mail", id: mail.id },
  eventId: mail.key,
  eventType: "seeded",
  at: Date.now(),
  snapshot: null,
  from: "",
  ignored: true,
  view: null,
  spawns,
});

/** A ticket in the backlog; every `updatedAt` is a change that its feature's card shows. */
export function ticketOf(feature: FeatureAddress, updatedAt: number): TicketFacts {
  const key = feature.slice(feature.lastIndexOf("/") + 1).toUpperCase();
  const title = `Title ${updatedAt}`;
  return {
    issueId: feature,
    key,
    title,
    url: `https://linear.test/${key}`,
    priority: 3,
    labels: [],
    stateType: "backlog",
    updatedAt,
  };
}

const never = { sends: [], effects: [], timers: [] };

function bornFeature(address: FeatureAddress): Spawn {
  const { snapshot } = begin(featureMachine, { address, ticket: ticketOf(address, 0), settings: DEFAULT_SETTINGS });
  const machineVersion = MACHINE_VERSIONS.feature;
  return {
    address,
    machineVersion,
    snapshot: persist(featureMachine, snapshot),
    status: "active",
    view: birthView(address, snapshot),
    ...never,
  };
}

function runningAgent(feature: FeatureAddress, dueAt: number): Spawn {
  const address = agentAddress(feature, "architect", 1);
  const born = begin(agentMachine, { address, role: "architect", limits: DEFAULT_SETTINGS.agent });
  let snapshot = born.snapshot;
  const timers: string[] = [];
  for (const event of [
    { type: "task.accepted", at: 1, attempt: 1, taskArn: `arn:${address}` },
    { type: "agent.claimed", at: 2, attempt: 1 },
  ]) {
    const next = step(agentMachine as AnyStateMachine, snapshot as AnyMachineSnapshot, event as never);
    for (const ask of next.asked) if (ask.type === "timer.set") timers.push(ask.id);
    snapshot = next.snapshot as typeof snapshot;
  }
  const wallClock = timers.find((timerId) => timerId.includes("wallClock"));
  if (!wallClock) throw new Error(`a running agent arms ${timers.join(", ") || "nothing"}`);
  return {
    address,
    machineVersion: MACHINE_VERSIONS.agent,
    snapshot: persist(agentMachine, snapshot),
    status: "active",
    view: birthView(address, snapshot),
    ...never,
    timers: [{ timerId: wallClock, dueAt }],
  };
}
