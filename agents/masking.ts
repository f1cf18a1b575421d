// Takes secrets out of a text before it leaves the container: the ones this run was given, exactly, and whatever is shaped like a key.
// The orchestrator looks for the same shapes again: two walls, since neither knows everything.

import { cutMiddle } from "./bounded-text.ts";

const SHAPES: readonly RegExp[] = [
  /\bgh[opsur]_[A-Za-z0-9_.-]{16,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/g,
  /\bglpat-[A-Za-z0-9_-]{16,}/g,
  /\bsk-[A-Za-z0-9_-]{20,}/g,
  /\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}/g,
  /\blin_(?:api|wh|oauth)_[A-Za-z0-9_-]{16,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bAIza[A-Za-z0-9_-]{35}\b/g,
  /\bnpm_[A-Za-z0-9]{30,}/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
];

/** The password in an address. */
const IN_ADDRESS = /(:\/\/[^\s/:@]{0,100}:)[^\s/@]{6,200}(?=@)/g;

/** Nobody keeps more than a part of this; a secret cut in two at its middle goes when that part is taken. */
const MAX_TEXT_BYTES = 256 * 1024;
const MASKED = "[masked]";
/** A shorter one would turn ordinary words into holes. */
const MIN_SECRET_CHARS = 8;

export class Masking {
  readonly #secrets = new Set<string>();

  /** From now on `secret` is masked, also as the password of HTTP's basic authentication. */
  learn(secret: string): void {
    if (secret.length < MIN_SECRET_CHARS) return;
    this.#secrets.add(secret);
    this.#secrets.add(Buffer.from(`x-access-token:${secret}`).toString("base64"));
  }

  /** A text of more than 256 KiB is cut in the middle: the shapes are looked for in one thread with everything else. */
  text(text: string): string {
    let masked = cutMiddle(text, MAX_TEXT_BYTES);
    for (const secret of this.#secrets) masked = masked.replaceAll(secret, MASKED);
    return SHAPES.reduce((soFar, shape) => soFar.replace(shape, MASKED), masked.replace(IN_ADDRESS, `$1${MASKED}`));
  }

  /** The same through every text of a JSON value, so that what is left is still of the same shape. */
  deep(value: unknown): unknown {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((one) => this.deep(one));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [this.text(name), this.deep(inner)]));
    }
    return value;
  }
}
