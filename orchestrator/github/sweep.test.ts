// Pull requests as GitHub has them against features as we have them, and deliveries that were missed, against local/github.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { APP_ID, keys, TestGitHub, until } from "@omakase/local-github/contract/setup";
import type { PullRequestChange } from "../../convex/github.ts";
import { RateLimited } from "../rates/rate-limited.ts";
import type { RepairOf } from "../repairs.ts";
import { aConvex, aLog } from "../testing/edge.ts";
import { createGitHub, type GitHub, GitHubRefused, GitHubUnavailable } from "./client.ts";
import { createRedelivery } from "./redelivery.ts";
import { createGitHubSweep } from "./sweep.ts";

const server = new TestGitHub();
let github: GitHub;
beforeAll(async () => {
  await server.start();
});
afterAll(() => server.stop());
beforeEach(() => {
  github = createGitHub({ apiUrl: server.url, webUrl: server.url, appId: String(APP_ID), privateKey: keys.privateKey });
});

const where = { owner: "omakase", repo: "demo" } as const;
let branches = 0;
async function aPull() {
  const branch = `agent/oma-${++branches}`;
  await server.push(branch, { [`file-${branches}.ts`]: `export const n = ${branches};\n` });
  const { data } = await server.app().pulls.create({ ...where, head: branch, base: "main", title: branch });
  return { branch, number: data.number };
}

function setup(passing: { feature: string; branch: string; number: number | null; since: number }[] = []) {
  const changes: PullRequestChange[] = [];
  const letters: { key: string; event: string }[] = [];
  const recorded: RepairOf[] = [];
  let mark = 0;
  const aLook = (repository: string, project: string) => ({ repository, project, sweptUntil: mark, lookedAt: 0, isOpen: true });
  const { caller: convex } = aConvex({
    "pulls:adopt": () => 0,
    "pulls:toLookAt": () => ({
      looks: [aLook("omakase/demo", "omakase/sample"), aLook("nobody/nothing", "omakase/gone")],
      next: null,
    }),
    "pulls:looked": (args) => {
      if (args.project === "omakase/sample") mark = args.until as number;
    },
    "reconcile:passing": () => passing,
    "github:sync": (args) => {
      const news = (args.changes as PullRequestChange[]).filter(({ number }) => !changes.some((one) => one.number === number));
      changes.push(...news);
      return { told: news.map(({ number, branch }) => ({ feature: `omakase/sample/${branch.slice(6)}`, number })) };
    },
    "mailbox:deliver": ({ deliveries }) => {
      letters.push(...(deliveries as typeof letters));
      return { stored: (deliveries as unknown[]).length, duplicate: 0, unknown: [] };
    },
  });
  const repairs = { record: async (repair: RepairOf) => void recorded.push(repair) };
  const { log, of } = aLog();
  return { sweep: createGitHubSweep({ github, convex, repairs, log }), changes, letters, recorded, of };
}

