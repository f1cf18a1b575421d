// What survives: restarts, kill -9 in the middle of pushes and merges, what a killed git leaves behind.
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { BareRepository } from "../git/bare-repository.ts";
import { Git } from "../git/run.ts";
import { findAccount } from "../store/accounts.ts";
import { openDatabase } from "../store/database.ts";
import { findPull } from "../store/pulls.ts";
import { findRepository, storeIntent } from "../store/repositories.ts";
import { argumentsFor, run, startProcess } from "./process.ts";
import { REPOSITORY, shell, TestGitHub, until } from "./setup.ts";

const stateOf = (github: TestGitHub) => join(github.dir, "state");

/** Opens the stopped server's state, as a crash left it. */
function afterCrash(github: TestGitHub) {
  const db = openDatabase(stateOf(github));
  const repository = findRepository(db, "omakase", "demo");
  const bot = findAccount(db, "omakase[bot]");
  if (repository === null || bot === null) throw new Error("the state is not there");
  return {
    db,
    repository,
    bot,
    git: new BareRepository(new Git(github.dir), join(stateOf(github), "repositories", repository.storage)),
  };
}

describe("a restart", () => {
  test("keeps repositories, pull requests, reviews, comments, checks, tokens, deliveries and the journal", async () => {
    const github = await new TestGitHub().start();
    try {
      const app = github.app();
      const sha = await github.push("kept", { "k.txt": "k\n" });
      const { number } = (await app.pulls.create({ ...REPOSITORY, head: "kept", base: "main", title: "Kept" })).data;
      await app.issues.createComment({ ...REPOSITORY, issue_number: number, body: "kept" });
      await github.dana().pulls.createReview({ ...REPOSITORY, pull_number: number, event: "APPROVE" });
      await app.checks.create({ ...REPOSITORY, name: "kept", head_sha: sha, conclusion: "success" });
      const token = await github.token();
      const journal = await github.journal();
      await github.restart();
      const again = github.app();
      expect((await again.pulls.get({ ...REPOSITORY, pull_number: number })).data).toMatchObject({
        title: "Kept",
        comments: 1,
        head: { sha },
      });
      expect((await again.pulls.listReviews({ ...REPOSITORY, pull_number: number })).data[0]?.state).toBe("APPROVED");
      expect((await again.checks.listForRef({ ...REPOSITORY, ref: "kept" })).data.total_count).toBe(1);
      expect((await github.app(null).apps.listWebhookDeliveries()).data.length).toBeGreaterThan(3);
      expect(await github.journal()).toEqual(journal);
      expect((await shell(github.dir, `git ls-remote ${github.remote(token)} refs/heads/kept`)).out).toStartWith(sha);
    } finally {
      await github.stop();
    }
  });
});

