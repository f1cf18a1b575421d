// Counts how often a run has met each of its faults, for faults that happen only so many times.
// In memory and bounded: after a restart, or after a thousand other runs, a fault simply happens again.

const SESSION_LIMIT = 1_000;

export class FaultCounter {
  readonly #counts = new Map<string, Map<number, number>>();

  count(session: string, faultIndex: number): number {
    return this.#counts.get(session)?.get(faultIndex) ?? 0;
  }

  add(session: string, faultIndex: number): void {
    const counts = this.#counts.get(session) ?? new Map<number, number>();
    counts.set(faultIndex, (counts.get(faultIndex) ?? 0) + 1);
    this.#counts.set(session, counts);
    const oldest = this.#counts.keys().next();
    if (this.#counts.size > SESSION_LIMIT && !oldest.done) this.#counts.delete(oldest.value);
  }
}
