// The run's log on its way to the orchestrator: numbers events, sends them in batches, beats when there is nothing to say, and hears
// whether the run was asked to stop. Everything passes the masking before it is kept.
//   E1. Numbers have no gaps and never go back: an event gets its number when its batch is put together, so one that was dropped
//       for lack of room never had one.
//   E2. One batch is under way at a time; the same events go out again, under the same numbers, until the orchestrator has them.
//   E3. Memory is bounded whatever the orchestrator does: the newest events are kept, and one event says how many are missing.

import { bytesOf, cutMiddle } from "./bounded-text.ts";
import type { Masking } from "./masking.ts";
import { OrchestratorRefused } from "./orchestrator.ts";
import { NO_USAGE, type Usage } from "./usage.ts";

export interface LogEvent {
  readonly seq: number;
  /** ms since 1970. */
  readonly at: number;
  readonly source: "runner" | "model" | "tool" | "stderr";
  readonly level: "debug" | "info" | "warn" | "error";
  readonly kind: string;
  readonly text: string;
  readonly data?: object;
}

export type Said = Omit<LogEvent, "seq" | "at">;

export interface Batch {
  readonly from: number;
  readonly events: readonly LogEvent[];
  readonly usage: Usage;
}

export interface LogAnswer {
  /** The number the orchestrator wants next. */
  readonly next: number;
  readonly stop: { readonly reason: string } | null;
}

export interface EventLogSettings {
  readonly send: (batch: Batch) => Promise<LogAnswer>;
  readonly masking: Masking;
  /** Called once, when the run is asked to stop or no longer known. */
  readonly onStop: (reason: string) => void;
  /** @default 10_000 */
  readonly heartbeatMs?: number;
  /** How many events wait at most. @default 4_096 */
  readonly maxWaiting?: number;
  /** First pause after a lost answer; doubles up to 5 s. @default 250 */
  readonly pauseMs?: number;
}

const MAX_TEXT_BYTES = 16 * 1024;
const MAX_DATA_BYTES = 16 * 1024;
const BATCH_AFTER_MS = 200;
const BATCH_AT_EVENTS = 64;
const MAX_BATCH_EVENTS = 256;
const MAX_BATCH_BYTES = 192 * 1024;
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const LONGEST_PAUSE_MS = 5_000;

interface Waiting {
  readonly event: Omit<LogEvent, "seq">;
  readonly bytes: number;
}

export class EventLog {
  usage: Usage = NO_USAGE;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #batch: LogEvent[] = [];
  #nextSeq = 1;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #dueAt = Number.POSITIVE_INFINITY;
  #underWay: Promise<void> | null = null;
  #failures = 0;
  #isOver = false;

  constructor(private readonly settings: EventLogSettings) {
    this.#wakeIn(0);
  }

