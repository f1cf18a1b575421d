// `bun run bench:steps [--server <main.ts>] [--rows 1,Batch64]`: what one step of an actor costs `local/convex`, as `host.commit`
// stores it over HTTP: CPU of the server process alone, so that two versions compare on a busy machine. Steps a second are what this
// machine did at this moment. The last line is one JSON object.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DEFAULT_SETTINGS } from "@omakase/machines";
import type { Actor, Spawn, Step, StepResult } from "../../../convex/steps.ts";
import { ROOT } from "../headless.ts";
import { calibrate } from "./calibration.ts";

const ADMIN_KEY = "local|0123456789abcdef";
const PROJECT = "acme/web";
const FEATURES = 256;
/** How many steps a commit holds, how many commits are under way, and what the row is called. */
const ROWS = [
  { batch: 1, inFlight: 1, steps: 2_000, name: "1" },
  { batch: 1, inFlight: 16, steps: 4_000, name: "16" },
  { batch: 1, inFlight: 64, steps: 6_000, name: "64" },
  { batch: 16, inFlight: 1, steps: 8_000, name: "Batch16" },
  { batch: 64, inFlight: 1, steps: 10_000, name: "Batch64" },
  { batch: 64, inFlight: 4, steps: 10_000, name: "Batch64x4" },
] as const;
/** USER_HZ of /proc: fixed at 100 on Linux. */
const MS_PER_TICK = 10;

interface Lane {
  readonly address: string;
  readonly id: string;
  sequence: number;
  mail: { id: string; key: string };
}

/** The letter that every step sends its own actor: what the next one consumes. */
const POKE = "poke";

const { values: options } = parseArgs({ options: { server: { type: "string" }, rows: { type: "string" } } });
const rows = ROWS.filter(({ name }) => options.rows === undefined || options.rows.split(",").includes(name));
const dir = mkdtempSync(join(tmpdir(), "omakase-steps-"));
const child = Bun.spawn([process.execPath, options.server ?? join(ROOT, "local/convex/main.ts"), "--dir", dir, "--port", "0"], {
  env: { PATH: process.env.PATH ?? "", HOME: dir, CONVEX_ADMIN_KEY: ADMIN_KEY },
  stdin: "ignore",
  stdout: "pipe",
  stderr: "inherit",
});
try {
  const url = await addressOf(child.stdout);
  await deploy(url);
  const { lanes, epochs } = await seed(url);
  const metrics: Record<string, number> = {};
  for (const row of rows) await run(url, lanes, epochs, { ...row, steps: Math.ceil(row.steps / 4) }); // warm
  for (const row of rows) {
    const cpuMs = serverCpuMs();
    const startedAt = performance.now();
    await run(url, lanes, epochs, row);
    const seconds = (performance.now() - startedAt) / 1000;
    metrics[`stepUs${row.name}`] = Math.round(((serverCpuMs() - cpuMs) * 1000) / row.steps);
    metrics[`steps${row.name}`] = Math.round(row.steps / seconds);
  }
  console.log(JSON.stringify({ bench: "steps", metrics, calibration: calibrate() }));
} finally {
  child.kill("SIGTERM");
  await child.exited;
  rmSync(dir, { recursive: true, force: true });
}

async function addressOf(stdout: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stdout) {
    text += new TextDecoder().decode(chunk);
    if (text.includes("\n")) return String(JSON.parse(text.slice(0, text.indexOf("\n"))).url);
  }
  throw new Error("the deployment did not start");
}

async function deploy(url: string): Promise<void> {
  const variables = { AUTH0_ISSUER: "https://id.test/", AUTH0_AUDIENCE: "omakase", AUTH0_M2M_CLIENT_ID: "bench" };
  const changes = Object.entries(variables).map(([name, value]) => ({ name, value }));
  const set = await fetch(`${url}/api/update_environment_variables`, {
    method: "POST",
    headers: { authorization: `Convex ${ADMIN_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ changes }),
  });
  if (!set.ok) throw new Error(await set.text());
  const words = ["deploy", "--yes", "--typecheck", "disable", "--codegen", "disable"];
  const push = Bun.spawn([process.execPath, join(ROOT, "node_modules/convex/bin/main.js"), ...words], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: dir,
      CONVEX_SELF_HOSTED_URL: url,
      CONVEX_SELF_HOSTED_ADMIN_KEY: ADMIN_KEY,
      CI: "1",
    },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = await new Response(push.stderr).text();
  if ((await push.exited) !== 0) throw new Error(said);
}

/** Calls one function as the orchestrator. */
async function call<T>(url: string, path: string, args: object, kind = "mutation"): Promise<T> {
  const identity = { subject: "bench@clients", issuer: "https://id.test/", scope: "orchestrate" };
  const response = await fetch(`${url}/api/${kind}`, {
    method: "POST",
    headers: {
      authorization: `Convex ${ADMIN_KEY}:${Buffer.from(JSON.stringify(identity)).toString("base64")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ path, format: "convex_encoded_json", args: [args] }),
  });
  const answer = (await response.json()) as { status?: string; value?: unknown; errorMessage?: string };
  if (answer.status !== "success") throw new Error(`${path}: ${answer.errorMessage ?? response.status}`);
  return answer.value as T;
}

