// Webhook deliveries and the faults and journal that tests use.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { REPOSITORY, refusal, TestGitHub, until } from "./setup.ts";

const github = new TestGitHub();
beforeAll(() => github.start());
afterAll(() => github.stop());

const PULLS = "POST /repos/{owner}/{repo}/pulls";
const COMMENTS = "POST /repos/{owner}/{repo}/issues/{number}/comments";
/** Asks again and again, a bounded number of times: an outcome is stored a moment after the receiver has answered. */
async function eventually<Value>(ask: () => Promise<Value | undefined>): Promise<Value> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const found = await ask();
    if (found !== undefined) return found;
  }
  throw new Error("asked 200 times in vain");
}
const fault = async (body: object) => (await github.local("POST", "/__faults", body)).status;

describe("webhook deliveries", () => {
  test("W2: a failed one is listed and not repeated until redelivery is asked for, which keeps its guid", async () => {
    const app = github.app(null);
    github.webhookAnswers.push(500);
    await github.push("hooked", { "h.txt": "h\n" });
    const first = await until("the push event", () => github.received.find((hook) => hook.body.ref === "refs/heads/hooked"));
    const delivery = await eventually(async () =>
      (await app.apps.listWebhookDeliveries()).data.find((one) => one.guid === first.guid),
    );
    expect(delivery).toMatchObject({ guid: first.guid, event: "push", status_code: 500, redelivery: false, installation_id: 1 });
    expect(github.received.filter((hook) => hook.guid === first.guid).length).toBe(1);
    await app.apps.redeliverWebhookDelivery({ delivery_id: delivery.id });
    await until("the redelivery", () => github.received.filter((hook) => hook.guid === first.guid).length === 2);
    const shown = (await app.apps.getWebhookDelivery({ delivery_id: delivery.id })).data;
    expect(shown.request.payload).toMatchObject({ ref: "refs/heads/hooked" });
    expect((await refusal(app.apps.redeliverWebhookDelivery({ delivery_id: 999_999 }))).status).toBe(404);
  });

  test("are listed newest first, a page at a time by cursor", async () => {
    const app = github.app(null);
    for (const name of ["cursor-1", "cursor-2", "cursor-3"]) await github.push(name, { [name]: name });
    await until("three more", () => github.received.filter((hook) => String(hook.body.ref).includes("cursor-")).length === 3);
    const all = await app.paginate(app.apps.listWebhookDeliveries, { per_page: 2 });
    expect(all.length).toBeGreaterThanOrEqual(3);
    expect(all.map((one) => one.id)).toEqual([...all.map((one) => one.id)].sort((a, b) => b - a));
  });

  test("can be lost and repeated by request of a test", async () => {
    expect(await fault({ route: "webhook", kind: "drop-delivery" })).toBe(201);
    expect(await fault({ route: "webhook", kind: "repeat-delivery" })).toBe(201);
    await github.push("lost", { "lost.txt": "l\n" });
    await github.push("repeated", { "repeated.txt": "r\n" });
    const twice = await until("the repeated one", () => {
      const found = github.received.filter((hook) => hook.body.ref === "refs/heads/repeated");
      return found.length === 2 ? found : null;
    });
    expect(twice[0]?.guid).toBe(twice[1]?.guid ?? "");
    expect(github.received.some((hook) => hook.body.ref === "refs/heads/lost")).toBe(false);
  });
});

