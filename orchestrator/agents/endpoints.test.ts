// What a container may say and get, and what everybody else does not.

import { describe, expect, test } from "bun:test";
import { type GitHub, GitHubRefused, GitHubUnavailable } from "../github/client.ts";
import { aConvex, aLog } from "../testing/edge.ts";
import { agentEndpoints } from "./endpoints.ts";
import { readRunToken, runCode, signRunToken } from "./run-code.ts";

const SECRET = "a secret of this test, long enough";
const RUN = "omakase/sample/oma-1/coder-1:4:0";
const AGENT = "omakase/sample/oma-1/coder-1";
const models = { architect: "m-a", coder: "m-c", reviewer: "m-r", tester: "m-t" };
const USAGE = { turns: 1, inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0, costUsd: 0.1 };

const anAssignment = {
  kind: "assignment",
  repository: { name: "omakase/sample", defaultBranch: "main", branch: "agent/oma-1", bases: ["agent/oma-2"] },
  handover: {
    results: {
      architect: JSON.stringify({ summary: "s", plan: "p", steps: [], acceptance: [], files: [] }),
      coder: "{damaged",
      reviewer: JSON.stringify({ verdict: "hack" }),
      tester: null,
    },
    note: null,
  },
  agent: AGENT,
  attempt: 1,
  round: 1,
  ticket: { key: "OMA-1", title: "t", description: "d", url: "u", labels: [] },
  limits: { wallClockMs: 60_000 },
  testCommand: "bun test",
};

