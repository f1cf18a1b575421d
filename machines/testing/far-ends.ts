// The far ends a test world talks to: Linear, GitHub and ECS as far as the machines can tell, played by a script per role.
// Every read and every task goes on in steps of its own, so that anything may happen in between.

import type { Effect } from "../effects.ts";
import type { Blocker, FeatureEvent, TicketFacts } from "../feature/feature-events.ts";
import { type ActorAddress, type AgentAddress, type FeatureAddress, lastSegment, parentOf } from "../ids.ts";
import type { Role } from "../roles.ts";
import { aTicket, featureOf, PROJECT } from "./builders.ts";
import { candidatesOf } from "./candidates.ts";
import type { Choices } from "./seeded.ts";
import type { Perform, World } from "./world.ts";

/** What the n-th run (from 1) of a role does on a ticket: its exit code and what it says. */
export type Script = (key: string, role: Role, run: number) => { readonly exitCode: 0 | 1 | 2; readonly reason: string };

export const allPass: Script = () => ({ exitCode: 0, reason: "Done" });

interface Task {
  readonly agent: AgentAddress;
  readonly attempt: number;
  readonly taskArn: string;
  alive: boolean;
  wasAsked: boolean;
}

export class FarEnds {
  readonly tickets = new Map<string, TicketFacts>();
  readonly comments: string[] = [];
  readonly closed: { readonly feature: FeatureAddress; readonly number: number }[] = [];
  readonly pullRequests: { readonly feature: FeatureAddress; readonly base: string | null }[] = [];
  readonly tasks: Task[] = [];
  /** Questions a project asked that were not answered yet. */
  openQuestions = 0;
  /** How the features stand towards those they block. */
  readonly #standing = new Map<FeatureAddress, { state: "met" | "unmet"; branch: string | null }>();
  readonly #blockedBy: Readonly<Record<string, readonly string[]>>;
  readonly #script: Script;
  /** When given, one in ten answers is a refusal, a loss, a repetition or nothing at all. */
  readonly #faults: Choices | undefined;

  constructor(script: Script = allPass, blockedBy: Readonly<Record<string, readonly string[]>> = {}, faults?: Choices) {
    this.#script = script;
    this.#faults = faults;
    this.#blockedBy = blockedBy;
  }

  /** A person creates a ticket in Todo. */
  create(world: World, key: string, overrides: Partial<TicketFacts> = {}): FeatureAddress {
    const ticket = aTicket({ key, issueId: key, stateType: "unstarted", ...overrides });
    this.tickets.set(key, ticket);
    world.send(PROJECT, { type: "ticket.appeared", featureId: key.toLowerCase(), ticket });
    return featureOf(key);
  }

