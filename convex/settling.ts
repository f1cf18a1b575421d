// How an effect ends: once. The first settlement marks the outbox row and posts the answer; every later one changes nothing.
//
//   S1. The row's state and the answer are stored in one transaction, by the owner of the shard.
//   S2. Whoever settles again is told all the mail of the first time that is still unread: nothing else would bring it to an owner
//       that did not hear the answer.
//   S3. A launch that was given up ends its run: a container that starts all the same is told "over" when it claims.
//   S4. A launch that nobody wants any more by the time it is answered is not settled before its task has been stopped.

import type { Doc } from "./_generated/dataModel";
import type { DatabaseReader, DatabaseWriter } from "./_generated/server";
import { refuse } from "./errors.ts";
import { type Owned, requireOwned } from "./fence.ts";
import { post } from "./mail.ts";
import { keepGivenUp } from "./moves.ts";
import { settleRun } from "./reservations.ts";
import { whyStop } from "./runLife.ts";
import { type Answer, MAX_EVENT_CHARS, type Settled, type Settlement } from "./steps.ts";

/** Settles one effect. Safe to repeat. @throws {ConvexError} `fenced`, `tooLarge` */
export async function settle(db: DatabaseWriter, owned: Owned, settlement: Settlement): Promise<Settled> {
  const opened = await openEffect(db, owned, settlement.effectId);
  return opened.kind === "pending" ? close(db, opened.effect, settlement) : opened.settled;
}

/** An answer that the database itself knows: worked out only while the effect is pending, in the transaction that settles it. */
export async function settleWith(
  db: DatabaseWriter,
  owned: Owned,
  effectId: string,
  work: (effect: Doc<"outbox">) => Promise<string>,
): Promise<Settled> {
  const opened = await openEffect(db, owned, effectId);
  if (opened.kind !== "pending") return opened.settled;
  const event = await work(opened.effect);
  return close(db, opened.effect, { effectId, state: "done", error: null, answer: event, launch: null });
}

type Opened = { kind: "pending"; effect: Doc<"outbox"> } | { kind: "over"; settled: Settled };

async function openEffect(db: DatabaseReader, owned: Owned, effectId: string): Promise<Opened> {
  const effect = await findEffect(db, effectId);
  if (effect === null) return { kind: "over", settled: { kind: "unknown", effectId } };
  requireOwned(owned, effect.shard, effect.actor);
  if (effect.state === "pending") return { kind: "pending", effect };
  return { kind: "over", settled: { kind: "already", effectId, mail: await stillUnread(db, effect) } };
}

/** S1. */
async function close(db: DatabaseWriter, effect: Doc<"outbox">, settlement: Settlement): Promise<Settled> {
  const { effectId, state, error } = settlement;
  if (effect.kind === "runTask" && (await recordLaunch(db, settlement)) === "over") return { kind: "over", effectId };
  if (effect.kind === "moveIssue" && state === "failed") await keepGivenUp(db, effect);
  const mail = await answer(db, effect, settlement);
  await db.patch(effect._id, { state, error, settledAt: Date.now(), ...made(mail) });
  return { kind: "settled", effectId, mail };
}

/** S1, of an effect that is asked for and settled in one transaction. @param told letters to others that are part of it */
export async function settledAtOnce(
  db: DatabaseWriter,
  effect: Unsettled,
  ending: Pick<Settlement, "state" | "error" | "answer">,
  told: readonly Answer[],
): Promise<Settled> {
  const { state, error } = ending;
  const mail = [...(await answer(db, effect, ending)), ...told];
  await db.insert("outbox", { ...effect, state, error, settledAt: Date.now(), ...made(mail) });
  return { kind: "settled", effectId: effect.effectId, mail };
}

/** An outbox row but for how it ends. */
export type Unsettled = Omit<Doc<"outbox">, "_id" | "_creationTime" | "state" | "error" | "settledAt" | "mail">;

async function answer(
  db: DatabaseWriter,
  { shard, actor, effectId, kind }: Unsettled,
  { answer: event }: Pick<Settlement, "answer">,
): Promise<Answer[]> {
  if (event === null) return [];
  if (event.length > MAX_EVENT_CHARS) {
    refuse({ code: "tooLarge", actor, message: `The answer to ${effectId} is longer than ${MAX_EVENT_CHARS} characters.` });
  }
  const cause = { kind: "effect", name: kind } as const;
  return [{ ...(await post(db, shard, actor, { key: answerKey(effectId), event, cause })), event }];
}

const made = (mail: readonly Answer[]) => (mail.length === 0 ? {} : { mail: mail.map(({ id }) => id) });

/** S2. */
export async function stillUnread(db: DatabaseReader, effect: Doc<"outbox">): Promise<Answer[]> {
  const rows = await Promise.all((effect.mail ?? []).map((id) => db.get(id)));
  return rows.flatMap((row) => (row === null ? [] : [{ id: row._id, actor: row.actor, key: row.key, event: row.event }]));
}

export const answerKey = (effectId: string): string => `effect:${effectId}`;

/** S3, S4. */
async function recordLaunch(db: DatabaseWriter, { effectId, launch, error }: Settlement): Promise<"recorded" | "over"> {
  const run = await findRun(db, effectId);
  if (launch !== null && !launch.isStopped && run?.taskArn !== launch.taskArn && (await overBecause(db, run)) !== null)
    return "over";
  if (run === null || run.state === "ended") return "recorded";
  if (launch === null) {
    await db.patch(run._id, { state: "ended", endedAt: Date.now(), endReason: error ?? "The launch was refused." });
    await settleRun(db, run);
  } else {
    const { taskArn } = launch;
    await db.patch(run._id, { taskArn, ...(run.state === "requested" ? { state: "launched" as const } : {}) });
  }
  return "recorded";
}

/** Why nobody wants a launch any more, as stored; null when it is wanted. */
export async function overBecause(db: DatabaseReader, run: Doc<"agentRuns"> | null): Promise<string | null> {
  if (run === null) return "There is no such run";
  return run.endedAt !== null ? (run.endReason ?? "Its run has ended") : whyStop(db, run);
}

export const findEffect = (db: DatabaseReader, effectId: string) =>
  db
    .query("outbox")
    .withIndex("by_effect", (q) => q.eq("effectId", effectId))
    .unique();

/** The run of a `runTask` effect. */
export const findRun = (db: DatabaseReader, effectId: string) =>
  db
    .query("agentRuns")
    .withIndex("by_effect", (q) => q.eq("effectId", effectId))
    .unique();

/** The project an effect's asker belongs to. @throws {ConvexError} `unknownActor` */
export async function projectOfEffect(db: DatabaseReader, effect: Doc<"outbox">, address: string): Promise<Doc<"projects">> {
  const project = await db.get(effect.project);
  if (project === null || project.address !== address) {
    return refuse({
      code: "badArgument",
      actor: effect.actor,
      message: `${effect.effectId} is not an effect of the project ${address}.`,
    });
  }
  return project;
}
