// Whether the disk takes writes: one line when it stops, one when it takes them again, however many calls failed in between.
import { WriteRefused } from "../engine/index.ts";
import { errorText, type Log } from "./log.ts";

export class WriteHealth {
  /** Groups of transactions the disk refused since the start. */
  failures = 0;
  #failingSince: number | null = null;

  constructor(private readonly log: Log) {}

  get isFailing(): boolean {
    return this.#failingSince !== null;
  }

  refused(error: unknown): void {
    if (!(error instanceof WriteRefused)) return;
    this.failures += 1;
    if (this.#failingSince !== null) return;
    this.#failingSince = this.failures;
    this.log.error("store.writesRefused", { code: error.code, advice: error.message, cause: errorText(error.cause) });
  }

  committed(): void {
    if (this.#failingSince === null) return;
    this.log.info("store.writesTakenAgain", { refusedGroups: this.failures - this.#failingSince + 1 });
    this.#failingSince = null;
  }
}
