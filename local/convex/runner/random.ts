// Seeded randomness for queries and mutations: one generator per call (sfc32), seeded from the system's own
// randomness when the call starts. Not for secrets: Convex's own is not either.

export class SeededRandom {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;
  /** Most calls never ask for anything random. */
  #isSeeded = false;

  /** @param seed gives three 32-bit words, asked for at the first use; the same seed gives the same sequence. */
  constructor(private readonly seed: () => readonly [number, number, number]) {}

  /** The next 32 random bits, as an unsigned integer. */
  word(): number {
    if (!this.#isSeeded) {
      this.#isSeeded = true;
      [this.#a, this.#b, this.#c] = this.seed();
      for (let warmUp = 0; warmUp < 12; warmUp++) this.word();
    }
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** A double in [0, 1) with 53 random bits. */
  unit(): number {
    return ((this.word() >>> 5) * 67_108_864 + (this.word() >>> 6)) / 9_007_199_254_740_992;
  }

  /** Fills `bytes` in place. */
  fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 4) {
      let word = this.word();
      for (let offset = 0; offset < 4 && at + offset < bytes.length; offset++) {
        bytes[at + offset] = word & 0xff;
        word >>>= 8;
      }
    }
  }

  /** A version 4 UUID. */
  uuid(): string {
    const bytes = new Uint8Array(16);
    this.fill(bytes);
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = Buffer.from(bytes).toString("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}
