// `bun run bench:scale`: what a big project and many projects cost a dispatch, each on a deployment of its own through local/convex
// at synchronous=FULL, measured in turn so that all have the same machine. The last line is one JSON object.
//
//   dispatchSmall…        from `linear.receive` of a ticket in Todo being called to RunTask being asked for: a project of 10 features, alone
//   dispatch10kFeatures…  in a project of 10,000 features, of which 300 wait for dependencies
//   dispatch1kProjects…   in a project of 10 features among 1,000 projects with two each
//   handOn…               from the delivery that cancels who is at work, in a project that is full, to RunTask for who was next: of 6
//                         that queue in the small project, of 300 in the one of 10,000
//   ratio…                the median over the turns of that turn's median over the small project's
//   idle…MsPerMinute      processor time of a host and its deployment while nobody does anything: with 1,000 projects, and alone
//   hostRssMb             memory of that host, with 1,000 projects
//   githubIdleRequests    what a sweep of GitHub asks for among those 1,000 projects, of which nobody has a pull request; …SweepMs what it takes
//   functions…            functions the deployment runs for one dispatch and its end, subscriptions that are run again included
//   board…Ms, projects…Ms features.board and projects.list, after a change; sweepPageMs a page of what a sweep of Linear begins with

import { readFileSync } from "node:fs";
import { calibrate } from "@omakase/local-system/bench/calibration";
import { ConvexHttpClient } from "convex/browser";
import type { FunctionReference } from "convex/server";
import { api } from "../../convex/_generated/api.js";
import { createGitHubSweep } from "../github/sweep.ts";
import { HostProcess } from "./child.ts";
import { at, inOrder } from "./measures.ts";
import { VIEWER } from "./stage.ts";
import { addressOf, type Ticket, Yard } from "./yard.ts";

const SMALL = 10;
const LARGE = 10_000;
const WAITING = 300;
const PROJECTS = 1_000;
const FEATURES_EACH = 2;
const TURNS = 5;
const DISPATCHES_A_TURN = 40;
const HAND_ONS_A_TURN = 20;
const PLACES = 4;
const IDLE_MS = 20_000;
const READS = 20;
const SEEDED_AT_ONCE = 8;

const say = (text: string) => console.error(`bench:scale: ${text}`);
const median = (values: readonly number[]) => at(inOrder(values), 0.5);
const round = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits;

/** What one place has waited, by turn. */
class Waits {
  readonly turns: number[][] = [];

  get p50(): number {
    return median(this.turns.flat());
  }

  get p99(): number {
    return at(inOrder(this.turns.flat()), 0.99);
  }

  over(others: Waits): number {
    return median(this.turns.map((turn, index) => median(turn) / median(others.turns[index] ?? [])));
  }
}

/** Measures each place once a turn, beginning with another one each time; the first turn is to warm up. */
async function inTurns(places: readonly (() => Promise<number[]>)[]): Promise<Waits[]> {
  const waits = places.map(() => new Waits());
  for (let turn = 0; turn <= TURNS; turn++) {
    for (let offset = 0; offset < places.length; offset++) {
      const index = (turn + offset) % places.length;
      const measured = await places[index]!();
      if (turn > 0) waits[index]!.turns.push(measured);
    }
  }
  return waits;
}

const dispatches = (yard: Yard, tickets: readonly Ticket[]) => async () => {
  const waits: number[] = [];
  for (let index = 0; index < DISPATCHES_A_TURN; index++) waits.push(await yard.dispatch(tickets[index % tickets.length]!));
  return waits;
};

/** Fills the project's places and queues the others; a turn then cancels one after the other, and queues it again. */
async function handOns(yard: Yard, slug: string, tickets: readonly Ticket[]): Promise<() => Promise<number[]>> {
  await yard.limit(slug, PLACES);
  const working = await yard.launched(PLACES, () => yard.queue(tickets));
  return async () => {
    const waits: number[] = [];
    for (let index = 0; index < HAND_ONS_A_TURN; index++) {
      const first = working.shift();
      const ticket = tickets.find((one) => addressOf(one) === first);
      if (!ticket) throw new Error(`${first} is at work, but is none of those that were queued`);
      const { ms, next } = await yard.handOn(ticket);
      working.push(next);
      waits.push(ms);
      await yard.queue([ticket]);
    }
    return waits;
  };
}

/** Of these processes together, ms. */
const cpuMs = (pids: readonly number[]) =>
  pids.reduce((sum, pid) => {
    // After the name, which may hold spaces: utime and stime, in hundredths of a second.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) * 10;
  }, 0);

/** A host in a process of its own, with nothing to do. */
async function idle(yard: Yard): Promise<{ cpuMsPerMinute: number; rssMb: number }> {
  const host = new HostProcess(yard.stage, await yard.stage.deployment.token(), "idle");
  await host.until("ready", ({ ready }) => ready !== null);
  await Bun.sleep(3_000);
  const pids = [host.pid, yard.stage.deployment.pid];
  const before = cpuMs(pids);
  await Bun.sleep(IDLE_MS);
  const used = cpuMs(pids) - before;
  const rssMb = host.rssKb() / 1024;
  await host.kill();
  return { cpuMsPerMinute: (used * 60_000) / IDLE_MS, rssMb };
}

