// The real Claude Code as a process: how it is started, listened to and ended. Judging what it says is verify.ts.
//   C1. Its environment is made from nothing: what it needs, and not one variable of ours.
//   C2. Nothing in the repository configures it: user settings only, no MCP servers, endpoint and key fixed from outside
//       (facts and reasons: docs/decisions/0002-claude-code-cli.md).
//   C3. The prompt is the argument of `-p` and begins with our own line: a ticket can never be read as a slash command or an option.
//   C4. When it is over, by itself or not, everything it started is over too.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { EventLog } from "./events.ts";
import { atMost, endGroup, killLeftovers, OUTPUT_GRACE_MS, Tail } from "./processes.ts";
import type { RoleDefinition } from "./roles/definition.ts";
import { ClaudeStream, linesOf, type ResultLine } from "./stream.ts";

export interface ClaudeSettings {
  /** The program. */
  readonly binary: string;
  /** The working copy. */
  readonly cwd: string;
  /** A fresh folder: home, instructions, temporary files. */
  readonly home: string;
  readonly path: string;
  readonly role: RoleDefinition;
  readonly prompt: string;
  readonly model: { readonly baseUrl: string; readonly name: string; readonly key: string };
  readonly maxTurns: number;
  readonly maxBudgetUsd: number;
  readonly log: EventLog;
}

export interface ClaudeEnd {
  readonly exitCode: number | null;
  readonly result: ResultLine | null;
  /** The end of what it said on standard error. */
  readonly complaint: string;
}

/** From SIGTERM to SIGKILL. Claude Code ends in about 40 ms. */
const KILL_AFTER_MS = 3_000;
const MAX_LINE_CHARS = 16 * 1024 * 1024;
const MAX_COMPLAINT_BYTES = 8 * 1024;
const MODEL_RETRIES = 2;

/** Runs Claude Code to its end; aborting `signal` ends it. @throws when the program cannot be started */
export async function runClaude(settings: ClaudeSettings, signal: AbortSignal): Promise<ClaudeEnd> {
  const { home, role, log } = settings;
  await Promise.all(["tmp", ".claude"].map((name) => mkdir(join(home, name), { recursive: true })));
  await writeFile(join(home, ".claude/CLAUDE.md"), await Bun.file(role.instructionsFile).text());
  const child = Bun.spawn([settings.binary, ...claudeArguments(settings)], {
    cwd: settings.cwd,
    env: claudeEnvironment(settings),
    detached: true,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const end = () => endGroup(child.pid, child.exited, KILL_AFTER_MS);
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const stream = new ClaudeStream(log, settings.cwd);
  const listening = (async () => {
    const tooLong = () => log.note("claude.output", `A line of more than ${MAX_LINE_CHARS} characters was passed over.`, "warn");
    for await (const line of linesOf(child.stdout, MAX_LINE_CHARS, tooLong)) stream.line(line);
  })();
  const complaints = new Tail(child.stderr, MAX_COMPLAINT_BYTES);
  try {
    await child.exited;
  } finally {
    signal.removeEventListener("abort", end);
    const left = killLeftovers(home, child.pid); // C4
    if (left > 0) log.note("claude.leftovers", `${left} processes were left running and have been ended.`, "warn");
  }
  await atMost(OUTPUT_GRACE_MS, Promise.all([complaints.ended, listening]));
  const complaint = complaints.text.trim();
  if (complaint !== "") log.add({ source: "stderr", level: "warn", kind: "claude.stderr", text: complaint });
  return { exitCode: child.exitCode, result: stream.result, complaint };
}

/** C1. */
export function claudeEnvironment({ home, path, model }: ClaudeSettings): Record<string, string> {
  return {
    PATH: path,
    HOME: home,
    TMPDIR: join(home, "tmp"),
    LANG: "C.UTF-8",
    TERM: "dumb",
    CI: "1",
    ANTHROPIC_BASE_URL: model.baseUrl,
    ANTHROPIC_API_KEY: model.key,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    CLAUDE_CODE_MAX_RETRIES: String(MODEL_RETRIES),
    CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
  };
}

/** C2, C3. */
export function claudeArguments({ role, prompt, model, maxTurns, maxBudgetUsd }: ClaudeSettings): string[] {
  return [
    ...["-p", prompt],
    ...["--output-format", "stream-json", "--verbose"],
    ...["--setting-sources", "user", "--strict-mcp-config"],
    ...["--permission-mode", "dontAsk", "--tools", role.tools.join(","), "--allowedTools", ...role.allow],
    ...["--disallowedTools", "Read(//proc/**)"],
    ...["--max-turns", String(maxTurns), "--max-budget-usd", String(maxBudgetUsd)],
    ...["--model", model.name],
    // Claude Code refuses a schema that names the 2020-12 draft, zod's default.
    ...["--json-schema", JSON.stringify(z.toJSONSchema(role.result, { target: "draft-7" }))],
    "--no-session-persistence",
  ];
}
