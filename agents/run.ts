// One run from its claim to its last word: prepare, let the agent work, verify, push, report.
//   A1. A run somebody else holds is not touched: exit 0, nothing cloned, nothing said.
//   A2. However the run ends, it says so: work in progress is pushed first, then the log is emptied, then the report is sent.
//   A3. Success is what was verified, never what was claimed (verify.ts).
//   A4. A stop leaves 20 s for all of A2.
//   A5. Secrets are in no log, result or commit, and nothing is left on the disk.

import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Assignment } from "./assignment.ts";
import { runClaude } from "./claude.ts";
import { commitMessage } from "./commit-message.ts";
import { conclude } from "./conclude.ts";
import { type Ending, failureOf, RunFailure } from "./ending.ts";
import { EventLog } from "./events.ts";
import { gitTokens } from "./git-token.ts";
import { type Live, originOf, type RunnerSettings } from "./live.ts";
import { Masking } from "./masking.ts";
import { Orchestrator } from "./orchestrator.ts";
import { promptOf } from "./prompt.ts";
import { fitted } from "./result-size.ts";
import { ROLE_DEFINITIONS } from "./roles/all.ts";
import type { Stop } from "./stop.ts";
import { structuredResult } from "./verify.ts";
import { BASE_NAME, Workspace } from "./workspace.ts";

const FLUSH_MS = 15_000;
const MAX_HISTORY = 30;
/** The repository's own notes for agents, the first of them that is there. */
const NOTE_FILES = ["CLAUDE.md", "AGENTS.md"];

/** Does one run. Never throws. @returns the exit code */
export async function runAgent(settings: RunnerSettings, stop: Stop): Promise<0 | 1 | 2> {
  const { run, say } = settings;
  const masking = new Masking();
  masking.learn(settings.code);
  const orchestrator = new Orchestrator(settings.url);
  try {
    const claimed = await orchestrator.claim(run, settings.code, stop.signal);
    if (claimed.kind === "notOurs") {
      say("run.not_ours", { run, reason: claimed.reason }); // A1
      return 0;
    }
    return await live(settings, claimed.assignment, orchestrator, masking, stop);
  } catch (error) {
    say("run.not_begun", { run, reason: masking.text(failureOf(error).message).slice(0, 1_000) });
    return 1;
  }
}

async function live(
  settings: RunnerSettings,
  assignment: Assignment,
  orchestrator: Orchestrator,
  masking: Masking,
  stop: Stop,
): Promise<0 | 1 | 2> {
  const { run, role, limits, repository } = assignment;
  masking.learn(assignment.token);
  const log = new EventLog({
    masking,
    send: (batch) => orchestrator.events(batch),
    onStop: (reason) => stop.ask({ by: "orchestrator", reason }),
  });
  const wallClock = setTimeout(
    () => stop.ask({ by: "wallClock", limitMs: limits.wallClockMs }),
    Math.min(limits.wallClockMs, 2 ** 31 - 1),
  );
  const folder = await mkdtemp(join(settings.tmp, "omakase-run-"));
  const token = gitTokens(
    { token: repository.token, expiresAt: repository.tokenExpiresAt },
    { orchestrator, masking, signal: stop.lateSignal },
  );
  settings.say("run.claimed", { run, role, attempt: assignment.attempt, round: assignment.round });
  try {
    const deadlineMs = performance.now() + limits.wallClockMs;
    const ending = await endingOf({ settings, assignment, folder, log, masking, stop, deadlineMs }, token);
    const reason = masking.text(ending.reason);
    log.note("end", reason === "" ? "Done" : reason, ending.exitCode === 1 ? "error" : "info", {
      exitCode: ending.exitCode,
      class: ending.class,
    });
    await log.flush(Math.min(FLUSH_MS, stop.leftMs / 3));
    const result = ending.result === null ? null : fitted(ending.result, masking);
    await orchestrator
      .report({ ...ending, reason, result }, log.usage, Math.max(1_000, stop.leftMs))
      .catch((error: unknown) => settings.say("run.report_failed", { run, reason: masking.text(failureOf(error).message) }));
    settings.say("run.ended", { run, exitCode: ending.exitCode, class: ending.class, reason: reason.slice(0, 500) });
    return ending.exitCode;
  } finally {
    clearTimeout(wallClock);
    log.close();
    await rm(folder, { recursive: true, force: true }).catch(() => undefined); // A5; the container's end takes what resists
  }
}

async function endingOf(run: Live, token: () => Promise<string>): Promise<Ending> {
  const { assignment, folder, log, stop, settings } = run;
  const { role, repository } = assignment;
  let workspace: Workspace | null = null;
  try {
    workspace = await Workspace.prepare({ folder, repository, role, path: settings.path, token, log }, stop.signal);
    return await work(run, workspace);
  } catch (error) {
    const failure = stop.failure ?? failureOf(error);
    settings.say("run.failed", { run: assignment.run, code: failure.code });
    // A push that was refused just now would be refused again.
    const headSha = failure.code === "push-refused" ? null : workspace && (await saveProgress(run, workspace));
    return { exitCode: 1, class: failure.blame, reason: failure.message, result: null, headSha };
  }
}

/** @throws {RunFailure} */
async function work(run: Live, workspace: Workspace): Promise<Ending> {
  const { assignment, folder, log, stop, settings } = run;
  const { model, limits, round, attempt, testCommand } = assignment;
  const role = ROLE_DEFINITIONS[assignment.role];
  if ((role.role === "reviewer" || role.role === "tester") && !workspace.hasCommits) {
    throw new RunFailure(
      "agent",
      "nothing-there",
      `${assignment.repository.branch} has no commit of its own: there is nothing to judge.`,
    );
  }
  const prompt = promptOf({
    assignment,
    role,
    occasion: { round, attempt, testCommand, base: BASE_NAME, hasCommits: workspace.hasCommits },
    history: workspace.hasCommits ? await workspace.history(MAX_HISTORY) : "",
    notes: await notesOf(workspace),
  });
  const end = await runClaude(
    {
      ...{ binary: settings.claude, path: settings.path, cwd: workspace.files, home: join(folder, "home"), role, prompt, log },
      model: { ...model, key: assignment.token },
      maxTurns: limits.maxTurns,
      maxBudgetUsd: limits.maxBudgetUsd,
    },
    stop.signal,
  );
  if (stop.failure) throw stop.failure;
  const result = structuredResult(role, end, log);
  return conclude(run, workspace, result);
}

/** A2: what a coder has done so far is not lost with the run. @returns the head at the remote; null when there is none */
async function saveProgress({ assignment, log, masking, stop }: Live, workspace: Workspace): Promise<string | null> {
  if (!ROLE_DEFINITIONS[assignment.role].pushes) return workspace.remoteHead;
  try {
    const isNew = await workspace.commitAll(commitMessage(originOf(assignment), null));
    if (!isNew && !(await workspace.isAhead())) return workspace.remoteHead;
    if (isNew) log.note("push", "Work in progress is committed.", "warn");
    return await workspace.push(stop.lateSignal);
  } catch (error) {
    log.note("push", `Work in progress could not be pushed: ${masking.text(failureOf(error).message)}`, "error");
    return workspace.remoteHead;
  }
}

async function notesOf(workspace: Workspace): Promise<{ path: string; text: string } | null> {
  for (const path of NOTE_FILES) {
    const text = await workspace.committedFile(path);
    if (text !== null) return { path, text };
  }
  return null;
}
