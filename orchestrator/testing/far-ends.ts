// The far sides of a simulation: Linear, GitHub and ECS as far as performers can tell, and the answers Convex works out. They keep
// a ledger of every call for the checker; tasks live on here whatever happens to the orchestrators, and tell Convex, not them.

import { type FeatureAddress, parentOf } from "@omakase/machines";
import type { PerformedEffect as Effect, Question } from "@omakase/machines/effects";
import { candidatesOf } from "@omakase/machines/testing/candidates";
import type { Choices } from "@omakase/machines/testing/seeded";
import { clientToken, uuidFor } from "../actors/effect-tokens.ts";
import type { EffectContext, Performed, PerformedKind, Performers } from "../actors/performer.ts";
import { OmakaseError } from "../errors.ts";
import type { OutboxRow } from "./rows.ts";
import type { Process, Scheduler } from "./scheduler.ts";
import type { Tables } from "./tables.ts";

/** One call as the far side saw it. */
export interface Call {
  readonly effectId: string;
  readonly kind: PerformedKind;
  /** The payload it came with, as JSON. */
  readonly payload: string;
  readonly at: number;
}

interface Task {
  readonly effectId: string;
  readonly token: string;
  readonly agent: string;
  readonly attempt: number;
  readonly taskArn: string;
  isRunning: boolean;
}

class Busy extends OmakaseError {
  readonly code = "busy";
  readonly retryable = true;
}

class Never extends OmakaseError {
  readonly code = "never";
  readonly retryable = false;
}

