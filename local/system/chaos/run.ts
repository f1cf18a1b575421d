// One chaos run: tickets keep coming, parts keep dying, until so many deaths are done or so much time has passed. Then everything is
// well again, all of it has to come to its end, and the checker looks at the tables and at the far ends.

import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Choices, seeded } from "@omakase/machines/testing/seeded";
import { isWithin } from "../../../convex/shardOf.ts";
import { POINTS_FILES } from "../../../orchestrator/testing/kill-points.ts";
import { check } from "../checker/check.ts";
import { formatViolation, type Tables } from "../checker/history.ts";
import { Tickets } from "../tickets.ts";
import { Faults } from "./faults.ts";
import { HAND_OVER_POINTS, POINTS } from "./points.ts";
import { unrest, untilAtRest } from "./rest.ts";
import type { Victim } from "./victim.ts";
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
  const run = new ChaosRun(plan, signal);
  return run.run();
}

class ChaosRun {
  private readonly choices: Choices;
  private readonly trail: number;
  private readonly startedAt = performance.now();
  private readonly byProcess = new Map<string, number>();
  private readonly byPhase = new Map<string, number>();
  private counts = { kills: 0, pauses: 0, drains: 0, absences: 0 };
  private created = 0;
  /** By project, the tickets made in it, oldest first. */
  private readonly open = new Map<string, { readonly key: string; readonly id: string }[]>();
  private toPlan: string[] = [];
  private planned: string[] = [];
  private isOver = false;
  private world!: ChaosWorld;
  private faults!: Faults;

  constructor(
    private readonly plan: ChaosPlan,
    private readonly signal?: AbortSignal,
  ) {
    this.choices = seeded(plan.seed);
    this.trail = openSync(plan.trailFile, "w");
  }

