// Whether a run did its work. Neither an exit code nor a friendly word proves it (V1-V4, in this order):
//   V1. Claude Code ended by itself, with exit code 0 and a result line that is no error.
//   V2. The structured result passes our own schema.
//   V3. The artefact is there: a plan, a new commit, a verdict on the diff, evidence.
//   V4. A tester's word is not taken for it: the project's own command, run by us, has to agree.

import { z } from "zod";
import type { ClaudeEnd } from "./claude.ts";
import { RunFailure } from "./ending.ts";
import type { EventLog } from "./events.ts";
import type { ArchitectResult } from "./roles/architect/result.ts";
import type { RoleDefinition, RoleResult } from "./roles/definition.ts";
import type { ReviewerResult } from "./roles/reviewer/result.ts";
import type { TesterResult } from "./roles/tester/result.ts";
import type { TestRun } from "./test-command.ts";

const MAX_QUOTE_CHARS = 400;

/** V1 and V2. @throws {RunFailure} */
export function structuredResult(role: RoleDefinition, { exitCode, result, complaint }: ClaudeEnd, log: EventLog): RoleResult {
  const failed = (code: string, message: string, blame: RunFailure["blame"] = "agent") => new RunFailure(blame, code, message);
  if (result === null) {
    throw failed(
      "no-result",
      `Claude Code ended (exit ${exitCode ?? "by a signal"}) without a result. ${quote(complaint)}`.trim(),
    );
  }
  for (const { tool_name: tool, tool_input: input } of result.permission_denials.slice(0, 20)) {
    log.note("check.denied", `${tool} was denied: ${quote(JSON.stringify(input) ?? "")}`, "warn");
  }
  if (result.subtype === "error_max_turns") throw failed("max-turns", `The turns ran out after ${result.num_turns}.`);
  if (result.subtype === "error_max_budget_usd") {
    throw failed("max-budget", `The budget ran out: $${result.total_cost_usd.toFixed(2)} were spent.`, "budget");
  }
  if (result.is_error || exitCode !== 0) {
    const said = quote(result.result || result.errors.join(" ") || complaint || result.subtype);
    const { api_error_status: status, terminal_reason: reason } = result;
    if (reason !== "api_error" && status === null)
      throw failed("claude-failed", `Claude Code failed (exit ${exitCode}): ${said}`);
    // Nobody answered, or our own gateway no longer takes this run's token: neither is the agent's doing.
    if (status === null) throw failed("model-unreachable", `The model cannot be reached: ${said}`, "infrastructure");
    if (status === 402) throw failed("over-budget", `The model gives this run no further answer: ${said}`, "budget");
    if (status === 401 || status === 403)
      throw failed("model-refused", `The model refused this run (${status}): ${said}`, "infrastructure");
    throw failed("model-error", `The model answered with an error (${status}): ${said}`);
  }
  if (result.structured_output === undefined) {
    throw failed(
      "no-structure",
      `The ${role.role} ended without the structured result it was asked for. It said: ${quote(result.result)}`,
    );
  }
  const parsed = role.result.safeParse(result.structured_output);
  if (!parsed.success)
    throw failed(
      "wrong-structure",
      `The ${role.role}'s result is not of the agreed shape: ${quote(z.prettifyError(parsed.error))}`,
    );
  return parsed.data;
}

/** V3 for the architect. @throws {RunFailure} */
export function checkPlan({ plan }: ArchitectResult): void {
  if (plan.trim() === "") throw new RunFailure("agent", "empty-plan", "The architect's plan is empty.");
}

/** V3 for the coder. @param isAhead whether the branch has a commit of this run, or of an earlier try of it @throws {RunFailure} */
export function checkCommit(isAhead: boolean): void {
  if (!isAhead)
    throw new RunFailure("agent", "no-commit", "The coder says it is done, but no file was changed: there is no new commit.");
}

/**
 * V3 for the reviewer. Remarks about files the branch does not change cannot be put beside the diff: they move into the summary.
 * @throws {RunFailure} when changes are asked for and not one remark is about the change
 */
export function checkReview(review: ReviewerResult, changed: ReadonlySet<string>, log: EventLog): ReviewerResult {
  const remarks = review.remarks.map((remark) => ({ ...remark, path: remark.path.replace(/^\.\//, "") }));
  const [inside, outside] = [remarks.filter(({ path }) => changed.has(path)), remarks.filter(({ path }) => !changed.has(path))];
  if (review.verdict === "request_changes" && remarks.length > 0 && inside.length === 0) {
    const named = quote(outside.map(({ path }) => path).join(", "));
    throw new RunFailure(
      "agent",
      "review-off-diff",
      `The reviewer asks for changes in files this branch does not touch: ${named}`,
    );
  }
  if (outside.length === 0) return { ...review, remarks };
  log.note(
    "check.remarks",
    `${outside.length} remarks are about files outside the diff; they were moved into the summary.`,
    "warn",
  );
  const moved = outside.map(({ path, line, message }) => `${path}${line === null ? "" : `:${line}`}: ${message}`);
  return { ...review, remarks: inside, summary: [review.summary, "", "Outside the diff:", ...moved].join("\n") };
}

/** V3 for the tester. @throws {RunFailure} */
export function checkEvidence({ evidence }: TesterResult): void {
  if (evidence.length === 0) throw new RunFailure("agent", "no-evidence", "The tester gives a verdict without any evidence.");
}

/** V4. A failure of our own run overrules a pass. */
export function overruled(report: TesterResult, own: TestRun): TesterResult {
  if (own.passed) return report;
  const evidence = [{ check: `${own.command} (run by Omakase itself)`, passed: false, output: own.output }, ...report.evidence];
  const summary = `\`${own.command}\` failed when it was run again after the tester (${own.how}), who had reported: ${report.summary}`;
  return { verdict: "fail", summary, command: own.command, evidence };
}

const quote = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > MAX_QUOTE_CHARS ? `${line.slice(0, MAX_QUOTE_CHARS)}…` : line;
};
