// One chaos run: tickets keep coming (traffic.ts), parts keep dying (deaths.ts, faults.ts), until so many deaths are done or so much
// time has passed. Then everything is well again, all of it has to come to its end, and the checker looks at the tables and at the far
// ends.

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Choices, seeded } from "@omakase/machines/testing/seeded";
import { isWithin } from "../../../convex/shardOf.ts";
import { POINTS_FILES } from "../../../orchestrator/testing/kill-points.ts";
import { check } from "../checker/check.ts";
import { formatViolation, type Tables } from "../checker/history.ts";
import { Deaths } from "./deaths.ts";
import { Faults } from "./faults.ts";
import { HAND_OVER_POINTS, POINTS } from "./points.ts";
import { unrest, untilAtRest } from "./rest.ts";
import { Traffic } from "./traffic.ts";
import { ChaosWorld } from "./world.ts";

export interface ChaosPlan {
  readonly seed: number;
  /** Ends after so many deaths by SIGKILL… */
  readonly kills: number;
  /** …or after so many seconds, whatever comes first. */
  readonly seconds: number;
  /** Each in a shard of its own. */
  readonly projects: number;
  /** Where the trail is written, a JSON line an event. */
  readonly trailFile: string;
}

export interface ChaosReport {
  readonly seed: number;
  readonly kills: number;
  /** SIGSTOPs, drains and other ends that are not deaths by SIGKILL. */
  readonly pauses: number;
  readonly drains: number;
  readonly byProcess: Readonly<Record<string, number>>;
  /** Absences: longer than a lease, or an orderly leave; the others take its shards and give them back. */
  readonly absences: number;
  /** For each project: its features and steps, and how many periods of ownership stored a step of it. */
  readonly projects: Readonly<Record<string, { readonly features: number; readonly steps: number; readonly owners: number }>>;
  /** Kill point to deaths there; those of chance are not in it. */
  readonly byPhase: Readonly<Record<string, number>>;
  /** Kill points nobody has passed. */
  readonly unvisited: readonly string[];
  /** Kill points nobody has died at. */
  readonly unkilled: readonly string[];
  readonly features: Readonly<Record<string, number>>;
  readonly launches: number;
  readonly pullRequests: number;
  readonly steps: number;
  readonly acknowledged: number;
  readonly ingress: object;
  readonly wires: object;
  readonly unrest: readonly string[];
  readonly violations: readonly string[];
  readonly seconds: number;
  readonly killsPerSecond: number;
}

/** Over all projects. */
const IN_FLIGHT = 6;
const ORCHESTRATORS = 3;
/** Short, so that a take-over takes no longer than a restart of two of three. */
const LEASE_TTL_MS = 4_000;
const STORM_MS = 5_000;
const BREATH_MS = 2_500;
const CALM_TIMEOUT_MS = 45_000;
/** After the calm, what only waits for a timer has its time pass quickly; longer than the longest wait of the machines. */
const HURRY_MS = 3 * 3_600_000;
const HURRIES = 8;
/** What does not move in so many of them will not. */
const MOST_VAIN = 3;

/** @param signal ends it early, with nothing left running */
export async function runChaos(plan: ChaosPlan, signal?: AbortSignal): Promise<ChaosReport> {
  const choices = seeded(plan.seed);
  const trail = openSync(plan.trailFile, "w");
  const startedAt = performance.now();
  const tell: Tell = (what, details) =>
    writeSync(trail, `${JSON.stringify({ ms: Math.round(performance.now() - startedAt), what, ...details })}\n`);
  let run: ChaosRun | null = null;
  const world = await ChaosWorld.start({
    choices,
    orchestrators: ORCHESTRATORS,
    projects: plan.projects,
    features: IN_FLIGHT,
    stallMs: 7_000,
    leaseTtlMs: LEASE_TTL_MS,
    onDeath: (name, how) => {
      tell("died", { name, how });
      if (how === "SIGKILL") run?.deaths.killed(name);
    },
  });
  try {
    run = new ChaosRun(plan, world, choices, tell, signal);
    return await run.run();
  } finally {
    await world.stop();
    closeSync(trail);
  }
}

/** A line of the trail. */
type Tell = (what: string, details: object) => void;

class ChaosRun {
  readonly deaths: Deaths;
  private readonly faults: Faults;
  private readonly traffic: Traffic;

  constructor(
    private readonly plan: ChaosPlan,
    private readonly world: ChaosWorld,
    private readonly choices: Choices,
    private readonly tell: Tell,
    private readonly signal?: AbortSignal,
  ) {
    this.deaths = new Deaths(world, choices, tell);
    this.faults = new Faults(world, choices, tell);
    this.traffic = new Traffic(world, choices, tell);
  }

  async run(): Promise<ChaosReport> {
    const { choices, deaths, traffic } = this;
    const begunAt = performance.now();
    const endsAt = begunAt + this.plan.seconds * 1_000;
    const tickets = traffic.keep(IN_FLIGHT);
    let breathedAt = begunAt;
    try {
      while (deaths.counts.kills < this.plan.kills && performance.now() < endsAt) {
        this.signal?.throwIfAborted();
        await this.upset();
        const pause = 80 + choices.next() ** 2 * 900;
        await Bun.sleep(this.isLate(begunAt) ? pause / 4 : pause);
        // A breath now and then: what never gets anywhere never meets the later phases.
        if (performance.now() - breathedAt > STORM_MS) {
          await Bun.sleep(BREATH_MS);
          breathedAt = performance.now();
        }
      }
    } finally {
      traffic.end();
      await tickets;
    }
    const seconds = (performance.now() - begunAt) / 1_000;
    const moving = await this.settle();
    return await this.report(moving, seconds);
  }

