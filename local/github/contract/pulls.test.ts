// Pull requests with the stock Octokit over really pushed branches: opening, listing, editing, merging, stacking.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { REPOSITORY, refusal, shell, TestGitHub, until } from "./setup.ts";

const github = new TestGitHub();
beforeAll(() => github.start());
afterAll(() => github.stop());

const open = async (head: string, base = "main", extra = {}) =>
  (await github.app().pulls.create({ ...REPOSITORY, head, base, title: `Pull ${head}`, ...extra })).data;
const get = async (pull_number: number) => (await github.app().pulls.get({ ...REPOSITORY, pull_number })).data;
const told = (number: number, action: string) =>
  until(`pull request ${number} ${action}`, () =>
    github.received.find((hook) => hook.event === "pull_request" && hook.action === action && hook.body.number === number),
  );

describe("opening a pull request", () => {
  test("needs a pushed branch with commits of its own, and happens once", async () => {
    const app = github.app();
    const create = (head: string, base = "main") => refusal(app.pulls.create({ ...REPOSITORY, head, base, title: "t" }));
    expect(await create("one")).toMatchObject({
      status: 422,
      errors: [{ resource: "PullRequest", field: "head", code: "invalid" }],
    });
    const sha = await github.push("one", { "one.txt": "1\n2\n" });
    expect(await create("one", "nowhere")).toMatchObject({
      errors: [{ resource: "PullRequest", field: "base", code: "invalid" }],
    });
    await app.git.createRef({
      ...REPOSITORY,
      ref: "refs/heads/empty",
      sha: (await app.repos.getBranch({ ...REPOSITORY, branch: "main" })).data.commit.sha,
    });
    expect(await create("empty")).toMatchObject({
      errors: [expect.objectContaining({ message: "No commits between main and empty" })],
    });
    const pull = await open("omakase:one", "main", { body: "words" });
    expect(pull).toMatchObject({
      state: "open",
      head: { ref: "one", sha, label: "omakase:one" },
      base: { ref: "main" },
      user: { login: "omakase[bot]", type: "Bot" },
      changed_files: 1,
      additions: 2,
      commits: 1,
      mergeable: true,
      mergeable_state: "clean",
      html_url: `${github.url}/omakase/demo/pull/${pull.number}`,
    });
    const again = await create("one");
    expect([again.status, again.message, again.errors]).toEqual([
      422,
      "Validation Failed",
      [{ resource: "PullRequest", code: "custom", message: "A pull request already exists for omakase:one." }],
    ]);
    expect((await told(pull.number, "opened")).isSigned).toBe(true);
    const simultaneous = await Promise.allSettled(
      Array.from({ length: 5 }, () => app.pulls.create({ ...REPOSITORY, head: "other:one", base: "main", title: "t" })),
    );
    expect(simultaneous.every((result) => result.status === "rejected")).toBe(true);
  });

  test("five callers at once get one pull request and four refusals", async () => {
    await github.push("race", { "race.txt": "r\n" });
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => github.app().pulls.create({ ...REPOSITORY, head: "race", base: "main", title: "t" })),
    );
    expect(results.filter((result) => result.status === "fulfilled").length).toBe(1);
    expect((await github.app().pulls.list({ ...REPOSITORY, head: "omakase:race", state: "all" })).data.length).toBe(1);
    const entries = (await github.journal()).filter(
      (entry) => entry.route === "POST /repos/{owner}/{repo}/pulls" && entry.subject.head === "race",
    );
    expect(entries).toEqual([expect.objectContaining({ actor: "omakase[bot]", repository: "omakase/demo" })]);
  });

  test("its files, commits, diff, and comparison come from git", async () => {
    await github.push("shown", { "src/ä b.txt": "hello\n", "README.md": "# changed\n" });
    const pull = await open("shown");
    const app = github.app();
    const files = (await app.pulls.listFiles({ ...REPOSITORY, pull_number: pull.number })).data;
    expect(files.map(({ filename, status, additions, deletions }) => ({ filename, status, additions, deletions }))).toEqual([
      { filename: "README.md", status: "modified", additions: 1, deletions: 1 },
      { filename: "src/ä b.txt", status: "added", additions: 1, deletions: 0 },
    ]);
    expect(files[1]?.patch).toBe("@@ -0,0 +1 @@\n+hello");
    expect(
      (await app.pulls.listCommits({ ...REPOSITORY, pull_number: pull.number })).data.map((commit) => commit.commit.author?.name),
    ).toEqual(["Ada"]);
    const diff = await app.pulls.get({ ...REPOSITORY, pull_number: pull.number, mediaType: { format: "diff" } });
    expect(String(diff.data)).toStartWith("diff --git a/README.md b/README.md");
    const compared = (await app.repos.compareCommitsWithBasehead({ ...REPOSITORY, basehead: "main...shown" })).data;
    expect(compared).toMatchObject({ status: "ahead", ahead_by: 1, behind_by: 0, total_commits: 1 });
    const content = await app.repos.getContent({ ...REPOSITORY, path: "src/ä b.txt", ref: "shown" });
    expect(atob((content.data as { content: string }).content)).toBe("hello\n");
    expect((await refusal(app.repos.getContent({ ...REPOSITORY, path: "../../etc/passwd" }))).status).toBe(404);
  });

  test("lists by head, base and state, in pages with links", async () => {
    for (const name of ["page-1", "page-2", "page-3"]) {
      await github.push(name, { [name]: name });
      await open(name);
    }
    const app = github.app();
    expect((await app.pulls.list({ ...REPOSITORY, head: "omakase:page-2" })).data.map((pull) => pull.head.ref)).toEqual([
      "page-2",
    ]);
    expect((await app.pulls.list({ ...REPOSITORY, head: "stranger:page-2" })).data).toEqual([]);
    const first = await app.pulls.list({ ...REPOSITORY, per_page: 2 });
    expect([first.data.map((pull) => pull.head.ref), first.headers.link]).toEqual([
      ["page-3", "page-2"],
      expect.stringContaining('page=2>; rel="next"'),
    ]);
    const all = await app.paginate(app.pulls.list, { ...REPOSITORY, per_page: 2, state: "all" });
    expect(new Set(all.map((pull) => pull.number)).size).toBe(all.length);
    expect(all.length).toBeGreaterThan(4);
  });
});

