// The actor system (docs/design/host.md): owns shards, loads what is pending in them, and lets mail, timers and effects meet the
// machines. Everything outside it is an argument: the store, the clock, the performers.

import { impurities, MACHINES } from "@omakase/machines";
import { measuresSilence } from "@omakase/machines/agent/silence-timers";
import { projectOf, shardOf } from "../../convex/shardOf.ts";
import type { LoadCursor, LoadPage, Mail, PendingEffect, Settled, Timer, TimerChange } from "../../convex/steps.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { HostStore } from "../store/host-store.ts";
import { type Clock, systemClock, wait } from "./clock.ts";
import { Dispatcher, type DispatcherStats, type EffectWait, type FarSideWait, type HeldBack } from "./dispatcher.ts";
import type { Holding } from "./holding.ts";
import { Ownership } from "./ownership.ts";
import type { PerformedKind, Performers } from "./performer.ts";
import { queued, Stepper, type StoredStep } from "./stepper.ts";
import { TimerWheel } from "./timer-wheel.ts";

export interface HostDeps {
  readonly store: HostStore;
  readonly performers: Performers;
  readonly log: Log;
  /** @default the machine's clock */
  readonly clock?: Clock;
  /** How long the others wait before they take a silent orchestrator's shards. @default 9,000 */
  readonly leaseTtlMs?: number;
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
  /**
   * It has asked for shards, and those it was given first are loaded. True also of one that others left nothing: it stands by.
   * What it takes over later does not unmake it: whoever is sent here can be served all the while.
   */
  ready(): boolean;
  /** Whether it owns a shard. */
  owns(shard: number): boolean;
  /** Hands the shards over: what is in flight is finished for at most `graceMs`, nothing new is begun. Safe to repeat. */
  drain(graceMs?: number): Promise<void>;
  stats(): HostStats;
  /** Whether this process looks after a project (or anything in it) just now. */
  ownsProject(address: string): boolean;
  /** What is waited for at the far sides just now. */
  waits(): FarSideWait[];
  /** What the effects of one actor wait for. */
  waitsOf(actor: string): EffectWait[];
  /** Effects of a kind that have waited longer than that for a budget: at most `limit`, the oldest first. */
  heldBack(kind: PerformedKind, olderThanMs: number, limit: number): HeldBack[];
  /** There is news of a budget: who waits for it asks again. */
  reopen(budget: string): void;
  /** Calls back when a shard has been taken over and loaded. @returns ends it */
  onTaken(listener: (shard: number) => void): () => void;
  /** Calls back after each commit with what it stored. @returns ends it */
  onStored(listener: (steps: readonly StoredStep[]) => void): () => void;
}

const LOAD_RETRY_MS = 250;
/** A shard that others are to have waits so long for what is in flight in it: a hand-over takes less than 2 s. */
const HAND_OVER_MS = 1_000;
/** A timer that measures silence looks again so soon when nobody knows whether we could have heard anything. */
const UNSURE_MS = 1_000;

