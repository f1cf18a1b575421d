// A clock that is moved by hand. Imported before anything of the server, whose own clock is whatever `Date.now` was when it was loaded.
const real = Date.now.bind(Date);
let aheadMs = 0;
Date.now = () => real() + aheadMs;

/** Every part of the server is `ms` later from now on. */
export function advanceClock(ms: number): void {
  aheadMs += ms;
}
