// The demonstration as a program: five tickets through the public interfaces, then a look at what really came of them: branches,
// commits, their tests run in a fresh clone, pull requests, Linear. Each ticket has its expectation; a difference is a failure.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Octokit } from "@octokit/rest";
import type { Launch } from "@omakase/local-launcher/launch";
import { SAMPLE } from "@omakase/local-launcher/stack";
import { SAMPLE_TICKETS } from "@omakase/local-sample/tickets";
import { Tickets } from "./tickets.ts";
import { type Card, type Feature, Reader, type Transition } from "./watch.ts";

export interface TicketReport {
  readonly key: string;
  readonly title: string;
  /** States of the work in order, each with how long it lasted. */
  readonly states: readonly { readonly state: string; readonly ms: number }[];
  /** "coder 0" : role and exit code, in order. */
  readonly runs: readonly string[];
  readonly branch: string;
  readonly commits: number;
  readonly pullRequest: string | null;
  readonly outcome: string;
  /** What differs from what the demo promises; empty when nothing does. */
  readonly faults: readonly string[];
}

export interface DemoReport {
  readonly tickets: readonly TicketReport[];
  readonly seconds: number;
}

interface Expectation {
  readonly outcome: "passing" | "failing";
  readonly runs: readonly string[];
  /** The branch the pull request is stacked on. */
  readonly base?: string;
}

const SIMPLE = ["architect 0", "coder 0", "reviewer 0", "tester 0"];
const EXPECTED: Readonly<Record<string, Expectation>> = {
  "OMA-1": { outcome: "passing", runs: SIMPLE, base: "main" },
  "OMA-2": { outcome: "passing", runs: SIMPLE, base: "main" },
  "OMA-3": { outcome: "passing", runs: SIMPLE, base: "agent/oma-2" },
  "OMA-4": {
    outcome: "passing",
    runs: ["architect 0", "coder 0", "reviewer 2", "coder 0", "reviewer 0", "tester 0"],
    base: "main",
  },
  "OMA-5": {
    outcome: "failing",
    runs: ["architect 0", "coder 0", "reviewer 0", "tester 2", "coder 0", "reviewer 0", "tester 2"],
  },
};

const RESTING = new Set(["passing", "failing", "needsHuman", "cancelled", "merged", "closed"]);
export const isAtRest = (card: Card): boolean => RESTING.has(card.state);

/** Moves the five tickets to Todo, waits for their ends and looks at everything. @param timeoutMs for all of them */
export async function runDemo(launch: Launch, timeoutMs: number): Promise<DemoReport> {
  const reader = await Reader.signedIn(launch, "Dana");
  try {
    const tickets = new Tickets(launch);
    await reader.boardWhere((cards) => cards.length >= SAMPLE_TICKETS.length, 20_000);
    const started = performance.now();
    for (const { key } of SAMPLE_TICKETS) await tickets.move(key, "Todo");
    await reader.boardWhere(
      (cards) => SAMPLE_TICKETS.every(({ key }) => cards.some((card) => card.key === key && isAtRest(card))),
      timeoutMs,
    );
    const seconds = (performance.now() - started) / 1000;
    const reports: TicketReport[] = [];
    for (const { key } of SAMPLE_TICKETS) reports.push(await examine(launch, reader, tickets, key));
    return { tickets: reports, seconds };
  } finally {
    await reader.close();
  }
}

async function examine(launch: Launch, reader: Reader, tickets: Tickets, key: string): Promise<TicketReport> {
  const found = await reader.feature(key);
  const { feature } = found;
  const runs = found.runs.map(({ role, exitCode }) => `${role} ${exitCode ?? "-"}`);
  const clone = await cloneBranch(launch, feature.branch);
  try {
    const faults = await differences(launch, key, found, runs, clone, tickets);
    return {
      key,
      title: feature.title,
      states: durations(await reader.transitions(feature.address), feature.address),
      runs,
      branch: feature.branch,
      commits: clone.commits,
      pullRequest: feature.pullRequest?.url ?? null,
      outcome: feature.state === "failing" ? `failing: ${feature.failure}` : feature.state,
      faults,
    };
  } finally {
    rmSync(clone.folder, { recursive: true, force: true });
  }
}

