// What a person may ask of `npm start`: parsed once, refused with a sentence that says what to write instead.

import { join, resolve } from "node:path";

export class LaunchError extends Error {
  readonly code = "launch";
}

/** Each far end by the name it is asked for; the value that asks for the real service; what the real service needs. */
export const REAL_SERVICES = {
  OMAKASE_MODEL: { value: "anthropic", needs: ["ANTHROPIC_API_KEY"] },
  OMAKASE_LINEAR: {
    value: "linear",
    needs: ["LINEAR_API_KEY", "LINEAR_WEBHOOK_SECRET", "LINEAR_TEAM_KEY", "OMAKASE_PUBLIC_URL"],
  },
  OMAKASE_GITHUB: {
    value: "github",
    needs: ["GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET", "GITHUB_REPOSITORY"],
  },
  OMAKASE_ECS: {
    value: "aws",
    needs: [
      "AWS_REGION",
      "ECS_CLUSTER",
      "ECS_TASK_DEFINITION",
      "ECS_SUBNETS",
      "ECS_EVENTS_KEY",
      "OMAKASE_PUBLIC_URL",
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
    ],
  },
  OMAKASE_CONVEX: { value: "convex", needs: ["CONVEX_URL", "CONVEX_ADMIN_KEY"] },
  OMAKASE_IDENTITY: {
    value: "auth0",
    needs: [
      "AUTH0_DOMAIN",
      "AUTH0_AUDIENCE",
      "AUTH0_CLIENT_ID",
      "AUTH0_CLIENT_SECRET",
      "AUTH0_M2M_CLIENT_ID",
      "AUTH0_M2M_CLIENT_SECRET",
      "OMAKASE_ADMIN_SUBJECT",
    ],
  },
} as const;
export type RealService = keyof typeof REAL_SERVICES;

export const PORT_NAMES = [
  "web",
  "orchestrator",
  "convex",
  "convexSite",
  "identity",
  "linear",
  "github",
  "ecs",
  "model",
] as const;
export type PortName = (typeof PORT_NAMES)[number];
export type Ports = Record<PortName, number>;

const DEFAULT_PORTS: Ports = {
  web: 3000,
  orchestrator: 8080,
  convex: 3210,
  convexSite: 3211,
  identity: 4400,
  linear: 4010,
  github: 4020,
  ecs: 4030,
  model: 4040,
};

export interface LaunchOptions {
  /** Where everything that is remembered lies. @default .omakase beside package.json */
  readonly stateDir: string;
  readonly ports: Ports;
  /** Forget everything first. */
  readonly fresh: boolean;
  /** Start without the dashboard: benchmarks and the headless demo have no use for it. */
  readonly web: boolean;
  /** More options for stand-ins, e.g. other quotas for a benchmark; a later one wins over the launcher's own. */
  readonly extra: { readonly ecs?: readonly string[]; readonly linear?: readonly string[]; readonly model?: readonly string[] };
  /** Settings of the real services asked for by name, and of nothing else: what merely lies in the shell is not read (P1). */
  readonly real: ReadonlyMap<RealService, Readonly<Record<string, string>>>;
}

const USAGE = `npm start -- [--fresh] [--no-web] [--port-base <n>] [--state <folder>]`;

/** @throws {LaunchError} in one sentence. */
export function readOptions(
  root: string,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): LaunchOptions {
  let stateDir = join(root, ".omakase");
  let ports = DEFAULT_PORTS;
  let fresh = false;
  let web = true;
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--fresh") fresh = true;
    else if (word === "--no-web") web = false;
    else if (word === "--state") stateDir = resolve(rest.shift() ?? missing(word));
    else if (word === "--port-base") ports = portsFrom(rest.shift() ?? missing(word));
    else throw new LaunchError(`"${word}" is not an option. Usage: ${USAGE}`);
  }
  return { stateDir, ports, fresh, web, extra: {}, real: realServices(env) };
}

function missing(option: string): never {
  throw new LaunchError(`${option} needs a value. Usage: ${USAGE}`);
}

/** Consecutive ports from a base, in the order of PORT_NAMES. */
function portsFrom(text: string): Ports {
  const base = Number(text);
  if (!Number.isInteger(base) || base < 1024 || base > 65_000) {
    throw new LaunchError(`--port-base takes a whole number from 1024 to 65000, not "${text}"`);
  }
  return Object.fromEntries(PORT_NAMES.map((name, index) => [name, base + index])) as Ports;
}

function realServices(env: Readonly<Record<string, string | undefined>>): LaunchOptions["real"] {
  const asked = new Map<RealService, Record<string, string>>();
  for (const [name, { value, needs }] of Object.entries(REAL_SERVICES) as [RealService, (typeof REAL_SERVICES)[RealService]][]) {
    const wish = env[name];
    if (wish === undefined || wish === "" || wish === "local") continue;
    if (wish !== value)
      throw new LaunchError(`${name}=${wish} is not known: leave it out for the local one, or write ${name}=${value}`);
    const absent = needs.filter((need) => !env[need]);
    if (absent.length > 0) throw new LaunchError(`${name}=${value} also needs ${absent.join(", ")}`);
    asked.set(name, Object.fromEntries(needs.map((need) => [need, env[need] ?? ""])));
  }
  return asked;
}
