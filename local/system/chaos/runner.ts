// An agent's container without Claude Code: claims its run, says something, pushes a commit when it is a coder, reports, exits. As
// insistent as the real runner and as cheap as possible, so that many of them can be killed. What it says is what its role says.
//
//   OMAKASE_URL, OMAKASE_RUN, OMAKASE_CODE   as for agents/entrypoint.ts

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { OMAKASE_URL = "", OMAKASE_RUN = "", OMAKASE_CODE = "", PATH = "" } = process.env;
const claimId = crypto.randomUUID();
const GIVE_UP_AFTER_MS = 60_000;
const NO_USAGE = { turns: 1, inputTokens: 10, outputTokens: 10, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd: 0.01 };

interface Assignment {
  readonly role: "architect" | "coder" | "reviewer" | "tester";
  readonly token: string;
  readonly ticket: { readonly title: string };
  readonly repository: { readonly url: string; readonly defaultBranch: string; readonly branch: string; readonly token: string };
}

/** Calls until there is an answer. @returns null when the answer is no */
async function call(name: string, body: object, token?: string): Promise<unknown> {
  const until = Date.now() + GIVE_UP_AFTER_MS;
  for (let pauseMs = 50; ; pauseMs = Math.min(1_000, pauseMs * 2)) {
    try {
      const response = await fetch(`${OMAKASE_URL}/agents/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.text();
      if (response.status === 200) return JSON.parse(text);
      if (response.status < 500 && response.status !== 429) return null;
    } catch {
      // lost: asked again
    }
    if (Date.now() > until) process.exit(1);
    await Bun.sleep(pauseMs);
  }
}

async function git(cwd: string, ...words: string[]): Promise<string> {
  const child = Bun.spawn(["git", "-c", "user.name=agent", "-c", "user.email=agent@omakase.test", ...words], {
    cwd,
    env: { PATH, HOME: cwd, GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`git ${words[0]}: ${err}`);
  return out.trim();
}

/** A commit of this run's own on the feature's branch. @returns its id */
async function pushCommit({ repository }: Assignment): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "omakase-chaos-run-"));
  const url = new URL(repository.url);
  url.username = "x-access-token";
  url.password = repository.token;
  try {
    await git(folder, "init", "-q");
    await git(folder, "remote", "add", "origin", url.href);
    const there = await git(folder, "ls-remote", "origin", `refs/heads/${repository.branch}`);
    await git(folder, "fetch", "-q", "--depth", "1", "origin", there === "" ? repository.defaultBranch : repository.branch);
    await git(folder, "checkout", "-q", "--detach", "FETCH_HEAD");
    const name = OMAKASE_RUN.replaceAll(/[^a-z0-9]+/g, "-");
    writeFileSync(join(folder, `${name}.txt`), `${claimId}\n`);
    await git(folder, "add", ".");
    await git(folder, "commit", "-q", "-m", `Work of ${OMAKASE_RUN}`);
    await git(folder, "push", "-q", "origin", `HEAD:refs/heads/${repository.branch}`);
    return await git(folder, "rev-parse", "HEAD");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const RESULTS: Readonly<Record<Assignment["role"], object>> = {
  architect: { summary: "A plan.", plan: "Do it.", steps: ["do it"], acceptance: ["done"], files: ["a"] },
  coder: { summary: "Done.", changes: [{ path: "a", why: "asked" }], testsRun: "all" },
  reviewer: { verdict: "approve", summary: "Good.", remarks: [] },
  tester: { verdict: "pass", summary: "Works.", command: "true", evidence: [{ check: "it", passed: true, output: "" }] },
};

const assignment = (await call("claim", { run: OMAKASE_RUN, code: OMAKASE_CODE, claimId })) as Assignment | null;
if (assignment === null) process.exit(0);
const { token, role, ticket } = assignment;
const say = (seq: number, text: string) =>
  call(
    "events",
    { from: seq, events: [{ seq, at: Date.now(), source: "runner", level: "info", kind: "note", text }], usage: NO_USAGE },
    token,
  );
const report = (exitCode: 0 | 1, blame: "infrastructure" | null, reason: string, result: object | null, headSha: string | null) =>
  call("report", { exitCode, class: blame, reason, result, headSha, usage: NO_USAGE }, token);

process.on("SIGTERM", () => void report(1, "infrastructure", "stopped", null, null).then(() => process.exit(1)));
await say(1, "begun");
// "[700 ms]" in a ticket's title is how long each of its agents works; "[silent]" is for ever, without a word.
const workMs = Number(/\[(\d+) ms\]/.exec(ticket.title)?.[1] ?? 50);
const isSilent = ticket.title.includes("[silent]") && role === "architect";
await Bun.sleep(isSilent ? 3_600_000 : workMs);
try {
  const headSha = role === "coder" ? await pushCommit(assignment) : null;
  await say(2, "done");
  await report(0, null, "done", RESULTS[role], headSha);
  process.exit(0);
} catch (error) {
  await report(1, "infrastructure", String(error).slice(0, 500), null, null);
  process.exit(1);
}
