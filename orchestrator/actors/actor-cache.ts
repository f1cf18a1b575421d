// The actors in use, restored, at the sequence their row has. Bounded: idle ones are rows, not memory.

import type { LiveActor } from "./machine-step.ts";

export interface CachedActor {
  readonly id: string;
  readonly shard: number;
  readonly sequence: number;
  readonly live: LiveActor;
}

export class ActorCache {
  private readonly actors = new Map<string, CachedActor>();

  constructor(private readonly limit: number) {}

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
    this.actors.delete(address);
    this.actors.set(address, actor);
    if (this.actors.size <= this.limit) return;
    for (const oldest of this.actors.keys()) {
      this.actors.delete(oldest);
      break;
    }
  }

  drop(address: string): void {
    this.actors.delete(address);
  }

  dropShard(shard: number): void {
    for (const [address, actor] of this.actors) if (actor.shard === shard) this.actors.delete(address);
  }
}
