// The actor system (docs/design/host.md): owns shards, loads what is pending in them, and lets mail, timers and effects meet the
// machines. Everything outside it is an argument: the store, the clock, the performers.

import { impurities, MACHINES } from "@omakase/machines";
import { shardOf } from "../../convex/shardOf.ts";
import type { Epoch, LoadCursor, Mail, Settled, TimerChange } from "../../convex/steps.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { Fenced, type HostStore } from "../store/host-store.ts";
import { type Clock, systemClock, wait } from "./clock.ts";
import { Dispatcher, type DispatcherStats } from "./dispatcher.ts";
import type { QueuedEvent } from "./inbox.ts";
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
  start(): Promise<void>;
  /** Every shard this process holds has been loaded, and it holds at least one. */
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
  const watches = new Map<number, () => void>();
  const loading = new Set<number>();
  let cancelTimer: (() => void) | null = null;
  let draining: Promise<void> | null = null;

  const epochOf = (shard: number) => ownership.epochOf(shard);
  const onFenced = (shard: number) => ownership.fenced(shard);

  const ownership = new Ownership({ store, clock, log, onTaken: (epoch) => void takeOver(epoch), onLost: forget });
  const stepper = new Stepper({
    store,
    clock,
    log,
    epochOf,
    onFenced,
    onEffect: (effect, shard) => dispatcher.enqueue(effect, shard),
    onTimer,
    onStored: (steps) => {
      for (const listener of listeners) listener(steps);
    },
  });
  const dispatcher = new Dispatcher({ store, clock, performers, log, epochOf, onFenced, onSettled });

  function forget(shard: number): void {
    watches.get(shard)?.();
    watches.delete(shard);
    loading.delete(shard);
    stepper.forget(shard);
    dispatcher.forget(shard);
    timers.forget((actor) => shardOf(actor) === shard);
  }

  /** Recovery is this, and nothing else: what the tables say is pending goes where it would have gone. */
  async function takeOver(epoch: Epoch): Promise<void> {
    const { shard } = epoch;
    const isOurs = () => epochOf(shard)?.epoch === epoch.epoch;
    loading.add(shard);
    const mail: Mail[] = [];
    let cursor: LoadCursor | null = null;
    do {
      try {
        const page = await store.load(shard, cursor);
        if (!isOurs()) return;
        mail.push(...page.mail);
        for (const effect of page.effects) dispatcher.enqueue(effect, shard);
        for (const timer of page.timers) timers.arm(timer);
        cursor = page.next;
      } catch (error) {
        if (error instanceof Fenced) return onFenced(shard);
        log.warn("shard.load_failed", { shard, reason: reasonOf(error) });
        await wait(clock, LOAD_RETRY_MS);
        if (!isOurs()) return;
      }
    } while (cursor !== null);
    // Own and outside mail come in two lists; actors get theirs in order of arrival.
    for (const letter of mail.sort((a, b) => a.arrivedAt - b.arrivedAt)) receive(letter, shard);
    watches.set(
      shard,
      store.watchOutside(shard, (letters) => {
        if (isOurs()) for (const letter of letters) receive(letter, shard);
      }),
    );
    loading.delete(shard);
    scheduleTimers();
    if (mail.length > 0) log.info("shard.taken", { shard, epoch: epoch.epoch, mail: mail.length });
  }

  function receive(letter: Mail, shard: number): void {
    stepper.add(queued(letter, shard, letter.event, letter.cause));
  }

  function onSettled(settled: Settled, shard: number): void {
    if (settled.kind === "unknown") return;
    for (const posted of settled.mail) {
      stepper.add(queued(posted, shard, posted.event, { kind: "effect", name: settled.effectId }));
    }
  }

  function onTimer(actor: string, change: TimerChange, armedSequence: number): void {
    if (change.dueAt === null) timers.cancel(actor, change.timerId);
    else timers.arm({ actor, timerId: change.timerId, armedSequence, dueAt: change.dueAt });
    scheduleTimers();
  }

  function scheduleTimers(): void {
    cancelTimer?.();
    const dueAt = timers.nextDueAt();
    cancelTimer = dueAt === null || draining ? null : clock.after(Math.max(0, dueAt - clock.now()), fireTimers);
  }

  function fireTimers(): void {
    for (const { actor, timerId, armedSequence } of timers.takeDue(clock.now())) {
      const event = { type: timerId, at: clock.now() };
      stepper.add({
        actor,
        shard: shardOf(actor),
        source: { kind: "timer", timerId, armedSequence },
        eventId: `timer:${timerId}:${armedSequence}`,
        event,
        eventJson: JSON.stringify(event),
        cause: { kind: "timer", name: timerId },
        refusals: 0,
      } satisfies QueuedEvent);
    }
    scheduleTimers();
  }

  async function drainNow(graceMs: number): Promise<void> {
    cancelTimer?.();
    for (const end of watches.values()) end();
    watches.clear();
    await dispatcher.stop(graceMs);
    await stepper.stop();
    await ownership.stop();
  }

  return {
    start: () => ownership.start(),
    ready: () => draining === null && ownership.shards.length > 0 && loading.size === 0,
    drain: (graceMs = 2_000) => {
      draining ??= drainNow(graceMs);
      return draining;
    },
    stats: () => ({
      shards: ownership.shards.length,
      loading: loading.size,
      inbox: stepper.inbox.size,
      cachedActors: stepper.cached,
      timers: timers.size,
      parked: stepper.parkedActors,
      effects: dispatcher.stats(),
    }),
    onStored: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
