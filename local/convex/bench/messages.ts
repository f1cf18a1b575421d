// What the benchmarks write and read: the fixture app's messages, of about 80 characters, in a hundred channels.
const CHANNELS = 100;
export const BODY = "A message of some eighty characters, as people write them to each other at work.";

export const channelOf = (at: number): string => `channel-${at % CHANNELS}`;

/** The value that this share of the sorted list lies below. */
export function quantile(of: readonly number[], share: number): number {
  const sorted = [...of].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const mean = (of: readonly number[]): number => of.reduce((sum, value) => sum + value, 0) / of.length;

/** Three significant digits. */
export const rounded = (value: number): number => Number(value.toPrecision(3));
