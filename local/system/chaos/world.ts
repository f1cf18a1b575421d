// A whole Omakase made to be broken: every part a real process that may be killed at any time, a failing wire in front of every far
// end, one address for two orchestrators, agents that are cheap real processes. The product's own code runs unchanged in all of it.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LinearClient } from "@linear/sdk";
import { Octokit } from "@octokit/rest";
import { deployFunctions, runFunction } from "@omakase/local-launcher/deploy";
import { type LaunchOptions, PORT_NAMES, type PortName, type Ports, readOptions } from "@omakase/local-launcher/options";
import type { ProcessSpec } from "@omakase/local-launcher/process";
import { prepareEcs } from "@omakase/local-launcher/sample";
import { loadSecrets, type Secrets } from "@omakase/local-launcher/secrets";
import { describeStack, SAMPLE, type Stack } from "@omakase/local-launcher/stack";
import { seedRepository } from "@omakase/local-sample/seed-repository";
import { DEFAULT_SETTINGS } from "@omakase/machines";
import type { Choices } from "@omakase/machines/testing/seeded";
import { shardOf } from "../../../convex/shardOf.ts";
import { POINTS_FILES } from "../../../orchestrator/testing/kill-points.ts";
import type { History, TableName, Tables } from "../checker/history.ts";
import { readJournals } from "../checker/read-journals.ts";
import { readTables } from "../checker/read-tables.ts";
import { freePorts, ROOT } from "../headless.ts";
import { Ingress } from "./ingress.ts";
import { Victim } from "./victim.ts";
import { Wire } from "./wire.ts";

export interface ChaosOptions {
  readonly choices: Choices;
  /** 1 to 3. */
  readonly orchestrators: number;
  /** 1 to 16, each in a shard of its own. @default 1 */
  readonly projects?: number;
  /** How many tickets of a project may be in its pipeline at once. */
  readonly features: number;
  /** @default the orchestrator's own */
  readonly leaseTtlMs?: number;
  readonly stallMs: number;
  readonly onDeath?: (name: string, how: string) => void;
}

/** One of the world's projects. */
export interface ChaosProject {
  readonly slug: string;
  readonly address: string;
  readonly teamKey: string;
  /** "owner/name" */
  readonly repository: string;
}

/** Parts with a wire in front of them. */
const WIRED = ["convex", "linear", "github", "ecs"] as const satisfies readonly PortName[];
export type Wired = (typeof WIRED)[number];

/** Linear tries again after a minute at the earliest; here at once, and often enough to outlive any outage. */
const WEBHOOK_DELAYS_MS = [200, 400, ...Array.from({ length: 60 }, () => 1_000)];

export class ChaosWorld {
  readonly victims = new Map<string, Victim>();
  readonly wires = new Map<Wired, Wire>();
  private constructor(
    readonly folder: string,
    readonly pointsFolder: string,
    readonly stack: Stack,
    readonly secrets: Secrets,
    readonly ingress: Ingress,
    /** Past the wires: how the harness itself looks at the far ends. */
    readonly direct: { readonly convex: string; readonly ecs: string; readonly github: string; readonly linear: string },
    readonly projects: readonly ChaosProject[],
  ) {}

