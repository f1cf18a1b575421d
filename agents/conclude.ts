// From a role's word to the ending of its run: the artefact is checked, and only then is it success (A3 of run.ts).

import { join } from "node:path";
import { commitMessage } from "./commit-message.ts";
import type { Ending } from "./ending.ts";
import { type Live, originOf } from "./live.ts";
import { architectResult } from "./roles/architect/result.ts";
import { coderResult } from "./roles/coder/result.ts";
import type { RoleResult } from "./roles/definition.ts";
import { reviewerResult } from "./roles/reviewer/result.ts";
import { type TesterResult, testerResult } from "./roles/tester/result.ts";
import { runTestCommand } from "./test-command.ts";
import { checkCommit, checkEvidence, checkPlan, checkReview, overruled } from "./verify.ts";
import type { Workspace } from "./workspace.ts";

const MAX_TEST_MS = 15 * 60_000;

/** Checks the artefact of each role and makes the ending of it. @throws {RunFailure} */
export async function conclude(run: Live, workspace: Workspace, result: RoleResult): Promise<Ending> {
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
      return done(changes, await workspace.push(run.stop.lateSignal));
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
  report: TesterResult,
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