describe("editing a pull request", () => {
  test("a second push synchronises it, closing and reopening are told, and a deleted head closes it", async () => {
    await github.push("edited", { "e.txt": "1\n" });
    const pull = await open("edited");
    const app = github.app();
    const sha = await github.push("edited", { "e.txt": "2\n" });
    expect((await get(pull.number)).head.sha).toBe(sha);
    expect((await told(pull.number, "synchronize")).body).toMatchObject({
      before: pull.head.sha,
      after: sha,
      pull_request: { head: { sha } },
    });
    const changed = (await app.pulls.update({ ...REPOSITORY, pull_number: pull.number, title: "New title", body: "new" })).data;
    expect(changed).toMatchObject({ title: "New title", body: "new" });
    expect((await told(pull.number, "edited")).body.changes).toMatchObject({ title: { from: "Pull edited" } });
    await app.pulls.update({ ...REPOSITORY, pull_number: pull.number, state: "closed" });
    await app.pulls.update({ ...REPOSITORY, pull_number: pull.number, state: "open" });
    await told(pull.number, "reopened");
    await app.git.deleteRef({ ...REPOSITORY, ref: "heads/edited" });
    expect(await get(pull.number)).toMatchObject({ state: "closed", merged: false, head: { sha }, changed_files: 1 });
    const reopen = await refusal(app.pulls.update({ ...REPOSITORY, pull_number: pull.number, state: "open" }));
    expect(reopen.errors).toEqual([
      expect.objectContaining({ field: "state", message: expect.stringContaining("has been deleted") }),
    ]);
  });

  test("draft is left and entered again by GraphQL, and a draft cannot be merged", async () => {
    await github.push("draft", { "d.txt": "d\n" });
    const pull = await open("draft", "main", { draft: true });
    const app = github.app();
    expect(pull.mergeable_state).toBe("draft");
    expect(await refusal(app.pulls.merge({ ...REPOSITORY, pull_number: pull.number }))).toMatchObject({
      status: 405,
      message: "Pull Request is still a draft",
    });
    const ready =
      "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft number } } }";
    expect(await app.graphql<object>(ready, { id: pull.node_id })).toEqual({
      markPullRequestReadyForReview: { pullRequest: { isDraft: false, number: pull.number } },
    });
    await told(pull.number, "ready_for_review");
    expect((await get(pull.number)).draft).toBe(false);
    await expect(app.graphql("{ repository { id } }")).rejects.toThrow("Cannot query field");
    await expect(app.graphql(ready, { id: "PR_bm90" })).rejects.toThrow("Could not resolve to a node");
  });
});

