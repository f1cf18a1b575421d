// The guard's own thread (stall-guard.ts): watches the heartbeat, says who is to blame, and ends the process.
import { writeFileSync, writeSync } from "node:fs";
import { viewsOf, WORD } from "../runner/running-functions.ts";
import type { StallMessage, StallReport } from "./stall-guard.ts";

const TICKS_PER_LIMIT = 8;
const STDERR = 2;
const names = new Map<number, string>();

addEventListener("message", ({ data }: MessageEvent<StallMessage>) => {
  switch (data.kind) {
    case "name":
      names.set(data.id, data.name);
      return;
    case "start":
      watch(data);
      return;
    default:
      data satisfies never;
  }
});

function watch({ memory, limitMs, reportFile }: Extract<StallMessage, { kind: "start" }>): void {
  const { words, job } = viewsOf(memory);
  let lastBeat = -1;
  let stillTicks = 0;
  setInterval(() => {
    const beat = Atomics.load(words, WORD.heartbeat);
    const running = runningNow(words);
    const isStill = beat === lastBeat && running.length > 0 && Atomics.load(words, WORD.ownWork) === 0;
    lastBeat = beat;
    stillTicks = isStill ? stillTicks + 1 : 0;
    if (stillTicks <= TICKS_PER_LIMIT) return;
    const isJob = running[0] === Atomics.load(words, WORD.latest);
    const jobId = new TextDecoder().decode(job.slice(0, isJob ? (words[WORD.jobLength] ?? 0) : 0));
    end({ functions: running.map((id) => names.get(id) ?? "unknown"), jobId: jobId || null, limitMs }, reportFile);
  }, limitMs / TICKS_PER_LIMIT);
}

/** Ids of the running functions, the one that started last first. */
function runningNow(words: Int32Array): number[] {
  const running = new Set(words.subarray(WORD.firstSlot, WORD.firstSlot + WORD.slots));
  running.delete(0);
  const latest = Atomics.load(words, WORD.latest);
  return [...running].sort((a, b) => Number(b === latest) - Number(a === latest));
}

function end(report: StallReport, reportFile: string): void {
  const [suspect, ...others] = report.functions;
  const also = others.length === 0 ? "" : ` (also running: ${others.slice(0, 10).join(", ")})`;
  const advice = `The function ${suspect}${also} has let nothing else happen for ${report.limitMs / 1000} s, so the process ends. Start it again: nothing acknowledged is lost. Then mend the function: it probably loops without end.`;
  const line = { at: new Date().toISOString(), level: "error", event: "server.stalled", ...report, advice };
  try {
    writeFileSync(reportFile, JSON.stringify(report));
    writeSync(STDERR, `${JSON.stringify(line)}\n`);
  } finally {
    process.kill(process.pid, "SIGKILL");
  }
}
