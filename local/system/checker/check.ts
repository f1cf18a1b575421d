// The invariants of docs/design/guarantees.md, judged over what is stored and what the far ends recorded. Shares nothing with the
// host: its own reading of the tables, its own derivation of the names effects have at the far ends. Only I3 runs the machines.

import { wrongAtFarEnds } from "./far-ends.ts";
import { foldLogs, isSame } from "./fold.ts";
import { type History, type StepRow, type Violation, violation } from "./history.ts";

/** Everything that is wrong; empty when nothing is. */
export function check(history: History): Violation[] {
  const { tables } = history;
  const logs = new Map<string, StepRow[]>();
  for (const row of tables.transitions) {
    const log = logs.get(row.actor);
    if (log) log.push(row);
    else logs.set(row.actor, [row]);
  }
  for (const log of logs.values()) log.sort((a, b) => a.sequence - b.sequence);
  const broken = [...wrongSequences(history, logs), ...takenTwice(logs), ...wrongEpochs(history)];
  // A log with gaps or repeats folds to anything.
  if (broken.some(({ invariant }) => invariant !== "I7")) return [...broken, ...lostAcknowledged(history, logs)];
  const folded = foldLogs(tables, logs);
  return [
    ...broken,
    ...folded.violations,
    ...lostAcknowledged(history, logs),
    ...wrongOutbox(history, folded),
    ...wrongSends(history, folded, logs),
    ...wrongTimers(history, folded),
    ...wrongAtFarEnds(history, folded),
    ...(history.isAtRest ? unfinished(history) : []),
  ];
}

type Logs = ReadonlyMap<string, readonly StepRow[]>;
type Folded = ReturnType<typeof foldLogs>;

/** I2. */
function wrongSequences({ tables }: History, logs: Logs): Violation[] {
  const found: Violation[] = [];
  const known = new Set(tables.actors.map(({ address }) => address));
  for (const [actor, log] of logs)
    if (!known.has(actor)) found.push(violation("I2", `has ${log.length} steps and no row`, { actor }));
  for (const { address: actor, sequence } of tables.actors) {
    const log = logs.get(actor) ?? [];
    const gap = log.findIndex((row, index) => row.sequence !== index + 1);
    if (gap !== -1)
      found.push(violation("I2", `step ${gap + 1} is missing or there twice`, { actor, sequence: log[gap]?.sequence ?? null }));
    else if (log.length !== sequence)
      found.push(violation("I2", `its row is at ${sequence}, its log at ${log.length}`, { actor, sequence }));
  }
  return found;
}

/** I1, at most once. */
function takenTwice(logs: Logs): Violation[] {
  const found: Violation[] = [];
  for (const [actor, log] of logs) {
    const first = new Map<string, number>();
    for (const { eventId, sequence } of log) {
      const before = first.get(eventId);
      if (before === undefined) first.set(eventId, sequence);
      else found.push(violation("I1", `took ${eventId} at step ${before} and again`, { actor, sequence }));
    }
  }
  return found;
}

/** I7: rows come in the order they were stored. */
function wrongEpochs({ tables }: History): Violation[] {
  const found: Violation[] = [];
  const shardOf = new Map(tables.actors.map(({ address, shard }) => [address, shard]));
  const latest = new Map<number, number>();
  for (const { actor, sequence, epoch } of tables.transitions) {
    const shard = shardOf.get(actor);
    if (shard === undefined || epoch === undefined) continue;
    const before = latest.get(shard) ?? 0;
    if (epoch < before)
      found.push(violation("I7", `was stored by epoch ${epoch} of shard ${shard} after one of ${before}`, { actor, sequence }));
    latest.set(shard, Math.max(before, epoch));
  }
  return found;
}

/** I1, nothing lost: what was acknowledged is stored, and its event consumed or waiting. */
function lostAcknowledged({ tables, acknowledged }: History, logs: Logs): Violation[] {
  const found: Violation[] = [];
  const there = new Set([
    ...tables.mailbox.map(({ actor, key }) => `${actor} ${key}`),
    ...[...logs.values()].flat().map(({ actor, eventId }) => `${actor} ${eventId}`),
  ]);
  const keys = [...there].map((name) => name.slice(name.indexOf(" ") + 1)).filter((key) => /^(linear|github|pull):/.test(key));
  const deliveries = new Map(tables.webhookDeliveries.map((row) => [`${row.source} ${row.deliveryId}`, row]));
  const runs = new Map(tables.agentRuns.map((run) => [run.startedBy, run]));
  for (const one of acknowledged) {
    switch (one.kind) {
      case "delivery": {
        const row = deliveries.get(`${one.source} ${one.deliveryId}`);
        if (!row) found.push(violation("I1", `the ${one.source} delivery ${one.deliveryId} was acknowledged and is not stored`));
        else if (TOLD.has(row.outcome) && !one.becomes.some((start) => keys.some((key) => key.startsWith(start))))
          found.push(
            violation(
              "I1",
              `the ${one.source} delivery ${one.deliveryId} is stored as "${row.outcome}", and its event is nowhere`,
            ),
          );
        break;
      }
      case "event":
        if (!there.has(`${one.actor} ${one.key}`))
          found.push(violation("I1", `${one.key} was acknowledged and is nowhere`, { actor: one.actor }));
        break;
      case "task": {
        const run = runs.get(one.startedBy);
        // RUNNING may come after STOPPED, and is then old news.
        if (!run || one.lastStatus !== "STOPPED") break;
        if (!there.has(`${run.agent} ecs:${one.taskArn}:STOPPED`))
          found.push(
            violation("I1", `the end of ${one.taskArn} was acknowledged and is nowhere`, {
              actor: run.agent,
              effectId: run.effectId,
            }),
          );
        break;
      }
      default:
        one satisfies never;
    }
  }
  return found;
}