describe("merging", () => {
  test("squash, merge and rebase give the history GitHub gives, and say who merged", async () => {
    const app = github.app();
    const merged = async (method: "squash" | "merge" | "rebase") => {
      await github.push(`by-${method}`, { [`${method}-1`]: "1\n" });
      await github.push(`by-${method}`, { [`${method}-2`]: "2\n" });
      const pull = await open(`by-${method}`);
      const { data } = await app.pulls.merge({
        ...REPOSITORY,
        pull_number: pull.number,
        merge_method: method,
        sha: pull.head.sha,
      });
      expect(await get(pull.number)).toMatchObject({
        state: "closed",
        merged: true,
        merge_commit_sha: data.sha,
        merged_by: { login: "omakase[bot]" },
      });
      return { pull, commit: (await app.repos.getCommit({ ...REPOSITORY, ref: "main" })).data };
    };
    const squashed = await merged("squash");
    expect([squashed.commit.parents.length, squashed.commit.commit.message]).toEqual([
      1,
      expect.stringContaining(`Pull by-squash (#${squashed.pull.number})\n\n* change on by-squash`),
    ]);
    const merge = await merged("merge");
    expect([merge.commit.parents.length, merge.commit.commit.message]).toEqual([
      2,
      `Merge pull request #${merge.pull.number} from omakase/by-merge\n\nPull by-merge`,
    ]);
    await github.push("by-rebase", { "rebase-0": "0\n" });
    await github.push("moves-main", { "moved.txt": "m\n" });
    const other = await open("moves-main");
    await app.pulls.merge({ ...REPOSITORY, pull_number: other.number });
    const rebased = await merged("rebase");
    expect([rebased.commit.parents.length, rebased.commit.commit.author?.name, rebased.commit.commit.committer?.name]).toEqual([
      1,
      "Ada",
      "GitHub",
    ]);
    await until("closed", () =>
      github.received.find((hook) => hook.action === "closed" && hook.body.pull_request?.merged === true),
    );
  });

  test("a moved head is 409, a conflict is dirty and 405, a second merge is 405", async () => {
    const app = github.app();
    await github.push("left", { "same.txt": "left\n" });
    await github.push("right", { "same.txt": "right\n" });
    const [left, right] = [await open("left"), await open("right")];
    await github.push("left", { "more.txt": "more\n" });
    expect(await refusal(app.pulls.merge({ ...REPOSITORY, pull_number: left.number, sha: left.head.sha }))).toMatchObject({
      status: 409,
      message: "Head branch was modified. Review and try the merge again.",
    });
    await app.pulls.merge({ ...REPOSITORY, pull_number: left.number });
    expect((await refusal(app.pulls.merge({ ...REPOSITORY, pull_number: left.number }))).status).toBe(405);
    expect(await get(right.number)).toMatchObject({ mergeable: false, mergeable_state: "dirty" });
    for (const merge_method of ["merge", "squash", "rebase"] as const) {
      expect((await refusal(app.pulls.merge({ ...REPOSITORY, pull_number: right.number, merge_method }))).status).toBe(405);
    }
  });

  test("two merges at once: one is made, the other refused, and main has one merge commit", async () => {
    await github.push("twice", { "twice.txt": "t\n" });
    const pull = await open("twice");
    const app = github.app();
    const results = await Promise.allSettled([1, 2].map(() => app.pulls.merge({ ...REPOSITORY, pull_number: pull.number })));
    expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "rejected"]);
    const merges = (await github.journal()).filter(
      (entry) => entry.route.endsWith("/merge") && entry.subject.number === pull.number,
    );
    expect(merges.length).toBe(1);
  });

  test("deleting the merged branch retargets the pull request stacked on it; an unmerged base closes it", async () => {
    const app = github.app();
    await github.push("bottom", { "bottom.txt": "b\n" });
    await github.push("top", { "top.txt": "t\n" }, "bottom");
    const [bottom, top] = [await open("bottom"), await open("top", "bottom")];
    await app.pulls.merge({ ...REPOSITORY, pull_number: bottom.number, merge_method: "squash" });
    await app.git.deleteRef({ ...REPOSITORY, ref: "heads/bottom" });
    expect(await get(top.number)).toMatchObject({ state: "open", base: { ref: "main" }, mergeable: true });
    const edited = await told(top.number, "edited");
    expect(edited.body.changes.base.ref).toEqual({ from: "bottom" });
    await github.push("base-gone", { "bg.txt": "1\n" });
    await github.push("on-it", { "oi.txt": "1\n" }, "base-gone");
    const stacked = await open("on-it", "base-gone");
    await app.git.deleteRef({ ...REPOSITORY, ref: "heads/base-gone" });
    expect((await get(stacked.number)).state).toBe("closed");
  });

  test("a base can be changed by hand, but not to where nothing is left", async () => {
    const app = github.app();
    await github.push("hand-base", { "hb.txt": "1\n" });
    await github.push("hand", { "h.txt": "1\n" }, "hand-base");
    const pull = await open("hand", "hand-base");
    const { data } = await app.pulls.update({ ...REPOSITORY, pull_number: pull.number, base: "main" });
    expect([data.base.ref, data.commits]).toEqual(["main", 2]);
    expect((await refusal(app.pulls.update({ ...REPOSITORY, pull_number: pull.number, base: "hand" }))).status).toBe(422);
  });

  test("pushing a pull request's commits to the base by hand marks it merged", async () => {
    const sha = await github.push("by-hand", { "bh.txt": "1\n" });
    const pull = await open("by-hand");
    const folder = await github.clone();
    const pushed = await shell(folder, "git merge -q --no-ff -m 'by hand' origin/by-hand && git push -q origin main");
    expect(pushed.code).toBe(0);
    expect(await get(pull.number)).toMatchObject({ merged: true, state: "closed", merge_commit_sha: sha });
  });

  test("branches merge into branches: 201, 204 when there already, 409 for a conflict, 404 for nothing", async () => {
    const app = github.app();
    await github.push("into", { "i.txt": "1\n" });
    await github.push("from", { "f.txt": "1\n" });
    await github.push("clash", { "i.txt": "2\n" });
    expect((await app.repos.merge({ ...REPOSITORY, base: "into", head: "from" })).status).toBe(201);
    expect(Number((await app.repos.merge({ ...REPOSITORY, base: "into", head: "from" })).status)).toBe(204);
    expect((await refusal(app.repos.merge({ ...REPOSITORY, base: "into", head: "clash" }))).status).toBe(409);
    expect((await refusal(app.repos.merge({ ...REPOSITORY, base: "into", head: "nothing" }))).status).toBe(404);
  });
});

