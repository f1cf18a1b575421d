// Who is there and who owns which shard, in memory: the promises of convex/shards.ts over the rows. What a commit checks of it is
// the tables' own (tables.ts).

import { fairShares } from "../../convex/shares.ts";
import type { Attendance, Epoch } from "../../convex/steps.ts";
import type { Rows } from "./rows.ts";

export class Ownership {
  constructor(
    private readonly rows: Rows,
    private readonly now: () => number,
  ) {}

  attend(owner: string, held: readonly Epoch[], ttlMs: number, sinceMs: number | null): Attendance {
    return this.rows.transaction(() => {
      const now = this.now();
      const before = this.rows.heartbeats.get(owner);
      const jumpMs = before && sinceMs !== null ? now - before.heardAt - sinceMs : 0;
      for (const [name, beat] of this.rows.heartbeats) {
        const isPast = beat.heardAt + beat.ttlMs <= now;
        if (name === owner || !(isPast || beat.heardAt > now)) continue;
        if (isPast && jumpMs <= beat.ttlMs) this.#bury(name, beat.heardAt);
        else this.rows.put(this.rows.heartbeats, name, { ...beat, heardAt: now });
      }
      this.rows.put(this.rows.heartbeats, owner, { heardAt: now, ttlMs });
      const owners = new Map([...this.rows.heartbeats.keys()].map((name) => [name, this.#ownedBy(name).length]));
      const share = fairShares(owners, this.rows.shards.size).get(owner) ?? 0;
      const mine = this.#ownedBy(owner);
      const isHeld = (shard: number) =>
        held.some((one) => one.shard === shard && mine.includes(shard) && this.rows.shards.get(shard)?.epoch === one.epoch);
      const lost = held.filter(({ shard }) => !isHeld(shard)).map(({ shard }) => shard);
      const free = [...this.rows.shards].filter(([, row]) => !owners.has(row.owner)).map(([shard]) => shard);
      const given = [...mine.filter((shard) => !isHeld(shard)), ...free.slice(0, Math.max(0, share - mine.length))];
      const taken = given.map((shard) => this.#take(shard, owner, before ? now - before.heardAt : null));
      const others = [...this.rows.heartbeats].filter(([name]) => name !== owner);
      const nextEndMs = others.length === 0 ? null : Math.min(...others.map(([, beat]) => beat.heardAt + beat.ttlMs - now));
      const surplus = mine.slice(Math.min(mine.length, share));
      return { isReplaced: false, lost, taken, surplus, nextEndMs };
    });
  }

  release(owner: string, leases: readonly Epoch[], isLeaving: boolean): void {
    this.rows.transaction(() => {
      for (const { shard, epoch } of leases) {
        const row = this.rows.shards.get(shard);
        if (row?.owner === owner && row.epoch === epoch)
          this.rows.put(this.rows.shards, shard, { epoch, owner: "", freeSince: this.now() });
      }
      if (isLeaving && this.#ownedBy(owner).length === 0) this.rows.remove(this.rows.heartbeats, owner);
    });
  }

  /** A shard is somebody else's from now on, until that is not heard for `ttlMs`; 0: nobody's at once. */
  steal(shard: number, thief: string, ttlMs: number): void {
    this.rows.transaction(() => {
      this.rows.put(this.rows.heartbeats, thief, { heardAt: this.now(), ttlMs });
      this.#take(shard, thief, null);
    });
  }

  #ownedBy = (owner: string) => [...this.rows.shards].filter(([, row]) => row.owner === owner).map(([shard]) => shard);

  #take(shard: number, owner: string, ownMs: number | null): Attendance["taken"][number] {
    const row = this.rows.shards.get(shard) ?? { epoch: 0, owner: "", freeSince: 0 };
    const epoch = row.epoch + 1;
    this.rows.put(this.rows.shards, shard, { epoch, owner, freeSince: 0 });
    return { shard, epoch, unattendedMs: row.owner === owner ? ownMs : row.freeSince === 0 ? null : this.now() - row.freeSince };
  }

  #bury(name: string, heardAt: number): void {
    this.rows.remove(this.rows.heartbeats, name);
    for (const shard of this.#ownedBy(name))
      this.rows.put(this.rows.shards, shard, { epoch: this.rows.shards.get(shard)?.epoch ?? 0, owner: "", freeSince: heardAt });
  }
}
