// The app's own side: JWT, installations, narrowed tokens, rate limits, ETags, error bodies.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";
import { APP_ID, REPOSITORY, refusal, TestGitHub } from "./setup.ts";

let nowMs = Date.now();
const github = new TestGitHub({ nowMs: () => nowMs, rateLimitPerHour: 300 });
beforeAll(() => github.start());
afterAll(() => github.stop());

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

describe("the app", () => {
  test("finds its installation by list, by repository and by organisation", async () => {
    const app = github.app(null);
    const [listed] = (await app.apps.listInstallations()).data;
    expect(listed).toMatchObject({ id: 1, app_id: APP_ID, account: { login: "omakase", type: "Organization" } });
    expect((await app.apps.getRepoInstallation(REPOSITORY)).data.id).toBe(1);
    expect((await app.apps.getOrgInstallation({ org: "omakase" })).data.id).toBe(1);
    expect((await app.apps.getAuthenticated()).data?.slug).toBe("omakase");
    expect((await refusal(app.apps.getRepoInstallation({ owner: "omakase", repo: "nowhere" }))).status).toBe(404);
  });

  test("a JWT of another key, another app or a long life is refused with 401", async () => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 })
      .privateKey.export({ type: "pkcs1", format: "pem" })
      .toString();
    const forged = new Octokit({
      baseUrl: github.url,
      authStrategy: createAppAuth,
      auth: { appId: APP_ID, privateKey: other },
      log: QUIET,
    });
    expect(await refusal(forged.apps.getAuthenticated())).toMatchObject({
      status: 401,
      message: "A JSON web token could not be decoded",
    });
    const unsigned = ["none", "x"].map((part) => btoa(JSON.stringify({ alg: part, iss: APP_ID, exp: 9e9 }))).join(".");
    expect((await fetch(`${github.url}/app`, { headers: { authorization: `Bearer ${unsigned}.` } })).status).toBe(401);
  });

  test("a token is narrowed to its repositories and permissions, and asking for more than granted is 422", async () => {
    const { data } = await github.app(null).apps.createInstallationAccessToken({
      installation_id: 1,
      repositories: ["demo"],
      permissions: { contents: "read" },
    });
    expect(data).toMatchObject({ repository_selection: "selected", permissions: { contents: "read", metadata: "read" } });
    const narrow = github.withToken(data.token);
    expect((await narrow.repos.get(REPOSITORY)).data.full_name).toBe("omakase/demo");
    expect((await refusal(narrow.repos.get({ owner: "omakase", repo: "other" }))).status).toBe(404);
    expect(await refusal(narrow.pulls.list(REPOSITORY))).toMatchObject({
      status: 403,
      message: "Resource not accessible by integration",
    });
    expect((await narrow.apps.listReposAccessibleToInstallation()).data.total_count).toBe(1);
    const greedy = github.app(null).apps.createInstallationAccessToken({ installation_id: 1, permissions: { secrets: "write" } });
    expect((await refusal(greedy)).status).toBe(422);
    const unknown = github.app(null).apps.createInstallationAccessToken({ installation_id: 1, repositories: ["nowhere"] });
    expect((await refusal(unknown)).status).toBe(422);
  });

  test("a token dies after an hour, or when it is revoked", async () => {
    const [first, second] = [github.withToken(await github.token()), github.withToken(await github.token())];
    await first.apps.revokeInstallationAccessToken();
    expect(await refusal(first.repos.get(REPOSITORY))).toMatchObject({ status: 401, message: "Bad credentials" });
    nowMs += 3_600_001;
    expect((await refusal(second.repos.get(REPOSITORY))).status).toBe(401);
    nowMs = Date.now();
  });
});

