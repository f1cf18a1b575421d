// Closing what nobody wants any more, with the stock Octokit against local/github: only ours, once, with a word why.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { APP_ID, keys, TestGitHub } from "@omakase/local-github/contract/setup";
import { aContext, aConvex, refusal } from "../testing/edge.ts";
import { createGitHub, type GitHub } from "./client.ts";
import { closePullRequest } from "./close-pull-request.ts";
import { markerOf } from "./description.ts";

const server = new TestGitHub();
const where = { owner: "omakase", repo: "demo" } as const;
let github: GitHub;
beforeAll(async () => {
  await server.start();
});
beforeEach(() => {
  github = createGitHub({ apiUrl: server.url, webUrl: server.url, appId: String(APP_ID), privateKey: keys.privateKey });
});
afterAll(() => server.stop());
afterEach(() => server.local("DELETE", "/__faults"));

let branches = 0;
/** @param over what `reconcile.publishing` says; null: it is wanted again */
async function setup({ over = "Cancelled by Dana" as string | null, isOurs = true, number = 0 } = {}) {
  const feature = `omakase/sample/oma-${++branches}`;
  const branch = `agent/oma-${branches}`;
  await server.push(branch, { "receipt.ts": `export const receipt = ${branches};\n` });
  const body = isOurs ? `What was done.\n\n${markerOf(`${feature}:12:0`)}` : "Mine.";
  const { data } = await server.app().pulls.create({ ...where, head: branch, base: "main", title: branch, body });
  const { caller } = aConvex({
    "features:forPullRequest": () => ({ repository: "omakase/demo" }),
    "reconcile:publishing": () => ({ over }),
  });
  const effect = { kind: "closePullRequest", branch, number: number || data.number, reason: "Cancelled by @dana" } as const;
  const perform = () => closePullRequest(github, caller)(effect, aContext({ actor: feature, effectId: `${feature}:20:1` }));
  const state = async () => (await server.app().pulls.get({ ...where, pull_number: data.number })).data.state;
  const said = async () =>
    (await server.app().issues.listComments({ ...where, issue_number: data.number })).data.map(
      ({ body }) => body?.split("\n")[0],
    );
  return { perform, state, said, number: data.number };
}

describe("the pull request of a cancelled feature", () => {
  test("is closed with a word why that pings nobody, once however often that is tried", async () => {
    const { perform, state, said } = await setup();
    const route = "PATCH /repos/{owner}/{repo}/pulls/{number}";
    await server.local("POST", "/__faults", { route, kind: "status", times: 1, status: 502, message: "Bad gateway" });
    expect((await refusal(perform())).retryable).toBe(true);
    expect(await state()).toBe("open");
    for (let again = 0; again < 2; again++) expect(await perform()).toEqual({ kind: "answer", event: null });
    expect(await state()).toBe("closed");
    expect(await said()).toEqual(["Closed by Omakase: the feature was cancelled. Cancelled by @\u200bdana"]);
  });

  test("is left alone when its feature was taken up again", async () => {
    const { perform, state } = await setup({ over: null });
    await perform();
    expect(await state()).toBe("open");
  });

  test("is left alone when a person made it", async () => {
    const { perform, state, said } = await setup({ isOurs: false });
    await perform();
    expect([await state(), await said()]).toEqual(["open", []]);
  });

  test("is left alone when it is of another feature, and nothing is wrong when it is not there", async () => {
    const other = await setup();
    const { perform } = await setup({ number: other.number });
    await perform();
    expect(await other.state()).toBe("open");
    const missing = await setup({ number: 4_711 });
    expect(await missing.perform()).toEqual({ kind: "answer", event: null });
  });

  test("that was merged meanwhile stays merged, without a word", async () => {
    const { perform, said, number } = await setup();
    await server.dana().pulls.merge({ ...where, pull_number: number });
    await perform();
    expect(await said()).toEqual([]);
  });
});
