// What people and machines say about a pull request: reviews with remarks, comments, check runs, statuses.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { REPOSITORY, refusal, TestGitHub, until } from "./setup.ts";

const github = new TestGitHub();
let number = 0;
let sha = "";

beforeAll(async () => {
  await github.start();
  sha = await github.push("reviewed", { "lines.txt": "one\ntwo\nthree\n" });
  number = (await github.app().pulls.create({ ...REPOSITORY, head: "reviewed", base: "main", title: "Reviewed" })).data.number;
});
afterAll(() => github.stop());

const pull = () => ({ ...REPOSITORY, pull_number: number });
const issue = () => ({ ...REPOSITORY, issue_number: number });

describe("a review", () => {
  test("V1: the author cannot judge their own pull request, but can comment; dana can do all three", async () => {
    const app = github.app();
    for (const [event, words] of [
      ["APPROVE", "approve"],
      ["REQUEST_CHANGES", "request changes on"],
    ] as const) {
      const refused = await refusal(app.pulls.createReview({ ...pull(), event, body: "b" }));
      expect(refused).toMatchObject({
        status: 422,
        message: "Unprocessable Entity",
        errors: [`Review Can not ${words} your own pull request`],
      });
    }
    expect((await app.pulls.createReview({ ...pull(), event: "COMMENT", body: "mine" })).data.state).toBe("COMMENTED");
    const dana = github.dana();
    expect((await refusal(dana.pulls.createReview({ ...pull(), event: "REQUEST_CHANGES" }))).status).toBe(422);
    const asked = (await dana.pulls.createReview({ ...pull(), event: "REQUEST_CHANGES", body: "please" })).data;
    expect(asked).toMatchObject({ state: "CHANGES_REQUESTED", user: { login: "dana", type: "User" }, commit_id: sha });
    const approved = (await dana.pulls.createReview({ ...pull(), event: "APPROVE" })).data;
    expect((await app.pulls.listReviews(pull())).data.map((review) => review.state)).toEqual([
      "COMMENTED",
      "CHANGES_REQUESTED",
      "APPROVED",
    ]);
    const told = await until("the review event", () => github.received.find((hook) => hook.body.review?.id === approved.id));
    expect(told).toMatchObject({
      event: "pull_request_review",
      action: "submitted",
      isSigned: true,
      body: { review: { state: "approved" }, sender: { login: "dana" } },
    });
    await dana.pulls.dismissReview({ ...pull(), review_id: approved.id, message: "no more" });
    expect((await app.pulls.getReview({ ...pull(), review_id: approved.id })).data.state).toBe("DISMISSED");
  });

  test("V2: remarks are placed on lines of the diff; a bad path, line or range refuses the whole review", async () => {
    const app = github.app();
    const before = (await app.pulls.listReviews(pull())).data.length;
    const write = (comments: object[]) =>
      app.pulls.createReview({ ...pull(), event: "COMMENT", body: "", comments: comments as { path: string; body: string }[] });
    const good = { path: "lines.txt", line: 2, body: "why two?" };
    expect((await refusal(write([good, { path: "other.txt", line: 1, body: "b" }]))).errors).toEqual([
      "Path could not be resolved",
    ]);
    expect((await refusal(write([good, { path: "lines.txt", line: 9, body: "b" }]))).errors).toEqual([
      "Line could not be resolved",
    ]);
    expect((await refusal(write([good, { path: "lines.txt", line: 2, side: "LEFT", body: "b" }]))).errors).toEqual([
      "Line could not be resolved",
    ]);
    expect((await refusal(write([{ ...good, start_line: 3 }]))).status).toBe(422);
    expect((await refusal(write([{ path: "lines.txt", body: "nowhere" }]))).status).toBe(422);
    expect((await app.pulls.listReviews(pull())).data.length).toBe(before);
    const review = (
      await write([good, { path: "lines.txt", position: 3, body: "by position" }, { ...good, start_line: 1, line: 3 }])
    ).data;
    const placed = (await app.pulls.listCommentsForReview({ ...pull(), review_id: review.id })).data;
    expect(placed.map((comment) => [comment.line, comment.start_line ?? null])).toEqual([
      [2, null],
      [3, null],
      [3, 1],
    ]);
    expect((await app.pulls.listReviewComments(pull())).data[0]?.diff_hunk).toBe("@@ -0,0 +1,3 @@\n+one\n+two");
  });

  test("V3: a pending review is its author's alone until it is submitted", async () => {
    const dana = github.dana();
    const pending = (await dana.pulls.createReview({ ...pull(), body: "draft" })).data;
    expect(pending.state).toBe("PENDING");
    expect((await refusal(github.app().pulls.getReview({ ...pull(), review_id: pending.id }))).status).toBe(404);
    expect((await refusal(dana.pulls.createReview({ ...pull(), event: "APPROVE" }))).status).toBe(422);
    const submitted = (await dana.pulls.submitReview({ ...pull(), review_id: pending.id, event: "APPROVE" })).data;
    expect([submitted.state, submitted.body]).toEqual(["APPROVED", "draft"]);
    expect((await refusal(dana.pulls.submitReview({ ...pull(), review_id: pending.id, event: "APPROVE" }))).status).toBe(422);
  });
});

