// A bound on how often one caller may call: a bucket that refills. In memory, per process: it protects us, it is no accounting.

export interface CallRate {
  /** Takes one call of a caller's. @returns false when it has none left */
  take(caller: string): boolean;
}

/** Full buckets need not be remembered; past this many the fullest are forgotten. */
const MAX_CALLERS = 2_000;

/** @param perSecond refilled evenly @param burst what a rested caller may do at once */
export function createCallRate(perSecond: number, burst: number, now: () => number = Date.now): CallRate {
  const buckets = new Map<string, { left: number; at: number }>();
  const leftOf = (bucket: { left: number; at: number }, at: number) =>
    Math.min(burst, bucket.left + ((at - bucket.at) / 1000) * perSecond);
  return {
    take: (caller) => {
      const at = now();
      const bucket = buckets.get(caller);
      const left = bucket ? leftOf(bucket, at) : burst;
      if (left < 1) return false;
      if (!bucket && buckets.size >= MAX_CALLERS) {
        const byFullness = [...buckets].sort(([, a], [, b]) => leftOf(b, at) - leftOf(a, at));
        for (const [name] of byFullness.slice(0, MAX_CALLERS / 2)) buckets.delete(name);
      }
      buckets.set(caller, { left: left - 1, at });
      return true;
    },
  };
}
