// Slows down guessing: after ten wrong passwords for one e-mail within a minute, that e-mail has to wait for the minute to end.
// In memory and bounded; a restart forgives.

const LIMIT = 10;
const WINDOW_MS = 60_000;
const EMAIL_LIMIT = 1_000;

export class LoginAttempts {
  readonly #failures = new Map<string, { count: number; readonly endsAtMs: number }>();

  constructor(private readonly nowMs: () => number = Date.now) {}

  /** Seconds this e-mail has to wait before it may try again; 0 when it need not. */
  waitS(email: string): number {
    const known = this.#current(email);
    return known && known.count >= LIMIT ? Math.ceil((known.endsAtMs - this.nowMs()) / 1000) : 0;
  }

  /** Counts a wrong password. */
  failed(email: string): void {
    const known = this.#current(email);
    if (known) {
      known.count += 1;
      return;
    }
    this.#failures.set(keyOf(email), { count: 1, endsAtMs: this.nowMs() + WINDOW_MS });
    const oldest = this.#failures.keys().next();
    if (this.#failures.size > EMAIL_LIMIT && !oldest.done) this.#failures.delete(oldest.value);
  }

  succeeded(email: string): void {
    this.#failures.delete(keyOf(email));
  }

  #current(email: string) {
    const key = keyOf(email);
    const known = this.#failures.get(key);
    if (known && known.endsAtMs > this.nowMs()) return known;
    this.#failures.delete(key);
    return undefined;
  }
}

function keyOf(email: string): string {
  return email.trim().toLowerCase().slice(0, 200);
}
