// Webhook deliveries that are still owed: kept in SQLite, sent over keep-alive connections, retried as Linear does.
//   Q1. A delivery is stored in the commit of the change it tells (domain/change.ts, D1) and stays until it is answered
//       with 200 or its last attempt failed. A restart resumes it: at least once, with the same Linear-Delivery.
//   Q2. `webhookTimestamp` is the time of the attempt, so a receiver that trusts only fresh ones accepts a retry.
//   Q3. At most MAX_IN_FLIGHT at once; deliveries start in the order of their changes, and may arrive in another.
import type { Database } from "bun:sqlite";
import { createHmac } from "node:crypto";
import type { Webhook } from "../store/entities.ts";

/** What may be done to a delivery on purpose (faults.ts). */
export type DeliveryFault =
  | { readonly kind: "drop" }
  | { readonly kind: "duplicate" }
  | { readonly kind: "delay"; readonly delayMs: number };

export interface NewDelivery {
  /** The Linear-Delivery header: the same on every attempt. */
  readonly id: string;
  readonly webhookId: string;
  /** The Linear-Event header. */
  readonly event: string;
  /** The JSON body without `webhookTimestamp`. */
  readonly body: string;
}

export interface DeliveryQueueOptions {
  readonly database: Database;
  readonly webhook: (id: string) => Webhook | undefined;
  /** Time from a failed attempt to the next, in ms. One attempt more than there are delays. */
  readonly retryDelaysMs: readonly number[];
  readonly takeFault: (event: string) => DeliveryFault | undefined;
  readonly now: () => number;
}

interface Owed extends NewDelivery {
  readonly seq: number;
  readonly failures: number;
}

const MAX_IN_FLIGHT = 50;
/** Linear waits this long for an answer. */
const ANSWER_LIMIT_MS = 5_000;
/** setTimeout cannot wait longer than about 24 days; waking early is harmless. */
const LONGEST_NAP_MS = 3_600_000;

export class DeliveryQueue {
  private readonly inFlight = new Map<number, Promise<void>>();
  private readonly stopped = new AbortController();
  private nap: ReturnType<typeof setTimeout> | undefined;
  private readonly statements;

  constructor(private readonly options: DeliveryQueueOptions) {
    const { database } = options;
    database.run(
      "CREATE TABLE IF NOT EXISTS deliveries (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, webhookId TEXT NOT NULL, event TEXT NOT NULL, body TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0, dueAtMs INTEGER NOT NULL)",
    );
    database.run("CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (dueAtMs, seq)");
    this.statements = {
      add: database.prepare<unknown, [string, string, string, string, number]>(
        "INSERT INTO deliveries (id, webhookId, event, body, dueAtMs) VALUES (?, ?, ?, ?, ?)",
      ),
      due: database.prepare<{ seq: number }, [number, number]>(
        "SELECT seq FROM deliveries WHERE dueAtMs <= ? ORDER BY seq LIMIT ?",
      ),
      one: database.prepare<Owed, [number]>("SELECT seq, id, webhookId, event, body, failures FROM deliveries WHERE seq = ?"),
      nextDue: database.prepare<{ dueAtMs: number | null }, [number]>(
        "SELECT min(dueAtMs) AS dueAtMs FROM deliveries WHERE dueAtMs > ?",
      ),
      done: database.prepare<unknown, [number]>("DELETE FROM deliveries WHERE seq = ?"),
      failed: database.prepare<unknown, [number, number, number]>(
        "UPDATE deliveries SET failures = ?, dueAtMs = ? WHERE seq = ?",
      ),
      count: database.prepare<{ count: number }, []>("SELECT count(*) AS count FROM deliveries"),
    };
  }

  /** Deliveries still owed, waiting for a retry included. */
  get owed(): number {
    return this.statements.count.get()?.count ?? 0;
  }

  /** Adds a delivery within the caller's transaction. Call `wake` after the commit. */
  add(delivery: NewDelivery): void {
    const { id, webhookId, event, body } = delivery;
    this.statements.add.run(id, webhookId, event, body, this.options.now());
  }

  /** Sends what is due. Call after a commit and once at the start. Safe to repeat. */
  wake(): void {
    if (this.stopped.signal.aborted) return;
    clearTimeout(this.nap);
    if (this.inFlight.size >= MAX_IN_FLIGHT) return; // Q3: the next one to finish wakes us
    const now = this.options.now();
    for (const { seq } of this.statements.due.all(now, MAX_IN_FLIGHT + 1)) {
      if (this.inFlight.size >= MAX_IN_FLIGHT) return;
      const delivery = this.inFlight.has(seq) ? undefined : this.statements.one.get(seq);
      if (delivery) this.start(delivery);
    }
    const dueAtMs = this.statements.nextDue.get(now)?.dueAtMs;
    if (dueAtMs != null) this.nap = setTimeout(() => this.wake(), Math.min(dueAtMs - now, LONGEST_NAP_MS));
  }

  /** Starts no more attempts and gives up waiting for the ones under way; all of them stay owed (Q1). */
  async stop(): Promise<void> {
    clearTimeout(this.nap);
    this.stopped.abort();
    await Promise.all(this.inFlight.values());
  }

  private start(delivery: Owed): void {
    const attempt = this.attempt(delivery).finally(() => {
      this.inFlight.delete(delivery.seq);
      this.wake();
    });
    this.inFlight.set(delivery.seq, attempt);
  }

  private async attempt(delivery: Owed): Promise<void> {
    const webhook = this.options.webhook(delivery.webhookId);
    const fault = webhook?.enabled ? this.options.takeFault(delivery.event) : undefined;
    if (!webhook?.enabled || fault?.kind === "drop") {
      this.statements.done.run(delivery.seq);
      return;
    }
    if (fault?.kind === "delay") await interruptible(fault.delayMs, this.stopped.signal);
    if (fault?.kind === "duplicate") await this.send(webhook, delivery);
    const isHeard = await this.send(webhook, delivery);
    if (this.stopped.signal.aborted && !isHeard) return; // not its fault: owed as before
    const delayMs = this.options.retryDelaysMs[delivery.failures];
    if (isHeard || delayMs === undefined) this.statements.done.run(delivery.seq);
    else this.statements.failed.run(delivery.failures + 1, this.options.now() + delayMs, delivery.seq);
  }

  /** One attempt. Only a 200 within the time limit counts; a redirect does not. */
  private async send(webhook: Webhook, delivery: Owed): Promise<boolean> {
    const body = `${delivery.body.slice(0, -1)},"webhookTimestamp":${this.options.now()}}`; // Q2
    const headers = {
      "content-type": "application/json; charset=utf-8",
      "user-agent": "Linear-Webhook",
      "linear-delivery": delivery.id,
      "linear-event": delivery.event,
      "linear-signature": createHmac("sha256", webhook.secret).update(body).digest("hex"),
    };
    const signal = AbortSignal.any([AbortSignal.timeout(ANSWER_LIMIT_MS), this.stopped.signal]);
    try {
      const response = await fetch(webhook.url, { method: "POST", headers, body, signal, redirect: "manual" });
      await readAndForget(response);
      return response.status === 200;
    } catch {
      return false; // refused, reset or too slow: the retry schedule is the answer
    }
  }
}

/** Reads a short answer so that its connection can be used again; a long one is not worth keeping. */
async function readAndForget(response: Response): Promise<void> {
  const reader = response.body?.getReader();
  for (let bytes = 0; reader; ) {
    const { done, value } = await reader.read();
    if (done) return;
    bytes += value.byteLength;
    if (bytes > 65_536) return reader.cancel();
  }
}

function interruptible(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
  });
}
