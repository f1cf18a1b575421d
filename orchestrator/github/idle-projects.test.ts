// Projects nobody uses cost nothing: the sweep on a real deployment and a real local/github, with its requests counted on the wire.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { APP_ID, keys, TestGitHub } from "@omakase/local-github/contract/setup";
import { featureAddress, projectAddress } from "@omakase/machines";
import { Stage } from "../bench/stage.ts";
import { createRepairs } from "../repairs.ts";
import { aLog } from "../testing/edge.ts";
import { createGitHub } from "./client.ts";
import { createGitHubSweep } from "./sweep.ts";

const IDLE = 200;
const server = new TestGitHub();
const requests: string[] = [];
const counting = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request) => {
    const { pathname, search } = new URL(request.url);
    requests.push(`${request.method} ${pathname}`);
    const { method, headers } = request;
    return fetch(`${server.url}${pathname}${search}`, {
      method,
      headers,
      body: await request.text().then((text) => text || null),
    });
  },
});
let stage: Stage;
beforeAll(async () => {
  await server.start();
  stage = await Stage.set();
  await stage.project("demo", 5, "omakase/demo");
  for (let index = 0; index < IDLE; index++) await stage.project(`p${index}`, 5, "omakase/other");
}, 60_000);
afterAll(async () => {
  await stage?.end();
  await counting.stop(true);
  await server.stop();
});

/** Of a process that has just been started: it knows nothing. */
function aSweep() {
  const url = `http://127.0.0.1:${counting.port}`;
  const github = createGitHub({ apiUrl: url, webUrl: url, appId: String(APP_ID), privateKey: keys.privateKey });
  const { log } = aLog();
  const repaired: string[] = [];
  const repairs = createRepairs(stage.caller, log, (_, kind) => repaired.push(kind));
  const sweep = createGitHubSweep({ github, convex: stage.caller, repairs, log });
  const run = async () => {
    requests.length = 0;
    return { told: await sweep(), asked: requests.filter((one) => one.includes("/pulls")).length, all: requests.length };
  };
  return { run, repaired };
}

describe("projects nobody uses", () => {
  const where = { owner: "omakase", repo: "demo" } as const;

  test("P3: two hundred of them cost no request; where a pull request is open a missed merge is repaired, also after a restart", async () => {
    expect(await aSweep().run()).toEqual({ told: 0, asked: 0, all: 0 });

    await server.push("agent/oma-1", { "one.ts": "export const one = 1;\n" });
    const { data } = await server.app().pulls.create({ ...where, head: "agent/oma-1", base: "main", title: "One" });
    await stage.passing(featureAddress(projectAddress("acme", "demo"), "oma-1"), data.number);
    const first = aSweep();
    expect(await first.run()).toMatchObject({ told: 0, asked: 1 });

    await server.dana().pulls.merge({ ...where, pull_number: data.number });
    const restarted = aSweep();
    expect(await restarted.run()).toMatchObject({ told: 1, asked: 1 });
    expect(restarted.repaired).toEqual(["missedEnd"]);
    expect(await first.run()).toMatchObject({ told: 0 });
  });
});