describe("refs", () => {
  test("are created once, move only forward unless forced, and are deleted once", async () => {
    const app = github.app();
    const main = (await app.git.getRef({ ...REPOSITORY, ref: "heads/main" })).data.object.sha;
    const next = await github.push("ref-next", { "rn.txt": "1\n" });
    const ref = "refs/heads/made";
    await app.git.createRef({ ...REPOSITORY, ref, sha: next });
    expect(await refusal(app.git.createRef({ ...REPOSITORY, ref, sha: next }))).toMatchObject({
      status: 422,
      message: "Reference already exists",
    });
    expect(await refusal(app.git.createRef({ ...REPOSITORY, ref: "refs/heads/x..y", sha: next }))).toMatchObject({ status: 422 });
    expect(await refusal(app.git.createRef({ ...REPOSITORY, ref: "refs/heads/z", sha: "1".repeat(40) }))).toMatchObject({
      status: 422,
      message: "Object does not exist",
    });
    expect(await refusal(app.git.updateRef({ ...REPOSITORY, ref: "heads/made", sha: main }))).toMatchObject({
      status: 422,
      message: "Update is not a fast forward",
    });
    expect((await app.git.updateRef({ ...REPOSITORY, ref: "heads/made", sha: main, force: true })).data.object.sha).toBe(main);
    await app.git.deleteRef({ ...REPOSITORY, ref: "heads/made" });
    expect(await refusal(app.git.deleteRef({ ...REPOSITORY, ref: "heads/made" }))).toMatchObject({
      status: 422,
      message: "Reference does not exist",
    });
    expect((await refusal(app.git.deleteRef({ ...REPOSITORY, ref: "heads/main" }))).status).toBe(422);
  });
});
