// Reads what a simulation left in the tables and what the far sides recorded, and says what is wrong. It shares nothing with the
// host but the machines: it folds each actor's log anew and compares (facts: durable 6, I1-I9).

import {
  type ActorKind,
  type Asked,
  actorKind,
  agentView,
  begin,
  featureView,
  MACHINES,
  persist,
  projectView,
  restore,
  step,
} from "@omakase/machines";
import type { AnyMachineSnapshot, AnyStateMachine } from "xstate";
import type { FarEnds } from "./far-ends.ts";
import type { ActorRow, TransitionRow } from "./rows.ts";
import { askId, type Tables } from "./tables.ts";

/** What is wrong, one sentence each with the invariant's name; `isAtRest` adds what must hold once nothing more will happen. */
export function wrongs(tables: Tables, ends: FarEnds, isAtRest: boolean): string[] {
  const found: string[] = [];
  const logs = logsOf(tables);
  const asked = new Map<string, Fold>();
  for (const actor of tables.actors.values()) {
    const log = logs.get(actor.address) ?? [];
    found.push(...wrongSequence(actor, log), ...wrongConsumption(actor, log));
    if (found.length === 0) asked.set(actor.address, fold(actor, log, found));
  }
  if (found.length > 0) return found;
  found.push(...wrongEpochs(tables), ...wrongEffects(tables, ends, asked), ...wrongMail(tables, ends, asked, logs));
  found.push(...wrongTimers(tables, asked, isAtRest));
  if (isAtRest) found.push(...unfinished(tables));
  return found;
}

interface Fold {
  /** Effect id to payload. */
  readonly effects: Map<string, string>;
  /** Key to receiver. */
  readonly sends: Map<string, string>;
  readonly spawns: string[];
  /** Armed and neither fired nor cancelled: timer id to the sequence that armed it. */
  readonly timers: Map<string, number>;
}

function logsOf(tables: Tables): Map<string, TransitionRow[]> {
  const logs = new Map<string, TransitionRow[]>();
  for (const row of tables.transitions) {
    const log = logs.get(row.actor);
    if (log) log.push(row);
    else logs.set(row.actor, [row]);
  }
  return logs;
}

/** I2, H3. */
function wrongSequence(actor: ActorRow, log: readonly TransitionRow[]): string[] {
  const sequences = log.map(({ sequence }) => sequence);
  const isGapless = sequences.every((sequence, index) => sequence === index + 1) && actor.sequence === log.length;
  return isGapless ? [] : [`I2: ${actor.address} is at ${actor.sequence} with the log ${sequences.join()}`];
}

/** I1, H2: at most once. */
function wrongConsumption(actor: ActorRow, log: readonly TransitionRow[]): string[] {
  const keys = log.map(({ eventId }) => eventId);
  const twice = keys.filter((key, index) => keys.indexOf(key) !== index);
  return twice.map((key) => `I1: ${actor.address} has taken ${key} more than once`);
}

/** I3: the log, folded from the initial transition, gives the stored snapshot; and what it asked for on the way. */
function fold(actor: ActorRow, log: readonly TransitionRow[], found: string[]): Fold {
  const kind: ActorKind = actorKind(actor.address);
  const machine: AnyStateMachine = MACHINES[kind];
  const folded: Fold = { effects: new Map(), sends: new Map(), spawns: [], timers: new Map() };
  let snapshot: AnyMachineSnapshot = restore(machine, actor.bornWith);
  if (actor.bornOf !== "seed") note(folded, actor.address, 0, initialAsks(machine, snapshot));
  for (const row of log) {
    const timer = /^timer:(.*):(\d+)$/.exec(row.eventId);
    if (timer) {
      if (folded.timers.get(timer[1] ?? "") !== Number(timer[2]))
        found.push(`I6: ${actor.address} took ${row.eventId} at step ${row.sequence}, which is not armed`);
      folded.timers.delete(timer[1] ?? "");
    }
    const taken = step(machine, snapshot, JSON.parse(row.event));
    snapshot = taken.snapshot;
    note(folded, actor.address, row.sequence, taken.asked);
  }
  if (persist(machine, snapshot) !== actor.snapshot) found.push(`I3: the log of ${actor.address} does not lead to its snapshot`);
  found.push(...wrongView(actor, kind, snapshot));
  return folded;
}

/** P7: the row shows what the machine makes of the snapshot. A project shows nothing before its first step. */
function wrongView({ address, view }: ActorRow, kind: ActorKind, snapshot: AnyMachineSnapshot): string[] {
  if (view === null) return [];
  const viewOf: (snapshot: never) => object = { project: projectView, feature: featureView, agent: agentView }[kind];
  const wrong = Object.entries(viewOf(snapshot as never)).filter(
    ([name, value]) => JSON.stringify(Reflect.get(view, name)) !== JSON.stringify(value),
  );
  return wrong.map(([name]) => `P7: the row of ${address} shows another ${name} than its snapshot`);
}

/** An actor is born with its input inside: the same birth again asks for the same things. */
function initialAsks(machine: AnyStateMachine, snapshot: AnyMachineSnapshot): readonly Asked[] {
  return begin(machine, snapshot.context as never).asked;
}

