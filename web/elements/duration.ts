// Lengths of time in words.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "0s", "4m 12s", "3h 5m", "2d 4h": at most two parts; negative counts as none. @param ms milliseconds */
export function formatDuration(ms: number): string {
  const length = Math.max(0, ms);
  if (length < MINUTE) return `${Math.floor(length / SECOND)}s`;
  const [big, bigName, small, smallName] =
    length < HOUR ? [MINUTE, "m", SECOND, "s"] : length < DAY ? [HOUR, "h", MINUTE, "m"] : [DAY, "d", HOUR, "h"];
  const whole = Math.floor(length / big);
  const rest = Math.floor((length % big) / small);
  return rest === 0 ? `${whole}${bigName}` : `${whole}${bigName} ${rest}${smallName}`;
}

/** "$0.42"; less than a cent but not nothing is "<$0.01". */
export function formatCost(usd: number): string {
  return usd > 0 && usd < 0.01 ? "<$0.01" : `$${usd.toFixed(2)}`;
}
