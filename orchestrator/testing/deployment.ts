// A small deployment in memory and in virtual time, for tests that look at one thing: tables, far sides in good weather, hosts.

import { begin, DEFAULT_SETTINGS, featureMachine, MACHINE_VERSIONS, persist, projectMachine } from "@omakase/machines";
import { aTicket, FEATURE, PROJECT } from "@omakase/machines/testing/builders";
import { seeded } from "@omakase/machines/testing/seeded";
import { createHost, type Host } from "../actors/host.ts";
import type { Performers } from "../actors/performer.ts";
import type { Fields, Log } from "../log.ts";
import type { HostStore } from "../store/host-store.ts";
import { FarEnds } from "./far-ends.ts";
import { createMemoryStore } from "./memory-store.ts";
import { CALM, Process, Scheduler } from "./scheduler.ts";
import { Tables } from "./tables.ts";

export interface HostOptions {
  readonly performers?: (usual: Performers) => Partial<Performers>;
  readonly store?: (usual: HostStore) => Partial<HostStore>;
}

export const CAUSE = { kind: "person", name: "Dana" } as const;

/** A deployment of one project with one feature. */
export function oneFeature(): Deployment {
  const world = new Deployment();
  world.seedProject();
  world.seedFeature();
  return world;
}

export class Deployment {
  readonly scheduler = new Scheduler();
  readonly tables = new Tables(() => this.scheduler.nowMs);
  readonly choices = seeded(1);
  readonly ends = new FarEnds(this.scheduler, this.tables, this.choices, {});
  readonly logged: { readonly event: string; readonly fields: Fields }[] = [];
  readonly #log: Log;
  #owners = 0;

  constructor() {
    const write = (event: string, fields: Fields = {}) => void this.logged.push({ event, fields });
    this.#log = { info: write, warn: write, error: write };
  }

  /** A project with room for `features`. */
  seedProject(features = 5, address = PROJECT): void {
    const input = { address, limits: { features, perRole: {} }, settings: DEFAULT_SETTINGS };
    this.tables.seed(address, MACHINE_VERSIONS.project, persist(projectMachine, begin(projectMachine, input).snapshot));
  }

  /** A feature whose ticket is in the backlog. */
  seedFeature(address = FEATURE, machineVersion = MACHINE_VERSIONS.feature): void {
    const input = { address, ticket: aTicket(), settings: DEFAULT_SETTINGS };
    this.tables.seed(address, machineVersion, persist(featureMachine, begin(featureMachine, input).snapshot));
  }

  /** Mail from outside. */
  send(actor: string, key: string, event: { readonly type: string; readonly [field: string]: unknown }): void {
    this.tables.deliver(actor, key, JSON.stringify({ at: this.scheduler.nowMs, ...event }), CAUSE);
  }

  start({ performers, store }: HostOptions = {}): { host: Host; process: Process } {
    const process = new Process(this.scheduler, this.choices, () => CALM);
    const usual = createMemoryStore(this.tables, process, `owner-${++this.#owners}`);
    const usualPerformers = this.ends.performers(process);
    const host = createHost({
      store: { ...usual, ...store?.(usual) },
      performers: { ...usualPerformers, ...performers?.(usualPerformers) },
      log: this.#log,
      clock: process.clock,
    });
    void host.start();
    return { host, process };
  }

  /** Lets at most `limitMs` pass. @throws when it did not come to that */
  async until(what: string, holds: () => boolean, limitMs = 60_000): Promise<void> {
    if (!(await this.scheduler.runUntil(holds, limitMs))) throw new Error(`never: ${what}`);
  }

  pass = (ms: number) => this.scheduler.pass(ms);

  /** The types of the events an actor has taken, in order. */
  taken = (actor: string): string[] => this.log(actor).map(({ eventType }) => eventType);
  log = (actor: string) => this.tables.transitions.filter((row) => row.actor === actor);
  actor = (address: string) => this.tables.actors.get(address);
  said = (event: string) => this.logged.filter((line) => line.event === event);
}