/** Outcomes of a delivery that mean: an actor was told. */
const TOLD: ReadonlySet<string> = new Set(["changed", "stored"]);

/** I3, I5, H4: the outbox holds what the logs ask for, byte for byte, and at rest nothing of it is open. */
function wrongOutbox({ tables, isAtRest }: History, { effects }: Folded): Violation[] {
  const found: Violation[] = [];
  const rows = new Map(tables.outbox.map((row) => [row.effectId, row]));
  for (const [effectId, { actor, sequence, payload }] of effects) {
    const row = rows.get(effectId);
    const about = { actor, sequence, effectId };
    if (!row) found.push(violation("I3", "was asked for and is not in the outbox", about));
    else if (!isSame(row.payload, payload))
      found.push(violation("H4", "the outbox has another payload than the log asks for", about));
  }
  const parked = parkedOf(tables);
  for (const { effectId, actor, state, kind } of rows.values()) {
    if (!effects.has(effectId)) found.push(violation("I3", "is in the outbox, and nobody asked for it", { actor, effectId }));
    if (isAtRest && state === "pending" && !parked.has(actor))
      found.push(violation("I5", `${kind} was never settled`, { actor, effectId }));
  }
  if (rows.size !== tables.outbox.length) found.push(violation("I5", "an effect id is in the outbox more than once"));
  return found;
}

/** I8. */
function wrongSends({ tables, isAtRest }: History, { sends }: Folded, logs: Logs): Violation[] {
  const found: Violation[] = [];
  const waiting = new Map(tables.mailbox.map((row) => [`${row.actor} ${row.key}`, row.event]));
  const taken = new Map([...logs.values()].flat().map((row) => [`${row.actor} ${row.eventId}`, row.event]));
  if (waiting.size !== tables.mailbox.length) found.push(violation("I8", "a letter lies in the mailbox more than once"));
  for (const [key, { from: actor, sequence, to, event }] of sends) {
    const name = `${to} ${key}`;
    const stored = waiting.get(name) ?? taken.get(name);
    if (stored === undefined) found.push(violation("I8", `what it sent to ${to} is nowhere`, { actor, sequence }));
    else if (!isSame(stored, event))
      found.push(violation("I8", `what it sent to ${to} arrived as something else`, { actor, sequence }));
  }
  const parked = parkedOf(tables);
  for (const { actor, key } of tables.mailbox) {
    if (taken.has(`${actor} ${key}`)) found.push(violation("I8", `${key} was taken and still waits`, { actor }));
    else if (isAtRest && !parked.has(actor)) found.push(violation("I8", `${key} was never taken`, { actor }));
  }
  return found;
}

/** A timer that is this late at rest will never fire. */
const LATE_MS = 60_000;

/** I6. */
function wrongTimers({ tables, isAtRest, now }: History, { timers }: Folded): Violation[] {
  const found: Violation[] = [];
  const rows = new Map(tables.timers.map((row) => [`${row.actor} ${row.timerId}`, row]));
  for (const [name, { actor, timerId, sequence }] of timers) {
    if (rows.get(name)?.armedSequence !== sequence)
      found.push(violation("I6", `armed ${timerId}, and its row is not there`, { actor, sequence }));
  }
  for (const [name, { actor, timerId, armedSequence, dueAt }] of rows) {
    if (!timers.has(name))
      found.push(violation("I6", `has the timer ${timerId}, which it did not arm`, { actor, sequence: armedSequence }));
    else if (isAtRest && dueAt < now - LATE_MS)
      found.push(violation("I6", `its timer ${timerId} is ${now - dueAt} ms late`, { actor, sequence: armedSequence }));
  }
  return found;
}

/** I9. */
function unfinished({ tables }: History): Violation[] {
  return [
    ...tables.actors
      .filter(({ kind, status }) => kind === "agent" && status === "active")
      .map(({ address: actor, sequence }) => violation("I9", "never came to its end", { actor, sequence })),
    ...tables.agentRuns
      .filter(({ state }) => state !== "ended")
      .map(({ agent: actor, effectId, state }) => violation("I9", `its run is still ${state}`, { actor, effectId })),
  ];
}

const parkedOf = ({ actors }: History["tables"]): ReadonlySet<string> =>
  new Set(actors.filter(({ status }) => status === "parked").map(({ address }) => address));
