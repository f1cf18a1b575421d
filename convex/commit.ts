// How a batch of steps is stored. One transaction: everything or nothing. `host.commit` is its only caller.
//
//   C1. The event's row is the right to apply it: the step that consumes it deletes it, or makes it another timer's (timers.ts). What is
//       recorded is what the row says, which is what the step was computed on. Without the row, the receipt tells a repeat (answered from
//       what is stored, nothing written) from an event that nobody sent (refused).
//   C2. An actor's sequence is the expected one, else the whole batch is a conflict: sequences are gap-free (H3).
//   C3. A step reaches its own project only: sends, spawns and rows of another project are refused (P9).
//   C4. An actor's row and its view row are written once a batch, with what its last step said.
//   C5. A step that cannot be stored is refused by its actor's name, so that the host can find it among the others (H5).
//   C6. A launch is asked for only with its reservation (reservations.ts M1): without one its effect is stored as refused, and answered.
//   C7. A question to our own memory (questions.ts) is answered in the transaction that asks it, of what the whole batch leaves behind.

import type { Question } from "@omakase/machines/effects";
import { ConvexError } from "convex/values";
import type { Doc, Id } from "./_generated/dataModel";
import type { DatabaseWriter } from "./_generated/server";
import { createActor } from "./births.ts";
import { refuse } from "./errors.ts";
import { type Owned, requireOwned } from "./fence.ts";
import { askedAgain, askId, settleEnded, withholding } from "./launches.ts";
import { findActor, findReceipt, type Letter, post, stillPosted } from "./mail.ts";
import { answerOf, isQuestion } from "./questions.ts";
import { settledAtOnce, type Unsettled } from "./settling.ts";
import { featureOf } from "./shardOf.ts";
import { stepFault } from "./stepFault.ts";
import {
  type Effect,
  type Posted,
  type Send,
  type Settled,
  type Spawned,
  type Step,
  type StepResult,
  type WholeStep,
  wholeStep,
} from "./steps.ts";
import { type FiredTimer, firedTimer, setTimers } from "./timers.ts";
import { ViewWrites } from "./viewWrites.ts";

type ActorRow = Doc<"actors">;
type ActorPatch = Partial<Pick<ActorRow, "sequence" | "snapshot" | "machineVersion" | "status">>;

/** Whoever asks: an actor at the sequence it asks with. */
interface Asker extends Pick<ActorRow, "address" | "kind" | "organization" | "project" | "shard"> {
  readonly sequence: number;
}

/** A question of the batch, and where its answer goes. */
interface Asked {
  readonly asker: Asker;
  readonly question: Question;
  readonly row: Unsettled;
  readonly settled: Settled[];
}

type Event = Pick<Letter, "event" | "cause">;

/** What gives the right to apply an event. */
type EventRow = ({ readonly kind: "mail"; readonly id: Id<"mailbox"> } & Event) | FiredTimer;

/** @throws {ConvexError} `fenced`, `conflict`, `parked`, `unknownActor`, `unknownEvent`, `badStep`, each naming the actor */
export async function commitSteps(db: DatabaseWriter, owned: Owned, steps: readonly Step[]): Promise<StepResult[]> {
  const batch = new Batch(db, owned);
  const results: StepResult[] = [];
  for (const step of steps) results.push(await naming(step.actor, () => batch.apply(wholeStep(step))));
  await batch.finish();
  return results;
}

class Batch {
  /** Actors touched so far, as they will be when the batch is stored (C4). */
  readonly #actors = new Map<Id<"actors">, { readonly row: ActorRow; readonly patch: ActorPatch }>();
  readonly #views: ViewWrites;
  readonly #questions: Asked[] = [];

  constructor(
    private readonly db: DatabaseWriter,
    private readonly owned: Owned,
  ) {
    this.#views = new ViewWrites(db);
  }

