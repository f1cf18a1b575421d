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
import { type Ending, failureOf } from "./ending.ts";
import { EventLog } from "./events.ts";
import { gitTokens } from "./git-token.ts";
import { Masking } from "./masking.ts";
import { Orchestrator } from "./orchestrator.ts";
import { promptOf } from "./prompt.ts";
import { fitted } from "./result-size.ts";
import { ROLE_DEFINITIONS } from "./roles/all.ts";
import { architectResult } from "./roles/architect/result.ts";
import { coderResult } from "./roles/coder/result.ts";
import type { RoleResult } from "./roles/definition.ts";
import { reviewerResult } from "./roles/reviewer/result.ts";
import { testerResult } from "./roles/tester/result.ts";
import type { Stop } from "./stop.ts";
import { runTestCommand } from "./test-command.ts";
import { checkCommit, checkEvidence, checkPlan, checkReview, overruled, structuredResult } from "./verify.ts";
import { BASE_NAME, Workspace } from "./workspace.ts";

export interface RunnerSettings {
  /** The orchestrator as this container reaches it. */
  readonly url: string;
  readonly run: string;
  readonly code: string;
  /** The Claude Code program. */
  readonly claude: string;
  readonly path: string;
  /** Where this run makes a folder of its own. */
  readonly tmp: string;
  /** For the container's own log: a fixed name, then fields. */
  readonly say: (event: string, fields: Readonly<Record<string, string | number | null>>) => void;
}

const FLUSH_MS = 15_000;
/** Kept back from a stop's budget for the log and the report. */
const LAST_WORDS_MS = 6_000;
const MAX_TEST_MS = 15 * 60_000;
const MAX_HISTORY = 30;
/** The repository's own notes for agents, the first of them that is there. */
const NOTE_FILES = ["CLAUDE.md", "AGENTS.md"];

/** Everything the parts of one run share. */
interface Live {
  readonly settings: RunnerSettings;
  readonly assignment: Assignment;
  readonly folder: string;
  readonly log: EventLog;
  readonly masking: Masking;
  readonly stop: Stop;
  readonly deadlineMs: number;
}

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
  const token = gitTokens({ token: repository.token, expiresAt: repository.tokenExpiresAt }, { orchestrator, masking });
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
    const headSha = workspace && (await saveProgress(run, workspace));
    return { exitCode: 1, class: failure.blame, reason: failure.message, result: null, headSha };
  }
}

/** @throws {RunFailure} */
async function work(run: Live, workspace: Workspace): Promise<Ending> {
  const { assignment, folder, log, stop, settings } = run;
  const { model, limits, round, attempt, testCommand } = assignment;
  const role = ROLE_DEFINITIONS[assignment.role];
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

/** Checks the artefact of each role and makes the ending of it. @throws {RunFailure} */
async function conclude(run: Live, workspace: Workspace, result: RoleResult): Promise<Ending> {
  const { assignment, log } = run;
  const done = (final: RoleResult, headSha: string | null): Ending => ({
    exitCode: 0,
    class: null,
    reason: "",
    result: final,
    headSha,
  });
  const verdict = (final: RoleResult): Ending => ({
    exitCode: 2,
    class: "verdict",
    reason: final.summary,
    result: final,
    headSha: workspace.remoteHead,
  });
  switch (assignment.role) {
    case "architect": {
      const plan = architectResult.parse(result);
      checkPlan(plan);
      return done(plan, workspace.remoteHead);
    }
    case "coder": {
      const changes = coderResult.parse(result);
      const isNew = await workspace.commitAll(run.masking.text(commitMessage(originOf(assignment), changes)));
      const isAhead = isNew || (await workspace.hasCommitsOf(assignment.agent));
      if (!isNew && isAhead)
        log.note("check.commit", "Nothing was left to do: an earlier try of this run had committed its work.", "warn");
      checkCommit(isAhead);
      return done(changes, await workspace.push());
    }
    case "reviewer": {
      const review = checkReview(reviewerResult.parse(result), await workspace.changedPaths(), log);
      return review.verdict === "approve" ? done(review, workspace.remoteHead) : verdict(review);
    }
    case "tester": {
      const report = testerResult.parse(result);
      checkEvidence(report);
      const final = report.verdict === "pass" ? await withOwnTest(run, workspace, report) : report;
      return final.verdict === "pass" ? done(final, workspace.remoteHead) : verdict(final);
    }
    default:
      return assignment.role satisfies never;
  }
}

/** Runs the project's command on the branch as it was committed. @throws {RunFailure} when the run is stopped meanwhile */
async function withOwnTest(
  { assignment, folder, log, settings, stop, deadlineMs }: Live,
  workspace: Workspace,
  report: ReturnType<typeof testerResult.parse>,
) {
  const { testCommand } = assignment;
  if (testCommand === null) return report;
  await workspace.reset(stop.signal);
  log.note("check.test", `Running ${testCommand}`);
  const timeoutMs = Math.max(1_000, Math.min(MAX_TEST_MS, deadlineMs - performance.now()));
  const own = await runTestCommand(testCommand, {
    ...{ cwd: workspace.files, home: join(folder, "test-home"), path: settings.path },
    timeoutMs,
    signal: stop.signal,
  });
  if (stop.failure) throw stop.failure;
  const { passed, how, output } = own;
  log.note("check.test", `${passed ? "It passes" : `It fails (${how})`}\n${output}`, passed ? "info" : "warn", {
    ...{ command: testCommand, passed, durationMs: Math.round(own.durationMs) },
  });
  return overruled(report, own);
}

/** A2: what a coder has done so far is not lost with the run. @returns the head at the remote; null when there is none */
async function saveProgress({ assignment, log, masking, stop }: Live, workspace: Workspace): Promise<string | null> {
  if (!ROLE_DEFINITIONS[assignment.role].pushes) return workspace.remoteHead;
  const leftMs = stop.leftMs - LAST_WORDS_MS;
  try {
    const isNew = await workspace.commitAll(commitMessage(originOf(assignment), null));
    if (!isNew && !(await workspace.isAhead())) return workspace.remoteHead;
    if (isNew) log.note("push", "Work in progress is committed.", "warn");
    return await workspace.push(Number.isFinite(leftMs) ? AbortSignal.timeout(Math.max(1_000, leftMs)) : undefined);
  } catch (error) {
    log.note("push", `Work in progress could not be pushed: ${masking.text(failureOf(error).message)}`, "error");
    return workspace.remoteHead;
  }
}

const originOf = ({ ticket, run, agent }: Assignment) => ({ ticketKey: ticket.key, run, agent });

async function notesOf(workspace: Workspace): Promise<{ path: string; text: string } | null> {
  for (const path of NOTE_FILES) {
    const text = await workspace.committedFile(path);
    if (text !== null) return { path, text };
  }
  return null;
}
