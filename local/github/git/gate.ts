// Bounds how many things run at once, and how many may wait for it.

/** More callers wait already than the gate lets wait. */
export class GateFull extends Error {
  override readonly name = "GateFull";
  readonly code = "GATE_FULL";
}

export class Gate {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];

  constructor(
    private readonly maxRunning: number,
    private readonly maxWaiting: number,
  ) {}

  /** Waits for a place, in order of arrival. The returned function gives the place back; calling it again does nothing. @throws {GateFull} */
  async enter(): Promise<() => void> {
    if (this.#running < this.maxRunning) this.#running += 1;
    else {
      if (this.#waiting.length >= this.maxWaiting) throw new GateFull(`${this.maxWaiting} callers wait already`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve)); // the place is handed over, so the count stays
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const next = this.#waiting.shift();
      if (next !== undefined) return next();
      this.#running -= 1;
      if (this.#running === 0) for (const tell of this.#idle.splice(0)) tell();
    };
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Runs `work` inside the gate. @throws {GateFull} */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    const leave = await this.enter();
    try {
      return await work();
    } finally {
      leave();
    }
  }
}
