// What the scripted model does for a ticket nobody wrote a script for: something small, honest and true.
// The ticket's text is quoted into a file and never obeyed; of it, only a `bun test` command is used, and only if it is a plain one.

import type { Role } from "./roles.ts";
import { type Act, allPassed, bash, finish, read, type Scene, tail, write } from "./script.ts";

const QUOTE_LIMIT_CHARS = 8_000;
// Both keep the search for the fences short in a ticket made to prolong it.
const FENCE_LIMIT_CHARS = 300;
const FENCE_CANDIDATES = 20;

const architect: Act<"architect"> = function* (scene) {
  const title = titleOf(scene);
  const note = notePath(scene);
  yield bash("git ls-files", `Looking at what is there before planning ${scene.ticket}.`);
  yield read("README.md");
  yield finish({
    summary: `Plan for "${title}": describe the ticket in ${note}, leave the code as it is.`,
    plan: [
      `## ${scene.ticket}`,
      "",
      "The scripted model has no script for this ticket, so it plans the one thing it can do truthfully:",
      "",
      `1. Write \`${note}\`: what the ticket asks for, in its own words.`,
      "2. Change no code.",
      `3. Run \`${testCommandOf(scene)}\` to show that nothing broke.`,
    ].join("\n"),
    steps: [`Write ${note}`, `Run ${testCommandOf(scene)}`],
    acceptance: [`${note} quotes the ticket`, `${testCommandOf(scene)} reports no failure`],
    files: [note],
  });
};

const coder: Act<"coder"> = function* (scene) {
  const note = notePath(scene);
  yield bash("git status --short", "Looking around first.");
  yield read("README.md");
  yield* write(note, noteFor(scene), `Writing down what ${scene.ticket} asks for.`);
  const tests = yield bash(testCommandOf(scene));
  yield finish({
    summary: `Described the ticket in ${note}. The scripted model cannot write arbitrary code, so no code was changed.`,
    changes: [{ path: note, why: "Records what the ticket asks for, so that a person or a real model can take it from there." }],
    testsRun: `${testCommandOf(scene)}: ${allPassed(tests) ? "everything passes" : "not everything passes"}`,
  });
};

const reviewer: Act<"reviewer"> = function* (scene) {
  const diff = yield bash("git show --stat --format=medium HEAD", "Reading what changed.");
  const note = yield read(notePath(scene));
  const described = !note.isError;
  yield finish({
    verdict: described ? "approve" : "request_changes",
    summary: described
      ? `The ticket is described and no code was touched:\n\n${tail(diff, 4)}`
      : `${notePath(scene)} is missing, so there is nothing to review.`,
    remarks: [], // a remark has to name a file of the diff, and a missing one is in none
  });
};

const tester: Act<"tester"> = function* (scene) {
  const command = testCommandOf(scene);
  const tests = yield bash(command, `Running ${command}.`);
  const passed = allPassed(tests);
  yield finish({
    verdict: passed ? "pass" : "fail",
    summary: passed ? "The tests ran and none failed." : "The tests did not pass; the output says why.",
    command,
    evidence: [{ check: command, passed, output: tail(tests) }],
  });
};

export const genericActs: { readonly [R in Role]: Act<R> } = { architect, coder, reviewer, tester };

/** The first plain `bun test` command the prompt names in backquotes, or `bun test`. Nothing a shell would interpret gets through. */
export function testCommandOf({ prompt }: Scene): string {
  return /`(bun test(?: [\w./-]+)*)`/.exec(prompt)?.[1] ?? "bun test";
}

/** The ticket's title: the line the runner labels, or the first line with anything on it. */
export function titleOf(scene: Scene): string {
  const text = ticketTextOf(scene);
  const labelled = /^(?:Title|Ticket):[ \t]*(\S.*)$/im.exec(text)?.[1];
  const first = text.split("\n").find((line) => line.trim() !== "");
  return (labelled ?? first ?? scene.ticket).trim().slice(0, 200);
}

/**
 * The ticket's own part of the prompt: what stands between the runner's fences, two lines that share a token nobody can guess,
 * the first of which says "ticket". A prompt without such fences counts as a whole.
 */
export function ticketTextOf({ prompt }: Scene): string {
  const lines = prompt.split("\n");
  let candidates = 0;
  for (const [start, line] of lines.entries()) {
    if (line.length > FENCE_LIMIT_CHARS || !/ticket/i.test(line)) continue;
    const token = /(?=[A-Za-z_-]*\d)[\w-]{12,}/.exec(line)?.[0];
    if (token === undefined) continue;
    const end = lines.findIndex((other, index) => index > start && other.includes(token));
    if (end !== -1) return lines.slice(start + 1, end).join("\n");
    candidates += 1;
    if (candidates === FENCE_CANDIDATES) break;
  }
  return prompt;
}

function notePath({ ticket }: Scene): string {
  return `docs/tickets/${ticket}.md`;
}

function noteFor(scene: Scene): string {
  const asked = ticketTextOf(scene).trim().slice(0, QUOTE_LIMIT_CHARS);
  const longestRun = Math.max(0, ...(asked.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(Math.max(3, longestRun + 1)); // longer than any fence inside: the quote cannot end early
  return [
    `# ${scene.ticket}`,
    "",
    "What was asked, word for word:",
    "",
    `${fence}text`,
    asked,
    fence,
    "",
    "Written by the scripted model of a local Omakase. It plays prepared scripts and cannot write arbitrary code, so it wrote this",
    "description and changed no code. With a real model (`OMAKASE_MODEL=anthropic`) the same pipeline does the work.",
    "",
  ].join("\n");
}
