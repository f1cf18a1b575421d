// The last executions of functions, in the shape `convex logs` polls for. In memory only: a restart forgets them.
import { randomUUID } from "node:crypto";
import { storedPath } from "../runner/function-path.ts";

export type LoggedKind = "Query" | "Mutation" | "Action" | "HttpAction";

export interface Execution {
  readonly kind: LoggedKind;
  /** Path of the component; "" is the app itself. */
  readonly component: string;
  /** `module:fn`, or `POST /path` of an HTTP action. */
  readonly path: string;
  readonly startedMs: number;
  readonly tookMs: number;
  readonly lines: readonly string[];
  readonly error: string | null;
  readonly requestId: string;
}

const KEPT = 1000;

interface Entry {
  readonly atMs: number;
  readonly execution: Execution;
  /** Made when somebody looks, and the same ever after. */
  json: Record<string, unknown> | null;
}

export class FunctionLog {
  readonly #entries: Entry[] = [];
  readonly #waiting = new Set<() => void>();
  #lastMs = 0;

  record(execution: Execution): void {
    const atMs = Math.max(execution.startedMs + execution.tookMs, this.#lastMs + 0.001);
    this.#lastMs = atMs;
    this.#entries.push({ atMs, execution, json: null });
    if (this.#entries.length > KEPT * 2) this.#entries.splice(0, KEPT);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Entries after `cursorMs`; when there are none, waits for one up to `timeoutMs`. */
  async after(cursorMs: number, timeoutMs: number): Promise<{ entries: unknown[]; newCursor: number }> {
    if (this.#lastMs <= cursorMs) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(wake, timeoutMs);
        const waiting = this.#waiting;
        waiting.add(wake);
        function wake(): void {
          clearTimeout(timer);
          waiting.delete(wake);
          resolve();
        }
      });
    }
    const entries = this.#entries.filter((entry) => entry.atMs > cursorMs).slice(-KEPT);
    return { entries: entries.map(jsonOf), newCursor: Math.max(cursorMs, this.#lastMs) };
  }
}

function jsonOf(entry: Entry): Record<string, unknown> {
  entry.json ??= toJson(entry.execution);
  return entry.json;
}

function toJson(execution: Execution): Record<string, unknown> {
  return {
    kind: "Completion",
    identifier: execution.kind === "HttpAction" ? execution.path : storedPath(execution.path),
    componentPath: execution.component === "" ? null : execution.component,
    udfType: execution.kind,
    logLines: execution.lines,
    timestamp: (execution.startedMs + execution.tookMs) / 1000,
    cachedResult: false,
    executionTime: execution.tookMs / 1000,
    success: execution.error === null ? {} : null,
    error: execution.error,
    requestId: execution.requestId,
    executionId: randomUUID(),
  };
}
