// Whether the disk takes writes: one line when it stops, one when it takes them again, however many calls failed in between; and a
// line a minute at most while rows that were acknowledged already are refused.
import { WriteRefused } from "../engine/index.ts";
import { elapsedMs } from "../runner/real-globals.ts";
import { errorText, type Log } from "./log.ts";

const TELL_AGAIN_MS = 60_000;

export class WriteHealth {
  /** Groups of transactions the disk refused since the start. */
  failures = 0;
  /** How often rows of transactions that were acknowledged already were refused since the start. */
  rowRefusals = 0;
  #failingSince: number | null = null;
  readonly #broughtBack = { untold: 0, quietUntilMs: 0 };
  readonly #notBroughtBack = { untold: 0, quietUntilMs: 0 };

  /** @param elapsed ms, by a clock that cannot jump */
  constructor(
    private readonly log: Log,
    private readonly elapsed: () => number = elapsedMs,
  ) {}

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

  /** Late rows were refused, and the journal has brought them back or could not (`StoreOptions.onRowsRefused`). */
  rowsRefused(error: unknown, isBroughtBack: boolean): void {
    this.rowRefusals += 1;
    const told = isBroughtBack ? this.#broughtBack : this.#notBroughtBack;
    told.untold += 1;
    const now = this.elapsed();
    if (now < told.quietUntilMs) return;
    const fields = { refusals: told.untold, cause: errorText(error) };
    told.untold = 0;
    told.quietUntilMs = now + TELL_AGAIN_MS;
    if (isBroughtBack) this.log.warn("store.rowsBroughtBack", { advice: BROUGHT_BACK, ...fields });
    else this.log.error("store.rowsNotBroughtBack", { advice: NOT_BROUGHT_BACK, ...fields });
  }
}

const BROUGHT_BACK =
  "The database refused rows of transactions that were acknowledged. They were brought back from the journal: serving goes on, and nothing that was acknowledged is lost. Check the disk and the room on it.";
const NOT_BROUGHT_BACK =
  "The database refused rows of transactions that were acknowledged, and the disk failed again when they were to be brought back from the journal, so nothing is served. The journal has them: nothing that was acknowledged is lost. Check the disk and restart the deployment.";
