// The actor system (docs/design/host.md): owns shards, loads what is pending in them, and lets mail, timers and effects meet the
// machines. Everything outside it is an argument: the store, the clock, the performers.

import { impurities, MACHINES } from "@omakase/machines";
import type { LoadCursor, LoadPage, Mail, PendingEffect, Settled, Timer, TimerChange } from "../../convex/steps.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { HostStore } from "../store/host-store.ts";
import { type Clock, systemClock, wait } from "./clock.ts";
import { Dispatcher, type DispatcherStats } from "./dispatcher.ts";
import type { Holding } from "./holding.ts";
import { Ownership } from "./ownership.ts";
import type { Performers } from "./performer.ts";
import { queued, Stepper, type StoredStep } from "./stepper.ts";
import { TimerWheel } from "./timer-wheel.ts";

export interface HostDeps {
  readonly store: HostStore;
  readonly performers: Performers;
  readonly log: Log;
  /** @default the machine's clock */
  readonly clock?: Clock;
}

export interface HostStats {
  readonly shards: number;
  readonly loading: number;
  readonly inbox: number;
  readonly cachedActors: number;
  readonly timers: number;
  readonly parked: readonly string[];
  readonly effects: DispatcherStats;
}

export interface Host {
  /** Resolves when shards have been asked for once; they are loaded after that: see `ready`. */
  start(): Promise<void>;
  /** It has asked for shards, and those it was given are loaded. True also of one that others left nothing: it stands by. */
  ready(): boolean;
  /** Hands the shards over: what is in flight is finished for at most `graceMs`, nothing new is begun. Safe to repeat. */
  drain(graceMs?: number): Promise<void>;
  stats(): HostStats;
  /** Calls back after each commit with what it stored. @returns ends it */
  onStored(listener: (steps: readonly StoredStep[]) => void): () => void;
}

const LOAD_RETRY_MS = 250;

