// Random bytes from the system in handfuls: every call needs a few, and asking for a few at a time costs more than the rest of them.
import { randomFillSync } from "node:crypto";

const pool = new Uint32Array(1024);
let left = 0;

/** 32 random bits, as an unsigned integer. */
export function randomWord(): number {
  if (left === 0) {
    randomFillSync(pool);
    left = pool.length;
  }
  left -= 1;
  return pool[left] ?? 0;
}
