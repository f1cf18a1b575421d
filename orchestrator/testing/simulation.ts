// A whole deployment in one process and in virtual time: tables, far sides, and orchestrators that join, leave, are killed, stopped and
// cut off from their store, and whose clocks jump. Everything comes from one seed, so that a seed is a failure's whole description.

import {
  begin,
  DEFAULT_SETTINGS,
  type FeatureAddress,
  featureAddress,
  MACHINE_VERSIONS,
  type ProjectAddress,
  persist,
  projectAddress,
  projectMachine,
} from "@omakase/machines";
import { aTicket } from "@omakase/machines/testing/builders";
import { type Choices, seeded } from "@omakase/machines/testing/seeded";
import { createHost, type Host } from "../actors/host.ts";
import type { Log } from "../log.ts";
import { wrongs } from "./checker.ts";
import { FarEnds } from "./far-ends.ts";
import { createMemoryStore } from "./memory-store.ts";
import { CALM, Process, Scheduler, type Weather } from "./scheduler.ts";
import { type Guard, Tables } from "./tables.ts";

export interface SimulationOptions {
  /** Tickets, over two of four projects; the third waits for the first. @default 4 */
  readonly tickets?: number;
  /** Virtual time during which processes die and calls are lost, ms; then all must come to an end. @default 40,000 */
  readonly troubleMs?: number;
  /** A guard taken out of the tables: the checker must notice. */
  readonly without?: Guard;
  /** @default true */
  readonly honoursTokens?: boolean;
  /** @default silent */
  readonly log?: Log;
}

export interface SimulationResult {
  readonly seed: number;
  readonly wrongs: readonly string[];
  readonly kills: number;
  readonly pauses: number;
  readonly joins: number;
  readonly leaves: number;
  readonly jumps: number;
  /** Times that an actor was parked for an event and put back. */
  readonly parked: number;
  readonly steps: number;
  readonly launches: number;
  /** Virtual time from the first ticket to rest, ms. */
  readonly tookMs: number;
}

interface Orchestrator {
  readonly process: Process;
  readonly host: Host;
}

const MOST_PROCESSES = 4;
/** In which whoever was stopped goes on, the shards are shared anew, and what is still to happen by itself happens. */
const SETTLED_MS = 60_000;
const STORM: Weather = { lostRequest: 0.05, lostAnswer: 0.05, latencyMs: 60 };
/** Short lives, so that little virtual time passes in which nothing but leases is renewed. */
const SETTINGS = { ...DEFAULT_SETTINGS, agent: { ...DEFAULT_SETTINGS.agent, wallClockMs: 300_000, stallMs: 60_000 } };
/** Longer than any wall clock, back-off and stall of the machines together. */
const END_MS = 48 * 3_600_000;

export async function simulate(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
  const world = new Simulated(seed, options);
  return world.run();
}

class Simulated {
  private readonly scheduler = new Scheduler();
  private readonly choices: Choices;
  private storeOffsetMs = 0;
  private readonly tables = new Tables(
    () => this.scheduler.nowMs + this.storeOffsetMs,
    () => this.scheduler.nowMs,
  );
  private readonly ends: FarEnds;
  private readonly running: Orchestrator[] = [];
  /** Each in a shard of its own. Nobody writes tickets for the last two. */
  private readonly projects = ["shop", "app", "docs", "game"].map((name) => projectAddress("acme", name));
  private weather = CALM;
  /** Deaths mend whatever a host has forgotten: in many a history nobody dies, and only shards change hands. */
  private readonly isDeadly: boolean;
  private started = 0;
  private counts = { kills: 0, pauses: 0, joins: 0, leaves: 0, jumps: 0, parked: 0 };

  constructor(
    private readonly seed: number,
    private readonly options: SimulationOptions,
  ) {
    this.choices = seeded(seed);
    this.isDeadly = this.choices.chance(0.5);
    if (options.without) this.tables.without.add(options.without);
    const [first, second] = [this.feature(0), this.feature(2)];
    const blockedBy = { [second]: [first] };
    this.ends = new FarEnds(this.scheduler, this.tables, this.choices, blockedBy, options.honoursTokens);
  }