describe("repositories", () => {
  test("are made for an organisation by the app and for themselves by people, once per name", async () => {
    const app = github.app();
    const { data } = await app.repos.createInOrg({
      org: "omakase",
      name: "made",
      description: "by a test",
      private: true,
      auto_init: true,
    });
    expect(data).toMatchObject({
      full_name: "omakase/made",
      private: true,
      default_branch: "main",
      clone_url: `${github.url}/omakase/made.git`,
    });
    const readme = await app.repos.getContent({
      owner: "omakase",
      repo: "made",
      path: "README.md",
      mediaType: { format: "raw" },
    });
    expect(String(readme.data)).toBe("# made\n\nby a test\n");
    const again = await refusal(app.repos.createInOrg({ org: "omakase", name: "Made" }));
    expect(again).toMatchObject({
      status: 422,
      errors: [expect.objectContaining({ message: "name already exists on this account" })],
    });
    expect((await github.dana().repos.createForAuthenticatedUser({ name: "own" })).data.full_name).toBe("dana/own");
    expect((await refusal(app.repos.get({ owner: "dana", repo: "own" }))).status).toBe(404);
    expect((await refusal(app.repos.createInOrg({ org: "omakase", name: "../evil" }))).status).toBe(422);
    expect((await refusal(app.repos.createInOrg({ org: "nobody", name: "x" }))).status).toBe(404);
  });
});

describe("every answer", () => {
  test("carries a request id and the rate limit, and a 304 for a known ETag is free", async () => {
    const app = github.app();
    const first = await app.repos.get(REPOSITORY);
    expect(first.headers["x-github-request-id"]).toMatch(/^[0-9A-F]{4}(:[0-9A-F]+){4}$/);
    const left = Number(first.headers["x-ratelimit-remaining"]);
    const again = await refusal(app.repos.get({ ...REPOSITORY, headers: { "if-none-match": first.headers.etag } }));
    expect([again.status, Number(again.headers["x-ratelimit-remaining"])]).toEqual([304, left]);
    const third = await app.repos.get(REPOSITORY);
    expect(Number(third.headers["x-ratelimit-remaining"])).toBe(left - 1);
  });

  test("refuses what is not there, not JSON, not an object, of the wrong kind or too large, as GitHub does", async () => {
    const send = (path: string, body?: string, method = "POST") =>
      fetch(github.url + path, {
        method,
        headers: { authorization: "Bearer ghp_token_of_dana" },
        ...(body === undefined ? {} : { body }),
      });
    const pulls = "/repos/omakase/demo/pulls";
    const missing = await send("/repos/omakase/demo/actions/runs", undefined, "GET");
    expect([missing.status, await missing.json()]).toEqual([
      404,
      { message: "Not Found", documentation_url: "https://docs.github.com/rest", status: "404" },
    ]);
    expect(await (await send(pulls, "{")).json()).toMatchObject({ message: "Problems parsing JSON", status: "400" });
    expect((await send(pulls, "[]")).status).toBe(400);
    expect(await (await send(pulls, "{}")).json()).toMatchObject({ message: 'Invalid request.\n\n"head" wasn\'t supplied.' });
    expect((await send(pulls, '{"title":1}')).status).toBe(422);
    expect((await send(pulls, `{"title":"${"x".repeat(5_000_000)}"}`)).status).toBe(413);
    expect((await fetch(`${github.url}/repos/omakase/demo`)).status).toBe(401);
    expect((await send("/repos/omakase/%zz", undefined, "GET")).status).toBe(404);
    expect((await send("/repos/omakase/demo/git/ref/heads/..%2f..%2fx", undefined, "GET")).status).toBe(404);
  });

  test("ends with 403 and a reset time when the hour's requests are used up, until the hour is over", async () => {
    const dana = github.dana();
    const before = (await dana.rateLimit.get()).data.rate;
    for (let left = before.remaining; left > 0; left -= 1) await dana.users.getAuthenticated();
    const refused = await refusal(dana.users.getAuthenticated());
    expect([refused.status, refused.headers["x-ratelimit-remaining"]]).toEqual([403, "0"]);
    nowMs += 3_600_001;
    expect((await dana.users.getAuthenticated()).data.login).toBe("dana");
  });
});
