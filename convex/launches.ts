// The launches of a batch: each is reserved, or withheld and answered, in the transaction that asks for it (C6).

import type { AgentEvent } from "@omakase/machines/agent/agent-events";
import type { RunTask } from "@omakase/machines/effects";
import type { Id } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { refuse } from "./errors.ts";
import { post } from "./mail.ts";
import { ceilingOf, reserve, settleAgent } from "./reservations.ts";
import { answerKey, findEffect, stillUnread } from "./settling.ts";
import type { Effect, Settled, Step } from "./steps.ts";

/** The id of an effect and the key of a send: `<actor>:<sequence>:<index>` (P5). */
export const askId = (actor: string, sequence: number, index: number): string => `${actor}:${sequence}:${index}`;

interface Launch {
  readonly project: Id<"projects">;
  readonly shard: number;
  readonly feature: string;
  readonly agent: string;
  readonly effectId: string;
  readonly effect: Effect;
  readonly outbox: Id<"outbox">;
  readonly run: Id<"agentRuns">;
  /** ms. */
  readonly at: number;
}

/** Reserves what a launch may spend. @returns the effect, settled and answered, when some budget has no room for it; else nothing */
export async function withholding(db: DatabaseWriter, launch: Launch): Promise<Settled[]> {
  const { shard, feature, agent, effectId, effect, at } = launch;
  const project = await db.get(launch.project);
  if (project === null || effect.run === null) {
    return refuse({ code: "badStep", actor: agent, message: `The launch of ${agent} belongs to no project.` });
  }
  const { role, attempt } = effect.run;
  // The payload is our own machine's, about to be frozen.
  const { limits } = JSON.parse(effect.payload) as RunTask;
  const refusal = await reserve(db, { project, feature, agent, effectId, role, wanted: ceilingOf(limits), at });
  if (refusal === null) return [];
  const { level: budget, reason } = refusal;
  await db.patch(launch.run, { state: "ended", endedAt: at, endReason: reason });
  const event = JSON.stringify({ type: "task.refused", at, attempt, class: "budget", reason, budget } satisfies AgentEvent);
  const cause = { kind: "effect", name: effect.kind } as const;
  const posted = await post(db, shard, agent, { key: answerKey(effectId), event, cause });
  await db.patch(launch.outbox, { state: "failed", error: reason, settledAt: at, mail: [posted.id] });
  return [{ kind: "settled", effectId, mail: [{ ...posted, event }] }];
}

/** What a step that is told again must not have performed: every effect that is over by now. */
export async function askedAgain(
  db: DatabaseReader,
  actor: string,
  sequence: number,
  effects: readonly Effect[],
): Promise<Settled[]> {
  const settled: Settled[] = [];
  for (const { index } of effects) {
    const effectId = askId(actor, sequence, index);
    const effect = await findEffect(db, effectId);
    if (effect !== null && effect.state !== "pending")
      settled.push({ kind: "already", effectId, mail: await stillUnread(db, effect) });
  }
  return settled;
}

/** An agent that is over holds no reservation, whatever became of its tasks. */
export async function settleEnded(db: DatabaseWriter, { actor, view }: Pick<Step, "actor" | "view">): Promise<void> {
  if (view?.kind === "agent" && view.ended) await settleAgent(db, actor);
}