  perform: Perform = (world, actor, effect) => {
    switch (effect.kind) {
      case "findReady": {
        this.openQuestions += 1;
        const ready = candidatesOf(
          effect,
          world.addresses<FeatureAddress>("feature").map((feature) => ({ feature, role: world.view(feature).wants })),
        );
        const isRefused = this.#goesWrong();
        const isOutOfBudget = this.#goesWrong();
        return world.later("ready.found", () => {
          this.openQuestions -= 1;
          if (isOutOfBudget) world.send(PROJECT, { type: "ready.found", candidates: [], outOf: "project" });
          else if (isRefused) world.send(PROJECT, { type: "effect.failed", kind: "findReady", reason: "Overloaded" });
          else world.send(PROJECT, { type: "ready.found", candidates: ready });
        });
      }
      case "resolveDependencies": {
        const blockers = this.#blockersOf(effect.issueId);
        const cycle = this.#cycleFrom(effect.issueId);
        const isRefused = this.#goesWrong();
        return world.later(`dependencies.resolved for ${actor}`, () => {
          if (isRefused) world.send(actor as FeatureAddress, { type: "effect.failed", kind: effect.kind, reason: "Unavailable" });
          else world.send(actor as FeatureAddress, { type: "dependencies.resolved", blockers, cycle });
        });
      }
      case "announceToDependents": {
        const { state, branch } = effect;
        this.#standing.set(actor as FeatureAddress, { state, branch });
        for (const [key, blockers] of Object.entries(this.#blockedBy)) {
          if (!blockers.some((blocker) => featureOf(blocker) === actor) || !world.actors.has(featureOf(key))) continue;
          world.send(featureOf(key), { type: "dependency.changed", feature: actor as FeatureAddress, state, branch });
        }
        return;
      }
      case "moveIssue": {
        const ticket = this.tickets.get(effect.issueId);
        if (!ticket) return;
        return this.moveTicket(world, ticket.key, effect.stateType);
      }
      case "commentOnIssue":
        this.comments.push(effect.body);
        return;
      case "openPullRequest":
        this.pullRequests.push({ feature: actor as FeatureAddress, base: effect.base });
        return world.later("pullRequest.opened", () =>
          world.send(actor as FeatureAddress, {
            type: "pullRequest.opened",
            number: 1,
            url: `https://github.test/${effect.branch}`,
          }),
        );
      case "closePullRequest":
        this.closed.push({ feature: actor as FeatureAddress, number: effect.number });
        return;
      case "runTask":
        return this.#runTask(world, actor as AgentAddress, effect);
      case "stopTask":
        return this.#stopTask(world, actor as AgentAddress, effect);
      case "checkProgress":
        return world.send(actor as AgentAddress, {
          type: "progress.checked",
          attempt: effect.attempt,
          silentMs: this.tasks.some(({ agent, attempt, alive }) => alive && agent === actor && attempt === effect.attempt)
            ? 0
            : 1e9,
        });
      default:
        effect satisfies never;
    }
  };

  /** The ticket moves, whoever moved it, and its feature hears of it. */
  moveTicket(world: World, key: string, stateType: TicketFacts["stateType"]): void {
    const ticket = { ...(this.tickets.get(key) ?? aTicket()), stateType };
    this.tickets.set(key, ticket);
    world.send(featureOf(key), { type: "ticket.changed", ticket } satisfies Omit<
      Extract<FeatureEvent, { type: "ticket.changed" }>,
      "at"
    >);
  }

  /** Whether everything that blocks a feature is met, as the far ends know it. */
  isUnblocked(feature: FeatureAddress): boolean {
    return this.#blockersOf(lastSegment(feature).toUpperCase()).every(({ state }) => state === "met");
  }

  aliveTasks(feature: FeatureAddress): Task[] {
    return this.tasks.filter(({ agent, alive }) => alive && parentOf(agent) === feature);
  }

  #blockersOf(key: string): Blocker[] {
    return (this.#blockedBy[key] ?? []).map((blocker) => {
      const feature = featureOf(blocker);
      const { state, branch } = this.#standing.get(feature) ?? { state: "unmet" as const, branch: null };
      return { feature, issueId: blocker, key: blocker, state, branch };
    });
  }

  /** Breadth-first from a ticket back to itself. */
  #cycleFrom(key: string): string[] | null {
    let paths: string[][] = [[key]];
    while (paths.length > 0 && (paths[0]?.length ?? 0) < 10) {
      paths = paths.flatMap((path) => (this.#blockedBy[path.at(-1) ?? ""] ?? []).map((next) => [...path, next]));
      const closed = paths.find((path) => path.at(-1) === key);
      if (closed) return closed;
    }
    return null;
  }

  #runTask(world: World, agent: AgentAddress, effect: Extract<Effect, { kind: "runTask" }>): void {
    const { attempt } = effect;
    if (this.#goesWrong()) {
      world.send(agent, { type: "task.refused", attempt, class: "infrastructure", reason: "RESOURCE:CPU" });
      return;
    }
    if (this.#goesWrong()) {
      const budget = this.#faults?.pick(["feature", "project"] as const) ?? "feature";
      world.send(agent, { type: "task.refused", attempt, class: "budget", reason: "$9 of $10", budget });
      return;
    }
    const task: Task = { agent, attempt, taskArn: `arn:${agent}:${attempt}`, alive: true, wasAsked: false };
    this.tasks.push(task);
    const { taskArn } = task;
    const ticketKey = lastSegment(parentOf(agent)).toUpperCase();
    const run = Number(lastSegment(agent).split("-").at(-1));
    const { exitCode, reason } = this.#script(ticketKey, effect.role, run);
    // ECS and the container speak over different wires: their words overtake each other.
    world.later("task.accepted", () => world.send(agent, { type: "task.accepted", attempt, taskArn }));
    world.later("task begins", () => {
      if (!task.alive) return;
      if (this.#goesWrong()) return this.#spoil(world, task);
      world.send(agent, { type: "task.running", attempt, taskArn });
      world.send(agent, { type: "agent.claimed", attempt });
      world.later("task reports", () => {
        if (!task.alive) return;
        const kind = exitCode === 1 ? ("verdict" as const) : null;
        world.send(agent, {
          type: "agent.reported",
          attempt,
          exitCode,
          class: kind,
          reason,
          costUsd: 0.25,
          headSha: `sha-${run}`,
        });
        if (this.#goesWrong()) world.send(agent, { type: "task.accepted", attempt, taskArn });
        world.later("task ends", () => this.#end(world, task, exitCode, "EssentialContainerExited"));
      });
    });
  }

  #stopTask(world: World, agent: ActorAddress, effect: Extract<Effect, { kind: "stopTask" }>): void {
    const task = this.tasks.find((one) => one.agent === agent && one.attempt === effect.attempt);
    if (!task || task.wasAsked) return;
    task.wasAsked = true;
    world.later("task is stopped", () => this.#end(world, task, 143, "UserInitiated"));
  }

  #goesWrong = (): boolean => this.#faults?.chance(0.1) ?? false;

  /** A task that never gets to its report: stopped by the cloud, found missing, crashed, or silent for ever. */
  #spoil(world: World, task: Task): void {
    const { agent, attempt } = task;
    const how = this.#faults?.below(4);
    if (how === 0) this.#end(world, task, 137, "SpotInterruption");
    if (how === 1) this.#end(world, task, 0, "EssentialContainerExited");
    task.alive = false;
    if (how === 2) world.send(agent, { type: "task.lost", attempt });
  }

  #end(world: World, task: Task, exitCode: number, stopCode: string): void {
    if (!task.alive) return;
    task.alive = false;
    const { agent, attempt, taskArn } = task;
    world.send(agent, { type: "task.stopped", attempt, taskArn, exitCode, stopCode, reason: "" });
  }
}
