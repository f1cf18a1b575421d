// One local GitHub, one scripted model, and the real entrypoint as a process: for tests only. Nothing here is mocked.

import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY, shell, TestGitHub } from "@omakase/local-github/contract/setup";
import { startModel } from "@omakase/local-model/model";
import type { TicketScript } from "@omakase/local-model/script";
import type { Assignment } from "@omakase/orchestrator/agents/wire";
import { CODE, StandIn } from "./orchestrator.ts";

export const CLAUDE = join(import.meta.dirname, "../node_modules/.bin/claude");
/** False when the package manager was told to leave Claude Code out: its licence does not let us ship it. */
export const hasClaude = existsSync(CLAUDE);

const MODEL_KEY = "the-real-key-of-the-model-which-no-container-sees";
/** For a machine that does much else; a run takes about a second. */
export const TEST_TIMEOUT_MS = 60_000;

export interface Run {
  readonly exitCode: number | null;
  readonly orchestrator: StandIn;
  readonly stderr: string;
  /** What is left in the folder for temporary files. */
  readonly left: string;
}

type Deep<T> = {
  readonly [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : T[K] extends object | null ? Deep<T[K]> : T[K];
};

export class World {
  private constructor(
    readonly folder: string,
    readonly github: TestGitHub,
    private readonly model: ReturnType<typeof startModel>,
  ) {}

  static async open(scripts: readonly TicketScript[]): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), "omakase-agents-test-"));
    const github = await new TestGitHub().start();
    const model = startModel({ dir: join(folder, "model"), port: 0, scripts: [...scripts], apiKey: MODEL_KEY, pace: 0 });
    return new World(folder, github, model);
  }

  async close(): Promise<void> {
    await Promise.all([this.model.stop(), this.github.stop()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** An assignment for the demo repository, with a fresh token, and who hands it out. */
  async orchestrator(overrides: Deep<Omit<Assignment, "model">>): Promise<StandIn> {
    const role = overrides.role ?? "coder";
    const key = overrides.ticket?.key ?? "T-1";
    const feature = `acme/shop/${key.toLowerCase()}`;
    const agent = `${feature}/${role}-${overrides.round ?? 1}`;
    const permission = role === "coder" ? "write" : "read";
    const token = await this.github.token({ contents: permission });
    const { ticket, repository, limits, handover, ...rest } = overrides;
    return new StandIn({
      model: { url: this.model.url, key: MODEL_KEY },
      freshToken: () => this.github.token({ contents: permission }),
      assignment: {
        ...{ run: `${agent}:3:${overrides.attempt ?? 1}`, agent, role, attempt: 1, round: 1 },
        token: `run-token-${crypto.randomUUID()}`,
        testCommand: null,
        ...rest,
        ticket: {
          key,
          title: `Title of ${key}`,
          description: "Do the thing.",
          url: "https://linear.app/x",
          labels: [],
          ...ticket,
        },
        repository: {
          url: `${this.github.url}/${REPOSITORY.owner}/${REPOSITORY.repo}.git`,
          ...{
            defaultBranch: "main",
            branch: `agent/${key.toLowerCase()}`,
            bases: [],
            token,
            tokenExpiresAt: Date.now() + 3_600_000,
          },
          ...repository,
        },
        limits: {
          ...{
            wallClockMs: 60_000,
            stallMs: 60_000,
            maxInfrastructureAttempts: 2,
            maxAgentAttempts: 2,
            maxTurns: 20,
            maxBudgetUsd: 5,
            maxTokens: 20_000_000,
          },
          ...limits,
        },
        handover: { plan: null, changes: null, review: null, tests: null, note: null, ...handover } as Assignment["handover"],
      },
    });
  }

  /** Starts the container's program as ECS would: three variables and a PATH, besides what a test plants. */
  async start(orchestrator: StandIn, env: Readonly<Record<string, string>> = {}) {
    const tmp = await mkdtemp(join(this.folder, "task-"));
    await mkdir(join(tmp, "home"));
    const child = Bun.spawn([process.execPath, join(import.meta.dirname, "../entrypoint.ts")], {
      cwd: tmp,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      env: {
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        HOME: join(tmp, "home"),
        TMPDIR: tmp,
        OMAKASE_URL: orchestrator.url,
        OMAKASE_RUN: orchestrator.run,
        OMAKASE_CODE: CODE,
        ...env,
      },
    });
    const ended = (async (): Promise<Run> => {
      const stderr = await new Response(child.stderr).text();
      const exitCode = await child.exited;
      const { out: left } = await shell(tmp, "ls -A . home");
      return { exitCode, orchestrator, stderr, left };
    })();
    return { pid: child.pid, kill: (signal: NodeJS.Signals) => child.kill(signal), ended };
  }

  /** Runs one agent to its end. */
  async run(overrides: Deep<Omit<Assignment, "model">>, env: Readonly<Record<string, string>> = {}): Promise<Run> {
    const orchestrator = await this.orchestrator(overrides);
    const { ended } = await this.start(orchestrator, env);
    const run = await ended;
    await orchestrator.stop();
    return run;
  }

  /** A branch that later counts as the default one of a repository with these files; all of them share the first commit. */
  async repositoryWith(defaultBranch: string, files: Record<string, string>): Promise<string> {
    await this.github.push(defaultBranch, files);
    return defaultBranch;
  }

  /** What `git` says in a fresh clone of a branch. */
  async inClone(branch: string, script: string): Promise<string> {
    const folder = await this.github.clone();
    const { out, err } = await shell(folder, `git switch -q --detach origin/${branch}; ${script}`);
    return out || err;
  }
}
