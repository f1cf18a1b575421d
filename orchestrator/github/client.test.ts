// What a broken wire makes of GitHub's answers, with the stock Octokit: half an answer is none.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { APP_ID, keys, TestGitHub } from "@omakase/local-github/contract/setup";
import { refusal } from "../testing/edge.ts";
import { createGitHub } from "./client.ts";

const server = new TestGitHub();
/** In front of it: cuts the answers to lists of pull requests in half, as a connection that breaks does, while it is told to. */
let isCutting = false;
const wire = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request) => {
    const { pathname, search } = new URL(request.url);
    const { method, headers } = request;
    const body = await request.text();
    const answer = await fetch(`${server.url}${pathname}${search}`, { method, headers, body: body === "" ? null : body });
    const text = await answer.text();
    const half = isCutting && pathname.endsWith("/pulls") ? text.slice(0, text.length >> 1) : text;
    return new Response(half, { status: answer.status, headers: { "content-type": "application/json; charset=utf-8" } });
  },
});
beforeAll(async () => {
  await server.start();
});
afterAll(async () => {
  await wire.stop(true);
  await server.stop();
});

test("half an answer is no answer: the call is made again, and nothing is made of it", async () => {
  const url = `http://127.0.0.1:${wire.port}`;
  const github = createGitHub({ apiUrl: url, webUrl: url, appId: String(APP_ID), privateKey: keys.privateKey });
  const branch = "agent/oma-1";
  await server.push(branch, { "one.ts": "export const one = 1;\n" });
  const open = () =>
    github.call("omakase/demo", async (octokit, where) => {
      const { data } = await octokit.pulls.create({ ...where, head: branch, base: "main", title: "One" });
      return data.number;
    });
  isCutting = true;
  expect(await refusal(open())).toMatchObject({ code: "github_unavailable", retryable: true });
  isCutting = false;
  // It was made: what is looked for is found.
  const list = await github.call("omakase/demo", (octokit, where) => octokit.pulls.list(where));
  expect(list.data.map(({ head }) => head.ref)).toEqual([branch]);
});