  async run(): Promise<SimulationResult> {
    const startedAt = this.scheduler.nowMs;
    for (const project of this.projects) this.found(project);
    const troubleMs = this.options.troubleMs ?? 40_000;
    this.weather = STORM;
    this.ends.troubles = { busy: 0.1, never: 0.02, duplicates: 0.2 };
    this.begin();
    if (this.choices.chance(0.5)) this.begin();
    for (let ticket = 0; ticket < (this.options.tickets ?? 4); ticket++) this.appear(ticket);
    this.trouble(startedAt + troubleMs);
    await this.scheduler.pass(troubleMs);
    this.weather = CALM;
    this.ends.troubles = { busy: 0, never: 0, duplicates: 0 };
    if (this.running.length === 0) this.begin();
    await this.scheduler.pass(SETTLED_MS);
    const came = await this.scheduler.runUntil(() => this.isAtRest(), END_MS);
    const found = [...wrongs(this.tables, this.ends, true), ...this.unfair()];
    if (!came) found.push("I9: it never came to rest");
    const kept = { steps: this.tables.transitions.length, launches: this.ends.launches.length };
    for (const { process } of this.running) process.kill();
    return { seed: this.seed, wrongs: found, ...this.counts, ...kept, tookMs: this.scheduler.nowMs - startedAt };
  }

  private isAtRest(): boolean {
    const { timers, mailbox, outbox } = this.tables;
    if (timers.size > 0 || mailbox.size > 0 || !this.ends.isQuiet) return false;
    for (const { state } of outbox.values()) if (state === "pending") return false;
    return true;
  }

  private project = (ticket: number): ProjectAddress => this.projects[ticket % 2]!;
  private feature = (ticket: number): FeatureAddress => featureAddress(this.project(ticket), `oma-${ticket + 1}`);

  /** As convex/seed.ts does it: born with room for nobody, its limits are its first event. */
  private found(address: ProjectAddress): void {
    const input = { address, limits: { features: 0, perRole: {} }, settings: SETTINGS };
    this.tables.seed(address, MACHINE_VERSIONS.project, persist(projectMachine, begin(projectMachine, input).snapshot));
    this.ends.tell(address, "limits", {
      type: "limits.changed",
      by: "seed",
      limits: { features: 1, perRole: { coder: 1 } },
    } as never);
  }

  /** A ticket is written, moved to Todo a little later, and sometimes taken back. */
  private appear(index: number): void {
    const feature = this.feature(index);
    const facts = { issueId: feature, key: `OMA-${index + 1}` };
    const change = (key: string, stateType: "backlog" | "unstarted" | "canceled", updatedAt: number) => {
      const ticket = aTicket({ ...facts, stateType, updatedAt });
      if (updatedAt === 0)
        this.ends.tell(this.project(index), key, { type: "ticket.appeared", featureId: `oma-${index + 1}`, ticket } as never);
      else this.whenBorn(feature, () => this.ends.tell(feature, key, { type: "ticket.changed", ticket } as never));
    };
    const at = this.choices.next() * 5_000;
    this.scheduler.after(at, () => change(`appear-${index}`, "backlog", 0));
    this.scheduler.after(at + this.choices.next() * 5_000, () => change(`todo-${index}`, "unstarted", 1));
    if (this.choices.chance(0.2))
      this.scheduler.after(at + this.choices.next() * 60_000, () => change(`cancel-${index}`, "canceled", 2));
    if (this.choices.chance(0.2)) this.poison(feature, `poison-${index}`, at + this.choices.next() * 30_000);
    if (this.choices.chance(0.2)) {
      const after = this.choices.next() * 30_000;
      const hold = (type: "pause" | "resume", ms: number) =>
        this.scheduler.after(at + ms, () =>
          this.ends.tell(this.project(index), `${type}-${index}`, { type, by: "Dana", mode: "now" } as never),
        );
      hold("pause", after);
      hold("resume", after + this.choices.next() * 30_000);
    }
  }

