// Who dies, at which point, and who is stopped or leaves for a while; and the count of it. What else goes wrong is in faults.ts.

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Choices } from "@omakase/machines/testing/seeded";
import { POINTS_FILES } from "../../../orchestrator/testing/kill-points.ts";
import { HAND_OVER_POINTS, POINTS } from "./points.ts";
import type { Victim } from "./victim.ts";
import type { ChaosWorld } from "./world.ts";

export class Deaths {
  readonly counts = { kills: 0, pauses: 0, drains: 0, absences: 0 };
  readonly byProcess = new Map<string, number>();
  /** Kill point to deaths there; those of chance are not in it. */
  readonly byPhase = new Map<string, number>();
  private toPlan: string[] = [];
  private planned: readonly string[] = [];

  constructor(
    private readonly world: ChaosWorld,
    private readonly choices: Choices,
    private readonly tell: (what: string, details: object) => void,
  ) {}

  /** A process has died by SIGKILL, ours or its own. */
  killed(name: string): void {
    this.counts.kills++;
    this.byProcess.set(name, (this.byProcess.get(name) ?? 0) + 1);
    this.strikeOut();
  }

  kill(victim: Victim | undefined): void {
    if (victim?.signal("SIGKILL")) this.tell("kill", { name: victim.name });
  }

  /** One more point at which somebody will die, in an order that leaves none out. */
  planPoint(): void {
    if (this.toPlan.length === 0) this.toPlan = shuffled([...POINTS, ...HAND_OVER_POINTS], this.choices);
    const point = this.toPlan.pop();
    if (point === undefined || this.planned.includes(point)) return;
    rmSync(this.deathFile(point), { force: true });
    this.plan([...this.planned, point]);
    this.tell("plan", { point });
  }

  /** Nobody is to die at a point any more. */
  planNothing(): void {
    this.plan([]);
  }

  private plan(points: readonly string[]): void {
    this.planned = points;
    this.world.plan(points);
  }

  /** What has killed is not to kill again. */
  private strikeOut(): void {
    const done = this.planned.filter((point) => existsSync(this.deathFile(point)));
    if (done.length === 0) return;
    for (const point of done) {
      this.byPhase.set(point, (this.byPhase.get(point) ?? 0) + 1);
      this.tell("died at", { point });
    }
    this.plan(this.planned.filter((point) => !done.includes(point)));
  }

  private deathFile = (point: string) => join(this.world.pointsFolder, POINTS_FILES.died(point));

  /** Stopped in its tracks, often for longer than its lease. */
  pause(victim: Victim | undefined): void {
    if (!victim?.signal("SIGSTOP")) return;
    this.counts.pauses++;
    const ms = 200 + this.choices.next() * 13_000;
    this.tell("pause", { name: victim.name, ms: Math.round(ms) });
    setTimeout(() => victim.signal("SIGCONT"), ms);
  }

  drain(victim: Victim | undefined): void {
    if (!victim?.signal("SIGTERM")) return;
    this.counts.drains++;
    this.tell("drain", { name: victim.name });
  }

  /**
   * Gone for longer than the others wait, killed or in good order: its shards are taken over, and shared anew when it comes back.
   * @param leaseTtlMs for how long the others wait
   */
  absent(victim: Victim | undefined, leaseTtlMs: number): void {
    if (!victim) return;
    const signal = this.choices.chance(0.5) ? "SIGKILL" : "SIGTERM";
    const ms = leaseTtlMs * (1.2 + this.choices.next());
    victim.awayMs = ms;
    if (!victim.signal(signal)) return;
    this.counts.absences++;
    this.tell("absent", { name: victim.name, signal, ms: Math.round(ms) });
  }
}

function shuffled<Item>(items: readonly Item[], choices: Choices): Item[] {
  const left = [...items];
  const mixed: Item[] = [];
  while (left.length > 0) mixed.push(...left.splice(choices.below(left.length), 1));
  return mixed;
}
