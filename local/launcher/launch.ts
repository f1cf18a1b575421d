// Brings one machine's Omakase up and down: far ends, functions, sample, orchestrator, dashboard. Also used headless by the demo,
// the benchmarks and the browser tests.

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { seedSample } from "@omakase/local-sample/seed";
import { buildWeb } from "./build-web.ts";
import { deployFunctions } from "./deploy.ts";
import { fingerprint, onceFor } from "./fingerprint.ts";
import { LaunchError, type LaunchOptions, PORT_NAMES } from "./options.ts";
import { CHILD_MARK, ManagedProcess, type ProcessSpec } from "./process.ts";
import { prepareEcs, prepareLinearWebhook, prepareOrganization } from "./sample.ts";
import { loadSecrets, type Secrets, writeSecretFile } from "./secrets.ts";
import { describeStack, SAMPLE, type Stack } from "./stack.ts";

/** One machine's Omakase, from nothing to running and back. */
export interface Launch {
  readonly stack: Stack;
  readonly secrets: Secrets;
  readonly options: LaunchOptions;
  /**
   * @param parts a test may bring orchestrators of its own
   * @throws {LaunchError} in one sentence that says what to do; whatever had been started is stopped again
   */
  start(parts?: { readonly orchestrator: boolean }): Promise<void>;
  /** Drains and ends everything, also in the middle of a start; no process is left. Safe to repeat. */
  stop(): Promise<void>;
  /** The live process of a part, e.g. to kill it in a test. */
  pidOf(name: string): number | null;
}

/** Orchestrator first (it drains), Convex last (everybody's memory). */
const STOP_ORDER = ["orchestrator", "web", "ecs", "model", "github", "linear", "identity", "convex"];
const DEPLOYED_FROM = ["convex", "machines", "bun.lock"];
const WEB_BUILT_FROM = ["web", "convex", "machines", "bun.lock"];

/**
 * @param tell gets one progress line at a time
 * @throws {LaunchError} when a start is not possible at all: a port is taken, the state is damaged
 */
export async function prepareLaunch(root: string, options: LaunchOptions, tell: (line: string) => void): Promise<Launch> {
  await refuseSecondStart(options);
  if (options.fresh) rmSync(options.stateDir, { recursive: true, force: true });
  mkdirSync(join(options.stateDir, "logs"), { recursive: true, mode: 0o700 });
  refuseOtherServices(options);
  const secrets = loadSecrets(options.stateDir);
  const path = process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin";
  const stack = describeStack(root, options, secrets, path);

  const processes = new Map<string, ManagedProcess>();
  const pids: Record<string, number> = {};
  const begin = async (spec: ProcessSpec) => {
    if (stopped) throw new LaunchError("stopped before everything was up");
    const child = new ManagedProcess(spec, tell, (pid) => {
      pids[spec.name] = pid;
      writeSecretFile(
        runFile(options),
        JSON.stringify(
          { launcher: process.pid, pids, urls: stack.urls, settings: stack.personSettings } satisfies RunFile,
          null,
          2,
        ),
      );
    });
    processes.set(spec.name, child);
    await child.start();
  };
  let stopped: Promise<void> | null = null;
  const stopAll = async () => {
    for (const name of STOP_ORDER) await processes.get(name)?.stop();
    rmSync(runFile(options), { force: true });
  };
  const stop = () => {
    stopped ??= stopAll();
    return stopped;
  };

  const start = async ({ orchestrator } = { orchestrator: true }) => {
    const built = stack.web ? build(root, path, tell) : Promise.resolve();
    built.catch(() => {}); // awaited below; a failure before that must not end the process
    tell("starting the far ends");
    await Promise.all(stack.farEnds.map(begin));
    await onceFor(join(options.stateDir, "deployed"), `${stack.convex.url} ${fingerprint(root, DEPLOYED_FROM)}`, async () => {
      tell("pushing the Convex functions");
      await deployFunctions(root, stack, path);
    });
    await onceFor(join(options.stateDir, "seeded"), servicesOf(options), async () => {
      tell("laying out the sample: a repository, five tickets, an organisation");
      await seed(stack, secrets, options);
    });
    if (orchestrator) {
      tell("starting the orchestrator");
      await begin(stack.orchestrator);
    }
    if (stack.web) {
      await built;
      tell("starting the dashboard");
      await begin(stack.web);
    }
  };
  return {
    stack,
    secrets,
    options,
    start: (parts) =>
      start(parts).catch(async (error) => {
        await stop();
        throw error;
      }),
    stop,
    pidOf: (name) => processes.get(name)?.pid ?? null,
  };
}

