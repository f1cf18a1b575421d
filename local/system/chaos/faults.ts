// What goes wrong besides death: faults ordered at the stand-ins, weather on the wires, a full disk, a clock that jumps. Each is one
// line of the trail.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Choices } from "@omakase/machines/testing/seeded";
import { CALM_INGRESS } from "./ingress.ts";
import type { Victim } from "./victim.ts";
import { CALM_WIRE } from "./wire.ts";
import type { ChaosWorld } from "./world.ts";

const LOCAL = { "x-omakase-local": "1", "content-type": "application/json" };

/** What a stand-in is asked to do wrong next. Nothing here is lost for ever: what is dropped without a repeat is not Omakase's to keep. */
const ORDERS = {
  ecs: [
    { target: "api", operation: "RunTask", kind: "dropReply" },
    { target: "api", operation: "RunTask", kind: "throttle" },
    { target: "api", operation: "RunTask", kind: "serverError" },
    { target: "api", operation: "RunTask", kind: "capacity" },
    { target: "api", operation: "StopTask", kind: "dropReply" },
    { target: "event", kind: "duplicate" },
    { target: "event", kind: "delay", delayMs: 2_000, lastStatus: "RUNNING" },
    { target: "event", kind: "delay", delayMs: 1_000, lastStatus: "STOPPED" },
    { target: "start", reason: "no room at the inn" },
  ],
  linear: [
    { kind: "drop-reply", match: "commentCreate" },
    { kind: "drop-reply", match: "issueUpdate" },
    { kind: "ratelimited" },
    { kind: "error", status: 502 },
    { kind: "delay", ms: 1_500 },
    { kind: "webhook-duplicate" },
    { kind: "webhook-reorder", ms: 1_000 },
  ],
  github: [
    { route: "POST /repos/{owner}/{repo}/pulls", kind: "drop-reply", times: 1 },
    { route: "GET /repos/{owner}/{repo}/pulls", kind: "drop-reply", times: 1 },
    { route: "POST /repos/{owner}/{repo}/pulls", kind: "delay", delayMs: 1_000, times: 1 },
    { route: "POST /{owner}/{repo}/git-receive-pack", kind: "drop-reply", times: 1 },
    { route: "webhook", kind: "repeat-delivery", times: 1 },
  ],
} as const;

export class Faults {
  constructor(
    private readonly world: ChaosWorld,
    private readonly choices: Choices,
    private readonly tell: (what: string, details: object) => void,
  ) {}

  /** One fault of one stand-in's own. Not answered: it was just killed. */
  async order(): Promise<void> {
    const side = this.choices.pick(["ecs", "linear", "github"] as const);
    const fault = this.choices.pick<object>(ORDERS[side]);
    this.tell("order", { side, fault });
    await fetch(`${this.world.direct[side]}/__faults`, {
      method: "POST",
      headers: LOCAL,
      body: JSON.stringify(fault),
      signal: AbortSignal.timeout(1_000),
    }).catch(() => {});
  }

  /** A machine under one of the last tasks is taken away. */
  async spot(): Promise<void> {
    const { ecs } = this.world.direct;
    try {
      const journal = await fetch(`${ecs}/__journal?after=0`, { headers: LOCAL, signal: AbortSignal.timeout(1_000) });
      const { entries } = (await journal.json()) as { entries: { operation: string; taskArn?: string }[] };
      const last = entries.filter(({ operation }) => operation === "StartContainer").slice(-3);
      if (last.length === 0) return;
      const { taskArn } = this.choices.pick(last);
      this.tell("spot", { taskArn });
      const body = JSON.stringify({ target: "spot", task: taskArn, graceMs: this.choices.below(2) * 500 });
      await fetch(`${ecs}/__faults`, { method: "POST", headers: LOCAL, body, signal: AbortSignal.timeout(1_000) });
    } catch {
      // ended meanwhile, or the server was just killed
    }
  }

  /** New weather on every wire. */
  weather(): void {
    const chance = (most: number) => (this.choices.chance(0.5) ? this.choices.next() * most : 0);
    for (const [name, wire] of this.world.wires) {
      const faults = {
        refuse: chance(0.1),
        loseRequest: chance(0.03),
        loseAnswer: chance(0.05),
        cutAnswer: chance(0.02),
        delay: chance(0.1),
        delayMs: 20 + this.choices.below(300),
      };
      wire.faults = faults;
      this.tell("weather", { wire: name, ...faults });
    }
    this.world.ingress.faults = { repeat: chance(0.3), loseAnswer: chance(0.1) };
    this.tell("weather", { wire: "ingress", ...this.world.ingress.faults });
  }

  /** Every connection of one wire ends now. */
  cut(): void {
    const name = this.choices.pick([...this.world.wires.keys()]);
    this.tell("cut", { wire: name });
    this.world.wires.get(name)?.cutAll();
  }

  /** The database starts again on a disk that has room for a little more, and some seconds later on one with room. */
  fullDisk(): void {
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
    this.startAgain(convex);
    setTimeout(() => {
      this.freeDisk();
      this.startAgain(convex);
    }, ms);
  }

  /** From its next start on the database has room. */
  freeDisk(): void {
    const convex = this.world.victims.get("convex");
    if (convex) convex.command = convex.spec.command;
  }

  private startAgain(victim: Victim): void {
    if (victim.signal("SIGKILL")) this.tell("kill", { name: victim.name });
  }

  /** The orchestrators' clocks are wrong for a while, by up to 84 minutes on or 36 back. */
  jump(): void {
    const wrongByMs = Math.round((this.choices.next() - 0.3) * 2 * 3_600_000);
    const ms = 500 + this.choices.next() * 3_000;
    this.tell("clock", { wrongByMs, ms: Math.round(ms) });
    this.world.setClock(wrongByMs);
    setTimeout(() => this.world.setClock(0), ms);
  }

  /** All is well again. @throws never: a stand-in that is away has forgotten its faults */
  async calm(): Promise<void> {
    for (const wire of this.world.wires.values()) wire.faults = CALM_WIRE;
    this.world.ingress.faults = CALM_INGRESS;
    this.world.setClock(0);
    for (const side of ["ecs", "linear", "github"] as const) {
      await fetch(`${this.world.direct[side]}/__faults`, { method: "DELETE", headers: LOCAL }).catch(() => {});
    }
    this.tell("calm", {});
  }
}