  async apply(step: WholeStep): Promise<StepResult> {
    const fault = stepFault(step);
    if (fault !== null)
      refuse({ code: "badStep", actor: step.actor, message: `The step of ${step.actor} cannot be stored: ${fault}.` });

    const source = await this.#source(step);
    if (source === null) return this.#repeated(step);

    const actor = await this.#living(step);
    if (source.kind === "mail") await this.db.delete(source.id);
    const sequence = step.expectedSequence + 1;
    await this.#record(actor, step, sequence, source.kind === "mail" ? source : timerEvent(step));
    const change = { sequence, ...changeOf(actor, step) };
    const earlier = this.#actors.get(actor._id)?.patch;
    this.#actors.set(actor._id, { row: { ...actor, ...change }, patch: { ...earlier, ...change } });
    if (step.view !== null) this.#views.add(actor, step.view, sequence, step.at);

    const asker: Asker = { ...actor, sequence };
    const spawned: Spawned[] = [];
    const mail: Posted[] = [];
    const settled: Settled[] = [];
    for (const spawn of step.spawns) {
      const birth = await createActor(this.db, home(actor), spawn, { at: step.at, bornOf: `${step.actor}:${sequence}` });
      spawned.push(birth);
      if (!birth.created) continue;
      const child: Asker = { ...home(actor), address: spawn.address, kind: spawn.view.kind, sequence: 0 };
      mail.push(...(await this.#ask(child, spawn, step.at, settled)));
    }
    mail.push(...(await this.#ask(asker, step, step.at, settled, source)));
    await settleEnded(this.db, step);
    return { kind: "stored", sequence, mail, spawned, settled };
  }

  /** Writes the rows that several steps of the batch may have changed, then answers what was asked (C7). */
  async finish(): Promise<void> {
    for (const { row, patch } of this.#actors.values()) await naming(row.address, () => this.db.patch(row._id, patch));
    await this.#views.finish(naming);
    for (const asked of this.#questions) await naming(asked.asker.address, () => this.#answer(asked));
  }

  /** C7. The effect is stored as it is afterwards: nobody ever sees it pending. */
  async #answer({ asker: { address, shard, project }, question, row, settled }: Asked): Promise<void> {
    const { ending, mail } = await answerOf(this.db, { address, shard, project, effectId: row.effectId }, question);
    settled.push(await settledAtOnce(this.db, row, ending, mail));
  }

  /** The row that gives the right to apply the step's event, with the event; null when there is none (C1). */
  async #source({ source, actor, eventId, eventType }: WholeStep): Promise<EventRow | null> {
    switch (source.kind) {
      case "mail": {
        const row = await this.db.get(source.id);
        if (row === null || row.actor !== actor || row.key !== eventId || !isOfType(row.event, eventType)) return null;
        return { kind: "mail", id: row._id, event: row.event, cause: row.cause };
      }
      case "timer":
        return firedTimer(this.db, actor, source);
      default:
        return source satisfies never;
    }
  }

  /** C1: the answer to a step whose event has no row. */
  async #repeated(step: WholeStep): Promise<StepResult> {
    const receipt = await findReceipt(this.db, step.actor, step.eventId);
    if (receipt === null) {
      if (step.source.kind === "timer") return { kind: "stale" };
      return refuse({
        code: "unknownEvent",
        actor: step.actor,
        message: `Nobody sent the event "${step.eventId}" to ${step.actor}: load its mail again.`,
      });
    }
    const { sequence } = receipt;
    if (sequence !== step.expectedSequence + 1)
      return { kind: "duplicate", sequence, replay: false, mail: [], spawned: [], settled: [] };
    const mail: Posted[] = [];
    const spawned: Spawned[] = [];
    const settled: Settled[] = [];
    for (const spawn of step.spawns) {
      const actor = await findActor(this.db, spawn.address);
      if (actor === null) continue;
      const created = actor.bornOf === `${step.actor}:${sequence}`;
      spawned.push({ address: spawn.address, actorId: actor._id, created });
      if (!created) continue;
      settled.push(...(await askedAgain(this.db, spawn.address, 0, spawn.effects)));
      for (const send of spawn.sends) mail.push(...(await stillPosted(this.db, send.to, askId(spawn.address, 0, send.index))));
    }
    settled.push(...(await askedAgain(this.db, step.actor, sequence, step.effects)));
    for (const send of step.sends) mail.push(...(await stillPosted(this.db, send.to, askId(step.actor, sequence, send.index))));
    return { kind: "duplicate", sequence, replay: true, mail, spawned, settled };
  }

  /** The actor a step is for, able to take it: known, of an owned shard, not parked, at the expected sequence (C2). */
  async #living({ actor: address, actorId, expectedSequence }: WholeStep): Promise<ActorRow> {
    const actor = this.#actors.get(actorId)?.row ?? (await this.db.get(actorId));
    if (actor === null || actor.address !== address) {
      return refuse({
        code: "unknownActor",
        actor: address,
        message: `There is no actor ${address} with the id ${actorId}: load it again.`,
      });
    }
    requireOwned(this.owned, actor.shard, address);
    if (actor.status === "parked") {
      return refuse({
        code: "parked",
        actor: address,
        message: `${address} is parked (${actor.parkedReason}): unpark it first.`,
      });
    }
    if (actor.sequence !== expectedSequence) {
      return refuse({
        code: "conflict",
        actor: address,
        sequence: actor.sequence,
        message: `${address} is at step ${actor.sequence}, not ${expectedSequence}: load it again.`,
      });
    }
    return actor;
  }

  async #record(actor: ActorRow, step: WholeStep, sequence: number, { event, cause }: Event): Promise<void> {
    const { eventId, eventType, from, to, microsteps, actions, ignored, at } = step;
    await this.db.insert("transitions", {
      project: actor.project,
      actor: actor.address,
      feature: featureOf(actor.address),
      sequence,
      eventId,
      eventType,
      event,
      cause,
      from,
      to,
      microsteps: [...microsteps],
      actions: [...actions],
      ignored,
      at,
      epoch: this.owned.get(actor.shard),
    });
  }

  /** Stores what a transition asked for; answers with the mail it posted. @param source of a step, and consumed with this when it is a timer */
  async #ask(
    asker: Asker,
    asks: Pick<WholeStep, "sends" | "effects" | "timers">,
    at: number,
    settled: Settled[],
    source?: EventRow,
  ): Promise<Posted[]> {
    await setTimers(this.db, asker, asks.timers, source?.kind === "timer" ? source : null);
    for (const effect of asks.effects) await this.#request(asker, effect, at, settled);
    const mail: Posted[] = [];
    for (const send of asks.sends) mail.push(await this.#send(asker, send));
    return mail;
  }

  #send({ address, sequence, shard }: Asker, { index, to, event }: Send): Promise<Posted> {
    return post(this.db, shard, to, { key: askId(address, sequence, index), event, cause: { kind: "actor", name: address } });
  }

