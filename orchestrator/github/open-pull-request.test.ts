// The pull request of a feature, with the stock Octokit against local/github: one, whatever happens to the answers.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { APP_ID, keys, shell, TestGitHub } from "@omakase/local-github/contract/setup";
import { aContext, aConvex, refusal } from "../testing/edge.ts";
import { createGitHub, type GitHub } from "./client.ts";
import type { DescribedFeature } from "./description.ts";
import { openPullRequest } from "./open-pull-request.ts";

const server = new TestGitHub();
let github: GitHub;
const aGitHub = () =>
  createGitHub({ apiUrl: server.url, webUrl: server.url, appId: String(APP_ID), privateKey: keys.privateKey });
beforeAll(async () => {
  await server.start();
});
// What one test spends of the budget is not for the next.
beforeEach(() => {
  github = aGitHub();
});
afterAll(() => server.stop());
afterEach(() => server.local("DELETE", "/__faults"));

const aFeature = (over: Partial<DescribedFeature> & { repository?: string } = {}) => ({
  ticket: { issueId: "i", key: "OMA-1", title: "A receipt", description: "", url: "https://linear.app/omakase/issue/OMA-1" },
  repository: "omakase/demo",
  defaultBranch: "main",
  branch: "agent/oma-1",
  bases: [],
  results: {
    architect: null,
    coder: JSON.stringify({ summary: "Printed it.", changes: [], testsRun: "" }),
    reviewer: null,
    tester: null,
  },
  costUsd: 0.5,
  ...over,
});

let branches = 0;
/** @param standing what `reconcile.publishing` says, call by call; wanted after that */
async function setup(over: Parameters<typeof aFeature>[0] = {}, standing: (string | null)[] = []) {
  const branch = `agent/oma-${++branches}`;
  await server.push(branch, { "receipt.ts": `export const receipt = ${branches};\n` });
  const { caller } = aConvex({
    "features:forPullRequest": () => aFeature(over),
    "reconcile:publishing": () => ({ over: standing.shift() ?? null }),
  });
  const closed: string[] = [];
  const effectId = `omakase/sample/oma-${branches}:12:0`;
  const perform = (base: string | null = null) =>
    openPullRequest(
      github,
      caller,
      async (_, subject) => void closed.push(subject),
    )({ kind: "openPullRequest", branch, base, title: "OMA-1: A receipt" }, aContext({ effectId }));
  const pulls = async () =>
    (await server.app().pulls.list({ owner: "omakase", repo: "demo", head: `omakase:${branch}`, state: "all" })).data;
  return { branch, effectId, perform, pulls, closed };
}

const CREATE = "POST /repos/{owner}/{repo}/pulls";

describe("a feature's pull request", () => {
  test("is opened with what the agents handed over and the effect's marker, and its address is the answer", async () => {
    const { perform, pulls, effectId } = await setup();
    const performed = await perform();
    const [pull] = await pulls();
    expect(performed).toEqual({
      kind: "answer",
      event: { type: "pullRequest.opened", number: pull!.number, url: pull!.html_url } as { type: string },
    });
    expect(pull).toMatchObject({ title: "OMA-1: A receipt", base: { ref: "main" } });
    expect(pull!.body).toContain("Printed it.");
    expect(pull!.body).toContain(`<!-- omakase:${effectId} -->`);
  });

  test("is one, however often it is asked for", async () => {
    const { perform, pulls } = await setup();
    const first = await perform();
    expect(await perform()).toEqual(first);
    expect(await pulls()).toHaveLength(1);
  });

  test("is one when the answer is lost", async () => {
    const { perform, pulls } = await setup();
    await server.local("POST", "/__faults", { route: CREATE, kind: "drop-reply", times: 1 });
    expect(await refusal(perform())).toMatchObject({ code: "github_unavailable", retryable: true });
    expect((await perform()).kind).toBe("answer");
    expect(await pulls()).toHaveLength(1);
  });

  test("is the same one when a person merged it before its answer came", async () => {
    const { perform, pulls } = await setup();
    const first = await perform();
    const [pull] = await pulls();
    await server.dana().pulls.merge({ owner: "omakase", repo: "demo", pull_number: pull!.number });
    expect(await perform()).toEqual(first);
    expect(await pulls()).toHaveLength(1);
  });

  test("is a new one when an older effect's was closed", async () => {
    const { branch, perform, pulls } = await setup();
    const where = { owner: "omakase", repo: "demo" };
    const { data } = await server.app().pulls.create({ ...where, head: branch, base: "main", title: "older" });
    await server.dana().pulls.update({ ...where, pull_number: data.number, state: "closed" });
    await perform();
    expect((await pulls()).filter(({ state }) => state === "open")).toHaveLength(1);
  });

  test("is stacked on the branch it builds on, and on the default branch once that is gone", async () => {
    const base = await setup();
    const stacked = await setup();
    await stacked.perform(base.branch);
    expect((await stacked.pulls())[0]?.base.ref).toBe(base.branch);
    const orphan = await setup();
    await orphan.perform("agent/merged-and-deleted");
    expect((await orphan.pulls())[0]?.base.ref).toBe("main");
  });
});

