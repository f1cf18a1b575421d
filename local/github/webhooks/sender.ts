// Sends stored webhook deliveries. Owns signing, time-outs and what became of each attempt.
//   W1. A delivery is stored in the transaction of the change it tells of, and sent only afterwards: no change is untold by a crash.
//   W2. Like GitHub it tries once. What failed stays on the list until somebody asks for a redelivery.
//   W3. An attempt cut off by a crash has no outcome and is made again after the restart, with the same X-GitHub-Delivery.
import type { Database } from "bun:sqlite";
import { createHmac } from "node:crypto";
import { atMost } from "../bounded.ts";
import { type Faults, WEBHOOK_ROUTE } from "../http/faults.ts";
import { type Delivery, pendingDeliveries, recordOutcome } from "../store/deliveries.ts";

/** GitHub gives a receiver ten seconds. */
const TIMEOUT_MS = 10_000;
const MAX_IN_FLIGHT = 8;
const MAX_DRAIN_MS = 3_000;

export interface WebhookTarget {
  readonly url: string;
  readonly secret: string;
}

type Outcome = Pick<Delivery, "statusCode" | "outcome">;

export class WebhookSender {
  readonly #inFlight = new Map<number, Promise<void>>();
  readonly #givingUp = new AbortController();
  #isStopping = false;
  #lastStartedId = 0;

  constructor(
    private readonly db: Database,
    private readonly target: WebhookTarget | null,
    private readonly appId: number,
    private readonly faults: Faults,
    private readonly nowMs: () => number,
  ) {}

  /** Whether there is anybody to tell: without a receiver nothing is stored either. */
  get isActive(): boolean {
    return this.target !== null;
  }

  /** Sends what is stored and unanswered, a few at a time, oldest first. Safe to call at any time outside a transaction. */
  wake(): void {
    const { target } = this;
    if (target === null || this.#isStopping) return;
    const free = MAX_IN_FLIGHT - this.#inFlight.size;
    if (free <= 0) return;
    for (const delivery of pendingDeliveries(this.db, this.#lastStartedId, free)) {
      this.#lastStartedId = delivery.id;
      const attempt = this.#attempt(delivery, target).finally(() => {
        this.#inFlight.delete(delivery.id);
        this.wake();
      });
      this.#inFlight.set(delivery.id, attempt);
    }
  }

  /** The headers of a delivery, as they were or will be sent. */
  headers(delivery: Delivery): Record<string, string> {
    const signature = createHmac("sha256", this.target?.secret ?? "")
      .update(delivery.payload)
      .digest("hex");
    return {
      accept: "*/*",
      "content-type": "application/json",
      "user-agent": "GitHub-Hookshot/omakase-local",
      "x-github-delivery": delivery.guid,
      "x-github-event": delivery.event,
      "x-github-hook-id": "1",
      "x-github-hook-installation-target-id": String(this.appId),
      "x-github-hook-installation-target-type": "integration",
      "x-hub-signature-256": `sha256=${signature}`,
    };
  }

  /** Starts nothing more and lets attempts under way end; the ones still unanswered are given up and made again at the next start (W3). */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await atMost(MAX_DRAIN_MS, Promise.allSettled(this.#inFlight.values()));
    this.#givingUp.abort();
    await Promise.allSettled(this.#inFlight.values());
  }

  async #attempt(delivery: Delivery, target: WebhookTarget): Promise<void> {
    const attemptedAtMs = this.nowMs();
    const fault = this.faults.take(WEBHOOK_ROUTE);
    if (fault?.kind === "delay")
      await atMost(fault.delayMs, new Promise((resolve) => this.#givingUp.signal.addEventListener("abort", resolve)));
    const result = fault?.kind === "drop-delivery" ? failed("failed to connect to host") : await this.#post(delivery, target);
    if (fault?.kind === "repeat-delivery") await this.#post(delivery, target);
    if (this.#givingUp.signal.aborted) return;
    recordOutcome(this.db, delivery.id, { ...result, attemptedAtMs, durationMs: this.nowMs() - attemptedAtMs });
  }

  async #post(delivery: Delivery, target: WebhookTarget): Promise<Outcome> {
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#givingUp.signal]);
      const request = {
        method: "POST",
        headers: this.headers(delivery),
        body: delivery.payload,
        signal,
        redirect: "manual",
      } as const;
      const response = await fetch(target.url, request);
      await response.body?.cancel();
      return { statusCode: response.status, outcome: response.ok ? "OK" : `Invalid HTTP Response: ${response.status}` };
    } catch (error) {
      return failed(error instanceof DOMException && error.name === "TimeoutError" ? "timed out" : "failed to connect to host");
    }
  }
}

const failed = (outcome: string): Outcome => ({ statusCode: 0, outcome });