async function setup(answers: Parameters<typeof aConvex>[0] = {}, gitToken?: GitHub["gitToken"], now: () => number = Date.now) {
  const { caller, calls } = aConvex({
    "runs:claim": () => anAssignment,
    "runs:append": () => ({ next: 2, stop: null }),
    "runs:report": () => ({ stored: true }),
    ...answers,
  });
  const asked: string[] = [];
  const github: GitHub = {
    cloneUrl: (repository) => `https://github.test/${repository}.git`,
    gitToken:
      gitToken ??
      (async (repository, contents) => {
        asked.push(`${repository} ${contents}`);
        return { token: "ghs_token", expiresAt: 1 };
      }),
    call: () => Promise.reject(new Error("not for agents")),
    asApp: () => Promise.reject(new Error("not for agents")),
  };
  const { log, lines, of } = aLog();
  const app = agentEndpoints({
    secret: SECRET,
    publicUrl: "http://us.test",
    modelByRole: models,
    convex: caller,
    github,
    log,
    now,
  });
  const token = await signRunToken(SECRET, { run: RUN, agent: AGENT, role: "coder" }, 60_000);
  const post = (call: string, body: unknown, bearer: string | null = token) =>
    app.handle(
      new Request(`http://localhost/agents/${call}`, {
        method: "POST",
        headers: bearer === null ? {} : { authorization: `Bearer ${bearer}` },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    );
  const claim = (over: object = {}) =>
    post("claim", { run: RUN, code: runCode(SECRET, RUN), claimId: "claim-0001", ...over }, null);
  return { post, claim, calls, asked, lines, of, token };
}
const anEvent = (over: object = {}) => ({ seq: 1, at: 1, source: "tool", level: "info", kind: "tool.call", text: "ls", ...over });

describe("claiming", () => {
  test("gives everything the runner needs, a token of its own for the wall clock and ten minutes, and only results that are results", async () => {
    const { claim, asked } = await setup();
    const response = await claim();
    expect(response.status).toBe(200);
    const assignment = (await response.json()) as { token: string };
    expect(assignment).toMatchObject({
      role: "coder",
      repository: { url: "https://github.test/omakase/sample.git", token: "ghs_token", bases: ["agent/oma-2"] },
      model: { baseUrl: "http://us.test/model", name: "m-c" },
      handover: { plan: { plan: "p" }, changes: null, review: null, tests: null },
    });
    expect(asked).toEqual(["omakase/sample write"]);
    expect(await readRunToken(SECRET, assignment.token)).toEqual({ run: RUN, agent: AGENT, role: "coder" });
    expect(JSON.parse(atob(assignment.token.split(".")[1]!)).exp * 1000 - Date.now()).toBeLessThanOrEqual(
      60_000 + 10 * 60_000 + 1_000,
    );
  });

  test("gives whoever does not push a token that cannot", async () => {
    const { claim, asked } = await setup();
    const run = "omakase/sample/oma-1/reviewer-1:4:0";
    await claim({ run, code: runCode(SECRET, run) });
    expect(asked).toEqual(["omakase/sample read"]);
  });

  test.each([
    ["a wrong code", { code: "wrong" }, 401],
    ["the code of another run", { code: runCode(SECRET, "omakase/sample/oma-2/coder-1:4:0") }, 401],
    ["no claim id", { claimId: undefined }, 400],
    ["a run that is no agent's", { run: "omakase/sample:1:0", code: runCode(SECRET, "omakase/sample:1:0") }, 404],
  ])("with %s gets nothing, and Convex is not asked", async (_, over, status) => {
    const { claim, calls } = await setup();
    expect((await claim(over)).status).toBe(status);
    expect(calls).toEqual([]);
  });

  test.each([
    ["taken", 409],
    ["over", 410],
    ["unknown", 404],
  ])("what is %s is %d, with its code", async (kind, status) => {
    const { claim } = await setup({ "runs:claim": () => ({ kind }) });
    const response = await claim();
    expect([response.status, await response.json()]).toEqual([status, expect.objectContaining({ code: kind })]);
  });

  test("where GitHub refuses the repository ends the run with that reason", async () => {
    const { claim, calls } = await setup({}, () => Promise.reject(new GitHubRefused("Not Found")));
    expect((await claim()).status).toBe(422);
    expect(calls.at(-1)).toMatchObject({
      name: "runs:report",
      args: {
        effectId: RUN,
        exitCode: 1,
        class: "agent",
        reason: expect.stringContaining("GitHub gives no access to omakase/sample"),
      },
    });
  });

  test("while GitHub or Convex is away is 503: the runner asks again, and the run is not ended", async () => {
    const away = await setup({}, () => Promise.reject(new GitHubUnavailable("away")));
    expect((await away.claim()).status).toBe(503);
    expect(away.calls.map(({ name }) => name)).toEqual(["runs:claim"]);
    const deaf = await setup({ "runs:claim": () => Promise.reject(new Error("away")) });
    expect((await deaf.claim()).status).toBe(503);
  });
});

describe("events", () => {
  test("are stored masked, without what is no part of an event, however deep it is nested", async () => {
    const { post, calls } = await setup();
    const deep = `${"[".repeat(5_000)}${"]".repeat(5_000)}`;
    const secret = `ghs_${"a".repeat(30)}`;
    const body = JSON.stringify({
      from: 1,
      usage: USAGE,
      events: [anEvent({ text: secret, stray: 1, data: { [secret]: [secret], deep: "DEEP" } })],
    });
    const response = await post("events", body.replace('"DEEP"', deep));
    expect([response.status, await response.json()]).toEqual([200, { next: 2, stop: null }]);
    const [stored] = calls[0]!.args.events as string[];
    expect(stored).not.toContain(secret);
    expect(JSON.parse(stored!)).toMatchObject({ seq: 1, text: "[masked]", data: { "[masked]": ["[masked]"] } });
    expect(JSON.parse(stored!)).not.toHaveProperty("stray");
  });

  test("an empty list is a heartbeat, and hears that the agent is to stop", async () => {
    const { post } = await setup({ "runs:append": () => ({ next: 1, stop: { reason: "cancelled" } }) });
    expect(await (await post("events", { from: 1, usage: USAGE, events: [] })).json()).toEqual({
      next: 1,
      stop: { reason: "cancelled" },
    });
  });

  test.each([
    ["no JSON", "{", 400],
    ["no list", { from: 1, usage: USAGE, events: {} }, 400],
    ["more than 256", { from: 1, usage: USAGE, events: Array(257).fill(anEvent()) }, 400],
    ["a source nobody knows", { from: 1, usage: USAGE, events: [anEvent({ source: "root" })] }, 400],
    ["a cost below nothing", { from: 1, usage: { ...USAGE, costUsd: -1 }, events: [] }, 400],
    ["a megabyte", { from: 1, usage: USAGE, events: [anEvent({ text: "x".repeat(1_000_000) })] }, 413],
  ])("%s is refused with %d", async (_, body, status) => {
    const { post, calls } = await setup();
    expect((await post("events", body)).status).toBe(status);
    expect(calls).toEqual([]);
  });

  test("more than a runner could send are 429, of this run alone", async () => {
    let at = 0;
    const { post } = await setup({}, undefined, () => at);
    const statuses = [];
    for (let call = 0; call < 101; call++) statuses.push((await post("events", { from: 1, usage: USAGE, events: [] })).status);
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
    const other = await signRunToken(SECRET, { run: "omakase/sample/oma-2/coder-1:4:0", agent: "x", role: "coder" }, 60_000);
    expect((await post("events", { from: 1, usage: USAGE, events: [] }, other)).status).toBe(200);
    at += 1_000;
    expect((await post("events", { from: 1, usage: USAGE, events: [] })).status).toBe(200);
  });
});

describe("the report", () => {
  const aReport = (over: object = {}) => ({
    exitCode: 0,
    class: null,
    reason: "done",
    result: { summary: `key sk-ant-${"a".repeat(30)}` },
    headSha: "a".repeat(40),
    usage: USAGE,
    ...over,
  });

  test("is stored masked, its reason cut, and hidden from the log", async () => {
    const { post, calls, lines } = await setup();
    expect((await post("report", aReport({ reason: `sk-ant-${"b".repeat(30)} ${"x".repeat(5_000)}` }))).status).toBe(200);
    expect(calls[0]).toMatchObject({ name: "runs:report", args: { effectId: RUN, exitCode: 0 } });
    expect(calls[0]!.args.result).toBe(JSON.stringify({ summary: "key [masked]" }));
    expect(String(calls[0]!.args.reason).length).toBeLessThanOrEqual(2_000);
    expect(lines.join()).not.toContain("sk-ant-");
  });

  test("with an exit code or a commit that is none is refused", async () => {
    const { post } = await setup();
    for (const over of [{ exitCode: 3 }, { headSha: "main" }, { class: "mine" }, { result: "text" }]) {
      expect((await post("report", aReport(over))).status).toBe(400);
    }
  });
});

describe("a run token", () => {
  test("of nobody, of another secret, out of date, or not a token of ours is 401 everywhere", async () => {
    const { post, calls } = await setup();
    const claims = { run: RUN, agent: AGENT, role: "coder" };
    const bad = [
      null,
      "",
      "x",
      runCode(SECRET, RUN),
      await signRunToken(`${SECRET}!`, claims, 60_000),
      await signRunToken(SECRET, claims, -5_000),
    ];
    for (const token of bad)
      for (const call of ["events", "report", "git-token"]) expect((await post(call, {}, token)).status).toBe(401);
    expect(calls).toEqual([]);
  });

  test("gives a git token while its run lives, and none afterwards", async () => {
    const alive = await setup({ "runs:standing": () => ({ live: true, repository: "omakase/sample" }) });
    expect(await (await alive.post("git-token", {})).json()).toEqual({ token: "ghs_token", expiresAt: 1 });
    const over = await setup({ "runs:standing": () => ({ live: false, repository: "omakase/sample" }) });
    expect((await over.post("git-token", {})).status).toBe(410);
    expect(over.asked).toEqual([]);
  });
});