  /** An event that no actor can take comes in; when it was given up, a person has it tried again, or drops it. */
  private poison(feature: FeatureAddress, key: string, ms: number): void {
    const store = () => this.tables.deliver(feature, key, "{not an event", { kind: "linear", name: "Linear" });
    this.scheduler.after(ms, () => this.whenBorn(feature, store));
    const look = () => {
      if (this.tables.actors.get(feature)?.status === "parked") {
        this.counts.parked++;
        this.tables.decide(feature, this.choices.chance(0.3) ? "retry" : "drop");
      }
      this.scheduler.after(5_000, look);
    };
    this.scheduler.after(ms, look);
  }

  private whenBorn(address: string, run: () => void): void {
    if (this.tables.actors.has(address)) run();
    else this.scheduler.after(500, () => this.whenBorn(address, run));
  }

  private begin(): void {
    const process = new Process(this.scheduler, this.choices, () => this.weather);
    const store = createMemoryStore(this.tables, process, `owner-${++this.started}`);
    const host = createHost({
      store,
      performers: this.ends.performers(process),
      log: this.options.log ?? SILENT,
      clock: process.clock,
    });
    this.running.push({ process, host });
    void host.start();
  }

  /** One shard is taken from its owner, by somebody who is not heard of again: any process may take it then, its owner too. */
  private steal(): void {
    const [shard] = this.choices.pick([...this.tables.shards]);
    this.tables.ownership.steal(shard, "somebody who dies at once", this.choices.next() * 3_000);
  }

  /** Kills, stops and starts processes until `endsAt`. */
  private trouble(endsAt: number): void {
    this.scheduler.after(50 + this.choices.next() ** 2 * 8_000, () => {
      if (this.scheduler.nowMs > endsAt) return;
      this.upset();
      this.trouble(endsAt);
    });
  }

  private upset(): void {
    const victim = this.running.length > 0 ? this.choices.pick(this.running) : undefined;
    const chance = this.choices.next();
    if (!victim || (chance < 0.15 && this.running.length < MOST_PROCESSES)) {
      this.counts.joins++;
      this.begin();
    } else if (chance < (this.isDeadly ? 0.3 : 0.6)) this.steal();
    else if (chance < (this.isDeadly ? 0.4 : 0.75)) this.jump(victim);
    else if (chance < (this.isDeadly ? 0.55 : 1)) this.leave(victim);
    else if (chance < 0.75) {
      this.counts.pauses++;
      victim.process.pause(this.choices.next() * 25_000);
    } else {
      this.counts.kills++;
      this.remove(victim);
      victim.process.kill();
      this.scheduler.after(this.choices.next() * 3_000, () => this.begin());
    }
  }

  /** A deployment: it hands over and ends; what goes wrong with that is for the others. Somebody always stays. */
  private leave(victim: Orchestrator): void {
    if (this.running.length < 2) return;
    this.counts.leaves++;
    this.remove(victim);
    void victim.host.drain().catch(() => {});
  }

  /** The wall clock of a process, or of the store, is set: an hour on or back, or a little. */
  private jump({ process }: Orchestrator): void {
    this.counts.jumps++;
    const ms = (this.choices.chance(0.5) ? 1 : -1) * (this.choices.chance(0.5) ? 3_600_000 : this.choices.next() * 20_000);
    if (this.choices.chance(0.5)) process.wallOffsetMs += ms;
    else this.storeOffsetMs += ms;
  }

  private remove(victim: Orchestrator): void {
    this.running.splice(this.running.indexOf(victim), 1);
  }

  /** N2, N3: once nothing changes any more, every shard is somebody's and nobody has more than its share. */
  private unfair(): string[] {
    const counts = this.running.map(({ host }) => host.stats().shards).sort((a, b) => a - b);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const isFair = total === this.tables.shards.size && (counts.at(-1) ?? 0) - (counts[0] ?? 0) <= 1;
    return isFair ? [] : [`N2: ${this.tables.shards.size} shards are shared as ${counts.join()}`];
  }
}

const SILENT: Log = { info: () => {}, warn: () => {}, error: () => {} };
