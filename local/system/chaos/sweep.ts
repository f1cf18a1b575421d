// The kill-point sweep: one orchestrator, a handful of tickets that between them need every kind of effect, and a death at every
// point. Each point kills once, whoever gets there first; the pipeline has to finish all the same.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { SAMPLE } from "@omakase/local-launcher/stack";
import { seeded } from "@omakase/machines/testing/seeded";
import { POINTS_FILES } from "../../../orchestrator/testing/kill-points.ts";
import { check } from "../checker/check.ts";
import { formatViolation } from "../checker/history.ts";
import { Tickets } from "../tickets.ts";
import { HAND_OVER_POINTS, POINTS } from "./points.ts";
import { untilAtRest } from "./rest.ts";
import { ChaosWorld } from "./world.ts";

export interface SweepReport {
  readonly points: number;
  /** Planned and never reached. */
  readonly unreached: readonly string[];
  readonly deaths: number;
  readonly violations: readonly string[];
  /** What still moved at the end. */
  readonly unrest: readonly string[];
  readonly seconds: number;
}

/** Longer than a restart: an orchestrator that is away must not make an agent look silent. */
const STALL_MS = 15_000;
const ROUND_TIMEOUT_MS = 90_000;
/** More tickets are made until every point has killed; never more than this. */
const MAX_ROUNDS = 4;

/** All points, shared out among so many worlds at once: most of a death is one core's time to start again. */
export async function sweep(worlds: number, tell: (line: string) => void = () => {}): Promise<SweepReport> {
  const shares = Array.from({ length: worlds }, (_, share) => (_point: string, index: number) => index % worlds === share);
  const reports = await Promise.all(shares.map((mine) => sweepShare(POINTS.filter(mine), HAND_OVER_POINTS.filter(mine), tell)));
  return {
    points: reports.reduce((sum, { points }) => sum + points, 0),
    deaths: reports.reduce((sum, { deaths }) => sum + deaths, 0),
    unreached: reports.flatMap(({ unreached }) => unreached),
    violations: reports.flatMap(({ violations }) => violations),
    unrest: reports.flatMap(({ unrest }) => unrest),
    seconds: Math.max(...reports.map(({ seconds }) => seconds)),
  };
}

async function sweepShare(
  points: readonly string[],
  handOverPoints: readonly string[],
  tell: (line: string) => void,
): Promise<SweepReport> {
  const startedAt = performance.now();
  let deaths = 0;
  const onDeath = (name: string, how: string) => {
    deaths++;
    if (how !== "SIGKILL" && how !== "code 0") tell(`${name} died of ${how}`);
  };
  const world = await ChaosWorld.start({ choices: seeded(1), orchestrators: 1, features: 6, stallMs: STALL_MS, onDeath });
  try {
    world.plan(points);
    let tickets = 0;
    let moving: string[] = [];
    for (let round = 1; round <= MAX_ROUNDS && moving.length === 0; round++) {
      tickets += await playRound(world);
      moving = await untilAtRest(world, tickets, ROUND_TIMEOUT_MS);
      tell(`round ${round}: ${deaths} deaths, ${unreached(world, points).length} points left, ${moving.join("; ")}`);
      if (unreached(world, points).length === 0) break;
    }
    world.plan([...points, ...handOverPoints]);
    await handOver(world, handOverPoints.length);
    if (moving.length === 0) moving = await untilAtRest(world, tickets, ROUND_TIMEOUT_MS);
    const violations = check(await world.history(moving.length === 0)).map(formatViolation);
    return {
      points: points.length + handOverPoints.length,
      unreached: unreached(world, [...points, ...handOverPoints]),
      deaths,
      violations,
      unrest: moving,
      seconds: (performance.now() - startedAt) / 1_000,
    };
  } finally {
    await world.stop();
  }
}

/** Tickets that need everything: one that another waits for and that is merged, one that falls silent, two that are cancelled, at work and done. */
async function playRound(world: ChaosWorld): Promise<number> {
  const tickets = new Tickets(world);
  const make = (title: string) => tickets.create(SAMPLE.linearTeamKey, title);
  const [blocker, blocked, silent, cancelled] = [
    await make("A ticket"),
    await make("One that waits for it"),
    await make("[silent] One whose agent falls silent"),
    await make("[20000 ms] One that is cancelled"),
  ];
  await tickets.block(blocker.id, blocked.id);
  for (const { key } of [blocker, blocked, silent, cancelled]) await tickets.move(key, "Todo");
  const states = async () => {
    const { features } = await world.tables(["features"]);
    return new Map(features.map(({ address, state }) => [address.split("/").at(-1)?.toUpperCase(), state]));
  };
  await until(async () => (await states()).get(cancelled.key)?.endsWith(".working") ?? false);
  await tickets.move(cancelled.key, "Canceled");
  await until(async () => ENDED.has((await states()).get(blocker.key) ?? ""));
  await world.merge(blocker.key);
  // Cancelled when its pull request is open.
  await until(async () => ENDED.has((await states()).get(blocked.key) ?? ""));
  await tickets.move(blocked.key, "Canceled");
  return 4;
}

const ENDED = new Set(["passing", "failing", "cancelled"]);

/** A deployment for each point of it: dies in the middle of handing over, and once not. */
async function handOver(world: ChaosWorld, deaths: number): Promise<void> {
  const [orchestrator] = world.named("orchestrator");
  for (let turn = 0; turn <= deaths; turn++) {
    await orchestrator?.ready();
    const { pid } = orchestrator ?? { pid: null };
    orchestrator?.signal("SIGTERM");
    await until(async () => orchestrator?.pid !== pid && orchestrator?.pid !== null);
  }
  await orchestrator?.ready();
}

/** Waits for at most a while: what did not come about shows as points that nobody reached. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + ROUND_TIMEOUT_MS; Date.now() < end && !(await holds()); await Bun.sleep(200));
}

const unreached = (world: ChaosWorld, points: readonly string[]): string[] =>
  points.filter((point) => !existsSync(join(world.pointsFolder, POINTS_FILES.died(point))));