  /** Keeps an event for sending. Never throws, never waits. */
  add(said: Said): void {
    if (this.#isOver) return;
    const { data, ...rest } = said;
    const text = cutMiddle(this.settings.masking.text(said.text), MAX_TEXT_BYTES);
    const event = { at: Date.now(), ...rest, text, ...(data === undefined ? {} : { data: this.#boundedData(data) }) };
    const bytes = bytesOf(JSON.stringify(event)) + 20;
    this.#waiting.push({ event, bytes });
    this.#waitingBytes += bytes;
    this.#makeRoom();
    if (this.#failures === 0) this.#wakeIn(this.#waiting.length >= BATCH_AT_EVENTS ? 0 : BATCH_AFTER_MS);
  }

  /** An event of the runner's own. */
  note(kind: string, text: string, level: LogEvent["level"] = "info", data?: object): void {
    this.add({ source: "runner", level, kind, text, ...(data === undefined ? {} : { data }) });
  }

  /** Waits until everything said so far has arrived, at most `withinMs`. @returns whether it has */
  async flush(withinMs: number): Promise<boolean> {
    const end = Date.now() + withinMs;
    while (!this.#isOver && (this.#batch.length > 0 || this.#waiting.length > 0 || this.#dropped > 0)) {
      const leftMs = end - Date.now();
      if (leftMs <= 0) return false;
      if (this.#failures === 0) this.#wakeIn(0);
      await Promise.race([this.#underWay ?? Bun.sleep(20), Bun.sleep(leftMs)]);
    }
    return !this.#isOver;
  }

  /** Sends nothing any more. */
  close(): void {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** E3. */
  #makeRoom(): void {
    const { maxWaiting = 4_096 } = this.settings;
    while (this.#waiting.length > maxWaiting || (this.#waitingBytes > MAX_WAITING_BYTES && this.#waiting.length > 1)) {
      this.#waitingBytes -= this.#waiting.shift()?.bytes ?? 0;
      this.#dropped += 1;
    }
  }

  #boundedData(data: object): object {
    const masked = this.settings.masking.deep(data);
    const json = JSON.stringify(masked);
    if (bytesOf(json) <= MAX_DATA_BYTES) return masked as object; // masking keeps the shape
    return { cut: cutMiddle(json, MAX_DATA_BYTES / 2) };
  }

  #wakeIn(delayMs: number): void {
    const at = Date.now() + delayMs;
    if (this.#isOver || this.#underWay !== null || this.#dueAt <= at) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dueAt = at;
    this.#timer = setTimeout(() => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#underWay = this.#send().finally(() => {
        this.#underWay = null;
        this.#wakeIn(this.#pauseMs());
      });
    }, delayMs);
  }

  #pauseMs(): number {
    const { heartbeatMs = 10_000, pauseMs = 250 } = this.settings;
    if (this.#failures > 0) return Math.min(pauseMs * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS);
    if (this.#batch.length > 0) return 0;
    if (this.#waiting.length > 0 || this.#dropped > 0) return BATCH_AFTER_MS;
    return heartbeatMs;
  }

  async #send(): Promise<void> {
    if (this.#batch.length === 0) this.#fillBatch();
    const from = this.#batch[0]?.seq ?? this.#nextSeq;
    try {
      const { next, stop } = await this.settings.send({ from, events: this.#batch, usage: this.usage });
      this.#failures = 0;
      this.#arrived(from, next);
      if (stop !== null) this.settings.onStop(stop.reason);
    } catch (error) {
      if (error instanceof OrchestratorRefused) this.#refused(error);
      else this.#failures += 1;
    }
  }

  /** E1. */
  #fillBatch(): void {
    if (this.#dropped > 0) {
      const text = `${this.#dropped} events were dropped here: the orchestrator was away for too long.`;
      const data = { dropped: this.#dropped };
      this.#dropped = 0;
      this.#number({ at: Date.now(), source: "runner", level: "warn", kind: "log.dropped", text, data });
    }
    let bytes = 0;
    for (const { event, bytes: size } of this.#waiting) {
      bytes += size;
      if (this.#batch.length >= MAX_BATCH_EVENTS || (bytes > MAX_BATCH_BYTES && this.#batch.length > 0)) break;
      this.#number(event);
    }
    const taken = this.#batch.filter(({ kind }) => kind !== "log.dropped").length;
    for (const { bytes: size } of this.#waiting.splice(0, taken)) this.#waitingBytes -= size;
  }

  #number(event: Omit<LogEvent, "seq">): void {
    this.#batch.push({ seq: this.#nextSeq, ...event });
    this.#nextSeq += 1;
  }

  /** E2. The orchestrator may have taken only a part, and after a loss of its own it may want lower numbers than we are at. */
  #arrived(from: number, next: number): void {
    this.#batch = this.#batch.filter(({ seq }) => seq >= next);
    if (next < from || next > this.#nextSeq) {
      this.#batch = this.#batch.map((event, index) => ({ ...event, seq: next + index }));
      this.#nextSeq = next + this.#batch.length;
    }
  }

  #refused(error: OrchestratorRefused): void {
    if (error.status === 400 || error.status === 413) {
      // It will never take these. Their numbers go to what follows, so no gap is left (E1).
      this.#nextSeq = this.#batch[0]?.seq ?? this.#nextSeq;
      this.#dropped += this.#batch.length;
      this.#batch = [];
      this.#failures += 1;
      return;
    }
    this.close();
    this.settings.onStop(error.message);
  }
}
