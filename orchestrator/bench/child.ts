// A host process as a benchmark sees it: what it says, how much memory it has, and its death.

import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stage } from "./stage.ts";

export interface Progress {
  readonly steps: number;
  readonly timers: number;
  /** ms since the epoch, of the last commit. */
  readonly at: number;
  readonly ready: number | null;
}

const LIMIT_MS = 120_000;

export class HostProcess {
  /** ms since the epoch. */
  readonly startedAt = Date.now();
  private readonly child: ReturnType<typeof HostProcess.spawn>;
  private said: Progress = { steps: 0, timers: 0, at: 0, ready: null };
  private readonly listeners = new Set<() => void>();

  constructor(stage: Stage, token: string, owner: string) {
    this.child = HostProcess.spawn({ CONVEX_URL: stage.deployment.url, TOKEN: token, OWNER: owner });
    void this.listen();
  }

  private static spawn(variables: Record<string, string>) {
    const env = { PATH: process.env.PATH ?? "", HOME: tmpdir(), ...variables };
    const words = [process.execPath, join(import.meta.dir, "host-process.ts")];
    return Bun.spawn(words, { env, stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  }

  /** @throws when it has not come so far after two minutes, or has ended */
  async until(what: string, holds: (said: Progress) => boolean): Promise<Progress> {
    const { promise, resolve } = Promise.withResolvers<Progress>();
    const look = () => {
      if (holds(this.said)) resolve(this.said);
    };
    this.listeners.add(look);
    look();
    const never = (why: string) => (): never => {
      throw new Error(`the host never was so far: ${what} (${why})`);
    };
    try {
      return await Promise.race([
        promise,
        this.child.exited.then(never("it has ended")),
        Bun.sleep(LIMIT_MS).then(never("two minutes have passed")),
      ]);
    } finally {
      this.listeners.delete(look);
    }
  }

  get pid(): number {
    return this.child.pid;
  }

  rssKb(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"))?.[1]);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  private async listen(): Promise<void> {
    let rest = "";
    for await (const chunk of this.child.stdout) {
      const lines = (rest + new TextDecoder().decode(chunk)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.said = { ...this.said, ...(JSON.parse(line) as Partial<Progress>) };
      for (const look of this.listeners) look();
    }
  }
}