export function createHost({ store, performers, log, clock = systemClock }: HostDeps): Host {
  for (const machine of Object.values(MACHINES)) {
    const found = impurities(machine);
    if (found.length > 0) throw new TypeError(`the ${machine.id} machine may not run: ${found.join("; ")}`);
  }

  const listeners = new Set<(steps: readonly StoredStep[]) => void>();
  const timers = new TimerWheel();
  const watches = new Map<Holding, () => void>();
  const loading = new Set<Holding>();
  let cancelTimer: (() => void) | null = null;
  let draining: Promise<void> | null = null;

  const onFenced = (holding: Holding) => ownership.lost(holding);
  const onDoubt = (holding: Holding, reason: string) => ownership.retake(holding, reason);
  const ownership = new Ownership({ store, clock, log, onTaken: (holding) => void takeOver(holding), onLost: forget });
  const stepper = new Stepper({
    store,
    clock,
    log,
    onFenced,
    onDoubt,
    onEffect: (effect, holding) => dispatcher.enqueue(effect, holding),
    onTimer,
    onStored: (steps) => {
      for (const listener of listeners) listener(steps);
    },
  });
  const dispatcher = new Dispatcher({ store, clock, performers, log, onFenced, onDoubt, onSettled });

  function forget(holding: Holding): void {
    watches.get(holding)?.();
    watches.delete(holding);
    loading.delete(holding);
    stepper.forget(holding);
    dispatcher.forget(holding);
    timers.forget(holding);
  }

  /** Recovery is this, and nothing else: what the tables say is pending goes where it would have gone. */
  async function takeOver(holding: Holding): Promise<void> {
    loading.add(holding);
    const pending = await load(holding);
    if (!pending) return;
    // Nothing of the shard may move before all of it is known: own and outside mail come in two lists, and an actor gets its in
    // order of arrival; a timer that a step has just armed must not meet the row of its predecessor.
    for (const timer of pending.timers) timers.arm({ ...timer, holding });
    for (const letter of pending.mail.sort((a, b) => a.arrivedAt - b.arrivedAt)) receive(letter, holding);
    for (const effect of pending.effects) dispatcher.enqueue(effect, holding);
    watches.set(
      holding,
      store.watchOutside(holding.shard, (letters) => onWindow(letters, holding)),
    );
    loading.delete(holding);
    scheduleTimers();
    const { shard, epoch } = holding.epoch;
    const counts = { mail: pending.mail.length, effects: pending.effects.length, timers: pending.timers.length };
    log.info("shard.taken", { shard, epoch, ...counts });
  }

  /** Everything pending in a shard; null when it was lost meanwhile. */
  async function load(holding: Holding): Promise<Pending | null> {
    const pending: Pending = { mail: [], effects: [], timers: [] };
    let cursor: LoadCursor | null | "first" = "first";
    while (cursor !== null) {
      try {
        const page: LoadPage = await store.load(holding.shard, cursor === "first" ? null : cursor);
        pending.mail.push(...page.mail);
        pending.effects.push(...page.effects);
        pending.timers.push(...page.timers);
        cursor = page.next;
      } catch (error) {
        log.warn("shard.load_failed", { shard: holding.shard, reason: reasonOf(error) });
        await wait(clock, LOAD_RETRY_MS);
      }
      if (holding.isLost) return null;
    }
    return pending;
  }

  function onWindow(letters: readonly Mail[], holding: Holding): void {
    if (holding.isLost) return;
    for (const letter of letters) {
      if (stepper.parking.has(letter.actor)) void stepper.parking.reconsider(letter.actor);
      else receive(letter, holding);
    }
  }

  function receive(letter: Mail, holding: Holding): void {
    stepper.add(queued(letter, letter.event, letter.cause, holding));
  }

  function onSettled(settled: Settled, effect: PendingEffect, holding: Holding): void {
    if (settled.kind === "unknown") {
      log.error("effect.unknown", { effectId: effect.effectId });
      return;
    }
    for (const posted of settled.mail) {
      // As the row has it: an answer comes from the effect, an announcement from the actor that makes it.
      const isAnswer = posted.key === `effect:${effect.effectId}`;
      const cause = isAnswer
        ? ({ kind: "effect", name: effect.kind } as const)
        : ({ kind: "actor", name: effect.actor } as const);
      stepper.add(queued(posted, posted.event, cause, holding));
    }
  }

  function onTimer(actor: string, change: TimerChange, armedSequence: number, holding: Holding): void {
    const { timerId, dueAt } = change;
    if (dueAt === null) timers.cancel(actor, timerId);
    else timers.arm({ actor, timerId, armedSequence, dueAt, holding });
    scheduleTimers();
  }

  function scheduleTimers(): void {
    cancelTimer?.();
    const dueAt = timers.nextDueAt();
    cancelTimer = dueAt === null || draining ? null : clock.after(Math.max(0, dueAt - clock.now()), fireTimers);
  }

  function fireTimers(): void {
    for (const { actor, timerId, armedSequence, holding } of timers.takeDue(clock.now())) {
      stepper.add({
        actor,
        holding,
        source: { kind: "timer", timerId, armedSequence },
        eventId: `timer:${timerId}:${armedSequence}`,
        event: JSON.stringify({ type: timerId, at: clock.now() }),
        cause: { kind: "timer", name: timerId },
        refusals: 0,
      });
    }
    scheduleTimers();
  }

  async function drainNow(graceMs: number): Promise<void> {
    cancelTimer?.();
    for (const end of watches.values()) end();
    watches.clear();
    await dispatcher.stop(graceMs);
    await stepper.stop(graceMs);
    await ownership.stop();
  }

  return {
    start: () => ownership.start(),
    ready: () => draining === null && ownership.isSettled && loading.size === 0,
    drain: (graceMs = 2_000) => {
      draining ??= drainNow(graceMs);
      return draining;
    },
    stats: () => ({
      shards: ownership.holdings.length,
      loading: loading.size,
      inbox: stepper.inbox.size,
      cachedActors: stepper.cached,
      timers: timers.size,
      parked: stepper.parking.actors,
      effects: dispatcher.stats(),
    }),
    onStored: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What the tables hold of a shard. */
interface Pending {
  readonly mail: Mail[];
  readonly effects: PendingEffect[];
  readonly timers: Timer[];
}