/** What a read takes after somebody has been dispatched, so that no answer of before can be given; ms. */
async function readMs<Q extends FunctionReference<"query">>(
  yard: Yard,
  changed: Ticket,
  query: Q,
  args: Q["_args"],
  token: () => Promise<string> = () => yard.stage.deployment.personToken(VIEWER),
): Promise<number> {
  const client = new ConvexHttpClient(yard.stage.deployment.url, { skipConvexDeploymentUrlCheck: true, logger: false });
  client.setAuth(await token());
  const took: number[] = [];
  for (let index = 0; index < READS; index++) {
    await yard.dispatch(changed);
    const startedAt = performance.now();
    await client.query(query, args);
    took.push(performance.now() - startedAt);
  }
  return median(took);
}

/** Functions that the deployment has run, subscriptions that were run again included. */
async function functionsRun(yard: Yard): Promise<number> {
  const text = await (await fetch(`${yard.stage.deployment.url}/metrics`)).text();
  const counts = [...text.matchAll(/^convex_function_seconds_count\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Functions run for a dispatch and for leaving again. */
async function functionsEach(yard: Yard, tickets: readonly Ticket[]): Promise<number> {
  const before = await functionsRun(yard);
  await dispatches(yard, tickets)();
  return ((await functionsRun(yard)) - before) / DISPATCHES_A_TURN;
}

/** A whole sweep of a process that has just been started. */
async function githubSweep({ stage }: Yard): Promise<{ requests: number; tookMs: number }> {
  let requests = 0;
  const call = async () => {
    requests++;
    throw new Error("nothing is open: GitHub is not to be asked");
  };
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  const sweep = createGitHubSweep({ github: { call }, convex: stage.caller, repairs: { record: async () => {} }, log: quiet });
  const startedAt = performance.now();
  await sweep();
  return { requests, tookMs: performance.now() - startedAt };
}

async function seedMany(yard: Yard): Promise<void> {
  let next = 1;
  await Promise.all(
    Array.from({ length: SEEDED_AT_ONCE }, async () => {
      while (next < PROJECTS) await yard.project(`p${next++}`, FEATURES_EACH);
    }),
  );
}

async function measure(): Promise<Record<string, number>> {
  const metrics: Record<string, number> = {};
  const note = (name: string, value: number, digits = 1) => {
    metrics[name] = round(value, digits);
    say(`${name} ${metrics[name]}`);
  };
  const noteWaits = (name: string, waits: Waits) => {
    note(`${name}P50Ms`, waits.p50);
    note(`${name}P99Ms`, waits.p99);
  };
  const alone = await Yard.open();
  const large = await Yard.open();
  const many = await Yard.open();
  const yards = [alone, large, many];
  try {
    const seededAt = performance.now();
    const small = await alone.project("small", SMALL);
    const among = await many.project("small", SMALL);
    const [features] = await Promise.all([large.project("large", LARGE), seedMany(many)]);
    const waiting = features.slice(SMALL, SMALL + WAITING);
    const queued = features.slice(SMALL + WAITING, SMALL + 2 * WAITING);
    await large.block(waiting, features.at(-1)!);
    say(`seeded in ${round((performance.now() - seededAt) / 1000, 0)} s`);

    const [ofSmall, of10k, of1k] = await inTurns([
      dispatches(alone, small),
      dispatches(large, features.slice(0, SMALL)),
      dispatches(many, among),
    ]);
    noteWaits("dispatchSmall", ofSmall!);
    noteWaits("dispatch10kFeatures", of10k!);
    noteWaits("dispatch1kProjects", of1k!);
    note("ratio10kFeatures", of10k!.over(ofSmall!), 2);
    note("ratio1kProjects", of1k!.over(ofSmall!), 2);

    note("functionsSmall", await functionsEach(alone, small));
    note("functions10kFeatures", await functionsEach(large, features.slice(0, SMALL)));
    note("functions1kProjects", await functionsEach(many, among));

    note("boardSmallMs", await readMs(alone, small[0]!, api.features.board, { project: "acme/small" }));
    note("board10kFeaturesMs", await readMs(large, features[0]!, api.features.board, { project: "acme/large" }));
    note("projectsSmallMs", await readMs(alone, small[0]!, api.projects.list, {}));
    note("projects1kMs", await readMs(many, among[0]!, api.projects.list, {}));
    const page = { after: null };
    const { requests, tookMs } = await githubSweep(many);
    note("githubIdleRequests", requests, 0);
    note("githubSweepMs", tookMs);
    note("sweepPageMs", await readMs(many, among[0]!, api.linear.projects, page, many.stage.deployment.token));

    const [onSmall, onLarge] = await inTurns([await handOns(alone, "small", small), await handOns(large, "large", queued)]);
    noteWaits("handOnSmall", onSmall!);
    noteWaits("handOn10kFeatures", onLarge!);
    note("ratioHandOn10kFeatures", onLarge!.over(onSmall!), 2);

    await Promise.all(yards.map((yard) => yard.drain()));
    const [idleAlone, idleMany] = await Promise.all([idle(alone), idle(many)]);
    note("idleSmallCpuMsPerMinute", idleAlone.cpuMsPerMinute, 0);
    note("idleCpuMsPerMinute", idleMany.cpuMsPerMinute, 0);
    note("hostSmallRssMb", idleAlone.rssMb, 0);
    note("hostRssMb", idleMany.rssMb, 0);
    return metrics;
  } finally {
    await Promise.all(yards.map(({ stage }) => stage.end()));
  }
}

const calibration = calibrate();
const metrics = await measure();
console.log(JSON.stringify({ bench: "scale", metrics, calibration }));
process.exit();
