// Git over HTTP with real git: who may clone and push what, and what a hostile client gets.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY, refusal, shell, TestGitHub, until } from "./setup.ts";

const github = new TestGitHub({ maxPushBytes: 3 * 1024 * 1024 });
beforeAll(() => github.start());
afterAll(() => github.stop());

describe("git over HTTP", () => {
  test("an installation token clones, and a push becomes a branch the API sees", async () => {
    const sha = await github.push("feat/clone", { "a.txt": "a\n" });
    expect((await github.app().git.getRef({ ...REPOSITORY, ref: "heads/feat/clone" })).data.object.sha).toBe(sha);
    const pushed = await until("the push event", () => github.received.find((hook) => hook.body.ref === "refs/heads/feat/clone"));
    expect(pushed).toMatchObject({
      event: "push",
      isSigned: true,
      body: { created: true, forced: false, after: sha, installation: { id: 1 } },
    });
    expect(pushed.body.commits).toEqual([expect.objectContaining({ id: sha, message: "change on feat/clone" })]);
  });

  test("without a token 401 with a challenge, with a foreign repository's token 404, with a made-up token 401", async () => {
    const refs = (path: string, headers = {}) => fetch(`${github.url}${path}/info/refs?service=git-upload-pack`, { headers });
    const basic = (token: string) => ({ authorization: `Basic ${btoa(`x-access-token:${token}`)}` });
    const bare = await refs("/omakase/demo.git");
    expect([bare.status, bare.headers.get("www-authenticate")]).toEqual([401, 'Basic realm="GitHub"']);
    expect((await refs("/omakase/other.git", basic(await github.token()))).status).toBe(404);
    expect((await refs("/omakase/nowhere.git", basic(await github.token()))).status).toBe(404);
    expect((await refs("/omakase/demo.git", basic("ghs_made_up"))).status).toBe(401);
    expect((await shell(github.dir, `git clone -q ${github.remote(await github.token(), "other")} refused`)).code).not.toBe(0);
  });

  test("a read-only token clones and cannot push", async () => {
    const token = await github.token({ contents: "read" });
    const folder = await github.clone(token);
    const push = await shell(
      folder,
      "git switch -qc read-only && git commit -q --allow-empty -m no && git push origin read-only",
    );
    expect([push.code === 0, push.err]).toEqual([false, expect.stringContaining("403")]);
    expect((await refusal(github.app().git.getRef({ ...REPOSITORY, ref: "heads/read-only" }))).status).toBe(404);
  });

  test("a token without contents cannot even read", async () => {
    const token = await github.token({ pull_requests: "write" });
    expect((await shell(github.dir, `git ls-remote ${github.remote(token)}`)).code).not.toBe(0);
  });

  test("a path that climbs out of the repository is refused before git hears of it", async () => {
    const token = await github.token();
    const authorization = `Basic ${btoa(`x-access-token:${token}`)}`;
    for (const path of [
      "/omakase/..%2f..%2fdemo.git",
      "/..%2f..%2f/demo.git",
      "/omakase/demo%00.git",
      "/omakase/%2e%2e.git",
      "/omakase/demo.git%2fHEAD",
    ]) {
      const answer = await fetch(`${github.url}${path}/info/refs?service=git-upload-pack`, { headers: { authorization } });
      expect([path, answer.status]).toEqual([path, 404]);
    }
    const dumb = await fetch(`${github.url}/omakase/demo.git/info/refs`, { headers: { authorization } });
    expect(dumb.status).toBe(403);
  });

  test("a push cannot delete the default branch", async () => {
    const folder = await github.clone();
    expect((await shell(folder, "git push origin :main")).err).toContain("deletion of the current branch prohibited");
    expect((await github.app().repos.getBranch({ ...REPOSITORY, branch: "main" })).data.name).toBe("main");
  });

  test("a push cannot write pull-request refs or odd names, and replace refs do not change what others see", async () => {
    const folder = await github.clone();
    const before = (await github.app().repos.getCommit({ ...REPOSITORY, ref: "main" })).data.sha;
    expect((await shell(folder, "git push origin HEAD:refs/pull/99/head")).err).toContain("hidden ref");
    expect((await shell(folder, "git push origin 'HEAD:refs/heads/../../evil'")).code).not.toBe(0);
    await shell(folder, "git commit -q --allow-empty -m other && git replace HEAD~1 HEAD && git push -q origin 'refs/replace/*'");
    expect((await github.app().repos.getCommit({ ...REPOSITORY, ref: "main" })).data.commit.message).toBe("Initial commit");
    expect((await github.app().repos.getCommit({ ...REPOSITORY, ref: "main" })).data.sha).toBe(before);
  });

  test("a hook lying in a bare repository does not run", async () => {
    const storage = join(github.dir, "state", "repositories");
    for (const name of readdirSync(storage)) {
      await shell(
        join(storage, name),
        "mkdir -p hooks && printf '#!/bin/sh\\ntouch ../hook-ran\\nexit 1\\n' > hooks/pre-receive && chmod +x hooks/pre-receive",
      );
    }
    await github.push("no-hooks", { "hook.txt": "x\n" });
    expect(existsSync(join(storage, "hook-ran"))).toBe(false);
  });

  test("H1: a push larger than the bound is refused and leaves nothing behind", async () => {
    const folder = await github.clone();
    await shell(folder, "head -c 5000000 /dev/urandom > big.bin && git switch -qc too-big && git add -A && git commit -qm big");
    expect((await shell(folder, "git push origin too-big")).code).not.toBe(0);
    expect((await refusal(github.app().git.getRef({ ...REPOSITORY, ref: "heads/too-big" }))).status).toBe(404);
    expect(readdirSync(join(github.dir, "state", "incoming"))).toEqual([]);
  });

  test("force-with-lease refuses when somebody else pushed, and a forced push says so in its event", async () => {
    await github.push("leased", { "l.txt": "1\n" });
    const mine = await github.clone();
    await github.push("leased", { "l.txt": "2\n" });
    const rewrite = "git switch -q leased && git commit -q --amend -m rewritten";
    expect((await shell(mine, `${rewrite} && git push --force-with-lease origin leased`)).code).not.toBe(0);
    expect((await shell(mine, "git fetch -q && git push -q --force-with-lease origin leased")).code).toBe(0);
    const forced = await until("the forced push", () =>
      github.received.find((hook) => hook.body.ref === "refs/heads/leased" && hook.body.forced),
    );
    expect(forced.body.head_commit.message).toBe("rewritten");
  });

  test("twenty clones and pushes at once all arrive", async () => {
    const token = await github.token();
    const one = async (index: number) => {
      const folder = await github.clone(token);
      return shell(
        folder,
        `git switch -qc crowd/${index} && git commit -q --allow-empty -m ${index} && git push -q origin crowd/${index}`,
      );
    };
    const results = await Promise.all(Array.from({ length: 20 }, (_, index) => one(index)));
    expect(results.map((result) => result.code)).toEqual(Array.from({ length: 20 }, () => 0));
    const { data } = await github.app().git.listMatchingRefs({ ...REPOSITORY, ref: "heads/crowd/" });
    expect(data.length).toBe(20);
  }, 30_000);
});
