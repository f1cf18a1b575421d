// The actors in use, restored, at the sequence their row has. Bounded in number and in size: idle ones are rows, not memory.

import type { LiveActor } from "./machine-step.ts";

export interface CachedActor {
  readonly id: string;
  readonly shard: number;
  readonly sequence: number;
  readonly live: LiveActor;
}

/** Snapshots kept, in characters: a usual one has 1,000, the largest 300 Ki. The 64 actors of a commit must fit, however large. */
const MAX_CHARS = 32 * 1024 * 1024;

export class ActorCache {
  private readonly actors = new Map<string, CachedActor>();
  private chars = 0;

  constructor(
    private readonly limit: number,
    private readonly maxChars = MAX_CHARS,
  ) {}

  get size(): number {
    return this.actors.size;
  }

  get(address: string): CachedActor | undefined {
    const actor = this.actors.get(address);
    if (actor) {
      // A Map iterates in insertion order: the front is the longest unused.
      this.actors.delete(address);
      this.actors.set(address, actor);
    }
    return actor;
  }

  set(address: string, actor: CachedActor): void {
    this.drop(address);
    this.actors.set(address, actor);
    this.chars += sizeOf(actor);
    if (this.isWithin) return; // most of the time: to find the oldest takes longer the more were taken out
    for (const oldest of this.actors.keys()) {
      if (oldest !== address) this.drop(oldest);
      if (this.isWithin) return;
    }
  }

  private get isWithin(): boolean {
    return this.actors.size <= this.limit && this.chars <= this.maxChars;
  }

  drop(address: string): void {
    const actor = this.actors.get(address);
    if (!actor) return;
    this.actors.delete(address);
    this.chars -= sizeOf(actor);
  }

  dropShard(shard: number): void {
    for (const [address, actor] of this.actors) if (actor.shard === shard) this.drop(address);
  }
}

const sizeOf = ({ live }: CachedActor): number => live.snapshotJson.length;
