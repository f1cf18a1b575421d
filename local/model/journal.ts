// One JSON line a request: which run, which turn, what was played. Never the prompt, never a key.
import { appendFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";

const LIMIT_BYTES = 5_000_000;

export interface JournalLine {
  readonly at: string;
  readonly route: string;
  readonly status: number;
  readonly run?: string;
  readonly turn?: number;
  readonly played?: string;
  readonly problem?: string;
}

/** Keeps `requests.jsonl` in the folder, and one older file once it has grown past 5 MB. */
export class Journal {
  readonly #file: string;
  #bytes: number;

  constructor(folder: string) {
    this.#file = join(folder, "requests.jsonl");
    this.#bytes = statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
  }

  write(line: JournalLine): void {
    const text = `${JSON.stringify(line)}\n`;
    if (this.#bytes + text.length > LIMIT_BYTES) {
      renameSync(this.#file, `${this.#file}.1`);
      this.#bytes = 0;
    }
    appendFileSync(this.#file, text, { mode: 0o600 });
    this.#bytes += Buffer.byteLength(text);
  }
}