  async #request(asker: Asker, effect: Effect, at: number, settled: Settled[]): Promise<void> {
    const { address, sequence, shard, project, organization } = asker;
    const { index, kind, payload, run } = effect;
    const effectId = askId(address, sequence, index);
    const asked = { project, shard, actor: address, effectId, kind, payload, createdAt: at };
    // The payload is our own machine's, about to be frozen.
    const parsed = isQuestion(kind) ? (JSON.parse(payload) as Question) : null;
    if (parsed !== null) {
      this.#questions.push({ asker, question: parsed, row: asked, settled });
      return;
    }
    const outbox = await this.db.insert("outbox", { ...asked, state: "pending", error: null, settledAt: null });
    if (run === null) return;
    const feature = featureOf(address) ?? address;
    const row = await this.db.insert("agentRuns", {
      organization,
      project,
      feature,
      agent: address,
      effectId,
      ...run,
      ...UNSTARTED,
      createdAt: at,
    });
    settled.push(
      ...(await withholding(this.db, { project, shard, feature, agent: address, effectId, effect, outbox, run: row, at })),
    );
  }
}

/** What a step changes of its actor's row, besides the sequence. */
function changeOf(row: ActorRow, { snapshot, machineVersion, status }: WholeStep): ActorPatch {
  const change: ActorPatch = {};
  if (snapshot !== null) change.snapshot = snapshot;
  if (machineVersion !== null) change.machineVersion = machineVersion;
  if (status !== row.status) change.status = status;
  return change;
}

const UNSTARTED = {
  state: "requested",
  taskArn: null,
  taskVersion: 0,
  claimId: null,
  claimedAt: null,
  lastSeenAt: null,
  lastOutputAt: null,
  usage: { turns: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd: 0 },
  model: null,
  result: null,
  headSha: null,
  exitCode: null,
  stopCode: null,
  endReason: null,
  endedAt: null,
  reportedAt: null,
  logSequence: 0,
} as const;

/** A timer's row does not hold its event: the step brings it. */
const timerEvent = ({ event = "", source }: WholeStep): Event => ({
  event,
  cause: { kind: "timer", name: source.kind === "timer" ? source.timerId : "" },
});

/**
 * Whether an event is still the one the step was computed on: only that of a parked actor changes, into the word that it was dropped
 * (quarantine.ts Q4), and its owner may not have heard of that yet. Our own events begin with their type; others are parsed.
 */
function isOfType(event: string, type: string): boolean {
  return event.startsWith(`{"type":${JSON.stringify(type)},`) || typeOf(event) === type;
}

function typeOf(event: string): unknown {
  try {
    return (JSON.parse(event) as { type?: unknown } | null)?.type;
  } catch {
    return undefined;
  }
}

const home = ({ organization, project, shard }: ActorRow) => ({ organization, project, shard });

/** C5: Convex's own refusals (a document too large, a field of the wrong type) name no actor. */
async function naming<Result>(actor: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ConvexError) throw cause;
    const message = `The step of ${actor} cannot be stored: ${cause instanceof Error ? cause.message : String(cause)}`;
    return refuse({ code: "badStep", actor, message });
  }
}
