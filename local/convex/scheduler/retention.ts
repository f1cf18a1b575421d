// Forgets what may be forgotten: ended jobs after 7 days, answers of client mutations after 14, bytes of files without a row.
// In small steps, between other work.
import type { Store } from "../engine/index.ts";
import type { Loop } from "../loop/loop.ts";
import { errorText, type Log } from "../ops/log.ts";
import { nowMs, realSetInterval } from "../runner/real-globals.ts";
import type { FileStorage } from "../storage/file-storage.ts";
import { JOB_TABLES, jobsCompletedBefore } from "./job-rows.ts";

const DAY_MS = 86_400_000;
const KEEP_JOBS_MS = 7 * DAY_MS;
const KEEP_REPLAYS_MS = 14 * DAY_MS;
const STEP_ROWS = 400;

export class Retention {
  /** Ended jobs and old answers forgotten since the start. */
  readonly stats = { forgotten: 0 };
  #timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly deps: { readonly store: Store; readonly loop: Loop; readonly files: FileStorage; readonly log: Log },
    /** Default: one step a minute, up to 576,000 ended jobs a day. */
    private readonly everyMs = 60_000,
  ) {}

  start(): void {
    this.#timer = realSetInterval(() => {
      this.step(nowMs()).catch((error: unknown) => this.deps.log.error("retention.failed", { error: errorText(error) }));
    }, this.everyMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** One bounded step as of `now` (ms since the epoch). Returns how many jobs and answers were forgotten. */
  async step(now: number): Promise<{ jobs: number; replays: number }> {
    const { store, loop, files } = this.deps;
    const jobs = await loop.write(async (group) => {
      const tx = store.begin({ kind: "mutation", nowMs: now });
      let removed = 0;
      for (const table of JOB_TABLES) {
        for (const component of store.components(table)) {
          const own = tx.child({ component });
          for (const job of [...jobsCompletedBefore(own, table, now - KEEP_JOBS_MS, Math.max(0, STEP_ROWS - removed))]) {
            own.system.remove(job.id);
            removed += 1;
          }
          tx.adopt(own);
        }
      }
      group.commit(tx);
      return removed;
    });
    // A read phase has no group open, which is what trimming needs.
    const replays = await loop.read(async () => store.trimReplays(now - KEEP_REPLAYS_MS));
    await files.sweep();
    this.stats.forgotten += jobs + replays;
    return { jobs, replays };
  }
}
