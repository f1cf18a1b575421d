// A deployment of its own with a host at work, whose tickets come, are dispatched and leave through the functions a webhook calls:
// what `bench:scale` measures dispatches on.

import { type FeatureAddress, featureAddress, type ProjectAddress } from "@omakase/machines";
import { api } from "../../convex/_generated/api.js";
import { featureOf } from "../../convex/shardOf.ts";
import type { Issue } from "../../convex/tickets.ts";
import { createHost } from "../actors/host.ts";
import type { StoredStep } from "../actors/stepper.ts";
import { performersThatTellLaunches } from "./performers.ts";
import { Stage } from "./stage.ts";

const ISSUES_A_CALL = 100;
/** Seeding takes a minute on two cores that are free. */
const LIMIT_MS = 300_000;
const DESCRIPTION = "What is wanted, and why. ".repeat(40);

export interface Ticket {
  readonly slug: string;
  readonly number: number;
}

interface Launch {
  readonly feature: string;
  /** `performance.now()`. */
  readonly at: number;
}

type Wanted<T> = (one: T) => boolean;

export const addressOf = ({ slug, number }: Ticket): FeatureAddress =>
  featureAddress(`acme/${slug}` as ProjectAddress, `oma-${number}`);

export class Yard {
  private readonly launches = new Waiting<Launch>();
  private readonly steps = new Waiting<StoredStep>();
  private readonly blockers = new Map<string, Ticket>();
  private readonly host: ReturnType<typeof createHost>;
  /** Linear's clock: every version of a ticket is newer than the last. */
  private clock = 1;

  private constructor(readonly stage: Stage) {
    const performers = performersThatTellLaunches(
      stage.caller,
      async (issueId) => {
        const blocker = this.blockers.get(issueId);
        return blocker ? [{ issueId: issueIdOf(blocker), key: `OMA-${blocker.number}`, stateType: "backlog" }] : [];
      },
      (agent) => this.launches.tell({ feature: featureOf(agent) ?? agent, at: performance.now() }),
    );
    this.host = createHost({ store: stage.store, performers, log: { info: () => {}, warn: () => {}, error: () => {} } });
    this.host.onStored((stored) => {
      for (const step of stored) this.steps.tell(step);
    });
  }

  static async open(): Promise<Yard> {
    const yard = new Yard(await Stage.set());
    await yard.host.start();
    while (!yard.host.ready()) await Bun.sleep(5);
    return yard;
  }

  /** A project whose features have all been born, in the backlog. */
  async project(slug: string, features: number): Promise<Ticket[]> {
    await this.stage.project(slug);
    const tickets = Array.from({ length: features }, (_, index) => ({ slug, number: index + 1 }));
    const born = this.each(tickets, "ticket.changed");
    await this.move(tickets, "backlog");
    await born;
    return tickets;
  }

  /** Moves them all to Todo, to wait for `blocker`. */
  async block(tickets: readonly Ticket[], blocker: Ticket): Promise<void> {
    for (const ticket of tickets) this.blockers.set(issueIdOf(ticket), blocker);
    await this.queue(tickets);
  }

  /** Moves them to Todo; resolves when each knows whether it may begin. */
  async queue(tickets: readonly Ticket[]): Promise<void> {
    const read = this.each(tickets, "dependencies.resolved");
    await this.move(tickets, "unstarted");
    await read;
  }

  /** How many features of a project may be worked on. */
  async limit(slug: string, features: number): Promise<void> {
    const [actor, limits] = [`acme/${slug}`, { features, perRole: {} }];
    const stored = this.steps.next((step) => step.actor === actor && step.eventType === "limits.changed");
    const event = JSON.stringify({ type: "limits.changed", at: Date.now(), by: "Bench", limits });
    await this.stage.deliver([{ actor, key: `limits-${this.clock++}`, event }]);
    await stored;
  }

  /** From its delivery in Todo to its launch, ms; afterwards it has left again. */
  async dispatch(ticket: Ticket): Promise<number> {
    const launched = this.launches.next(({ feature }) => feature === addressOf(ticket));
    const sentAt = performance.now();
    await this.receive(ticket, "unstarted");
    const { at } = await launched;
    await this.leave(ticket);
    return at - sentAt;
  }

  /** From the delivery that cancels who is at work to the launch of who was next, ms. */
  async handOn(ticket: Ticket): Promise<{ ms: number; next: string }> {
    const launched = this.launches.next(() => true);
    const sentAt = performance.now();
    await this.leave(ticket);
    const { feature, at } = await launched;
    return { ms: at - sentAt, next: feature };
  }

  /** The features that are launched while `use` runs, `count` of them. */
  async launched(count: number, use: () => Promise<void>): Promise<string[]> {
    const features: string[] = [];
    const all = this.launches.next(({ feature }) => features.push(feature) >= count);
    await use();
    await all;
    return features;
  }

  /** The host hands over; the deployment stays. */
  drain(): Promise<void> {
    return this.host.drain();
  }

  private async leave(ticket: Ticket): Promise<void> {
    const actor = addressOf(ticket);
    const stopped = this.steps.next((step) => step.actor === actor && step.eventType === "agent.finished");
    await this.receive(ticket, "canceled");
    await stopped;
  }

  private async receive(ticket: Ticket, stateType: Issue["stateType"]): Promise<void> {
    const issue = issueOf(ticket, stateType, this.clock++);
    await this.stage.caller.mutation(api.linear.receive, { deliveryId: `delivery-${this.clock}`, event: "Issue.update", issue });
  }

  private async move(tickets: readonly Ticket[], stateType: Issue["stateType"]): Promise<void> {
    for (let at = 0; at < tickets.length; at += ISSUES_A_CALL) {
      const issues = tickets.slice(at, at + ISSUES_A_CALL).map((ticket) => issueOf(ticket, stateType, this.clock++));
      await this.stage.caller.mutation(api.linear.sync, { issues });
    }
  }

  private async each(tickets: readonly Ticket[], eventType: string): Promise<void> {
    const missing = new Set<string>(tickets.map(addressOf));
    await this.steps.next((step) => step.eventType === eventType && missing.delete(step.actor) && missing.size === 0);
  }
}

/** Who waits for something that has still to happen. */
class Waiting<T> {
  private readonly wanted = new Map<Wanted<T>, (one: T) => void>();

  tell(one: T): void {
    for (const [isWanted, resolve] of this.wanted) {
      if (!isWanted(one)) continue;
      this.wanted.delete(isWanted);
      resolve(one);
    }
  }

  /** @throws after five minutes */
  next(isWanted: Wanted<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const limit = setTimeout(() => reject(new Error("what was waited for has not happened in five minutes")), LIMIT_MS);
    this.wanted.set(isWanted, (one) => {
      clearTimeout(limit);
      resolve(one);
    });
    return promise;
  }
}

const issueIdOf = ({ slug, number }: Ticket) => `issue-${slug}-${number}`;

const issueOf = (ticket: Ticket, stateType: Issue["stateType"], updatedAt: number): Issue => ({
  issueId: issueIdOf(ticket),
  key: `OMA-${ticket.number}`,
  teamId: `team-${ticket.slug}`,
  title: `Ticket ${ticket.number}`,
  description: DESCRIPTION,
  url: `https://linear.test/OMA-${ticket.number}`,
  priority: 3,
  labels: [],
  stateType,
  stateName: stateType,
  updatedAt,
  removed: false,
});