/** `.omakase/run.json`: who runs here, for the CLI, for tests, and for the next start after a crash of this one. */
interface RunFile {
  readonly launcher: number;
  readonly pids: Readonly<Record<string, number>>;
  readonly urls: Readonly<Record<string, string>>;
  /** Environment names to values for a person's own commands. */
  readonly settings: Readonly<Record<string, string>>;
}

export const runFile = (options: Pick<LaunchOptions, "stateDir">) => join(options.stateDir, "run.json");

async function build(root: string, path: string, tell: (line: string) => void): Promise<void> {
  // The build lies beside its sources, not under the state folder: every state folder shares it.
  const stamp = join(root, "web", ".next", "omakase-fingerprint");
  await onceFor(stamp, fingerprint(root, WEB_BUILT_FROM), async () => {
    tell("building the dashboard (once)");
    await buildWeb(root, path);
  });
}

async function seed(stack: Stack, secrets: Secrets, options: LaunchOptions): Promise<void> {
  const local = (service: Parameters<typeof options.real.has>[0]) => !options.real.has(service);
  if (local("OMAKASE_ECS")) await prepareEcs(stack.urls.ecs);
  await prepareOrganization(stack, options.real.get("OMAKASE_IDENTITY")?.OMAKASE_ADMIN_SUBJECT ?? null);
  const linear = options.real.get("OMAKASE_LINEAR");
  const reachableAt = linear?.OMAKASE_PUBLIC_URL ?? stack.urls.orchestrator;
  await prepareLinearWebhook(stack, reachableAt, linear?.LINEAR_WEBHOOK_SECRET ?? secrets.linearWebhookSecret);
  // A real team's repository and tickets are theirs: nothing is written there.
  if (local("OMAKASE_LINEAR") && local("OMAKASE_GITHUB")) {
    const [owner = "", repo = ""] = SAMPLE.repository.split("/");
    await seedSample({
      github: {
        url: stack.github.apiUrl,
        owner,
        repo,
        auth: { kind: "app", appId: Number(stack.github.appId), privateKey: stack.github.privateKey },
      },
      linear: { apiUrl: stack.linear.apiUrl, apiKey: secrets.linearPersonKey },
    });
  }
}

const servicesOf = (options: LaunchOptions) => [...options.real.keys()].sort().join(" ") || "local";

/** What a state folder remembers belongs to the services it was begun with: ids of another Linear mean nothing here. @throws {LaunchError} */
function refuseOtherServices(options: LaunchOptions): void {
  const stamp = join(options.stateDir, "seeded");
  const begunWith = existsSync(stamp) ? readFileSync(stamp, "utf8") : servicesOf(options);
  if (begunWith === servicesOf(options)) return;
  throw new LaunchError(
    `${options.stateDir} was begun with other services (${begunWith}; now ${servicesOf(options)}): keep it and start with --state <another folder>, or forget it with --fresh`,
  );
}

/** @throws {LaunchError} when another start holds the state folder, or a stranger one of the ports. */
async function refuseSecondStart(options: LaunchOptions): Promise<void> {
  const earlier = readRunFile(runFile(options));
  if (earlier && isAlive(earlier.launcher)) {
    throw new LaunchError(
      `Omakase is already running (process ${earlier.launcher}): open ${earlier.urls.web}, or stop it with Ctrl-C where it runs`,
    );
  }
  if (earlier) await endLeftovers(earlier);
  for (const name of PORT_NAMES) {
    if (name === "web" && !options.web) continue;
    const port = options.ports[name];
    if (!(await isFree(port))) {
      throw new LaunchError(
        `port ${port} (${name}) is taken by another program: stop that program, or start on other ports with npm start -- --port-base 5100`,
      );
    }
  }
}

/** A launcher that was killed outright leaves its children: the next start ends them, convex last, before it takes their ports. */
async function endLeftovers(earlier: RunFile): Promise<void> {
  for (const name of STOP_ORDER) {
    const pid = earlier.pids[name];
    if (pid === undefined || !isOurs(pid)) continue;
    process.kill(pid, "SIGTERM");
    const deadline = Date.now() + LEFTOVER_TIMEOUT_MS;
    while (isOurs(pid)) {
      if (Date.now() > deadline) process.kill(pid, "SIGKILL");
      await Bun.sleep(20);
    }
  }
}
const LEFTOVER_TIMEOUT_MS = 20_000;

/** Whether the process is one a launcher started: a number may have been given to a stranger since. */
function isOurs(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").includes(CHILD_MARK);
  } catch {
    return false;
  }
}

function readRunFile(file: string): RunFile | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as RunFile;
  } catch {
    return null; // none, or written by a start that died half-way: nobody holds it
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
