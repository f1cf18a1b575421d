// Runs the real Claude Code against a server, the way the runner does: for tests only.
// It gets an explicit environment, a home of its own, and a fresh working copy of the sample repository.

import { existsSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Role, roleResults } from "../roles.ts";

const ROOT = join(import.meta.dirname, "../../..");
export const CLAUDE = join(ROOT, "agents/node_modules/.bin/claude");
const SAMPLE = join(ROOT, "local/sample/repository");

/** False when the package manager was told to leave Claude Code out: its licence does not let us ship it. */
export const hasClaude = existsSync(CLAUDE);

const ALLOWED: Record<Role, { readonly tools: string; readonly rules: readonly string[] }> = {
  architect: { tools: "Read,Grep,Glob,Bash", rules: ["Read", "Grep", "Glob", "Bash(git log*)", "Bash(git ls-files*)"] },
  coder: {
    tools: "Read,Edit,Write,Bash",
    rules: [
      "Read",
      "Edit",
      "Write",
      "Bash(bun test*)",
      "Bash(git diff*)",
      "Bash(git status*)",
      "Bash(git log*)",
      "Bash(ls*)",
      "Bash(cat*)",
    ],
  },
  reviewer: {
    tools: "Read,Grep,Glob,Bash",
    rules: ["Read", "Grep", "Glob", "Bash(git diff*)", "Bash(git log*)", "Bash(git show*)"],
  },
  tester: { tools: "Read,Bash", rules: ["Read", "Bash(bun test*)", "Bash(git *)"] },
};

const resultLine = z.looseObject({
  type: z.literal("result"),
  is_error: z.boolean(),
  num_turns: z.number(),
  total_cost_usd: z.number(),
  permission_denials: z.array(z.unknown()),
  structured_output: z.unknown().optional(),
});

export interface Played {
  readonly exitCode: number;
  readonly lines: readonly Record<string, unknown>[];
  readonly result: z.infer<typeof resultLine> | undefined;
  readonly stderr: string;
  readonly durationMs: number;
}

/** A working copy of the sample repository with one commit on `main`, and an empty home, in `folder`. */
export async function workingCopy(folder: string): Promise<string> {
  const repository = join(folder, "repository");
  await mkdir(join(folder, "home"), { recursive: true });
  await cp(SAMPLE, repository, { recursive: true });
  await git(repository, "init", "-q", "-b", "main");
  await commitAll(repository, "Start");
  return repository;
}

/** What the runner does after an agent: commit everything there is. */
export async function commitAll(repository: string, message: string): Promise<void> {
  await git(repository, "add", "-A");
  await git(
    repository,
    "-c",
    "user.name=Test",
    "-c",
    "user.email=test@example.invalid",
    "commit",
    "-q",
    "--allow-empty",
    "-m",
    message,
  );
}

/** Plays one run of a role with the real Claude Code. @param prompt follows the marker line */
export async function playRole(options: {
  readonly url: string;
  readonly apiKey: string;
  readonly repository: string;
  readonly role: Role;
  readonly ticket: string;
  readonly round?: number;
  readonly prompt?: string;
  readonly maxRetries?: number;
}): Promise<Played> {
  const { role, ticket, round = 1, prompt = `Title: ${ticket}` } = options;
  const { tools, rules } = ALLOWED[role];
  const startedAt = performance.now();
  const child = Bun.spawn(
    [
      CLAUDE,
      "-p",
      `Omakase run | role: ${role} | ticket: ${ticket} | round: ${round}\n${prompt}`,
      ...["--output-format", "stream-json", "--verbose", "--setting-sources", "user", "--strict-mcp-config"],
      ...["--permission-mode", "dontAsk", "--tools", tools, "--allowedTools", ...rules],
      ...["--max-turns", "30", "--max-budget-usd", "5", "--model", "claude-sonnet-5-5"],
      ...["--json-schema", JSON.stringify(schemaOf(role)), "--no-session-persistence"],
    ],
    {
      cwd: options.repository,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: {
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        HOME: join(options.repository, "../home"),
        ANTHROPIC_BASE_URL: options.url,
        ANTHROPIC_API_KEY: options.apiKey,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        CLAUDE_CODE_MAX_RETRIES: String(options.maxRetries ?? 3),
        CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST: "1",
      },
    },
  );
  const [output, complaint] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const exitCode = await child.exited;
  const lines = output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
  const result = resultLine.safeParse(lines.at(-1));
  return {
    exitCode,
    lines,
    result: result.success ? result.data : undefined,
    stderr: complaint,
    durationMs: performance.now() - startedAt,
  };
}

/** Draft 7: Claude Code refuses a schema that names the 2020-12 draft, zod's default. */
function schemaOf(role: Role): object {
  return z.toJSONSchema(roleResults[role], { target: "draft-7" });
}

async function git(repository: string, ...args: string[]): Promise<void> {
  const child = Bun.spawn(["git", "-C", repository, ...args], {
    stdout: "ignore",
    stderr: "pipe",
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
  });
  if ((await child.exited) !== 0) throw new Error(`git ${args.join(" ")}: ${await new Response(child.stderr).text()}`);
}