describe("a crash", () => {
  test("M2, R2: between moving the base and storing the merge: the next start marks it merged, once, and tells it", async () => {
    const github = await new TestGitHub().start();
    await github.push("half-merged", { "m.txt": "m\n" });
    const { number } = (await github.app().pulls.create({ ...REPOSITORY, head: "half-merged", base: "main", title: "t" })).data;
    await github.stopServer();
    const { db, repository, bot, git } = afterCrash(github);
    const pull = findPull(db, repository.id, number);
    if (pull === null) throw new Error("the pull request is gone");
    const signature = { name: "GitHub", email: "noreply@github.com", date: "2026-01-01T00:00:00Z" };
    const { tree } = await git.commit(pull.headSha);
    const mergeSha = await git.writeCommit({
      tree,
      parents: [pull.baseSha, pull.headSha],
      message: "merge",
      author: signature,
      committer: signature,
    });
    const route = "PUT /repos/{owner}/{repo}/pulls/{number}/merge";
    storeIntent(db, { repositoryId: repository.id, actorId: bot.id, route, pullId: pull.id, mergeSha, mergeMethod: "merge" });
    await git.updateRef("refs/heads/main", mergeSha, pull.baseSha);
    db.close();
    try {
      await github.start();
      await github.restart();
      const found = (await github.app().pulls.get({ ...REPOSITORY, pull_number: number })).data;
      expect(found).toMatchObject({
        state: "closed",
        merged: true,
        merge_commit_sha: mergeSha,
        merged_by: { login: "omakase[bot]" },
      });
      expect((await github.journal()).filter((entry) => entry.route === route).length).toBe(1);
      await until("the closed event", () =>
        github.received.find((hook) => hook.action === "closed" && hook.body.number === number),
      );
      expect(github.received.filter((hook) => hook.action === "closed" && hook.body.number === number).length).toBe(1);
    } finally {
      await github.stop();
    }
  });

  test("leaves a git process that moves a branch after the restart: the repeated push, which finds nothing to do, tells of it", async () => {
    const github = await new TestGitHub().start();
    try {
      const { path } = await github.storageOf("demo");
      const folder = await github.clone();
      const sha = (await shell(path, "git update-ref refs/heads/stray HEAD && git rev-parse HEAD")).out;
      expect((await shell(folder, "git push origin HEAD:stray")).err).toContain("Everything up-to-date");
      expect((await github.journal()).at(-1)).toMatchObject({
        actor: "omakase[bot]",
        subject: { ref: "refs/heads/stray", before: null, after: sha },
      });
      await until("the push event", () => github.received.find((hook) => hook.body.ref === "refs/heads/stray"));
    } finally {
      await github.stop();
    }
  });

  test("leaves a ref lock: an old one is removed by the next push, and an unfinished repository by the next start", async () => {
    const github = await new TestGitHub().start();
    try {
      await github.push("locked", { "l.txt": "1\n" });
      const repositories = join(stateOf(github), "repositories");
      const { path } = await github.storageOf("demo");
      const lock = join(path, "refs", "heads", "locked.lock");
      await Bun.write(lock, "");
      await utimes(lock, new Date(0), new Date(0));
      await github.push("locked", { "l.txt": "2\n" });
      await Bun.write(join(repositories, "unfinished.git", "HEAD"), "ref: refs/heads/main\n");
      await github.restart();
      expect(readdirSync(repositories)).not.toContain("unfinished.git");
    } finally {
      await github.stop();
    }
  });

  test("by kill -9, again and again under pushes and pull requests: nothing acknowledged is lost, nothing is made or told twice", async () => {
    const github = new TestGitHub();
    const args = await argumentsFor(github);
    let server = await startProcess(args);
    const port = new URL(server.url).port;
    const again = await argumentsFor(github, Number(port));
    const acknowledged = new Map<string, string>();
    let isOver = false;
    github.use(server.url);
    const token = await github.token();
    try {
      const worker = async (id: number) => {
        const folder = await github.clone(token);
        for (let round = 0; !isOver; round += 1) {
          const name = `w${id}/${round}`;
          const made = await shell(
            folder,
            `git switch -qc ${name} origin/main && echo ${name} > w${id}-${round}.txt && git add -A && git commit -qm ${name} && git rev-parse HEAD`,
          );
          while (!isOver && (await shell(folder, `git push -q origin ${name}`)).code !== 0);
          if (isOver) return;
          acknowledged.set(name, made.out);
          const create = () => github.app().pulls.create({ ...REPOSITORY, head: name, base: "main", title: name });
          for (let done = false; !done && !isOver; ) {
            done = await create().then(
              () => true,
              (error) => error.status === 422,
            );
          }
        }
      };
      const workers = [0, 1, 2].map(worker);
      for (let kill = 0; kill < 6; kill += 1) {
        const before = acknowledged.size;
        await until("progress", () => acknowledged.size > before);
        await Bun.sleep(Math.random() * 60); // not to pass: to be killed at a moment nobody chose
        await server.kill("SIGKILL");
        server = await startProcess(again);
      }
      isOver = true;
      await Promise.all(workers);
      const journal = await github.journal();
      const remote = (await shell(github.dir, `git ls-remote ${github.remote(token)} 'refs/heads/w*'`)).out;
      for (const [name, sha] of acknowledged) expect(remote).toContain(`${sha}\trefs/heads/${name}`);
      const pushes = journal
        .filter((entry) => entry.route.endsWith("git-receive-pack"))
        .map((entry) => `${entry.subject.ref} ${entry.subject.after}`);
      expect(new Set(pushes).size).toBe(pushes.length);
      expect(pushes.length).toBe(remote.split("\n").length);
      const pulls = await github.app().paginate(github.app().pulls.list, { ...REPOSITORY, state: "all", per_page: 100 });
      expect(new Set(pulls.map((pull) => pull.head.ref)).size).toBe(pulls.length);
      expect(journal.filter((entry) => entry.route.endsWith("/pulls")).length).toBe(pulls.length);
      for (const pull of pulls) expect(remote).toContain(`${pull.head.sha}\trefs/heads/${pull.head.ref}`);
      const told = () =>
        new Set(github.received.filter((hook) => hook.event === "push").map((hook) => `${hook.body.ref} ${hook.body.after}`));
      await until("every push to be told", () => pushes.every((push) => told().has(push)));
      const { path } = await github.storageOf("demo");
      expect((await shell(path, "git fsck --full --strict --no-dangling")).code).toBe(0);
      expect(await server.kill("SIGTERM")).toBe(0);
    } finally {
      isOver = true;
      await server.kill("SIGKILL");
      await github.stop();
    }
  }, 60_000);
});

describe("the program", () => {
  test("says in one line what is wrong with its options, all at once", async () => {
    const child = run(["--port", "99999", "--webhook-url", "http://x", "--app-public-key", "/nowhere.pem"]);
    const said = await new Response(child.stderr).text();
    expect(await child.exited).toBe(1);
    for (const part of ["--dir is missing", "--app-id is missing", "--port 99999", "/nowhere.pem", "go together"])
      expect(said).toContain(part);
  });

  test("D2: a taken port and a state in use are one sentence each, and SIGTERM ends it with 0", async () => {
    const github = new TestGitHub();
    try {
      const server = await startProcess(await argumentsFor(github));
      const port = Number(new URL(server.url).port);
      const sameState = run(await argumentsFor(github));
      expect(await new Response(sameState.stderr).text()).toMatch(
        /^Another local GitHub is using .*; stop it or pass another --dir\.\n$/,
      );
      const samePort = run([...(await argumentsFor(github, port)), "--dir", join(github.dir, "elsewhere")]);
      expect(await new Response(samePort.stderr).text()).toMatch(new RegExp(`^Port ${port} cannot be had .*\\n$`));
      expect([await sameState.exited, await samePort.exited]).toEqual([1, 1]);
      expect(await server.kill("SIGTERM")).toBe(0);
    } finally {
      await github.stop();
    }
  });

  test("refuses a state file that is damaged, and one of another version, by name", async () => {
    const github = new TestGitHub();
    try {
      const args = await argumentsFor(github);
      await Bun.write(
        join(stateOf(github), "github.sqlite"),
        "this is not a database, it is a sentence of sufficient length to be read as a header, or so one hopes",
      );
      const damaged = run(args);
      expect(await new Response(damaged.stderr).text()).toContain("move it away to start afresh");
      expect(await damaged.exited).toBe(1);
    } finally {
      await github.stop();
    }
  });
});