describe("faults", () => {
  test("F1: a dropped reply leaves the work done once, and the caller finds it by asking", async () => {
    await github.push("dropped", { "d.txt": "d\n" });
    expect(await fault({ route: PULLS, kind: "drop-reply" })).toBe(201);
    const create = () => github.app().pulls.create({ ...REPOSITORY, head: "dropped", base: "main", title: "t" });
    await expect(create()).rejects.toThrow();
    await until("the pull request", () => github.received.find((hook) => hook.body.pull_request?.head.ref === "dropped"));
    expect((await refusal(create())).errors).toEqual([
      expect.objectContaining({ message: "A pull request already exists for omakase:dropped." }),
    ]);
    expect((await github.app().pulls.list({ ...REPOSITORY, head: "omakase:dropped" })).data.length).toBe(1);
  });

  test("F2, F3: a status fault answers so many times, with or without the work", async () => {
    await github.push("refused", { "r.txt": "r\n" });
    const { number } = (await github.app().pulls.create({ ...REPOSITORY, head: "refused", base: "main", title: "t" })).data;
    const comment = () => github.app().issues.createComment({ ...REPOSITORY, issue_number: number, body: "b" });
    const secondary = {
      status: 403,
      message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
      retryAfterSeconds: 7,
    };
    await fault({ route: COMMENTS, kind: "status", times: 2, ...secondary });
    for (const _ of [1, 2]) {
      const refused = await refusal(comment());
      expect([refused.status, refused.headers["retry-after"]]).toEqual([403, "7"]);
    }
    await fault({ route: COMMENTS, kind: "status", status: 502, performed: true });
    expect((await refusal(comment())).status).toBe(502);
    await comment();
    expect((await github.app().issues.listComments({ ...REPOSITORY, issue_number: number })).data.length).toBe(2);
  });

  test("a delayed route answers late, and git's routes can be faulted too", async () => {
    const startedAt = performance.now();
    await fault({ route: "GET /repos/{owner}/{repo}", kind: "delay", delayMs: 150 });
    await github.app().repos.get(REPOSITORY);
    expect(performance.now() - startedAt).toBeGreaterThan(149);
    await fault({ route: "POST /{owner}/{repo}/git-receive-pack", kind: "status", status: 500 });
    await expect(github.push("faulted", { "f.txt": "f\n" })).rejects.toThrow("500");
  });

  test("name a route that exists, and are for callers with the local header only", async () => {
    expect(await fault({ route: "POST /nowhere", kind: "drop-reply" })).toBe(422);
    expect(await fault({ route: PULLS, kind: "explode" })).toBe(422);
    expect(await fault({ route: PULLS, kind: "repeat-delivery" })).toBe(422);
    expect((await fetch(`${github.url}/__journal`)).status).toBe(404);
    expect((await fetch(`${github.url}/__faults`, { method: "POST", body: "{}" })).status).toBe(404);
    await fault({ route: PULLS, kind: "delay" });
    expect((await github.local("DELETE", "/__faults")).status).toBe(204);
    expect(await (await github.local("GET", "/__faults")).json()).toEqual({ faults: [] });
  });
});

describe("the journal", () => {
  test("names every accepted change once, in order, and no refused one", async () => {
    const before = (await github.journal()).at(-1)?.seq ?? 0;
    await github.push("journaled", { "j.txt": "j\n" });
    const app = github.app();
    const { number } = (await app.pulls.create({ ...REPOSITORY, head: "journaled", base: "main", title: "t" })).data;
    await refusal(app.pulls.create({ ...REPOSITORY, head: "journaled", base: "main", title: "t" }));
    await app.issues.createComment({ ...REPOSITORY, issue_number: number, body: "four" });
    await github.dana().pulls.createReview({ ...REPOSITORY, pull_number: number, event: "APPROVE" });
    const merged = (await app.pulls.merge({ ...REPOSITORY, pull_number: number })).data;
    const entries = (await github.journal()).filter((entry) => entry.seq > before);
    expect(entries.map(({ route, actor, subject }) => ({ route, actor, subject }))).toEqual([
      {
        route: "POST /{owner}/{repo}/git-receive-pack",
        actor: "omakase[bot]",
        subject: { ref: "refs/heads/journaled", before: null, after: expect.any(String) },
      },
      { route: PULLS, actor: "omakase[bot]", subject: { number, head: "journaled", base: "main", headSha: expect.any(String) } },
      { route: COMMENTS, actor: "omakase[bot]", subject: { number, comment: expect.any(Number), length: 4 } },
      {
        route: "POST /repos/{owner}/{repo}/pulls/{number}/reviews",
        actor: "dana",
        subject: { number, review: expect.any(Number), state: "APPROVED", remarks: 0 },
      },
      {
        route: "PUT /repos/{owner}/{repo}/pulls/{number}/merge",
        actor: "omakase[bot]",
        subject: { ref: "refs/heads/main", before: expect.any(String), after: merged.sha, number, method: "merge" },
      },
    ]);
  });
});
