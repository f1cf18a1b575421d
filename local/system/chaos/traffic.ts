// The work that goes on while things break: tickets that are made, block each other, are moved, taken back and merged.

import type { Choices } from "@omakase/machines/testing/seeded";
import { Tickets } from "../tickets.ts";
import type { ChaosWorld } from "./world.ts";

const LOOK_EVERY_MS = 400;

export class Traffic {
  /** Tickets made so far. */
  created = 0;
  /** By project, the tickets made in it, oldest first. */
  private readonly open = new Map<string, { readonly key: string; readonly id: string }[]>();
  private isOver = false;
  private readonly tickets: Tickets;

  constructor(
    private readonly world: ChaosWorld,
    private readonly choices: Choices,
    private readonly tell: (what: string, details: object) => void,
  ) {
    this.tickets = new Tickets(world, `${world.direct.linear}/graphql`);
  }

  /**
   * Keeps so many tickets at work, over all projects, until `end`. Linear may be away at any moment: then the ticket is made a little
   * later.
   */
  async keep(inFlight: number): Promise<void> {
    while (!this.isOver) {
      try {
        const { features } = await this.world.tables(["features"]);
        const resting = features.filter(
          ({ state }) => !/queued|working|launching|waiting|backing|opening|asking/i.test(state),
        ).length;
        if (this.created - resting < inFlight) await this.add();
      } catch (error) {
        this.tell("ticket later", { reason: String(error).slice(0, 100) });
      }
      await Bun.sleep(LOOK_EVERY_MS);
    }
  }

  /** Nothing new from now on; what was begun goes on. */
  end(): void {
    this.isOver = true;
  }

  private async add(): Promise<void> {
    const { choices, tickets } = this;
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
}
