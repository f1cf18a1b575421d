// The process's own globals, captured before `install-globals.ts` puts per-call ones in their place.
// Server code that may run inside a function call's async context uses these, so that a frozen clock or a
// seeded random generator of a query can never leak into the server itself.

export const RealDate = Date;
export const RealMath = Math;
export const realConsole = console;
export const realProcess = process;
export const realCrypto = crypto;
export const realFetch = fetch;
export const realSetTimeout = setTimeout;
export const realSetInterval = setInterval;
export const realSetImmediate = setImmediate;

/** Wall clock in milliseconds since the epoch, never frozen. */
export const nowMs: () => number = Date.now.bind(Date);

/** Monotonic milliseconds with a fraction, for measuring durations. */
export const elapsedMs: () => number = performance.now.bind(performance);
