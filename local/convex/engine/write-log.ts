// The index keys of recent commits, in memory: has something a transaction read been written since it began?
//   W1. When the log does not reach back far enough, or history was undone since, the answer is yes.

import type { ReadInterval } from "./interval-index.ts";
import { compareKeys, type Key } from "./keys.ts";

export type WrittenKey = { indexId: number; key: Key };

const MAX_KEYS = 20_000;
/** Commits that are not kept any more are cut off the list when there are this many of them, and as many left. */
const COMPACT_AT = 4096;

export class WriteLog {
  /** The keys of each commit, one version after the other, the last one's last. */
  private commits: (readonly WrittenKey[])[] = [];
  /** Where in `commits` the kept ones begin. */
  private first = 0;
  private keyCount = 0;
  private latest = 0;

  /** Grows with every commit; a transaction remembers it when it begins. */
  get version(): number {
    return this.latest;
  }

  push(keys: readonly WrittenKey[]): void {
    this.latest++;
    this.commits.push(keys);
    this.keyCount += keys.length;
    while (this.keyCount > MAX_KEYS && this.commits.length - this.first > 1) {
      this.keyCount -= this.commits[this.first]?.length ?? 0;
      this.first++;
    }
    if (this.first < COMPACT_AT || this.first < this.commits.length - this.first) return;
    this.commits = this.commits.slice(this.first);
    this.first = 0;
  }

  /** What happened is not to be judged key by key (a rollback, a schema change): everyone under way must start again. */
  forget(): void {
    this.latest++;
    this.commits = [];
    this.first = 0;
    this.keyCount = 0;
  }

  isTouched(baseVersion: number, reads: () => readonly ReadInterval[]): boolean {
    const since = this.latest - baseVersion;
    if (since === 0) return false;
    if (since > this.commits.length - this.first) return true; // W1
    const intervals = new Map<number, ReadInterval[]>();
    for (const interval of reads()) intervals.set(interval.indexId, [...(intervals.get(interval.indexId) ?? []), interval]);
    for (let at = this.commits.length - since; at < this.commits.length; at++) {
      for (const { indexId, key } of this.commits[at] ?? []) {
        for (const { start, end } of intervals.get(indexId) ?? []) {
          if (compareKeys(start, key) <= 0 && compareKeys(key, end) < 0) return true;
        }
      }
    }
    return false;
  }
}