function note({ effects, sends, spawns, timers }: Fold, actor: string, sequence: number, asked: readonly Asked[]): void {
  asked.forEach((ask, index) => {
    if (ask.type === "effect") effects.set(askId(actor, sequence, index), JSON.stringify(ask.effect));
    else if (ask.type === "send") sends.set(askId(actor, sequence, index), ask.to);
    else if (ask.type === "spawn") spawns.push(ask.address);
    else if (ask.type === "timer.set") timers.set(ask.id, sequence);
    else timers.delete(ask.id);
  });
}

/** I7: epochs of a shard's commits never go back. */
function wrongEpochs(tables: Tables): string[] {
  const latest = new Map<number, number>();
  return tables.transitions.flatMap(({ actor, sequence, epoch }) => {
    const shard = tables.actors.get(actor)?.shard ?? -1;
    const before = latest.get(shard) ?? 0;
    latest.set(shard, Math.max(epoch, before));
    return epoch < before ? [`I7: step ${sequence} of ${actor} was stored by epoch ${epoch} after ${before}`] : [];
  });
}

/** I4, I5 (at most once), H1, H4. */
function wrongEffects(tables: Tables, ends: FarEnds, asked: ReadonlyMap<string, Fold>): string[] {
  const found: string[] = [];
  const wanted = new Map([...asked.values()].flatMap(({ effects }) => [...effects]));
  for (const [effectId, payload] of wanted) {
    const row = tables.outbox.get(effectId);
    if (!row) found.push(`I3: ${effectId} was asked for and is not in the outbox`);
    else if (row.payload !== payload) found.push(`H4: the outbox has another payload for ${effectId}`);
  }
  for (const { effectId, settled } of tables.outbox.values()) {
    if (!wanted.has(effectId)) found.push(`I3: nobody asked for ${effectId}`);
    if (settled > 1) found.push(`I5: ${effectId} was settled ${settled} times`);
  }
  for (const call of ends.calls) {
    const row = tables.outbox.get(call.effectId);
    if (!row || row.storedAt > call.at) found.push(`H1: ${call.effectId} was performed before it was stored`);
    else if (row.payload !== call.payload) found.push(`H4: ${call.effectId} was performed with another payload`);
  }
  const launched = ends.launches.map(({ effectId }) => effectId);
  const twice = launched.filter((effectId, index) => launched.indexOf(effectId) !== index);
  found.push(...twice.map((effectId) => `I4: ${effectId} has launched more than one task`));
  return found;
}

/** I1 (nothing lost), I8: every acknowledged event and every send is consumed once or still waits. */
function wrongMail(
  tables: Tables,
  ends: FarEnds,
  asked: ReadonlyMap<string, Fold>,
  logs: ReadonlyMap<string, readonly TransitionRow[]>,
): string[] {
  const waiting = new Set([...tables.mailbox.values()].map(({ actor, key }) => `${actor} ${key}`));
  const consumed = new Set([...logs.values()].flat().map(({ actor, eventId }) => `${actor} ${eventId}`));
  const lost = (name: string) => !waiting.has(name) && !consumed.has(name);
  const twice = [...waiting].filter((name) => consumed.has(name));
  const sends = [...asked.values()].flatMap((fold) => [...fold.sends].map(([key, to]) => `${to} ${key}`));
  return [
    ...[...ends.acknowledged].filter(lost).map((name) => `I1: acknowledged and lost: ${name}`),
    ...sends.filter(lost).map((name) => `I8: sent and lost: ${name}`),
    ...twice.map((name) => `I8: consumed and still waiting: ${name}`),
  ];
}

/** I6. */
function wrongTimers(tables: Tables, asked: ReadonlyMap<string, Fold>, isAtRest: boolean): string[] {
  const rows = new Set(
    [...tables.timers.values()].map(({ actor, timerId, armedSequence }) => `${actor} ${timerId} ${armedSequence}`),
  );
  const folded = new Set(
    [...asked].flatMap(([actor, { timers }]) => [...timers].map(([timerId, sequence]) => `${actor} ${timerId} ${sequence}`)),
  );
  const overdue = [...tables.timers.values()].filter(({ dueAt }) => isAtRest && dueAt < tables.now() - 60_000);
  return [
    ...[...rows].filter((name) => !folded.has(name)).map((name) => `I6: armed and not asked for: ${name}`),
    ...[...folded].filter((name) => !rows.has(name)).map((name) => `I6: asked for and not armed: ${name}`),
    ...overdue.map(({ actor, timerId }) => `I6: never fired: ${actor} ${timerId}`),
  ];
}

/** I5 (nothing pending), I8 (nothing waiting), I9. */
function unfinished(tables: Tables): string[] {
  const parked = new Set([...tables.actors.values()].filter(({ status }) => status === "parked").map(({ address }) => address));
  const waiting = [...tables.mailbox.values()].filter(({ actor }) => !parked.has(actor));
  const pending = [...tables.outbox.values()].filter(({ state, actor }) => state === "pending" && !parked.has(actor));
  const agents = [...tables.actors.values()].filter(({ kind, status }) => kind === "agent" && status === "active");
  return [
    ...waiting.map(({ actor, key }) => `I8: never consumed: ${actor} ${key}`),
    ...pending.map(({ effectId, kind }) => `I5: never settled: ${kind} ${effectId}`),
    ...agents.map(({ address }) => `I9: never ended: ${address}`),
  ];
}