async function seed(url: string) {
  await call(url, "seed:sample", {
    organization: { slug: "acme", name: "Acme" },
    project: {
      slug: "web",
      name: "Web",
      linearTeamId: "team-1",
      linearTeamKey: "OMA",
      repository: "acme/shop",
      defaultBranch: "main",
      testCommand: null,
      limits: { features: 3, perRole: {} },
      settings: DEFAULT_SETTINGS,
    },
    members: [],
  });
  const us = { owner: "bench", instance: "one", held: [], ttlMs: 60_000, sinceMs: null };
  const { taken } = await call<{ taken: { shard: number; epoch: number }[] }>(url, "shards:attend", us);
  const [project] = await call<Actor[]>(url, "host:actors", { addresses: [PROJECT] }, "query");
  if (project === undefined) throw new Error("seeding made no project");
  const owned = taken.filter(({ shard }) => shard === project.shard).map(({ shard, epoch }) => ({ shard, epoch }));
  const spawns = Array.from({ length: FEATURES }, (_, index) => birthOf(`${PROJECT}/oma-${index}`));
  const [mail] = await call<{ id: string; key: string; event: string }[]>(
    url,
    "mailbox:outside",
    { shard: project.shard },
    "query",
  );
  if (mail === undefined) throw new Error("seeding posted no letter");
  const birth = stepOf(
    { address: PROJECT, id: project.id, sequence: project.sequence, mail },
    { eventType: (JSON.parse(mail.event) as { type: string }).type, sends: [], spawns },
  );
  const stored = await commit(url, owned, [birth]);
  const lanes = stored[0]?.kind === "stored" ? stored[0] : { mail: [], spawned: [] };
  const born = lanes.spawned.map(({ address, actorId }, index): Lane => {
    const posted = lanes.mail[index];
    if (posted === undefined) throw new Error("a birth posted no letter");
    return { address, id: actorId, sequence: 0, mail: posted };
  });
  return { lanes: born, epochs: owned };
}

function birthOf(address: string): Spawn {
  const name = address.slice(PROJECT.length + 1);
  return {
    address,
    machineVersion: "1",
    snapshot: "{}",
    status: "active",
    view: {
      kind: "feature",
      issueId: `issue-${name}`,
      branch: `agent/${name}`,
      ticket: { key: name.toUpperCase(), title: `Ticket ${name}`, url: "https://linear.test/1", priority: 3, labels: [] },
      state: "pending",
      hold: "running",
      category: "queued",
      column: "queued",
      label: "Not started",
      mood: "idle",
      stage: null,
      wants: null,
      reasons: [{ kind: "notStarted", text: "Nobody has started it" }],
      failure: null,
      actions: ["start", "cancel"],
      pullRequest: null,
      costUsd: 0,
    },
    sends: [{ index: 0, to: address, event: JSON.stringify({ type: POKE, at: 1 }) }],
    effects: [],
    timers: [],
  };
}

/** A step as the host makes them: 0.7 KB of snapshot, a letter on, every second a change of the view, every fifth an effect. */
function stepOf(
  { address, id, sequence, mail }: Pick<Lane, "address" | "id" | "sequence" | "mail">,
  more: Partial<Step> = {},
): Step {
  return {
    actor: address,
    actorId: id as Step["actorId"],
    expectedSequence: sequence,
    source: { kind: "mail", id: mail.id as never },
    eventId: mail.key,
    eventType: POKE,
    at: Date.now(),
    snapshot: JSON.stringify({ value: { work: { coder: "working" } }, context: { sequence, filler: "y".repeat(650) } }),
    from: "work.coder.working hold.running",
    actions: [`send ${address} ${POKE}`],
    view: null,
    sends: [{ index: 0, to: address, event: JSON.stringify({ type: POKE, at: Date.now(), filler: "z".repeat(80) }) }],
    effects:
      sequence % 5 === 4
        ? [{ index: 1, kind: "comment", payload: JSON.stringify({ kind: "comment", body: "w".repeat(200) }), run: null }]
        : undefined,
    ...more,
  };
}

function nextStep(lane: Lane): Step {
  if (lane.sequence % 2 === 0) return stepOf(lane);
  return stepOf(lane, { view: { kind: "feature", enteredState: true, costUsd: lane.sequence } });
}

async function commit(url: string, epochs: object[], steps: Step[]): Promise<StepResult[]> {
  return (await call<{ results: StepResult[] }>(url, "host:commit", { epochs, steps })).results;
}

async function run(
  url: string,
  lanes: readonly Lane[],
  epochs: object[],
  { batch, inFlight, steps }: { readonly batch: number; readonly inFlight: number; readonly steps: number },
): Promise<void> {
  let left = Math.ceil(steps / batch);
  await Promise.all(
    Array.from({ length: inFlight }, async (_, worker) => {
      const own = lanes.slice(worker * batch, (worker + 1) * batch);
      while (left-- > 0) {
        const results = await commit(url, epochs, own.map(nextStep));
        own.forEach((lane, index) => {
          const result = results[index];
          const posted = result?.kind === "stored" ? result.mail[0] : undefined;
          if (posted === undefined) throw new Error(`a step was not stored: ${JSON.stringify(result)}`);
          lane.sequence += 1;
          lane.mail = posted;
        });
      }
    }),
  );
}

/** CPU time of the server process so far, user and system. */
function serverCpuMs(): number {
  const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}