export function createHost({ store, performers, log, clock = systemClock, leaseTtlMs }: HostDeps): Host {
  for (const machine of Object.values(MACHINES)) {
    const found = impurities(machine);
    if (found.length > 0) throw new TypeError(`the ${machine.id} machine may not run: ${found.join("; ")}`);
  }

  const listeners = new Set<(steps: readonly StoredStep[]) => void>();
  const takenListeners = new Set<(shard: number) => void>();
  const timers = new TimerWheel();
  const watches = new Map<Holding, () => void>();
  const loading = new Set<Holding>();
  let cancelTimer: (() => void) | null = null;
  let draining: Promise<void> | null = null;
  let wasReady = false;
  let handOverMs = HAND_OVER_MS;

  const onFenced = (holding: Holding) => ownership.lost(holding);
  const onDoubt = (holding: Holding, reason: string) => ownership.retake(holding, reason);
  const ownership = new Ownership({
    store,
    clock,
    log,
    onTaken: (holding) => void takeOver(holding),
    onLost: forget,
    finish,
    ...(leaseTtlMs === undefined ? {} : { leaseTtlMs }),
  });
  const stepper = new Stepper({
    store,
    clock,
    log,
    onFenced,
    onDoubt,
    onEffect: dispatch,
    onSettled,
    onTimer,
    onStored: (steps) => {
      for (const listener of listeners) listener(steps);
    },
  });
  const dispatcher = new Dispatcher({ store, clock, performers, log, allowed, onFenced, onSettled, inbox: stepper.inbox });

  function forget(holding: Holding): void {
    watches.get(holding)?.();
    watches.delete(holding);
    loading.delete(holding);
    stepper.forget(holding);
    dispatcher.forget(holding);
    timers.forget(holding);
  }

  /** O4: nothing of the shard comes in any more, and what is in flight may end. */
  async function finish(holding: Holding): Promise<void> {
    watches.get(holding)?.();
    watches.delete(holding);
    timers.forget(holding);
    await Promise.race([Promise.all([stepper.committed(), dispatcher.finish(holding, handOverMs)]), wait(clock, handOverMs)]);
  }

  /** Recovery is this, and nothing else: what the tables say is pending goes where it would have gone. */
  async function takeOver(holding: Holding): Promise<void> {
    loading.add(holding);
    const pending = await load(holding);
    if (!pending) return;
    // Nothing of the shard may move before all of it is known: own and outside mail come in two lists, and an actor gets its in
    // order of arrival; a timer that a step has just armed must not meet the row of its predecessor.
    const offsetMs = clock.elapsed() - clock.now();
    for (const timer of pending.timers) timers.arm({ ...timer, dueAt: timer.dueAt + offsetMs, holding });
    for (const letter of pending.mail.sort((a, b) => a.arrivedAt - b.arrivedAt)) receive(letter, holding);
    for (const effect of pending.effects) dispatch(effect, holding);
    watches.set(
      holding,
      store.watchOutside(holding.shard, (letters) => onWindow(letters, holding)),
    );
    loading.delete(holding);
    scheduleTimers();
    const { shard, epoch } = holding.epoch;
    const counts = { mail: pending.mail.length, effects: pending.effects.length, timers: pending.timers.length };
    log.info("shard.taken", { shard, epoch, ...counts });
    for (const listener of takenListeners) listener(shard);
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
      if (!holding.isOpen) return null;
    }
    return pending;
  }

  function onWindow(letters: readonly Mail[], holding: Holding): void {
    if (!holding.isOpen) return;
    for (const letter of letters) {
      if (stepper.parking.has(letter.actor)) void stepper.parking.reconsider(letter.actor);
      else receive(letter, holding);
    }
  }

  function receive(letter: Mail, holding: Holding): void {
    stepper.add(queued(letter, letter.event, letter.cause, holding));
  }

  function onSettled(settled: Settled, effect: PendingEffect, holding: Holding): void {
    if (!("mail" in settled)) {
      log.error("effect.not_settled", { effectId: effect.effectId, found: settled.kind });
      return;
    }
    // All of it, also what an earlier settlement made that we did not hear of; what is in memory already is passed over.
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
    if (!holding.isOpen) return;
    const { timerId, dueAt } = change;
    if (dueAt === null) timers.cancel(actor, timerId);
    else timers.arm({ actor, timerId, armedSequence, dueAt: dueAt + clock.elapsed() - clock.now(), holding });
    scheduleTimers();
  }

  function dispatch(effect: PendingEffect, holding: Holding): void {
    const graceMs = effect.kind === "checkProgress" ? graceLeftMs(holding) : 0;
    if (graceMs <= 0) dispatcher.enqueue(effect, holding);
    else clock.after(graceMs, () => dispatcher.enqueue(effect, holding));
  }

  /** O5, and what asks for an agent's silence is asked only once the agent could be heard again. */
  async function allowed(kind: string, holding: Holding): Promise<void> {
    await ownership.assured(holding);
    while (kind === "checkProgress" && !holding.isLost && graceLeftMs(holding) > 0) await wait(clock, graceLeftMs(holding));
  }

  const graceLeftMs = (holding: Holding) => holding.graceUntil - clock.elapsed();

  function scheduleTimers(): void {
    cancelTimer?.();
    const dueAt = timers.nextDueAt();
    cancelTimer = dueAt === null || draining ? null : clock.after(Math.max(0, dueAt - clock.elapsed()), fireTimers);
  }

  function fireTimers(): void {
    for (const timer of timers.takeDue(clock.elapsed())) {
      const { actor, timerId, armedSequence, holding } = timer;
      const graceMs = measuresSilence(timerId) ? (ownership.isAssured ? graceLeftMs(holding) : UNSURE_MS) : 0;
      if (graceMs > 0) {
        timers.arm({ ...timer, dueAt: clock.elapsed() + graceMs });
        continue;
      }
      stepper.add({
        actor,
        holding,
        source: { kind: "timer", timerId, armedSequence },
        eventId: `timer:${timerId}:${armedSequence}`,
        event: JSON.stringify({ type: timerId, at: clock.now() }),
        cause: { kind: "timer", name: timerId },
      });
    }
    scheduleTimers();
  }

  async function drainNow(graceMs: number): Promise<void> {
    cancelTimer?.();
    handOverMs = graceMs;
    await ownership.stop();
    await Promise.all([dispatcher.stop(0), stepper.stop(0)]);
  }

  return {
    start: () => ownership.start(),
    ready: () => {
      wasReady ||= ownership.isSettled && loading.size === 0;
      return wasReady && draining === null;
    },
    owns: (shard) => ownership.holdings.some((holding) => holding.shard === shard && holding.isOpen),
    drain: (graceMs = HAND_OVER_MS) => {
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
    ownsProject: (address) =>
      ownership.holdings.some((holding) => holding.shard === shardOf(projectOf(address)) && holding.isOpen),
    waits: () => dispatcher.waits(),
    waitsOf: (actor) => dispatcher.waitsOf(actor),
    heldBack: (kind, olderThanMs, limit) => dispatcher.heldBack(kind, olderThanMs, limit),
    reopen: (budget) => dispatcher.reopen(budget),
    onTaken: (listener) => {
      takenListeners.add(listener);
      return () => takenListeners.delete(listener);
    },
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
