// Where an orchestrator can be told to die. A crash can be told from another only by what had left the process and what had come in:
// so the points are its borders, before a request leaves, while it is under way, and when its answer is there, for every request to
// every far side, every window of mail that comes in, and every answer of our own. They are named after what crosses:
//
//   convex.host:commit runTask.answered    the step that asks for a launch is stored, and nobody here knows
//   ecs.RunTask.sent                       the launch is on its way
//   ack./webhooks/linear.before            the delivery is stored, and Linear has not heard
//
// Nothing of this is in the product: `chaos-main.ts` puts it around an unchanged `main.ts`.

import { appendFileSync, closeSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export type Position = "before" | "sent" | "answered";

/** Files of the folder a harness and its orchestrators share. */
export const POINTS_FILES = {
  /** The points at which to die, one a line. Each acts once: whoever gets there first. */
  plan: "plan",
  /** One empty file for each point somebody died at. */
  died: (point: string) => `died-${encodeURIComponent(point)}`,
  /** A point a line, each once a process: where anybody has been. */
  visited: "visited",
  /** ms by which an orchestrator's clock is wrong. */
  clock: "clock",
} as const;

export class KillPoints {
  private planned: ReadonlySet<string> = new Set();
  private readAt = -1;
  private readonly visited = new Set<string>();

  constructor(private readonly folder: string) {}

  /** Whether somebody is to die here. Cheap: one look at a file's time. */
  isPlanned(point: string): boolean {
    const file = join(this.folder, POINTS_FILES.plan);
    const { mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
    if (mtimeMs !== this.readAt) {
      this.readAt = mtimeMs;
      this.planned = new Set(mtimeMs === 0 ? [] : readFileSync(file, "utf8").split("\n").filter(Boolean));
    }
    return this.planned.has(point);
  }

  /** Comes past a point, and perhaps no further. */
  reach(point: string): void {
    if (!this.visited.has(point)) {
      this.visited.add(point);
      appendFileSync(join(this.folder, POINTS_FILES.visited), `${point}\n`);
    }
    if (!this.isPlanned(point) || !this.isFirst(point)) return;
    process.kill(process.pid, "SIGKILL");
    // The signal is there before the call returns; should it not be, nothing may go on all the same.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }

  private isFirst(point: string): boolean {
    try {
      closeSync(openSync(join(this.folder, POINTS_FILES.died(point)), "wx"));
      return true;
    } catch {
      return false;
    }
  }

  /** A request with its three points; `details` (effect kinds, timers) make points of their own beside the general one. */
  async around<T>(name: string, details: readonly string[], send: () => Promise<T>): Promise<T> {
    const names = ["", ...new Set(details)].map((detail) => (detail === "" ? name : `${name} ${detail}`));
    for (const one of names) this.reach(`${one}.before`);
    const answer = send();
    if (names.some((one) => this.isPlanned(`${one}.sent`))) await Promise.race([answer.catch(() => {}), Bun.sleep(UNDER_WAY_MS)]);
    for (const one of names) this.reach(`${one}.sent`);
    const answered = await answer;
    for (const one of names) this.reach(`${one}.answered`);
    return answered;
  }
}

/** Long enough for a request to have left on loopback, short enough to be before most answers. */
const UNDER_WAY_MS = 2;