describe("comments", () => {
  test("are written, listed in pages, changed by their author, deleted, and each is told", async () => {
    const app = github.app();
    const first = (await app.issues.createComment({ ...issue(), body: "first" })).data;
    await github.dana().issues.createComment({ ...issue(), body: "second" });
    const listed = await app.issues.listComments({ ...issue(), per_page: 1 });
    expect([listed.data[0]?.body, listed.headers.link]).toEqual(["first", expect.stringContaining('rel="next"')]);
    expect((await app.issues.updateComment({ ...REPOSITORY, comment_id: first.id, body: "changed" })).data.body).toBe("changed");
    expect((await app.issues.getComment({ ...REPOSITORY, comment_id: first.id })).data.body).toBe("changed");
    const danas = (await app.issues.listComments(issue())).data[1];
    expect(
      (await refusal(app.issues.updateComment({ ...REPOSITORY, comment_id: danas?.id ?? 0, body: "mine now" }))).status,
    ).toBe(403);
    await app.issues.deleteComment({ ...REPOSITORY, comment_id: first.id });
    expect((await refusal(app.issues.getComment({ ...REPOSITORY, comment_id: first.id }))).status).toBe(404);
    expect((await refusal(app.issues.createComment({ ...issue(), body: " " }))).status).toBe(422);
    expect((await refusal(app.issues.createComment({ ...issue(), body: "x".repeat(65_537) }))).errors).toEqual([
      expect.objectContaining({ message: "body is too long (maximum is 65536 characters)" }),
    ]);
    expect((await refusal(app.issues.createComment({ ...issue(), body: "a\0b" }))).status).toBe(422);
    expect((await refusal(app.issues.createComment({ ...REPOSITORY, issue_number: 999, body: "b" }))).status).toBe(404);
    for (const action of ["created", "edited", "deleted"]) {
      const told = await until(action, () =>
        github.received.find((hook) => hook.event === "issue_comment" && hook.action === action),
      );
      expect(told.body.issue).toMatchObject({ number, pull_request: { html_url: `${github.url}/omakase/demo/pull/${number}` } });
    }
  });
});

describe("checks", () => {
  test("a run needs a commit, is completed by a conclusion, and completes its suite with the last one", async () => {
    const app = github.app();
    const create = (name: string, extra = {}) =>
      app.checks.create({ ...REPOSITORY, name, head_sha: sha, external_id: `run:${name}`, ...extra });
    expect((await refusal(app.checks.create({ ...REPOSITORY, name: "n", head_sha: "1".repeat(40) }))).message).toContain(
      "No commit found for SHA",
    );
    expect((await refusal(create("no-conclusion", { status: "completed" }))).status).toBe(422);
    expect((await refusal(github.dana().checks.create({ ...REPOSITORY, name: "n", head_sha: sha }))).message).toBe(
      "You must authenticate via a GitHub App.",
    );
    const tester = (await create("tester", { status: "in_progress" })).data;
    await create("reviewer", { conclusion: "success", output: { title: "Fine", summary: "all good" } });
    expect((await app.pulls.get(pull())).data.mergeable_state).toBe("unstable");
    const done = (
      await app.checks.update({
        ...REPOSITORY,
        check_run_id: tester.id,
        conclusion: "failure",
        output: { title: "3 failed", summary: "s" },
      })
    ).data;
    expect(done).toMatchObject({ status: "completed", conclusion: "failure", output: { title: "3 failed" } });
    expect(done.completed_at).not.toBeNull();
    const runs = (await app.checks.listForRef({ ...REPOSITORY, ref: "reviewed" })).data;
    expect(runs.check_runs.map((run) => [run.name, run.conclusion, run.external_id])).toEqual([
      ["reviewer", "success", "run:reviewer"],
      ["tester", "failure", "run:tester"],
    ]);
    expect((await app.checks.listForRef({ ...REPOSITORY, ref: sha, check_name: "tester" })).data.total_count).toBe(1);
    expect((await app.checks.listSuitesForRef({ ...REPOSITORY, ref: sha })).data.check_suites[0]).toMatchObject({
      status: "completed",
      conclusion: "failure",
    });
    await until("check_run.completed", () =>
      github.received.find((hook) => hook.event === "check_run" && hook.action === "completed"),
    );
    await until("check_suite.completed", () =>
      github.received.find((hook) => hook.event === "check_suite" && hook.body.check_suite.conclusion === "failure"),
    );
  });

  test("statuses: the newest of each context counts, and the combined state is the worst", async () => {
    const app = github.app();
    const say = (context: string, state: "pending" | "success" | "failure") =>
      app.repos.createCommitStatus({ ...REPOSITORY, sha, context, state });
    const combined = async () => (await app.repos.getCombinedStatusForRef({ ...REPOSITORY, ref: "reviewed" })).data;
    expect((await combined()).state).toBe("pending");
    await say("ci", "pending");
    await say("lint", "success");
    await say("ci", "failure");
    expect([(await combined()).state, (await combined()).total_count]).toEqual(["failure", 2]);
    await say("ci", "success");
    expect((await combined()).state).toBe("success");
    expect((await app.repos.listCommitStatusesForRef({ ...REPOSITORY, ref: sha })).data.length).toBe(4);
    await until("the status event", () => github.received.find((hook) => hook.event === "status" && hook.body.context === "ci"));
  });
});
