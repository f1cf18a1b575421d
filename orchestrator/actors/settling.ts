// Stores how effects ended. Grouped: one call in flight, what comes meanwhile fills the next. A call without an answer is made again.
// Endings give way to a backlog of steps, as after an outage: what waits there is older, and an answer would only queue up behind it.

import type { PendingEffect, Settled, Settlement } from "../../convex/steps.ts";
import { reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { Fenced, type HostStore, Refused } from "../store/host-store.ts";
import { type Clock, wait } from "./clock.ts";
import type { Holding } from "./holding.ts";
import type { Inbox } from "./inbox.ts";

export type Ending = Omit<Settlement, "effectId">;

export interface Unsettled {
  readonly effect: PendingEffect;
  readonly holding: Holding;
  readonly ending: Ending;
  /** What to store instead when the store will not take the ending. */
  readonly refused: (reason: string) => Ending;
  /** It is stored, or for somebody else to store. */
  readonly ended: () => void;
  /** It was done and is not wanted any more: to be performed again, which undoes it. */
  readonly again: () => void;
}

export interface SettlingDeps {
  readonly store: Pick<HostStore, "settle">;
  readonly clock: Clock;
  readonly log: Log;
  readonly onSettled: (settled: Settled, effect: PendingEffect, holding: Holding) => void;
  readonly onFenced: (holding: Holding) => void;
  /** What waits to be stepped. */
  readonly inbox: Pick<Inbox, "size" | "arrivals" | "onTaken">;
}

/** An ending, and behind what it stands. */
interface Waiting extends Unsettled {
  /** Arrivals in the inbox that go before it: those that waited in a backlog when it came. */
  readonly behind: number;
  /** By `clock.elapsed()`. */
  readonly since: number;
}

/** More than a large commit takes. */
const BACKLOG = 256;
/** The longest an ending waits for others: a crash has so much more performed again. */
const GIVE_WAY_MS = 2_000;

const MAX_GROUP = 256;
/** Of answers and errors: a call stays far below Convex's 16 MiB of arguments. */
const MAX_GROUP_CHARS = 1024 * 1024;
const RETRY_MS = 100;

export class Settling {
  private readonly queue: Waiting[] = [];
  private inFlight = 0;
  private isRunning = false;
  /** 1 after a refusal, so that the one to blame is found; restored when the queue is empty. */
  private groupLimit = MAX_GROUP;
  /** While endings give way: has them look whether they still have to. */
  private wake: (() => void) | null = null;

  constructor(private readonly deps: SettlingDeps) {}

  get size(): number {
    return this.queue.length + this.inFlight;
  }

  add(unsettled: Unsettled): void {
    const { inbox, clock } = this.deps;
    const behind = inbox.size > BACKLOG ? inbox.arrivals : 0;
    this.queue.push({ ...unsettled, behind, since: clock.elapsed() });
    if (!this.isRunning) void this.run();
    else if (!unsettled.holding.isOpen) this.look();
  }

  /** A shard is being handed over, or is lost: its endings wait for nobody. Safe to repeat. */
  look(): void {
    this.wake?.();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    await Promise.resolve(); // what ends together is settled together
    for (let first = this.queue[0]; first; first = this.queue[0]) {
      await this.giveWay(first);
      const group = this.take().filter((one) => {
        if (one.holding.isLost) one.ended();
        return !one.holding.isLost;
      });
      this.inFlight = group.length;
      if (group.length > 0) await this.store(group);
      this.inFlight = 0;
    }
    this.groupLimit = MAX_GROUP;
    this.isRunning = false;
  }

  /** Resolves when what was there before an ending has been taken, or nobody may wait for that any longer. */
  private async giveWay({ behind, since }: Waiting): Promise<void> {
    const { inbox, clock } = this.deps;
    const isBehind = () => inbox.arrivals - inbox.size < behind;
    while (isBehind()) {
      const leftMs = Math.ceil(since + GIVE_WAY_MS - clock.elapsed());
      if (leftMs <= 0 || this.queue.some(({ holding }) => !holding.isOpen)) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.wake = resolve;
      const ends = [inbox.onTaken(() => isBehind() || resolve()), clock.after(leftMs, resolve)];
      await promise;
      this.wake = null;
      for (const end of ends) end();
    }
  }

  /** The first that fit one call, at least one. */
  private take(): Waiting[] {
    let [count, chars] = [0, 0];
    for (; count < this.queue.length && count < this.groupLimit && chars < MAX_GROUP_CHARS; count++)
      chars += sizeOf(this.queue[count]!);
    return this.queue.splice(0, count);
  }

  private async store(group: readonly Waiting[]): Promise<void> {
    const epochs = [...new Set(group.map(({ holding }) => holding))].map(({ epoch }) => epoch);
    const settlements = group.map(({ effect, ending }) => ({ effectId: effect.effectId, ...ending }));
    try {
      const results = await this.deps.store.settle(epochs, settlements);
      group.forEach((one, index) => {
        const result = results[index];
        if (result?.kind === "over") {
          one.again();
          return;
        }
        one.ended();
        if (result && !one.holding.isLost) this.deps.onSettled(result, one.effect, one.holding);
      });
    } catch (error) {
      await this.afterFailure(group, error);
    }
  }

  private async afterFailure(group: readonly Waiting[], error: unknown): Promise<void> {
    const reason = reasonOf(error);
    const only = group.length === 1 ? group[0] : undefined;
    if (error instanceof Refused && only) {
      this.deps.log.error("settle.refused", { effectId: only.effect.effectId, reason });
      if (only.ending.state === "done") this.queue.unshift({ ...only, ending: only.refused(reason) });
      else only.ended(); // its row stays pending: the next owner performs it again
      return;
    }
    this.queue.unshift(...group);
    if (error instanceof Fenced) {
      for (const { holding } of group) if (holding.shard === error.shard) this.deps.onFenced(holding);
    } else if (error instanceof Refused) this.groupLimit = 1;
    else {
      this.deps.log.warn("settle.retry", { count: group.length, reason });
      await wait(this.deps.clock, RETRY_MS);
    }
  }
}

const sizeOf = ({ ending: { answer, error } }: Unsettled): number => (answer?.length ?? 0) + (error?.length ?? 0);
