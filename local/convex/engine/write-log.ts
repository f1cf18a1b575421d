// The index keys of recent commits, in memory: has something a transaction read been written since it began?
//   W1. When the log does not reach back far enough, or history was undone since, the answer is yes.

import type { ReadInterval } from "./interval-index.ts";
import { compareKeys, type Key } from "./keys.ts";

export type WrittenKey = { indexId: number; key: Key };

const MAX_KEYS = 20_000;

export class WriteLog {
  private commits: { version: number; keys: readonly WrittenKey[] }[] = [];
  private keyCount = 0;
  private latest = 0;
  /** Transactions older than this cannot be judged (W1). */
  private floor = 0;

  /** Grows with every commit; a transaction remembers it when it begins. */
  get version(): number {
    return this.latest;
  }

  push(keys: readonly WrittenKey[]): void {
    this.latest++;
    this.commits.push({ version: this.latest, keys });
    this.keyCount += keys.length;
    while (this.keyCount > MAX_KEYS && this.commits.length > 1) {
      const oldest = this.commits.shift();
      this.keyCount -= oldest?.keys.length ?? 0;
      this.floor = oldest?.version ?? this.floor;
    }
  }

  /** What happened is not to be judged key by key (a rollback, a schema change): everyone under way must start again. */
  forget(): void {
    this.latest++;
    this.floor = this.latest;
    this.commits = [];
    this.keyCount = 0;
  }

  isTouched(baseVersion: number, reads: () => readonly ReadInterval[]): boolean {
    if (baseVersion === this.latest) return false;
    if (baseVersion < this.floor) return true;
    const intervals = new Map<number, ReadInterval[]>();
    for (const interval of reads()) intervals.set(interval.indexId, [...(intervals.get(interval.indexId) ?? []), interval]);
    return this.commits.some(
      ({ version, keys }) =>
        version > baseVersion &&
        keys.some(({ indexId, key }) =>
          (intervals.get(indexId) ?? []).some(({ start, end }) => compareKeys(start, key) <= 0 && compareKeys(key, end) < 0),
        ),
    );
  }
}