export class FarEnds {
  readonly calls: Call[] = [];
  /** Launched, each as often as it was. */
  readonly launches: Task[] = [];
  /** What exists in Linear and GitHub, by the name its effect gave it. */
  readonly made: string[] = [];
  /** Acknowledged deliveries: (actor, key). */
  readonly acknowledged = new Set<string>();
  /** One call in so many is refused, for a while or for good; 0: none. */
  troubles = { busy: 0, never: 0, duplicates: 0 };
  #unsettled = 0;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly tables: Tables,
    private readonly choices: Choices,
    private readonly blockedBy: Readonly<Record<string, readonly string[]>>,
    /** Whether a launch with a token that was used starts nothing: false shows that the checker would see it. */
    private readonly honoursTokens = true,
  ) {
    tables.questions.set("findReady", (row) => this.#findReady(row));
    tables.questions.set("announceToDependents", (row) => this.#announce(row));
  }

  /** Nothing of ours will happen by itself any more. */
  get isQuiet(): boolean {
    return this.#unsettled === 0 && this.launches.every(({ isRunning }) => !isRunning);
  }

  /** The performers of one process. */
  performers(process: Process): Performers {
    const far =
      (work: (effect: Effect, context: EffectContext) => Performed) =>
      (effect: Effect, context: EffectContext): Promise<Performed> =>
        process.call(() => {
          const { effectId } = context;
          this.calls.push({ effectId, kind: effect.kind, payload: JSON.stringify(effect), at: this.scheduler.nowMs });
          if (this.choices.chance(this.troubles.busy)) throw new Busy("try again");
          if (this.choices.chance(this.troubles.never)) throw new Never("this cannot be done");
          return work(effect, context);
        });
    return {
      resolveDependencies: far((_, context) => this.#resolve(context)),
      moveIssue: far(() => DONE),
      commentOnIssue: far((_, { effectId }) => this.#make(uuidFor(effectId, "linear-comment"), DONE)),
      openPullRequest: far((_, { actor }) =>
        this.#make(`pull request of ${actor}`, answer({ type: "pullRequest.opened", number: 1, url: "https://github.test/1" })),
      ),
      closePullRequest: far(() => DONE),
      runTask: far((effect, context) => this.#runTask(effect, context)),
      stopTask: far((effect, { actor }) => this.#stopTask(effect, actor)),
      checkProgress: far((effect, { actor }) => this.#checkProgress(effect, actor)),
    };
  }

  /** Delivers an event to an actor until it is stored, some of them more than once. */
  tell(actor: string, key: string, event: { readonly type: string }): void {
    const json = JSON.stringify({ ...event, at: this.scheduler.nowMs });
    const cause = { kind: "ecs", name: "far ends" } as const;
    const times = this.choices.chance(this.troubles.duplicates) ? 2 : 1;
    for (let time = 0; time < times; time++) {
      this.#later(time * this.choices.next() * 5_000, () => {
        const outcome = this.tables.deliver(actor, key, json, cause);
        if (outcome !== "unknown") this.acknowledged.add(`${actor} ${key}`);
      });
    }
  }

  #later(ms: number, run: () => void): void {
    this.#unsettled++;
    this.scheduler.after(ms, () => {
      this.#unsettled--;
      run();
    });
  }

  #make(name: string, performed: Performed): Performed {
    if (!this.made.includes(name)) this.made.push(name);
    return performed;
  }

  #settle(context: EffectContext, work: Parameters<Tables["settleWith"]>[1]): Performed {
    const settled = this.tables.transaction(() => {
      this.tables.fence(context.epochs);
      return this.tables.settleWith(context.effectId, work);
    });
    return { kind: "settled", settled };
  }

  #findReady({ actor: project, payload }: OutboxRow) {
    const question = JSON.parse(payload) as Extract<Question, { kind: "findReady" }>;
    const waiting = [...this.tables.actors.values()].flatMap(({ address, view }) =>
      view?.kind === "feature" && parentOf(address as never) === project
        ? [{ feature: address as FeatureAddress, role: view.wants ?? null }]
        : [],
    );
    const candidates = candidatesOf(question, waiting);
    return this.#said({ type: "ready.found", candidates });
  }

  #resolve(context: EffectContext): Performed {
    return this.#settle(context, () => {
      const blockers = (this.blockedBy[context.actor] ?? []).map((feature) => {
        const standing = this.#standing(feature);
        return { feature, issueId: feature, key: feature, state: standing, branch: null };
      });
      return this.#said({ type: "dependencies.resolved", blockers, cycle: null });
    });
  }

  /** Met once it has said so itself: what it will say later, it will also tell. */
  #standing(feature: string): "met" | "unmet" {
    const said = [...this.tables.outbox.values()].filter((row) => isAnnouncement(row, feature) && row.state === "done").at(-1);
    return said === undefined ? "unmet" : (JSON.parse(said.payload) as { state: "met" | "unmet" }).state;
  }

  #announce({ effectId, actor: feature, payload }: OutboxRow) {
    const { state, branch } = JSON.parse(payload) as Extract<Question, { kind: "announceToDependents" }>;
    const event = JSON.stringify({ type: "dependency.changed", at: this.scheduler.nowMs, feature, state, branch });
    const dependents = Object.keys(this.blockedBy).filter((one) => this.blockedBy[one]?.includes(feature));
    const mail = dependents
      .filter((dependent) => this.tables.actors.has(dependent))
      .map((dependent) => {
        const cause = { kind: "actor", name: feature } as const;
        return { ...this.tables.post(dependent, `${effectId}:${dependent}`, event, cause), event };
      });
    return { state: "done" as const, error: null, answer: null, mail };
  }

  #said(event: { readonly type: string; readonly [field: string]: unknown }) {
    return { state: "done" as const, error: null, answer: JSON.stringify({ ...event, at: this.scheduler.nowMs }), mail: [] };
  }

  #runTask(effect: Effect, { effectId, actor: agent }: EffectContext): Performed {
    const { attempt } = effect as Extract<Effect, { kind: "runTask" }>;
    const token = clientToken(effectId);
    let task = this.launches.find((launched) => launched.token === token);
    if (!task || !this.honoursTokens) {
      task = { effectId, token, agent, attempt, taskArn: `task-${this.launches.length}`, isRunning: true };
      this.launches.push(task);
      this.#live(task, effectId);
    }
    return answer({ type: "task.accepted", attempt, taskArn: task.taskArn });
  }

  /** A task's life, told to Convex over different wires: their words overtake each other. */
  #live(task: Task, effectId: string): void {
    const { agent, attempt, taskArn } = task;
    const soon = () => this.choices.next() * 3_000;
    this.#later(soon(), () => {
      if (!task.isRunning) return;
      if (this.choices.chance(this.troubles.never)) return this.#end(task, null, "SpotInterruption");
      this.tell(agent, `ecs:${taskArn}:RUNNING`, { type: "task.running", attempt, taskArn } as never);
      this.tell(agent, `claim:${effectId}`, { type: "agent.claimed", attempt } as never);
      this.#later(soon(), () => {
        if (!task.isRunning) return;
        const exitCode = this.#exitCode(agent);
        const verdict = { exitCode, class: exitCode === 1 ? "verdict" : null, reason: "done", costUsd: 0.25, headSha: "abc" };
        this.tell(agent, `report:${effectId}`, { type: "agent.reported", attempt, ...verdict } as never);
        this.#later(soon(), () => this.#end(task, exitCode, "EssentialContainerExited"));
      });
    });
  }

  #exitCode(agent: string): 0 | 1 | 2 {
    if (/reviewer-\d+$/.test(agent) && this.choices.chance(0.3)) return 2;
    return this.choices.chance(this.troubles.never) ? 1 : 0;
  }

  #stopTask(effect: Effect, agent: string): Performed {
    const { attempt } = effect as Extract<Effect, { kind: "stopTask" }>;
    const task = this.launches.find((one) => one.agent === agent && one.attempt === attempt);
    if (task) this.#later(this.choices.next() * 1_000, () => this.#end(task, 137, "UserInitiated"));
    return DONE;
  }

  #end(task: Task, exitCode: number | null, stopCode: string): void {
    if (!task.isRunning) return;
    task.isRunning = false;
    const { agent, attempt, taskArn } = task;
    const stopped = { type: "task.stopped", attempt, taskArn, exitCode, stopCode, reason: stopCode };
    this.tell(agent, `ecs:${taskArn}:STOPPED`, stopped);
  }

  #checkProgress(effect: Effect, agent: string): Performed {
    const { attempt } = effect as Extract<Effect, { kind: "checkProgress" }>;
    const isAlive = this.launches.some((task) => task.agent === agent && task.attempt === attempt && task.isRunning);
    return answer({ type: "progress.checked", attempt, silentMs: isAlive ? 0 : 1e9 });
  }
}

const DONE: Performed = { kind: "answer", event: null };

function answer(event: { readonly type: string; readonly [field: string]: unknown }): Performed {
  const { taskArn } = event;
  const launch = typeof taskArn === "string" ? { taskArn, isStopped: false } : null;
  return { kind: "answer", event, launch };
}

const isAnnouncement = (row: OutboxRow, feature: string) => row.actor === feature && row.kind === "announceToDependents";
