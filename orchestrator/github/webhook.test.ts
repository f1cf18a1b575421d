// GitHub's webhook as GitHub, and as everybody else, calls it.

import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import type { PullRequestChange } from "../../convex/github.ts";
import { aLog } from "../testing/edge.ts";
import { githubWebhook } from "./webhook.ts";

const SECRET = "secret of this test";

function setup(fails = false) {
  const stored: { deliveryId: string; event: string; repository: string; change: PullRequestChange | null }[] = [];
  const counted: string[] = [];
  const { log, of } = aLog();
  const app = githubWebhook({
    secret: SECRET,
    log,
    store: async (delivery) => {
      if (fails) throw new Error("no answer");
      stored.push(delivery);
      return { outcome: "told" };
    },
    count: (outcome) => counted.push(outcome),
  });
  const post = (kind: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    app.handle(
      new Request("http://localhost/webhooks/github", {
        method: "POST",
        headers: {
          "x-github-event": kind,
          "x-github-delivery": "d-1",
          "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`,
          ...headers,
        },
        body,
      }),
    );
  return { post, stored, counted, of };
}

const repository = { full_name: "omakase/sample" };
const pull = { number: 7, merged: false, head: { ref: "agent/oma-1" } };
const aReview = (over: object = {}) => ({
  action: "submitted",
  repository,
  sender: { login: "dana" },
  pull_request: pull,
  review: { state: "changes_requested", body: " Use cents. ", user: { login: "dana" }, author_association: "MEMBER", ...over },
});
const aCheck = (over: object = {}) => ({
  action: "completed",
  repository,
  check_run: { name: "ci", conclusion: "failure", output: { summary: "2 failed" }, pull_requests: [pull], ...over },
});

describe("the fate of a pull request", () => {
  test.each([
    [
      "merged",
      "pull_request",
      {
        action: "closed",
        repository,
        sender: { login: "dana" },
        pull_request: { ...pull, merged: true, merged_at: "2026-11-21T10:00:00Z" },
      },
      { kind: "merged", branch: "agent/oma-1", number: 7, by: "dana", at: 1795255200000 },
    ],
    [
      "closed",
      "pull_request",
      { action: "closed", repository, pull_request: pull },
      { kind: "closed", branch: "agent/oma-1", number: 7, by: "GitHub", at: 0 },
    ],
    [
      "changes asked for",
      "pull_request_review",
      aReview(),
      { kind: "rework", branch: "agent/oma-1", number: 7, by: "dana", source: "review", summary: "Use cents." },
    ],
    [
      "changes asked for without a word",
      "pull_request_review",
      aReview({ body: null }),
      {
        kind: "rework",
        branch: "agent/oma-1",
        number: 7,
        by: "dana",
        source: "review",
        summary: "Changes were requested without a comment.",
      },
    ],
    [
      "a failed check",
      "check_run",
      aCheck(),
      { kind: "rework", branch: "agent/oma-1", number: 7, by: "ci", source: "checks", summary: "ci failed: 2 failed" },
    ],
    ["opened", "pull_request", { action: "opened", repository, pull_request: pull }, null],
    ["approved", "pull_request_review", aReview({ state: "approved" }), null],
    ["a stranger's review", "pull_request_review", aReview({ author_association: "NONE" }), null],
    ["a check that went well", "check_run", aCheck({ conclusion: "success" }), null],
    ["a check of no pull request", "check_run", aCheck({ pull_requests: [] }), null],
    ["a push", "push", { ref: "refs/heads/main", repository }, null],
  ])("%s", async (_, kind, payload, change) => {
    const { post, stored } = setup();
    expect((await post(kind, JSON.stringify(payload))).status).toBe(200);
    expect(stored).toEqual([expect.objectContaining({ deliveryId: "d-1", repository: "omakase/sample", change })]);
  });

  test("is logged with when it came and how long storing it took", async () => {
    const { post, of } = setup();
    await post("push", JSON.stringify({ repository }));
    expect(of("webhook.stored")[0]).toMatchObject({ receivedAt: expect.any(Number), tookMs: expect.any(Number) });
  });
});

describe("what is refused leaves nothing behind", () => {
  test("401 without a signature, with another's, with one of another body", async () => {
    const { post, stored, counted } = setup();
    const body = JSON.stringify({ repository });
    for (const signature of [
      "",
      "sha256=",
      `sha256=${"0".repeat(64)}`,
      createHmac("sha256", SECRET).update(body).digest("hex"),
    ]) {
      expect((await post("push", body, { "x-hub-signature-256": signature })).status).toBe(401);
    }
    expect({ stored, counted }).toEqual({ stored: [], counted: ["forged", "forged", "forged", "forged"] });
  });

  test("W1: bytes that are not UTF-8 are verified as they came, and then malformed", async () => {
    const { post, stored } = setup();
    expect((await post("push", new Uint8Array([0xff, 0xfe, 0x7b]))).status).toBe(400);
    expect(stored).toEqual([]);
  });

  test.each([
    ["no JSON", "{"],
    ["null", "null"],
    ["a list", "[]"],
    ["no repository", "{}"],
    ["a pull request without a head", JSON.stringify({ action: "closed", repository, pull_request: { number: 1 } })],
  ])("400 for %s, though signed", async (_, body) => {
    const { post, stored, counted } = setup();
    expect((await post("pull_request", body)).status).toBe(400);
    expect({ stored, counted }).toEqual({ stored: [], counted: ["malformed"] });
  });

  test("400 without a delivery id or an event", async () => {
    const { post } = setup();
    const body = JSON.stringify({ repository });
    expect((await post("push", body, { "x-github-delivery": "" })).status).toBe(400);
    expect((await post("", body)).status).toBe(400);
  });

  test("W2: 503 when it could not be stored", async () => {
    const { post, counted } = setup(true);
    expect((await post("push", JSON.stringify({ repository }))).status).toBe(503);
    expect(counted).toEqual(["unavailable"]);
  });
});