  async run(): Promise<ChaosReport> {
    const { choices } = this;
    this.world = await ChaosWorld.start({
      choices,
      orchestrators: ORCHESTRATORS,
      projects: this.plan.projects,
      features: IN_FLIGHT,
      stallMs: 7_000,
      leaseTtlMs: LEASE_TTL_MS,
      onDeath: (name, how) => this.died(name, how),
    });
    this.faults = new Faults(this.world, choices, (what, details) => this.tell(what, details));
    try {
      const endsAt = performance.now() + this.plan.seconds * 1_000;
      const begunAt = performance.now();
      const tickets = this.keepTickets();
      let breathedAt = begunAt;
      while (this.counts.kills < this.plan.kills && performance.now() < endsAt) {
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
      this.isOver = true;
      await tickets;
      const seconds = (performance.now() - begunAt) / 1_000;
      const moving = await this.settle();
      return await this.report(moving, seconds);
    } finally {
      closeSync(this.trail);
      await this.world.stop();
    }
  }

  /** Behind the pace at which the deaths that are wanted would come about in four fifths of the time. */
  private isLate(begunAt: number): boolean {
    const passed = (performance.now() - begunAt) / (this.plan.seconds * 800);
    return this.plan.kills < Number.POSITIVE_INFINITY && this.counts.kills < this.plan.kills * passed;
  }

  private tell(what: string, details: object): void {
    writeSync(this.trail, `${JSON.stringify({ ms: Math.round(performance.now() - this.startedAt), what, ...details })}\n`);
  }

  private died(name: string, how: string): void {
    this.tell("died", { name, how });
    if (how !== "SIGKILL") return;
    this.counts.kills++;
    this.byProcess.set(name, (this.byProcess.get(name) ?? 0) + 1);
    this.replan();
  }

  /** One misfortune. */
  private async upset(): Promise<void> {
    const { choices, world, faults } = this;
    const roll = choices.next();
    const lively = world.named("orchestrator").filter(({ isLively }) => isLively);
    const orchestrator = lively.length > 0 ? choices.pick(lively) : undefined;
    if (roll < 0.05 && lively.length > 1) this.absent(orchestrator);
    else if (roll < 0.15) this.kill(orchestrator);
    else if (roll < 0.55) this.planPoint();
    else if (roll < 0.73)
      this.kill(world.victims.get(choices.pick(["convex", "convex", "linear", "github", "ecs", "ecs", "identity"])));
    else if (roll < 0.745) this.pause(orchestrator);
    else if (roll < 0.8) this.drain(orchestrator);
    else if (roll < 0.83) await faults.spot();
    else if (roll < 0.93) await faults.order();
    else if (roll < 0.96) faults.weather();
    else if (roll < 0.98) faults.cut();
    else if (roll < 0.99) this.fullDisk();
    else this.jump();
  }

  private kill(victim: Victim | undefined): void {
    if (victim?.signal("SIGKILL")) this.tell("kill", { name: victim.name });
  }

  /** One more point at which somebody will die, in an order that leaves none out. */
  private planPoint(): void {
    if (this.toPlan.length === 0) this.toPlan = shuffled([...POINTS, ...HAND_OVER_POINTS], this.choices);
    const point = this.toPlan.pop();
    if (point === undefined || this.planned.includes(point)) return;
    rmSync(this.deathFile(point), { force: true });
    this.planned.push(point);
    this.world.plan(this.planned);
    this.tell("plan", { point });
  }

  /** What has killed is struck out. */
  private replan(): void {
    const done = this.planned.filter((point) => existsSync(this.deathFile(point)));
    if (done.length === 0) return;
    for (const point of done) {
      this.byPhase.set(point, (this.byPhase.get(point) ?? 0) + 1);
      this.tell("died at", { point });
    }
    this.planned = this.planned.filter((point) => !done.includes(point));
    this.world.plan(this.planned);
  }

  private deathFile = (point: string) => join(this.world.pointsFolder, POINTS_FILES.died(point));

  /** Stopped in its tracks, often for longer than its lease. */
  private pause(victim: Victim | undefined): void {
    if (!victim?.signal("SIGSTOP")) return;
    this.counts.pauses++;
    const ms = 200 + this.choices.next() * 13_000;
    this.tell("pause", { name: victim.name, ms: Math.round(ms) });
    setTimeout(() => victim.signal("SIGCONT"), ms);
  }

  private drain(victim: Victim | undefined): void {
    if (!victim?.signal("SIGTERM")) return;
    this.counts.drains++;
    this.tell("drain", { name: victim.name });
  }

  /** Gone for longer than the others wait, killed or in good order: its shards are taken over, and shared anew when it comes back. */
  private absent(victim: Victim | undefined): void {
    if (!victim) return;
    const signal = this.choices.chance(0.5) ? "SIGKILL" : "SIGTERM";
    const ms = LEASE_TTL_MS * (1.2 + this.choices.next());
    victim.awayMs = ms;
    if (!victim.signal(signal)) return;
    this.counts.absences++;
    this.tell("absent", { name: victim.name, signal, ms: Math.round(ms) });
  }

  /** The database starts again on a disk that has room for a little more, and some seconds later on one with room. */
  private fullDisk(): void {
    const convex = this.world.victims.get("convex");
    if (!convex || convex.command !== convex.spec.command) return;
    const sizes = ["convex.sqlite", "convex.sqlite-wal"].map((name) => {
      const file = join(this.world.folder, "convex", name);
      return existsSync(file) ? statSync(file).size : 0;
    });
    const blocks = Math.ceil(Math.max(...sizes) / 512) + 64;
    const ms = 1_000 + this.choices.next() * 3_000;
    this.tell("disk full", { blocks, ms: Math.round(ms) });
    convex.command = ["sh", "-c", `trap '' XFSZ; ulimit -f ${blocks}; exec "$@"`, "sh", ...convex.spec.command];
    this.kill(convex);
    setTimeout(() => {
      convex.command = convex.spec.command;
      this.kill(convex);
    }, ms);
  }

  private jump(): void {
    const wrongByMs = Math.round((this.choices.next() - 0.3) * 2 * 3_600_000);
    const ms = 500 + this.choices.next() * 3_000;
    this.tell("clock", { wrongByMs, ms: Math.round(ms) });
    this.world.setClock(wrongByMs);
    setTimeout(() => this.world.setClock(0), ms);
  }

  /** Keeps some tickets at work. Linear may be away at any moment: then the ticket is made a little later. */
  private async keepTickets(): Promise<void> {
    const tickets = new Tickets(this.world, `${this.world.direct.linear}/graphql`);
    while (!this.isOver) {
      try {
        const { features } = await this.world.tables(["features"]);
        const resting = features.filter(
          ({ state }) => !/queued|working|launching|waiting|backing|opening|asking/i.test(state),
        ).length;
        if (this.created - resting < IN_FLIGHT) await this.addTicket(tickets);
      } catch (error) {
        this.tell("ticket later", { reason: String(error).slice(0, 100) });
      }
      await Bun.sleep(400);
    }
  }

  private async addTicket(tickets: Tickets): Promise<void> {
    const { choices } = this;
    const project = choices.pick(this.world.projects);
    const open = this.open.get(project.address) ?? [];
    this.open.set(project.address, open);
    const silent = choices.chance(0.15) ? "[silent] " : "";
    const made = await tickets.create(project.teamKey, `${silent}[${choices.below(600)} ms] Ticket`);
    this.created++;
    const before = open.at(-1);
    if (before && choices.chance(0.3)) await tickets.block(before.id, made.id);
    await tickets.move(made.key, "Todo");
    open.push(made);
    this.tell("ticket", { key: made.key });
    if (open.length > 2 && choices.chance(0.15)) await tickets.move(choices.pick(open.slice(-3)).key, "Canceled");
    if (open.length > 3 && choices.chance(0.15)) await tickets.move(choices.pick(open.slice(0, -3)).key, "Canceled");
    if (open.length > 3 && choices.chance(0.3)) await this.world.merge(choices.pick(open.slice(0, -2)).key);
  }

  /** Everything is well; what waits for a timer gets its time. @returns what still moves */
  private async settle(): Promise<string[]> {
    const { world } = this;
    this.planned = [];
    world.plan([]);
    const convex = world.victims.get("convex");
    if (convex) convex.command = convex.spec.command;
    for (const victim of world.victims.values()) {
      victim.signal("SIGCONT");
      victim.signal("SIGKILL");
    }
    await Bun.sleep(100);
    for (const victim of world.victims.values()) await victim.ready();
    await this.faults.calm();
    let moving = await untilAtRest(world, this.created, CALM_TIMEOUT_MS, this.signal);
    let vain = 0;
    for (let hurry = 1; hurry <= HURRIES && moving.length > 0 && vain < MOST_VAIN; hurry++) {
      this.tell("hurry", { moving });
      // Time passes in the orchestrators alone; they look at their timers anew when they start.
      world.setClock(hurry * HURRY_MS);
      for (const victim of world.named("orchestrator")) victim.signal("SIGTERM");
      await Bun.sleep(500);
      for (const victim of world.named("orchestrator")) await victim.ready();
      const now = await untilAtRest(world, this.created, CALM_TIMEOUT_MS, this.signal);
      vain = now.join() === moving.join() ? vain + 1 : 0;
      moving = now;
    }
    return moving;
  }

  private async report(moving: readonly string[], seconds: number): Promise<ChaosReport> {
    const { world } = this;
    const history = await world.history(moving.length === 0);
    const violations = check(history).map(formatViolation);
    const { tables, ends, acknowledged } = history;
    const features: Record<string, number> = {};
    for (const { state } of tables.features) features[state] = (features[state] ?? 0) + 1;
    const visited = new Set(readFileSync(join(world.pointsFolder, POINTS_FILES.visited), "utf8").split("\n"));
    const all = [...POINTS, ...HAND_OVER_POINTS];
    return {
      seed: this.plan.seed,
      ...this.counts,
      byProcess: Object.fromEntries(this.byProcess),
      byPhase: Object.fromEntries([...this.byPhase].sort(([a], [b]) => (a < b ? -1 : 1))),
      unvisited: all.filter((point) => !visited.has(point)),
      unkilled: all.filter((point) => !this.byPhase.has(point)),
      projects: Object.fromEntries(world.projects.map(({ address }) => [address, sharesOf(tables, address)])),
      features,
      launches: ends.launches.filter(({ isNew }) => isNew).length,
      pullRequests: ends.pullRequests.length,
      steps: tables.transitions.length,
      acknowledged: acknowledged.length,
      ingress: world.ingress.counts,
      wires: Object.fromEntries([...world.wires].map(([name, { counts }]) => [name, counts])),
      unrest: moving.length > 0 ? unrest(tables, this.created) : [],
      violations,
      seconds: Math.round(seconds * 10) / 10,
      killsPerSecond: Math.round((this.counts.kills / seconds) * 100) / 100,
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

function shuffled<Item>(items: readonly Item[], choices: Choices): Item[] {
  const left = [...items];
  const mixed: Item[] = [];
  while (left.length > 0) mixed.push(...left.splice(choices.below(left.length), 1));
  return mixed;
}