describe("a pull request nobody wants any more", () => {
  const comments = async (number: number) =>
    (await server.app().issues.listComments({ owner: "omakase", repo: "demo", issue_number: number })).data;

  test("is not opened when its feature was cancelled before", async () => {
    const { perform, pulls } = await setup({}, ["Cancelled by Dana"]);
    expect(await perform()).toEqual({ kind: "answer", event: null });
    expect(await pulls()).toEqual([]);
  });

  test("is closed with a word why when its feature was cancelled while it was opened, once however often that is tried", async () => {
    const { perform, pulls, closed } = await setup({}, [null, "Cancelled by Dana", "Cancelled by Dana"]);
    await server.local("POST", "/__faults", {
      ...{ route: "PATCH /repos/{owner}/{repo}/pulls/{number}", kind: "status", times: 1, status: 502, message: "Bad gateway" },
    });
    expect((await refusal(perform())).message).toContain("Bad gateway");
    expect((await pulls())[0]?.state).toBe("open");
    await perform();
    const [pull] = await pulls();
    expect([pull?.state, closed.length]).toEqual(["closed", 1]);
    const said = await comments(pull!.number);
    expect(said.map(({ body }) => body?.split("\n")[0])).toEqual([
      "Closed by Omakase: the feature was cancelled before this pull request was open. Cancelled by Dana",
    ]);
  });

  test("of a person's own making is left alone", async () => {
    const { branch, perform, pulls } = await setup({}, ["Cancelled by Dana"]);
    await server.dana().pulls.create({ owner: "omakase", repo: "demo", head: branch, base: "main", title: "mine" });
    await perform();
    expect((await pulls())[0]?.state).toBe("open");
  });
});

describe("what GitHub says no with", () => {
  test("a branch without commits is final", async () => {
    const { caller } = aConvex({ "features:forPullRequest": () => aFeature(), "reconcile:publishing": () => ({ over: null }) });
    const folder = await server.clone();
    await shell(folder, "git push -q origin main:agent/empty");
    const effect = { kind: "openPullRequest", branch: "agent/empty", base: null, title: "x" } as const;
    const refused = await refusal(openPullRequest(github, caller)(effect, aContext()));
    expect(refused).toMatchObject({ code: "github_refused", retryable: false });
    expect(refused.message).toContain("No commits between");
  });

  test("a secondary rate limit is waited for as long as it says", async () => {
    const { perform } = await setup();
    await server.local("POST", "/__faults", {
      route: CREATE,
      kind: "status",
      times: 1,
      status: 403,
      message: "You have exceeded a secondary rate limit.",
      retryAfterSeconds: 7,
    });
    expect(await refusal(perform())).toMatchObject({ code: "rate_limited", retryable: true, retryAfterMs: 7_000 });
    // Nothing is sent before that, by anybody who shares the installation.
    expect((await refusal((await setup()).perform())).message).toContain("secondary rate limit");
  });

  test("a token that was taken away is replaced at the next try", async () => {
    const { perform } = await setup();
    await server.local("POST", "/__faults", { route: CREATE, kind: "status", times: 1, status: 401, message: "Bad credentials" });
    expect(await refusal(perform())).toMatchObject({ code: "github_unavailable", retryable: true });
    // What refuses the next token shows that a new one is asked for.
    const route = "POST /app/installations/{id}/access_tokens";
    await server.local("POST", "/__faults", { route, kind: "status", times: 1, status: 502, message: "Bad gateway" });
    expect((await refusal(perform())).message).toContain("Bad gateway");
    expect((await perform()).kind).toBe("answer");
  });

  test("a wrong key of the App is final", async () => {
    const stranger = createGitHub({ apiUrl: server.url, webUrl: server.url, appId: "999", privateKey: keys.privateKey });
    expect(await refusal(stranger.gitToken("omakase/demo", "read"))).toMatchObject({ code: "github_refused", retryable: false });
  });

  test("a server fault is tried again", async () => {
    const { perform } = await setup();
    await server.local("POST", "/__faults", { route: CREATE, kind: "status", times: 1, status: 502, message: "Bad gateway" });
    expect(await refusal(perform())).toMatchObject({ code: "github_unavailable", retryable: true });
  });

  test("a repository that is not there, or where the App is not installed, is final", async () => {
    const { perform } = await setup({ repository: "nobody/nothing" });
    expect(await refusal(perform())).toMatchObject({ code: "github_refused", retryable: false });
  });
});

describe("an agent's token (P8)", () => {
  const clone = async (token: string, repo: string) =>
    (await shell(server.dir, `git ls-remote ${server.remote(token, repo)}`)).code;

  test("opens its repository and no other, and cannot open pull requests", async () => {
    const { branch } = await setup();
    const { token, expiresAt } = await github.gitToken("omakase/demo", "write");
    expect(expiresAt).toBeGreaterThan(Date.now() + 50 * 60_000);
    expect(await clone(token, "demo")).toBe(0);
    expect(await clone(token, "other")).not.toBe(0);
    const where = { owner: "omakase", repo: "demo" };
    const refused = await server
      .withToken(token)
      .pulls.create({ ...where, head: branch, base: "main", title: "mine" })
      .catch((error: { status: number }) => error.status);
    expect(refused).toBe(403);
  });

  test("for reading cannot push", async () => {
    const { token } = await github.gitToken("omakase/demo", "read");
    const folder = await server.clone(token);
    expect((await shell(folder, "git push -q origin main:agent/forbidden")).code).not.toBe(0);
  });
});
