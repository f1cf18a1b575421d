// Carries events to the one target, as an EventBridge API destination does: at least once, in no promised order, for a day.
//   E1. An event is stored with the change it tells of and leaves the queue only when the target took it or it is given up.
//   E2. At most CONCURRENCY requests are open and only as many rows are in memory: the queue itself is on disk.
//   E3. When the target answers again, everything that waited for it goes at once.
import type { Log } from "../log.ts";
import type { Outbox, OutboxRow } from "../store/outbox.ts";

const CONCURRENCY = 8;
/** EventBridge gives an API destination 5 s. */
const REQUEST_TIMEOUT_MS = 5_000;
const GIVE_UP_AFTER_MS = 24 * 3600 * 1000;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 30_000;
/** EventBridge repeats these and nothing else below 500. */
const RETRIED_STATUSES: readonly number[] = [401, 407, 408, 409, 429];

export interface EventTarget {
  readonly url: string;
  /** Sent as `x-api-key`. */
  readonly apiKey: string;
}

export class Delivery {
  private readonly inFlight = new Map<number, Promise<void>>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private isStopped = false;
  private isTargetDown = false;
  private givenUp = 0;

  constructor(
    private readonly outbox: Outbox,
    private readonly target: EventTarget,
    private readonly now: () => number,
    private readonly log: Log,
  ) {}

  /** Sends what is due. Call it whenever something was added; safe to repeat. */
  wake(): void {
    if (this.isStopped) return;
    const nowMs = this.now();
    // Rows in flight are still in the table, so that many more are read.
    for (const row of this.outbox.due(nowMs, CONCURRENCY + this.inFlight.size)) {
      if (this.inFlight.size >= CONCURRENCY) break;
      if (this.inFlight.has(row.id)) continue;
      const sending = this.send(row).finally(() => {
        this.inFlight.delete(row.id);
        this.wake();
      });
      this.inFlight.set(row.id, sending);
    }
    this.sleepUntilNext(nowMs);
  }

  /** Events that were not taken within a day, or refused for good, since this server started. */
  get givenUpCount(): number {
    return this.givenUp;
  }

  /** Waits until everything due is delivered, at most `boundMs`, then stops. What is left goes out after the next start. */
  async drain(boundMs: number): Promise<void> {
    const untilMs = Date.now() + boundMs;
    this.wake();
    while (this.inFlight.size > 0 && Date.now() < untilMs) {
      await Promise.race([...this.inFlight.values(), Bun.sleep(Math.max(1, untilMs - Date.now()))]);
    }
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private sleepUntilNext(nowMs: number): void {
    if (this.timer) clearTimeout(this.timer);
    const nextMs = this.outbox.nextDueAtMs(nowMs);
    this.timer = nextMs === null ? null : setTimeout(() => this.wake(), Math.max(1, nextMs - nowMs));
    this.timer?.unref();
  }

  private async send(row: OutboxRow): Promise<void> {
    const outcome = await this.post(row.body);
    if (this.isStopped) return; // the store may be closed; the row stays and is sent again (E1)
    const nowMs = this.now();
    if (outcome.kind === "taken") {
      this.outbox.delivered(row.id);
      if (this.isTargetDown) this.outbox.retryNow(nowMs); // E3
      this.isTargetDown = false;
      return;
    }
    const attempts = row.attempts + 1;
    if (outcome.kind === "refused" || nowMs - row.createdAtMs > GIVE_UP_AFTER_MS) {
      this.outbox.delivered(row.id);
      this.givenUp += 1;
      this.log("event.given_up", { attempts, reason: outcome.reason });
      return;
    }
    if (!this.isTargetDown) this.log("event.target_down", { reason: outcome.reason });
    this.isTargetDown = true;
    const backoffMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 20));
    this.outbox.retry(
      row.id,
      attempts,
      Math.round(nowMs + Math.max(outcome.retryAfterMs, backoffMs * (0.75 + Math.random() / 2))),
    );
  }

  private async post(
    body: string,
  ): Promise<
    | { readonly kind: "taken" }
    | { readonly kind: "refused"; readonly reason: string }
    | { readonly kind: "failed"; readonly reason: string; readonly retryAfterMs: number }
  > {
    try {
      const response = await fetch(this.target.url, {
        method: "POST",
        headers: {
          "content-type": "application/json; charset=utf-8",
          "x-api-key": this.target.apiKey,
          "user-agent": "Amazon/EventBridge/ApiDestinations",
        },
        body,
        redirect: "manual",
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (response.ok) return { kind: "taken" };
      const reason = `the target answered ${response.status}`;
      if (response.status < 500 && !RETRIED_STATUSES.includes(response.status)) return { kind: "refused", reason };
      const retryAfterS = Number(response.headers.get("retry-after") ?? 0);
      return { kind: "failed", reason, retryAfterMs: retryAfterS > 0 ? Math.min(retryAfterS * 1000, LONGEST_RETRY_MS) : 0 };
    } catch (error) {
      return { kind: "failed", reason: error instanceof Error ? error.message : String(error), retryAfterMs: 0 };
    }
  }
}