  /** Behind the pace at which the deaths that are wanted would come about in four fifths of the time. */
  private isLate(begunAt: number): boolean {
    const passed = (performance.now() - begunAt) / (this.plan.seconds * 800);
    return this.plan.kills < Number.POSITIVE_INFINITY && this.deaths.counts.kills < this.plan.kills * passed;
  }

  /** One misfortune. */
  private async upset(): Promise<void> {
    const { choices, world, faults, deaths } = this;
    const roll = choices.next();
    const lively = world.named("orchestrator").filter(({ isLively }) => isLively);
    const orchestrator = lively.length > 0 ? choices.pick(lively) : undefined;
    if (roll < 0.05 && lively.length > 1) deaths.absent(orchestrator, LEASE_TTL_MS);
    else if (roll < 0.15) deaths.kill(orchestrator);
    else if (roll < 0.55) deaths.planPoint();
    else if (roll < 0.73)
      deaths.kill(world.victims.get(choices.pick(["convex", "convex", "linear", "github", "ecs", "ecs", "identity"])));
    else if (roll < 0.745) deaths.pause(orchestrator);
    else if (roll < 0.8) deaths.drain(orchestrator);
    else if (roll < 0.83) await faults.spot();
    else if (roll < 0.93) await faults.order();
    else if (roll < 0.96) faults.weather();
    else if (roll < 0.98) faults.cut();
    else if (roll < 0.99) faults.fullDisk();
    else faults.jump();
  }

  /** Everything is well; what waits for a timer gets its time. @returns what still moves */
  private async settle(): Promise<string[]> {
    const { world } = this;
    this.deaths.planNothing();
    this.faults.freeDisk();
    for (const victim of world.victims.values()) {
      victim.signal("SIGCONT");
      victim.signal("SIGKILL");
    }
    await Bun.sleep(100);
    for (const victim of world.victims.values()) await victim.ready();
    await this.faults.calm();
    let moving = await untilAtRest(world, this.traffic.created, CALM_TIMEOUT_MS, this.signal);
    let vain = 0;
    for (let hurry = 1; hurry <= HURRIES && moving.length > 0 && vain < MOST_VAIN; hurry++) {
      this.tell("hurry", { moving });
      // Time passes in the orchestrators alone; they look at their timers anew when they start.
      world.setClock(hurry * HURRY_MS);
      for (const victim of world.named("orchestrator")) victim.signal("SIGTERM");
      await Bun.sleep(500);
      for (const victim of world.named("orchestrator")) await victim.ready();
      const now = await untilAtRest(world, this.traffic.created, CALM_TIMEOUT_MS, this.signal);
      vain = now.join() === moving.join() ? vain + 1 : 0;
      moving = now;
    }
    return moving;
  }

  private async report(moving: readonly string[], seconds: number): Promise<ChaosReport> {
    const { world, deaths } = this;
    const history = await world.history(moving.length === 0);
    const violations = check(history).map(formatViolation);
    const { tables, ends, acknowledged } = history;
    const features: Record<string, number> = {};
    for (const { state } of tables.features) features[state] = (features[state] ?? 0) + 1;
    const visited = new Set(readFileSync(join(world.pointsFolder, POINTS_FILES.visited), "utf8").split("\n"));
    const all = [...POINTS, ...HAND_OVER_POINTS];
    return {
      seed: this.plan.seed,
      ...deaths.counts,
      byProcess: Object.fromEntries(deaths.byProcess),
      byPhase: Object.fromEntries([...deaths.byPhase].sort(([a], [b]) => (a < b ? -1 : 1))),
      unvisited: all.filter((point) => !visited.has(point)),
      unkilled: all.filter((point) => !deaths.byPhase.has(point)),
      projects: Object.fromEntries(world.projects.map(({ address }) => [address, sharesOf(tables, address)])),
      features,
      launches: ends.launches.filter(({ isNew }) => isNew).length,
      pullRequests: ends.pullRequests.length,
      steps: tables.transitions.length,
      acknowledged: acknowledged.length,
      ingress: world.ingress.counts,
      wires: Object.fromEntries([...world.wires].map(([name, { counts }]) => [name, counts])),
      unrest: moving.length > 0 ? unrest(tables, this.traffic.created) : [],
      violations,
      seconds: Math.round(seconds * 10) / 10,
      killsPerSecond: Math.round((deaths.counts.kills / seconds) * 100) / 100,
    };
  }
}

function sharesOf({ features, transitions }: Tables, project: string): ChaosReport["projects"][string] {
  const steps = transitions.filter(({ actor }) => isWithin(actor, project));
  return {
    features: features.filter(({ address }) => isWithin(address, project)).length,
    steps: steps.length,
    owners: new Set(steps.map(({ epoch }) => epoch)).size,
  };
}