  /** Brings it up, deployed and seeded, with everything calm. @throws when a part does not start */
  static async start(asked: ChaosOptions): Promise<ChaosWorld> {
    const { choices, orchestrators, features, stallMs, onDeath, leaseTtlMs } = asked;
    const folder = mkdtempSync(join(tmpdir(), "omakase-chaos-"));
    const pointsFolder = join(folder, "points");
    mkdirSync(pointsFolder, { recursive: true });
    mkdirSync(join(folder, "logs"), { recursive: true });
    const options: LaunchOptions = {
      ...readOptions(ROOT, ["--state", folder, "--no-web"], {}),
      ports: portsFrom(await freePorts()),
      extra: { ecs: ["--vcpu", "1000", "--run-task-per-second", "1000"] },
    };
    const behind = portsFrom(await freePorts());
    const secrets = loadSecrets(folder);
    const stack = describeStack(ROOT, options, secrets, process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin");
    const chance = (probability: number) => probability > 0 && choices.chance(probability);
    const names = ["a", "b", "c"].slice(0, orchestrators).map((name) => `orchestrator-${name}`);
    // The ports of parts that have no wire are free behind it.
    const ports = [behind.orchestrator, behind.web, behind.identity];
    let world: ChaosWorld | null = null;
    // A load balancer's health checks: one that is stopped in its tracks gets nothing.
    const backends = () => names.flatMap((name, index) => (world?.victims.get(name)?.isLively ? [ports[index] ?? 0] : []));
    const ingress = new Ingress(options.ports.orchestrator, backends, chance);
    const at = (name: Wired) => `http://127.0.0.1:${behind[name]}`;
    const direct = { convex: at("convex"), ecs: at("ecs"), github: at("github"), linear: at("linear") };
    world = new ChaosWorld(folder, pointsFolder, stack, secrets, ingress, direct, projectsOf(asked.projects ?? 1));
    const made = world;
    const died = onDeath ?? (() => {});
    try {
      for (const name of WIRED) made.wires.set(name, await Wire.open(options.ports[name], behind[name], chance));
      for (const spec of stack.farEnds) {
        if (spec.name === "model") continue; // these agents ask no model
        if (spec.name === "linear") letAdminIn(spec);
        const own = adapted(spec, options.ports, behind);
        made.victims.set(spec.name, new Victim(own, died));
      }
      await Promise.all([...made.victims.values()].map((victim) => victim.start()));
      await made.deploy(features, stallMs);
      for (const [index, name] of names.entries()) {
        const spec = orchestratorSpec(stack.orchestrator, name, ports[index] ?? 0, pointsFolder, folder);
        const env = leaseTtlMs === undefined ? spec.env : { ...spec.env, LEASE_TTL_MS: String(leaseTtlMs) };
        const victim = new Victim({ ...spec, env }, died);
        made.victims.set(name, victim);
        await victim.start();
      }
      return made;
    } catch (error) {
      await made.stop();
      throw error;
    }
  }

  private async deploy(features: number, stallMs: number): Promise<void> {
    const { stack } = this;
    await deployFunctions(ROOT, stack, process.env.PATH ?? "");
    await prepareEcs(stack.urls.ecs);
    for (const project of this.projects) await this.found(project, features, stallMs);
  }

  /** A project with its team, its webhook and its repository. */
  private async found({ slug, teamKey, repository }: ChaosProject, features: number, stallMs: number): Promise<void> {
    const { stack, secrets } = this;
    const linear = new LinearClient({ apiKey: ADMIN_KEY, apiUrl: stack.linear.apiUrl });
    const known = (await linear.teams({ filter: { key: { eq: teamKey } } })).nodes[0];
    const team = known ?? (await (await linear.createTeam({ name: slug, key: teamKey })).team);
    if (!team) throw new Error(`Linear has made no team ${teamKey}`);
    await runFunction(stack, "seed:sample", {
      organization: { slug: SAMPLE.organization, name: SAMPLE.organizationName },
      project: {
        ...{ slug, name: slug, linearTeamId: team.id, linearTeamKey: teamKey, repository },
        defaultBranch: "main",
        testCommand: null,
        limits: { features, perRole: {} },
        settings: { ...DEFAULT_SETTINGS, agent: { ...DEFAULT_SETTINGS.agent, maxInfrastructureAttempts: 4, stallMs } },
      },
      members: [{ subject: "auth0|dana", role: "developer" }],
    });
    const url = `${stack.urls.orchestrator}/webhooks/linear`;
    await linear.createWebhook({ url, secret: secrets.linearWebhookSecret, resourceTypes: ["Issue"], teamId: team.id });
    const [owner = "", repo = ""] = repository.split("/");
    const auth = { kind: "app", appId: Number(stack.github.appId), privateKey: stack.github.privateKey } as const;
    await seedRepository({ url: stack.github.apiUrl, owner, repo, auth });
  }

  /** The parts a name begins with: "orchestrator" is both. */
  named = (prefix: string): Victim[] => [...this.victims.values()].filter(({ name }) => name.startsWith(prefix));

  /** Where the orchestrators are to die from now on; each point once. */
  plan(points: readonly string[]): void {
    writeFileSync(join(this.pointsFolder, POINTS_FILES.plan), `${points.join("\n")}\n`);
  }

  /** Sets the orchestrators' clocks wrong by so much, ms. */
  setClock(wrongByMs: number): void {
    writeFileSync(join(this.pointsFolder, POINTS_FILES.clock), String(wrongByMs));
  }

  /** @param names all of them when left out */
  tables(names?: readonly TableName[]): Promise<Tables> {
    return readTables({ url: this.direct.convex, adminKey: this.stack.convex.adminKey }, names);
  }

  /** Everything there is to check. @param clockMs by how much the orchestrators' clocks are ahead */
  async history(isAtRest: boolean, clockMs = 0): Promise<History> {
    const tables = await this.tables();
    const ends = await readJournals(this.direct);
    return { tables, ends, acknowledged: [...this.ingress.acknowledged], isAtRest, now: Date.now() + clockMs };
  }

  /** Merges a ticket's open pull request as a person does, past the wires; a ticket without one is left alone. */
  async merge(key: string): Promise<void> {
    const octokit = new Octokit({ baseUrl: this.direct.github, auth: this.secrets.githubPersonToken });
    const project = this.projects.find(({ teamKey }) => key.startsWith(`${teamKey}-`));
    const [owner = "", repo = ""] = (project?.repository ?? "").split("/");
    const branch = `agent/${key.toLowerCase()}`;
    const { data } = await octokit.pulls.list({ owner, repo, head: `${owner}:${branch}` });
    if (data[0]) await octokit.pulls.merge({ owner, repo, pull_number: data[0].number });
  }

  /** Ends every process and wire; keeps the folder when `keep`. */
  async stop(keep = false): Promise<void> {
    // Those that speak first, then those they speak to.
    for (const victim of this.named("orchestrator")) await victim.stop();
    await this.victims.get("ecs")?.stop();
    await Promise.all([...this.victims.values()].map((victim) => victim.stop()));
    for (const wire of this.wires.values()) await wire.close();
    await this.ingress.close();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The sample's, and as many others as are wanted, no two in one shard. */
function projectsOf(count: number): ChaosProject[] {
  const sample = { slug: SAMPLE.project, teamKey: SAMPLE.linearTeamKey, repository: SAMPLE.repository };
  const projects: ChaosProject[] = [{ ...sample, address: `${SAMPLE.organization}/${SAMPLE.project}` }];
  for (let number = 2; projects.length < count; number++) {
    const slug = `kitchen-${number}`;
    const address = `${SAMPLE.organization}/${slug}`;
    if (projects.some((other) => shardOf(other.address) === shardOf(address))) continue;
    projects.push({ slug, address, teamKey: `K${number}`, repository: `${SAMPLE.organization}/${slug}` });
  }
  return projects;
}

/** Makes teams: who works with tickets may not. */
const ADMIN_KEY = "lin_api_ada_of_the_chaos_world";

function letAdminIn({ command }: ProcessSpec): void {
  const file = command[command.indexOf("--api-key-file") + 1] ?? "";
  const keys = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  writeFileSync(file, JSON.stringify({ ...keys, [ADMIN_KEY]: "ada" }));
}

const portsFrom = (base: number): Ports => Object.fromEntries(PORT_NAMES.map((name, index) => [name, base + index])) as Ports;

/** A far end behind its wire, with agents that need no model and webhooks that do not wait a minute. */
function adapted(spec: ProcessSpec, front: Ports, behind: Ports): ProcessSpec {
  const name = spec.name as PortName;
  const isWired = (WIRED as readonly string[]).includes(name);
  const port = isWired ? behind[name] : front[name];
  const command = spec.command.map((word) =>
    isWired && word === String(front[name]) ? String(port) : word.replace("agents/entrypoint.ts", "local/system/chaos/runner.ts"),
  );
  if (name === "linear") command.push("--webhook-attempt-delays", WEBHOOK_DELAYS_MS.join());
  return { ...spec, command, ready: { kind: "http", url: `http://127.0.0.1:${port}/` } };
}

function orchestratorSpec(spec: ProcessSpec, name: string, port: number, points: string, folder: string): ProcessSpec {
  return {
    ...spec,
    name,
    command: spec.command.map((word) => word.replace("orchestrator/main.ts", "orchestrator/testing/chaos-main.ts")),
    env: { ...spec.env, PORT: String(port), ORCHESTRATOR_NAME: name, CHAOS_DIR: points },
    logFile: join(folder, "logs", `${name}.log`),
    ready: { kind: "http", url: `http://127.0.0.1:${port}/ready` },
  };
}
