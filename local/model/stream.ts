// The body of a streamed answer and the time before it: at a pace a person can follow, whole, or broken on purpose.
import { type Message, toEvents } from "./answer.ts";

const STALL_LIMIT_MS = 10 * 60_000;

/** 30 to 80 ms, the same for the same turn. */
export function thinkTimeMs(turn: number): number {
  return 30 + ((turn * 37) % 51);
}

/** Waits, but not for a client that has left. */
export function think(ms: number, hasLeft: AbortSignal): Promise<void> {
  if (ms <= 0 || hasLeft.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const leave = () => {
    clearTimeout(timer);
    resolve();
  };
  hasLeft.addEventListener("abort", leave, { once: true });
  return promise;
}

/** The events as a response body, made as the client takes them. */
export function streamOf(events: Iterable<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = events[Symbol.iterator]();
  return new ReadableStream({
    pull(controller) {
      const next = iterator.next();
      if (next.done) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
  });
}

/** The first half of the answer; then the line goes dead (`stall`) or is torn (`cut`). */
export function brokenStream(message: Message, kind: "stall" | "cut", hasLeft: AbortSignal): ReadableStream<Uint8Array> {
  const events = [...toEvents(message)];
  const half = new TextEncoder().encode(events.slice(0, Math.ceil(events.length / 2)).join(""));
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(half);
      if (kind === "stall") await think(STALL_LIMIT_MS, hasLeft);
      // A second turn of the loop lets the first half leave before the connection is torn.
      else await Bun.sleep(5);
      // Only an error tears the connection. Bun prints it, so it is one line and no stack.
      controller.error(`scripted model: ${kind}, as its script says`);
    },
  });
}
