// Everything that is noted about an execution: latency, the log stream, a warning when it was slow, a line when it failed.
import type { FunctionKind } from "../runner/functions.ts";
import { nowMs } from "../runner/real-globals.ts";
import { FunctionLog, type LoggedKind } from "./function-log.ts";
import type { Log } from "./log.ts";
import { LatencyHistogram } from "./metrics.ts";

/** A query or mutation above this is worth a warning: everything else waits meanwhile. */
const SLOW_TRANSACTION_MS = 500;

export interface Observed {
  readonly kind: FunctionKind | "httpAction";
  /** Path of the component it ran in; "" is the app itself. */
  readonly component: string;
  readonly path: string;
  readonly tookMs: number;
  readonly lines: readonly string[];
  /** Null for success. */
  readonly error: string | null;
  readonly requestId: string;
}

const LOGGED: Record<Observed["kind"], LoggedKind> = {
  query: "Query",
  mutation: "Mutation",
  action: "Action",
  httpAction: "HttpAction",
};

export class FunctionObserver {
  readonly latency = new LatencyHistogram();
  readonly functionLog = new FunctionLog();

  constructor(private readonly log: Log) {}

  note(observed: Observed): void {
    const { kind, component, path, tookMs, lines, error, requestId } = observed;
    this.latency.observe(kind, tookMs / 1000, error !== null);
    this.functionLog.record({
      kind: LOGGED[kind],
      component,
      path,
      startedMs: nowMs() - tookMs,
      tookMs,
      lines,
      error,
      requestId,
    });
    if (error !== null)
      this.log.warn("function.failed", {
        kind,
        component,
        path,
        requestId,
        tookMs: Math.round(tookMs),
        error: error.slice(0, 2000),
      });
    if (tookMs > SLOW_TRANSACTION_MS && (kind === "query" || kind === "mutation")) {
      this.log.warn("function.slow", { kind, component, path, requestId, tookMs: Math.round(tookMs) });
    }
  }
}
