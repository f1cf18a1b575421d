// Ends the process when a function keeps it from doing anything else: a synchronous endless loop cannot be ended from inside
// its own thread, and while it runs nobody is served. Whoever supervises the process starts it again.
//   G1. Nothing acknowledged is lost: the end is that of a crash, and what is acknowledged is on the disk.
//   G2. Only a running function is blamed, and only after the thread made no step for the whole limit, counted in the guard's
//       own ticks: a suspended or starved machine does not end anything.
//   G3. A scheduled function that did it is failed at the next start, so that it does not do it again.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isObject, type JsonValue } from "../engine/index.ts";
import { realSetInterval } from "../runner/real-globals.ts";
import { runningFunctions } from "../runner/running-functions.ts";

/** Left behind by the guard when it ends the process. */
const REPORT_FILE = "stalled.json";
const BEATS_PER_LIMIT = 8;

/** What the guard's thread is told. */
export type StallMessage =
  | { readonly kind: "start"; readonly memory: SharedArrayBuffer; readonly limitMs: number; readonly reportFile: string }
  | { readonly kind: "name"; readonly name: string; readonly id: number };

export interface StallReport {
  /** The one that most probably did it first. */
  readonly functions: readonly string[];
  readonly jobId: string | null;
  readonly limitMs: number;
}

/** @param limitMs how long a function may keep the thread. @returns what ends the guard */
export function startStallGuard(dir: string, limitMs: number): () => void {
  const worker = new Worker(new URL("./stall-worker.ts", import.meta.url).href);
  worker.unref();
  const tell = (message: StallMessage): void => worker.postMessage(message);
  runningFunctions.tellNames((name, id) => tell({ kind: "name", name, id }));
  const timer = realSetInterval(() => runningFunctions.beat(), limitMs / BEATS_PER_LIMIT);
  timer.unref();
  tell({ kind: "start", memory: runningFunctions.memory, limitMs, reportFile: join(dir, REPORT_FILE) });
  return () => {
    clearInterval(timer);
    runningFunctions.tellNames(() => {});
    worker.terminate();
  };
}

/** What ended the last process, if the guard did; forgotten with this call. */
export function takeStallReport(dir: string): StallReport | null {
  const file = join(dir, REPORT_FILE);
  if (!existsSync(file)) return null;
  const text = readFileSync(file, "utf8");
  rmSync(file);
  return parseReport(text);
}

// Written by a process that was about to die, perhaps on a full disk: what cannot be read is no report.
function parseReport(text: string): StallReport | null {
  let report: JsonValue;
  try {
    report = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(report) || !Array.isArray(report.functions) || typeof report.limitMs !== "number") return null;
  const { jobId, limitMs } = report;
  return { functions: report.functions.map(String), jobId: typeof jobId === "string" ? jobId : null, limitMs };
}