describe("the sweep", () => {
  test("tells ends nobody has told, oldest first, with the time that names the fact; what is open tells nothing", async () => {
    const [merged, closed, open] = [await aPull(), await aPull(), await aPull()];
    await server.dana().pulls.merge({ ...where, pull_number: merged.number });
    await server.dana().pulls.update({ ...where, pull_number: closed.number, state: "closed" });
    const { sweep, changes, recorded, of } = setup();
    expect(await sweep()).toBe(2);
    expect(changes).toMatchObject([
      { kind: "merged", ...merged },
      { kind: "closed", ...closed },
    ]);
    for (const change of changes) expect(change.kind !== "rework" && change.at).toBeGreaterThan(1_600_000_000_000);
    expect(changes.some(({ number }) => number === open.number)).toBe(false);
    expect(recorded.map(({ kind }) => kind)).toEqual(["missedEnd", "missedEnd"]);
    expect(of("github.sweep_failed")).toHaveLength(1); // the repository that is gone, and no other
    expect(await sweep()).toBe(0);
  });

  test("P2: a pull request that GitHub denies twice is told to its feature as missing, once; one that is open never", async () => {
    const open = await aPull();
    const since = Date.now() - 300_000;
    const { sweep, letters, recorded } = setup([
      { feature: "omakase/sample/oma-8", branch: "agent/oma-8", number: 4_711, since },
      { feature: "omakase/sample/oma-9", branch: open.branch, number: open.number, since },
    ]);
    await sweep();
    expect(letters).toEqual([]);
    await sweep();
    expect(letters.map(({ key, event }) => [key, JSON.parse(event).type])).toEqual([
      [`missing:4711:${since}`, "pullRequest.missing"],
    ]);
    expect(recorded.filter(({ kind }) => kind === "pullRequestMissing")).toHaveLength(1);
  });

  test("P4: asks first for what was looked at longest ago; what the budget does not pay for is left as it was, one that fails is not", async () => {
    const looks = [5, 3, 9, 1, 7].map((lookedAt) => ({
      ...{ repository: `acme/r${lookedAt}`, project: `acme/p${lookedAt}`, sweptUntil: 0, lookedAt, isOpen: true },
    }));
    const { caller: convex, calls } = aConvex({
      "pulls:adopt": () => 0,
      "pulls:toLookAt": () => ({ looks, next: null }),
      "pulls:looked": () => null,
      "reconcile:passing": () => [],
    });
    const asked: string[] = [];
    const call = async (repository: string) => {
      asked.push(repository);
      if (repository === "acme/r3") throw new Error("gone");
      if (asked.length > 3) throw new RateLimited("github/1", "spent", 1_000);
    };
    const { log, of } = aLog();
    const sweep = createGitHubSweep({ github: { call: call as never }, convex, repairs: { record: async () => {} }, log });
    await sweep();
    expect(asked).toEqual(["acme/r1", "acme/r3", "acme/r5", "acme/r7", "acme/r9"]);
    const looked = calls.flatMap(({ name, args }) => (name === "pulls:looked" ? [args.project] : []));
    expect(looked).toEqual(["acme/p1", "acme/p3", "acme/p5"]);
    expect(of("github.sweep_waits")).toMatchObject([{ projects: 2 }]);
  });

  test("a late look that fails is made again, unless GitHub refuses it: a repository that is gone is not asked about for ever", async () => {
    const faults = [new GitHubUnavailable("away"), new GitHubRefused("gone")];
    const look = { repository: "acme/r", project: "acme/p", sweptUntil: 0, lookedAt: 0, isOpen: false };
    const { caller: convex, calls } = aConvex({
      "pulls:adopt": () => 0,
      "pulls:toLookAt": () => ({ looks: [look], next: null }),
      "pulls:looked": () => null,
    });
    const call = () => Promise.reject(faults.shift());
    const sweep = createGitHubSweep({ github: { call }, convex, repairs: { record: async () => {} }, log: aLog().log });
    await sweep();
    await sweep();
    expect(calls.flatMap(({ name, args }) => (name === "pulls:looked" ? [args.isOpen] : []))).toEqual([true, false]);
  });

  test("leaves the last fifth of the installation's budget alone", async () => {
    const small = new TestGitHub({ rateLimitPerHour: 5 });
    await small.start();
    try {
      const settings = { apiUrl: small.url, webUrl: small.url, appId: String(APP_ID), privateKey: keys.privateKey };
      const shared = createGitHub(settings);
      const list = (urgency: "sweep" | "effect") =>
        shared
          .call("omakase/demo", (octokit, at) => octokit.pulls.list(at), urgency)
          .then(
            () => "done",
            (error: { code: string }) => error.code,
          );
      const said = [await list("sweep"), await list("sweep"), await list("sweep"), await list("sweep"), await list("sweep")];
      expect(said).toEqual(["done", "done", "done", "done", "rate_limited"]);
      expect(await list("effect")).toBe("done");
      expect(await list("effect")).toBe("rate_limited");
    } finally {
      await small.stop();
    }
  });
});

describe("deliveries that failed", () => {
  const deliveries = async () => (await server.app(null).apps.listWebhookDeliveries({ per_page: 100 })).data;

  test("are asked for again, each once while that works; what was taken is not", async () => {
    const counts: number[] = [];
    const redeliver = createRedelivery({ github, log: aLog().log, count: (count) => counts.push(count) });
    await redeliver();
    server.webhookAnswers.push(503);
    const seen = server.received.length;
    const { number } = await aPull();
    await until("the delivery that is refused", () => server.received.length > seen);
    await settled();
    const failed = (await deliveries()).filter(({ status_code }) => status_code === 503);
    expect(failed.length).toBeGreaterThan(0);
    const before = server.received.length;
    expect(await redeliver()).toBe(1);
    const again = await until("the redelivery", () => server.received[before]);
    expect([again.guid, again.isSigned]).toEqual([failed[0]!.guid, true]);
    await settled();
    expect(await redeliver()).toBe(0);
    expect([counts, number > 0]).toEqual([[1], true]);
  });

  const settled = async () => {
    for (let tries = 0; tries < 500; tries++) {
      if ((await deliveries()).every(({ status }) => status !== "pending")) return;
      await Bun.sleep(5);
    }
    throw new Error("deliveries are still under way");
  };
});
