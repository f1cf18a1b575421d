// Takes in what tasks write: from the output file, line by line, into the log store. Bounded, whatever a task writes: each call does a
// little, so that a loud task does not hold up the others, and beyond a limit its output is dropped and the log says so.
import { closeSync, fstatSync, openSync, readSync, truncateSync } from "node:fs";
import type { LogStream } from "../store/logs.ts";
import type { Store } from "../store/store.ts";

/** CloudWatch's limit for one event; longer lines are cut into several. */
const MAX_MESSAGE_BYTES = 256 * 1024;
/** What CloudWatch adds to each event's size: a million empty lines are not nothing. */
export const EVENT_OVERHEAD_BYTES = 26;
/** Kept of one task's output, overhead included. */
const MAX_STREAM_BYTES = 16 * 1024 * 1024;
/** Read and stored by one call. */
const MAX_READ_BYTES = 1024 * 1024;
const MAX_LINES = 2_000;

export class OutputReader {
  constructor(
    private readonly store: Store,
    private readonly now: () => number,
    /** Where a task's output file lies; null while it has none. */
    private readonly fileOf: (taskId: string) => string | null,
  ) {}

  /** Takes in some of what is new of a task's output, whole lines only. Must not be called within a transaction. */
  take(taskId: string): void {
    this.takeSome(taskId, false);
  }

  /** The same for a task that writes no more: an unfinished line counts. @returns whether there may be more */
  takeLast(taskId: string): boolean {
    return this.takeSome(taskId, true);
  }

  private takeSome(taskId: string, isEnded: boolean): boolean {
    const stream = this.store.logs.streamOfTask(taskId);
    const file = stream && this.fileOf(taskId);
    if (!stream || !file) return false;
    if (stream.storedBytes >= MAX_STREAM_BYTES) {
      dropAll(file);
      return false;
    }
    const { bytes, isWhole } = readFrom(file, stream.readOffset);
    const { messages, used } = splitLines(bytes, isEnded && isWhole);
    if (used === 0) return false;
    this.append(stream, messages, stream.readOffset + used);
    return true;
  }

  private append(stream: LogStream, messages: string[], readOffset: number): void {
    const size = messages.reduce((sum, message) => sum + Buffer.byteLength(message) + EVENT_OVERHEAD_BYTES, 0);
    if (stream.storedBytes + size >= MAX_STREAM_BYTES) {
      messages.push(`[${MAX_STREAM_BYTES / 1024 / 1024} MiB of output are kept of one task; what follows is dropped]`);
    }
    this.store.transaction(() => this.store.logs.append(stream, messages, size, readOffset, this.now()));
  }
}

/** The task appends, so that its file may be emptied under its hands: the disk does not fill up. */
function dropAll(file: string): void {
  try {
    truncateSync(file, 0);
  } catch {
    // cleared away already
  }
}

/** What stands in the file from `offset` on, and whether that is all of it. */
function readFrom(file: string, offset: number): { readonly bytes: Buffer; readonly isWhole: boolean } {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch {
    return { bytes: Buffer.alloc(0), isWhole: true }; // not started yet, or already cleared away
  }
  try {
    const left = Math.max(0, fstatSync(handle).size - offset);
    const buffer = Buffer.alloc(Math.min(left, MAX_READ_BYTES));
    const bytes = buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, offset));
    return { bytes, isWhole: left <= MAX_READ_BYTES };
  } finally {
    closeSync(handle);
  }
}

/** Complete lines, and how many bytes they took. A line longer than an event may be is cut. Empty lines are kept. */
function splitLines(bytes: Buffer, takeRest: boolean): { messages: string[]; used: number } {
  const messages: string[] = [];
  let start = 0;
  while (start < bytes.length && messages.length < MAX_LINES) {
    const newline = bytes.indexOf(10, start);
    const end = newline === -1 ? bytes.length : newline;
    if (end - start > MAX_MESSAGE_BYTES) {
      messages.push(bytes.toString("utf8", start, start + MAX_MESSAGE_BYTES));
      start += MAX_MESSAGE_BYTES;
    } else if (newline !== -1 || takeRest) {
      messages.push(bytes.toString("utf8", start, end));
      start = end + (newline === -1 ? 0 : 1);
    } else break;
  }
  return { messages, used: start };
}
