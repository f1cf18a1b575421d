// Which functions are running, written where another thread can read it while this one is stuck in one of them.
// One per process, like the thread it is about. Costs a few stores a call; nobody need be listening.

/** Places in the shared memory, in 32-bit words. */
export const WORD = { heartbeat: 0, ownWork: 1, latest: 2, jobLength: 3, firstSlot: 4, slots: 64 } as const;
const JOB_OFFSET = (WORD.firstSlot + WORD.slots) * 4;
const MAX_JOB_BYTES = 64;

/** Views of the shared memory, for both threads. */
export const viewsOf = (memory: SharedArrayBuffer) => ({
  words: new Int32Array(memory, 0, WORD.firstSlot + WORD.slots),
  job: new Uint8Array(memory, JOB_OFFSET, MAX_JOB_BYTES),
});

class RunningFunctions {
  readonly memory = new SharedArrayBuffer(JOB_OFFSET + MAX_JOB_BYTES);
  readonly #words = viewsOf(this.memory).words;
  readonly #job = viewsOf(this.memory).job;
  readonly #ids = new Map<string, number>();
  readonly #free = Array.from({ length: WORD.slots }, (_, at) => WORD.firstSlot + at);
  #onName: (name: string, id: number) => void = () => {};

  /** A function starts. @param jobId the scheduled function it is, or null. @returns what to call when it has ended; safe to repeat */
  enter(path: string, jobId: string | null): () => void {
    const id = this.#idOf(path);
    const slot = this.#free.pop();
    if (slot !== undefined) this.#words[slot] = id;
    this.#words[WORD.latest] = id;
    this.#words[WORD.jobLength] = jobId === null ? 0 : new TextEncoder().encodeInto(jobId, this.#job).written;
    let isOver = slot === undefined;
    return () => {
      if (isOver || slot === undefined) return;
      isOver = true;
      this.#words[slot] = 0;
      this.#free.push(slot);
    };
  }

  /** Work of the server's own that may take long (checking every document): nobody's function is to blame meanwhile. */
  ownWork<T>(work: () => T): T {
    Atomics.add(this.#words, WORD.ownWork, 1);
    try {
      return work();
    } finally {
      Atomics.sub(this.#words, WORD.ownWork, 1);
    }
  }

  /** This thread is not stuck. */
  beat(): void {
    Atomics.add(this.#words, WORD.heartbeat, 1);
  }

  /** Tells `listener` every name that has an id, now and later. */
  tellNames(listener: (name: string, id: number) => void): void {
    this.#onName = listener;
    for (const [name, id] of this.#ids) listener(name, id);
  }

  #idOf(path: string): number {
    const known = this.#ids.get(path);
    if (known !== undefined) return known;
    const id = this.#ids.size + 1;
    this.#ids.set(path, id);
    this.#onName(path, id);
    return id;
  }
}

export const runningFunctions = new RunningFunctions();