async function differences(
  launch: Launch,
  key: string,
  { feature }: Feature,
  runs: readonly string[],
  clone: Clone,
  tickets: Tickets,
): Promise<string[]> {
  const expected = EXPECTED[key];
  if (!expected) return [`nothing is promised of ${key}`];
  const faults: string[] = [];
  const expect = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  expect(feature.state === expected.outcome, `it is ${feature.state}, not ${expected.outcome}`);
  expect(runs.join() === expected.runs.join(), `its runs are ${runs.join(", ")}, not ${expected.runs.join(", ")}`);
  expect(clone.commits > 0, `its branch has no commit of its own`);
  const acceptance = await runTests(clone.folder, key);
  const { state, comments } = await tickets.look(key);
  if (expected.outcome === "failing") {
    expect(!acceptance, "its tests pass, though they never should");
    expect((feature.failure ?? "") !== "", "it gives no reason");
    expect(feature.pullRequest === null, "it has a pull request");
    expect(
      comments.some((body) => body.includes(feature.failure?.slice(0, 40) ?? "?")),
      "its ticket does not say why",
    );
    return faults;
  }
  expect(acceptance, "its tests do not pass in a fresh clone");
  expect(state === "In Review", `its ticket is in ${state}, not In Review`);
  expect(
    comments.filter((body) => body.includes(feature.pullRequest?.url ?? "?")).length === 1,
    "its ticket does not name the pull request once",
  );
  const pull = feature.pullRequest && (await pullRequest(launch, feature.pullRequest.number));
  expect(pull?.state === "open", "it has no open pull request");
  expect(pull?.base.ref === expected.base, `its pull request is on ${pull?.base.ref}, not ${expected.base}`);
  expect((pull?.changed_files ?? 0) > 0, "its pull request changes nothing");
  return faults;
}

/** How long each state of the work lasted; consecutive entries of the same state are one. */
function durations(transitions: readonly Transition[], feature: string): TicketReport["states"] {
  const states: { state: string; since: number }[] = [];
  const workOf = (label: string) =>
    label
      .split(" ")
      .find((part) => part.startsWith("work."))
      ?.slice(5) ?? label;
  for (const { actor, from, to, at } of transitions) {
    if (actor !== feature) continue;
    if (states.length === 0) states.push({ state: workOf(from), since: at });
    if (states.at(-1)?.state !== workOf(to)) states.push({ state: workOf(to), since: at });
  }
  const end = transitions.at(-1)?.at ?? 0;
  return states.map(({ state, since }, index) => ({ state, ms: (states[index + 1]?.since ?? end) - since }));
}

interface Clone {
  readonly folder: string;
  readonly commits: number;
}

async function cloneBranch(launch: Launch, branch: string): Promise<Clone> {
  const folder = mkdtempSync(join(tmpdir(), "omakase-look-"));
  const url = new URL(`${launch.stack.urls.github}/${SAMPLE.repository}.git`);
  url.username = "x-access-token";
  url.password = launch.secrets.githubPersonToken;
  await run(["git", "clone", "-q", url.href, folder], "/");
  const there = await run(["git", "checkout", "-q", branch], folder);
  if (there.code !== 0) return { folder, commits: 0 };
  const { out } = await run(["git", "rev-list", "--count", "origin/main..HEAD"], folder);
  return { folder, commits: Number(out) };
}

/** The ticket's own acceptance tests, and the repository's. */
async function runTests(folder: string, key: string): Promise<boolean> {
  const { code } = await run([process.execPath, "test", "./test", `./acceptance/${key.toLowerCase()}.ts`], folder);
  return code === 0;
}

async function run(command: string[], cwd: string): Promise<{ code: number; out: string }> {
  const env = { PATH: process.env.PATH ?? "", HOME: tmpdir(), GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" };
  const child = Bun.spawn(command, { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const out = await new Response(child.stdout).text();
  return { code: await child.exited, out: out.trim() };
}

async function pullRequest(launch: Launch, number: number) {
  const octokit = new Octokit({ baseUrl: launch.stack.github.apiUrl, auth: launch.secrets.githubPersonToken });
  const [owner = "", repo = ""] = SAMPLE.repository.split("/");
  return (await octokit.pulls.get({ owner, repo, pull_number: number })).data;
}

/** The report as a person reads it. */
export function formatReport({ tickets, seconds }: DemoReport): string {
  const lines = tickets.flatMap(({ key, title, states, runs, branch, commits, pullRequest, outcome, faults }) => [
    `${key}  ${title}`,
    `  states   ${states.map(({ state, ms }) => `${state} ${ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${ms} ms`}`).join(" > ")}`,
    `  runs     ${runs.join(", ")}`,
    `  branch   ${branch}, ${commits} commits`,
    `  pull     ${pullRequest ?? "none"}`,
    `  outcome  ${outcome}`,
    ...faults.map((fault) => `  DIFFERS  ${fault}`),
    "",
  ]);
  const bad = tickets.filter(({ faults }) => faults.length > 0).length;
  return `${lines.join("\n")}${tickets.length} tickets in ${seconds.toFixed(1)} s; ${bad === 0 ? "all as promised" : `${bad} differ from what is promised`}`;
}
